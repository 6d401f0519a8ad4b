// The review page: a list of sessions, and one session to look at, to compare and to correct.

import { element, button, say, mark } from "/static/drawing/elements.js";
import { clock } from "/static/words/numbers.js";
import { hasWord, loadWords, word } from "/static/words/words.js";
import { About } from "./cards/about.js";
import * as api from "./session/api.js";
import { Compare } from "./cards/compare.js";
import { calendar } from "./words/figures.js";
import { kindWord } from "./words/names.js";
import { Marks } from "./cards/marks.js";
import { Model } from "./session/model.js";
import { Overview } from "./cards/overview.js";
import { Player } from "./cards/player.js";
import { Repetitions } from "./cards/repetitions.js";
import { sessionList } from "./cards/sessions.js";

const WORK_MS = 400;
const BEAT_MS = 2000;
const LAST = "hiphinge.review";

const model = new Model();
const view = document.getElementById("view");
const said = document.getElementById("said");
const alarm = document.getElementById("alert");
let cards = null;
let corrections = Promise.resolve();

const state = (name) => (document.body.dataset.state = name);

/** What went wrong, in words of the page where it has them; else the program's own. */
function troubled(trouble) {
  if (!(trouble instanceof api.Trouble)) throw trouble;
  const { code, what, remedy } = trouble;
  if (code === "refused") return refuse();
  if (code === "lost") return lose();
  if (code === "computing") return watch().catch(troubled);
  const known = hasWord(`trouble.${code}`);
  const words = known ? element("span", {}, word(`trouble.${code}`)) : element("span", { lang: "en" }, `${what}.`);
  const more = known && code !== "no_results" ? null : element("span", { lang: "en" }, ` ${remedy}`);
  alarm.replaceChildren(words, more ?? "", button("dismiss", word("dismiss"), { onclick: () => alarm.replaceChildren() }));
  return undefined;
}

model.trouble = troubled;

function refuse() {
  state("refused");
  view.replaceChildren(element("section", { class: "card" }, element("p", {}, word("trouble.refused"))));
  for (const id of ["tools", "when", "said", "alert"]) document.getElementById(id).replaceChildren();
  say(document.getElementById("who"), "hiphinge");
}

function lose() {
  if (document.body.dataset.state === "ended") return;
  state("lost");
  say(said, word("trouble.lost"));
}

// the list

async function list() {
  cards?.player.toggle(false);
  const found = await api.sessions();
  model.sessions = found.sessions;
  sessionStorage.removeItem(LAST);
  state("sessions");
  say(document.getElementById("who"), word("sessions"));
  say(document.getElementById("when"), word("choose_session"));
  document.title = `${word("sessions")} · hiphinge`;
  tools();
  view.replaceChildren(sessionList(found.sessions, (name) => open(name).catch(troubled)));
  return found;
}

// one session

async function open(name, estimator = "review") {
  const before = document.body.dataset.state;
  if (before !== "open") state("opening");
  try {
    await model.open(name, estimator);
  } catch (trouble) {
    // what was shown is shown still
    if (document.body.dataset.state === "opening") state(before);
    throw trouble;
  }
  sessionStorage.setItem(LAST, JSON.stringify([name, model.doc.estimator]));
  if (!cards) {
    const edits = (order) => edit(order);
    cards = { overview: new Overview(model), player: new Player(model), compare: new Compare(model) };
    cards.repetitions = new Repetitions(model, edits);
    cards.marks = new Marks(model, edits);
    cards.about = new About(model);
    model.on("document", head);
    show();
    model.tell("document");
    model.tell("time");
  } else if (!view.querySelector(".review")) {
    show();
  }
  state("open");
  alarm.replaceChildren();
  if (!model.doc.writable) say(said, word("trouble.read_only"));
}

/** Put the cards on the page; the overview is asked for before the table is made. */
function show() {
  view.replaceChildren(element("div", { class: "review" }, ...Object.values(cards).map((card) => card.node)));
  cards.overview.resized();
}

function head() {
  const { doc } = model;
  const kept = doc.repetitions.filter((one) => !one.deleted).length;
  say(document.getElementById("who"), doc.athlete);
  say(document.getElementById("when"), word("head", { start: calendar(doc.start), lasts: clock(doc.duration_s ?? NaN), n: kept }));
  document.title = `${doc.athlete}, ${calendar(doc.start)} · hiphinge`;
  tools();
}

function tools() {
  const { doc } = model;
  const link = (action, text, href, kind = "") => element("a", { class: `button ${kind}`, "data-action": action, href, target: "_blank", rel: "noopener" }, text);
  const made = [];
  if (document.body.dataset.state !== "sessions" && doc) {
    made.push(button("sessions", word("sessions"), { onclick: () => list().catch(troubled) }));
    const chosen = (name) =>
      button(`estimator-${name}`, word(`estimator.${name}`), {
        "aria-pressed": String(doc.estimator === name),
        disabled: !doc.estimators.includes(name),
        onclick: () => open(doc.session, name).catch(troubled),
      });
    made.push(element("span", { class: "group", role: "group", "aria-label": word("numbers") }, element("span", { class: "mute" }, word("numbers")), chosen("review"), chosen("live")));
    made.push(link("export", word("export"), api.tableAddress(doc.session, doc.estimator)));
    made.push(link("report", word("report"), api.reportAddress(doc.session, doc.estimator), "primary"));
  }
  made.push(button("stop", word("close"), { onclick: (event) => ask(event.currentTarget) }));
  document.getElementById("tools").replaceChildren(...made);
}

/** Ask once before the program ends. */
function ask(node) {
  const sure = button("stop-confirm", word("close_sure"), { kind: "primary", onclick: () => finish().catch(troubled) });
  sure.addEventListener("blur", () => setTimeout(tools, 150));
  node.replaceWith(sure);
  sure.focus();
}

async function finish() {
  await api.end();
  state("ended");
  view.replaceChildren(element("section", { class: "card" }, element("p", {}, word("ended"))));
  document.getElementById("tools").replaceChildren();
}

// corrections

/** Corrections are kept one after the other: none that is made quickly after another one is lost. */
function edit(order) {
  const { session, estimator } = model.doc;
  const kept = corrections.then(() => keep(session, estimator, order));
  corrections = kept;
  return kept;
}

/** Whether it was kept. */
async function keep(session, estimator, order) {
  try {
    const done = await api.edit(session, estimator, order);
    alarm.replaceChildren();
    if (done.computing) {
      await watch();
    } else {
      if (model.doc.session === session) await model.open(session, model.doc.estimator);
      say(said, told(order));
    }
    return true;
  } catch (trouble) {
    troubled(trouble);
    return false;
  }
}

function told(order) {
  const kind = order.movement ? kindWord(order.movement) : "";
  const n = model.doc.repetitions.find((one) => one.start_s === order.start_s)?.number ?? "";
  return word(`kept.${order.do}`, { kind, n, time: clock(order.to_s ?? order.time_s ?? NaN) });
}

/** Wait for numbers that are computed anew, and show them. */
async function watch() {
  let name = model.doc?.session;
  for (;;) {
    const work = await api.work();
    name ??= work.session;
    if (work.session === null || work.done) {
      if (work.trouble) throw new api.Trouble("trouble", work.trouble);
      break;
    }
    state("computing");
    say(said, word("computing", { share: Math.floor(100 * work.share) }));
    await new Promise((resolve) => setTimeout(resolve, WORK_MS));
  }
  if (name) await open(name, model.doc?.estimator ?? "review");
  say(said, word("computed"));
}

// keys

const typing = (node) => node instanceof HTMLElement && (node.matches("input:not([type=range]), textarea, select") || node.isContentEditable);

document.addEventListener("keydown", (event) => {
  if (!cards || document.body.dataset.state !== "open" || event.altKey || event.metaKey) return;
  const { target, key } = event;
  if (key === "Escape") {
    if (typing(target)) target.blur();
    else cards.repetitions.toggle(false);
    return;
  }
  if (typing(target)) return;
  const act = ACTIONS[key];
  const letter = key.toUpperCase();
  if (event.ctrlKey) {
    if (letter !== "Z") return;
    edit({ do: "undo" });
  } else if (key === " ") {
    // a button that has the focus is pressed by it, except in the table, where Enter chooses
    if (target.matches("button, a") && !target.closest("[data-repetition], .player")) return;
    cards.player.toggle();
  } else if (key === "Enter") {
    if (target.matches("button, a, input")) return;
    cards.repetitions.toggle(true);
  } else if (act) {
    act(event);
  } else if (!cards.repetitions.key(letter) && !LETTERS[letter]?.()) {
    return;
  }
  event.preventDefault();
});

document.addEventListener("keyup", (event) => {
  // what Space did on a button of the table was to play: it is not also pressed
  if (event.key === " " && event.target.matches?.("[data-repetition] button, .player button")) event.preventDefault();
});

const ACTIONS = {
  ArrowLeft: (event) => (event.shiftKey ? model.tick(-1) : model.step(-1)),
  ArrowRight: (event) => (event.shiftKey ? model.tick(1) : model.step(1)),
  "+": () => cards.overview.zoom(0.5),
  "-": () => cards.overview.zoom(2),
  0: () => cards.overview.zoom(Infinity),
};

const focus = (name) => {
  view.querySelector(`[data-input="${name}"]`).focus();
  return true;
};
const LETTERS = {
  U: () => (edit({ do: "undo" }), true),
  E: () => (cards.repetitions.toggle(), true),
  M: () => focus("label"),
  N: () => focus("note"),
  P: () => focus("pain"),
};

// begin

/** Notice when the program has gone, and when it is back. */
function beat() {
  setInterval(async () => {
    if (["refused", "ended"].includes(document.body.dataset.state)) return;
    try {
      await api.work();
      if (document.body.dataset.state === "lost") {
        state(cards && view.querySelector(".review") ? "open" : "sessions");
        say(said, "");
      }
    } catch (trouble) {
      troubled(trouble);
    }
  }, BEAT_MS);
}

async function begin() {
  const words = loadWords(new URL("/static/words/", location.href), new URL("words/", import.meta.url));
  try {
    const asked = api.enter().then(() => api.sessions());
    // the catalogue comes meanwhile; without it there are no words for what went wrong
    await Promise.allSettled([words, asked]);
    mark(document.querySelector("#tools"), "aria-label", word("tools"));
    const found = await asked;
    model.sessions = found.sessions;
    const [name, estimator] = JSON.parse(sessionStorage.getItem(LAST) ?? "[null, null]");
    const there = found.sessions.some((one) => one.session === name && !one.code);
    if (there) await open(name, estimator);
    else if (found.first) await open(found.first);
    else await list();
  } catch (trouble) {
    troubled(trouble);
    if (!["refused", "lost", "computing"].includes(trouble.code)) await list().catch(troubled).then(() => troubled(trouble));
  }
  beat();
}

begin();
