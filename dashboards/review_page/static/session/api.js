// What the page asks the program: documents, bytes, changes. Whatever goes wrong becomes one `Trouble` with a code.

/** Why something was not done: `code` for words of ours, `what` and `remedy` in the program's own words. */
export class Trouble extends Error {
  constructor(code, what = "", remedy = "", where = "") {
    super(what || code);
    Object.assign(this, { code, what, remedy, where });
  }
}

async function asked(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new Trouble("lost");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 || answer.status === 403) throw new Trouble("refused");
  let said = {};
  try {
    said = await answer.json();
  } catch {
    throw new Trouble("trouble", `${answer.status}`);
  }
  throw new Trouble(said.code ?? "trouble", said.what, said.remedy, said.where);
}

const named = (name) => encodeURIComponent(name);

/** Exchange the token of the address for a cookie, and take it out of the address bar. */
export async function enter() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await asked("/login", { method: "POST", body: token });
}

export const sessions = async () => (await asked("/api/sessions")).json();
export const session = async (name, estimator) => (await asked(`/api/session/${named(name)}?estimator=${estimator}`)).json();
export const work = async () => (await asked("/api/work")).json();
export const end = async () => (await asked("/api/end", { method: "POST" })).json();
export const edit = async (name, estimator, order) =>
  (await asked(`/api/edit/${named(name)}?estimator=${estimator}`, { method: "POST", body: JSON.stringify(order) })).json();
export const overview = async (name, estimator, begin, end, bins) =>
  (await asked(`/api/overview/${named(name)}?estimator=${estimator}&begin=${begin}&end=${end}&bins=${bins}`)).arrayBuffer();
export const rows = async (name, estimator, begin, end) =>
  (await asked(`/api/rows/${named(name)}?estimator=${estimator}&begin=${begin}&end=${end}`)).arrayBuffer();
export const reportAddress = (name, estimator) => `/report/${named(name)}?estimator=${estimator}`;
export const tableAddress = (name, estimator) => `/export/${named(name)}/repetitions.csv?estimator=${estimator}`;
