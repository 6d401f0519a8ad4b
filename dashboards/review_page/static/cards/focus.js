// A table that is made anew keeps the focus where it was: on the same button of the same row.

const ROWS = ["repetition", "set", "mark"];

/** Make `table` anew by `make`; who goes by keyboard stays at the button that had the focus, or at its row's. */
export function keepFocus(table, make) {
  const at = document.activeElement;
  const row = table.contains(at) ? at.closest("tr") : null;
  const name = row && ROWS.find((one) => row.dataset[one] !== undefined);
  const [value, action] = name ? [row.dataset[name], at.dataset.action] : [];
  make();
  if (!name) return;
  const same = [...table.querySelectorAll("tr")].find((one) => one.dataset[name] === value);
  (same?.querySelector(`[data-action="${action}"]`) ?? same?.querySelector("button"))?.focus({ preventScroll: true });
}
