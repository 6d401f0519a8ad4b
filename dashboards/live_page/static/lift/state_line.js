// The one line of state at the bottom of Lift: one thing at a time, the most pressing first; nothing where all is well.

import { clock, degrees, known } from "../words/numbers.js";
import { SLIPPED_BIT } from "../session/session.js";
import { codeWord, word } from "../words/words.js";

/** A sensor is spoken of while it is in one of these states. */
const MISSING = new Set(["lost", "stalled", "connecting", "searching"]);
/** A body that has a number beyond the line by less than this is not spoken of, degrees. */
const OVER_DEG = 0.5;

/** A battery below this may not last the session, percent (ours). */
const EMPTY_PERCENT = 10;

/** What is wrong with a sensor, as a state for its square: `streaming` where nothing is. */
export function sensorState(sensor, fresh) {
  if (!fresh) return "unknown";
  const low = sensor.state === "streaming" && known(sensor.battery) && sensor.battery < EMPTY_PERCENT;
  return low ? "low_battery" : (sensor.state ?? "unknown");
}

/** The line: `words`, `time` (not announced), `kind` (alert, over, missing, plain or well). family: of its words, `lift` where
 * they are read from 2 m, `line` where there is room. */
export function stateLine(session, connection, slept, now, family = "lift") {
  const say = (code, values) => word(`${family}.${code}`, values);
  const place = (key) => codeWord(family === "lift" ? "lift.place" : "place", key);
  const fresh = connection.fresh;
  if (connection.state === "ended" || connection.state === "refused") return { words: say(connection.state), kind: "alert" };
  if (connection.state === "lost") {
    return { words: say("lost"), time: clock((now - connection.lostAt) / 1000), kind: "alert" };
  }
  if (connection.state === "connecting") return { words: say("connecting"), kind: "plain" };
  if (slept) return { words: say("slept", { seconds: Math.round(slept) }), kind: "alert", notice: "slept" };
  const missing = session.sensors.find((s) => MISSING.has(s.state));
  if (missing) {
    const since = known(missing.since_s) && known(session.newestTime) ? clock(Math.max(0, session.newestTime - missing.since_s)) : "";
    const words = family === "lift" ? place(missing.key) : `${place(missing.key)}: ${codeWord("sensor", missing.state)}`;
    return { words, time: since, kind: "missing" };
  }
  const wrong = session.sensors.find((s) => s.state !== "streaming" && s.state !== "low_battery");
  if (wrong) {
    const what = codeWord(family === "lift" ? "lift.sensor" : "sensor", wrong.state);
    return { words: `${place(wrong.key)}${family === "lift" ? "" : ":"} ${what}`, kind: "missing" };
  }
  if (session.bodyState === "waiting") return { words: say("calibrate"), kind: "plain" };
  const slipped = session.sensors.filter((s) => s.slipped);
  if (slipped.length === 1) return { words: `${place(slipped[0].key)} ${say("sensor.slipped")}`, kind: "missing" };
  if (slipped.length || session.quality & SLIPPED_BIT) return { words: say("slipped"), kind: "missing" };
  const over = fresh ? session.value("lumbar_flexion") - session.targets.lumbar_flexion : NaN;
  if (known(session.targets.lumbar_flexion) && over >= OVER_DEG) {
    return { words: say("over", { degrees: degrees(over) }), kind: "over" };
  }
  return { words: "", kind: "well" };
}
