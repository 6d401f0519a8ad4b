// How numbers are written for people. A missing one is a dash and nothing else; the minus sign is a real one; German has a comma.

export const DASH = "–";
const MINUS = "−";
const NO_BREAK = "\u00a0";

/** Whether a value is a number that can be shown. */
export const known = (value) => typeof value === "number" && Number.isFinite(value);

/** A number with `digits` decimals, in the page's language. */
export function decimal(value, digits = 0) {
  if (!known(value)) return DASH;
  const text = Math.abs(value).toFixed(digits);
  const sign = value < 0 && Number(text) !== 0 ? MINUS : "";
  return sign + (document.documentElement.lang === "de" ? text.replace(".", ",") : text);
}

/** Whole degrees: `−12°`. */
export const degrees = (value) => (known(value) ? `${decimal(value)}°` : DASH);

/** Whole percent, with a space that does not break: `14 %`. */
export const percent = (value, digits = 0) => (known(value) ? `${decimal(value, digits)}${NO_BREAK}%` : DASH);

/** A standard uncertainty, rounded up to a whole number of at least one: `± 1`. */
export const uncertainty = (sd) => (known(sd) && sd > 0 ? `±${NO_BREAK}${Math.max(Math.ceil(sd - 1e-3), 1)}` : DASH);

/** Session time: `1:08`, from an hour on `1:02:08`. */
export function clock(seconds) {
  if (!known(seconds)) return DASH;
  const whole = Math.floor(Math.abs(seconds) + 0.5);
  const sign = seconds < 0 && whole > 0 ? MINUS : "";
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${sign}${minutes}:${two(whole % 60)}`;
  return `${sign}${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Milliseconds: `10 ms`. */
export const milliseconds = (value) => (known(value) ? `${decimal(value)}${NO_BREAK}ms` : DASH);
