// The catalogue of the page's language, chosen by `<html lang>`; both have the same keys.

const catalogue = {};
const AGAIN_MS = 1000;

/** Choose the language of the browser (German, else English) and fetch its catalogues; of several, later words win. */
export async function loadWords(...bases) {
  const wanted = (navigator.languages?.[0] ?? navigator.language ?? "en").toLowerCase();
  const lang = /^de\b/.test(wanted) ? "de" : "en";
  document.documentElement.lang = lang;
  const folders = bases.length ? bases : [new URL("./", import.meta.url)];
  for (const base of folders) Object.assign(catalogue, await fetched(new URL(`${lang}.json`, base)));
}

/** A catalogue; where the server is away for a moment, it is asked again. */
async function fetched(address) {
  for (;;) {
    try {
      const answer = await fetch(address);
      if (answer.ok) return await answer.json();
    } catch {
      // away: asked again
    }
    await new Promise((again) => setTimeout(again, AGAIN_MS));
  }
}

/** The words of `key`, with `{name}` replaced by `values.name`. An unknown key is shown as it is, so that nobody misses it. */
export function word(key, values = {}) {
  const text = catalogue[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether the catalogue has that key. */
export const hasWord = (key) => key in catalogue;

/** The words of a code that may be newer than the catalogue: then the code itself, as words. */
export function codeWord(family, code) {
  const key = `${family}.${code}`;
  return hasWord(key) ? word(key) : String(code ?? "").replaceAll("_", " ");
}
