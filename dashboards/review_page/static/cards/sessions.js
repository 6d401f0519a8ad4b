// The list of sessions by athlete, newest last as they were done; one that cannot be opened says why.

import { element, button } from "/static/drawing/elements.js";
import { DASH, clock, known } from "/static/words/numbers.js";
import { word } from "/static/words/words.js";
import { calendar, confidence } from "../words/figures.js";

/** The list as a node; `open` is called with a session's name. */
export function sessionList(sessions, open) {
  const athletes = [...new Set(sessions.map((one) => one.athlete))];
  if (!sessions.length) return element("section", { class: "card" }, element("p", {}, word("no_sessions")));
  return element(
    "div",
    { class: "list" },
    ...athletes.map((athlete) =>
      element(
        "section",
        { class: "card", "data-athlete": athlete ?? "" },
        element("h2", {}, athlete ?? word("not_known_whose")),
        table(
          sessions.filter((one) => one.athlete === athlete),
          open,
          athlete ?? word("not_known_whose"),
        ),
      ),
    ),
  );
}

function table(sessions, open, athlete) {
  const heads = ["day", "lasts", "repetitions", "calibration", "results", "folder"];
  return element(
    "table",
    { class: "sessions" },
    element("caption", { class: "away" }, word("sessions_of", { athlete })),
    element("thead", {}, element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, word(`column.${name}`))))),
    element("tbody", {}, ...sessions.map((one) => row(one, open))),
  );
}

function row(one, open) {
  const day = calendar(one.start);
  const first = one.code
    ? element("span", {}, day)
    : button("open", day, { kind: "plain", "aria-label": word("open_label", { day, session: one.session }) });
  const results = one.code ? reason(one) : [one.estimators.map((e) => word(`estimator.${e}`)).join(", ")];
  return element(
    "tr",
    { "data-session": one.session, class: one.code ? "shut" : "open", onclick: one.code ? null : () => open(one.session) },
    element("th", { scope: "row" }, first),
    element("td", {}, clock(known(one.duration_s) ? one.duration_s : NaN)),
    element("td", {}, known(one.repetitions) ? String(one.repetitions) : DASH),
    element("td", {}, known(one.calibration_confidence) ? confidence(one.calibration_confidence) : DASH),
    element("td", {}, ...results),
    element("td", { class: "mute" }, one.session),
  );
}

/** Why a session cannot be opened, and what to do. */
function reason(one) {
  const said = [element("span", {}, word(`trouble.${one.code}`))];
  if (one.code === "no_results") said.push(" ", element("code", {}, one.compute));
  if (one.code === "broken" && one.why) said.push(" ", element("span", { lang: "en", class: "mute" }, one.why));
  return said;
}
