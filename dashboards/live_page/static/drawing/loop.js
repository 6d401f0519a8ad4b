// Lumbar against hip: equal scales and the "equal" diagonal; the newest repetition in ink, the others thin behind it.
//
//   new Loop(svg).draw([{ hip: […], lumbar: […], turn }, …], label)
//
// The newest is last. The way down is solid, the way up (from index `turn` on) dotted. `label`: the sentence for a screen reader.

import { mark, shape } from "./elements.js";
import { decimal } from "../words/numbers.js";
import { word } from "../words/words.js";

const SIDE = 270;
const LEFT = 34;
const TOP = 8;
const STEP_DEG = 30;
const LEAST_DEG = 90;

export class Loop {
  constructor(svg) {
    this.svg = svg;
    mark(svg, "viewBox", `0 0 ${LEFT + SIDE + 14} ${TOP + SIDE + 26}`);
    mark(svg, "role", "img");
    svg.classList.add("loop");
  }

  draw(curves, label) {
    const values = curves.flatMap((curve) => [...curve.hip, ...curve.lumbar]).filter(Number.isFinite);
    const high = Math.max(LEAST_DEG, Math.ceil(Math.max(0, ...values) / STEP_DEG) * STEP_DEG);
    const low = Math.min(...values, 0) < -5 ? Math.floor(Math.min(...values) / STEP_DEG) * STEP_DEG : 0;
    const part = (deg) => (deg - low) / (high - low);
    const x = (deg) => LEFT + SIDE * part(deg);
    const y = (deg) => TOP + SIDE * (1 - part(deg));
    const nodes = [];
    for (let deg = low; deg <= high; deg += STEP_DEG) {
      nodes.push(shape("path", { class: "grid", d: `M${x(low)} ${y(deg)}H${x(high)}M${x(deg)} ${y(low)}V${y(high)}` }));
      nodes.push(shape("text", { class: "axis end", x: LEFT - 6, y: y(deg) + 4 }, decimal(deg)));
      nodes.push(shape("text", { class: "axis middle", x: x(deg), y: TOP + SIDE + 18 }, decimal(deg)));
    }
    nodes.push(shape("path", { class: "equal", d: `M${x(low)} ${y(low)}L${x(high)} ${y(high)}` }));
    const [ex, ey] = [x(low + 0.8 * (high - low)), y(low + 0.8 * (high - low)) - 6];
    nodes.push(shape("text", { class: "axis middle", x: ex, y: ey, transform: `rotate(-45 ${ex} ${ey})` }, word("loop.equal")));
    nodes.push(shape("text", { class: "axis", x: LEFT + 6, y: TOP + 14 }, word("loop.lumbar")));
    nodes.push(shape("text", { class: "axis end", x: LEFT + SIDE - 6, y: TOP + SIDE - 8 }, word("loop.hip")));
    curves.forEach((curve, i) => nodes.push(...this._curve(curve, i === curves.length - 1, x, y)));
    this.svg.replaceChildren(...nodes);
    mark(this.svg, "aria-label", label);
  }

  _curve({ hip, lumbar, turn }, newest, x, y) {
    const line = (from, to, kind) => {
      let d = "";
      let pen = "M";
      for (let n = from; n < to; n += 1) {
        if (Number.isFinite(hip[n]) && Number.isFinite(lumbar[n])) {
          d += `${pen}${x(hip[n]).toFixed(1)} ${y(lumbar[n]).toFixed(1)}`;
          pen = "L";
        } else pen = "M";
      }
      return shape("path", { class: `${newest ? "newest" : "other"} ${kind}`, d });
    };
    const found = [line(0, turn + 1, "down"), line(turn, hip.length, "up")];
    if (newest && Number.isFinite(hip[turn]) && Number.isFinite(lumbar[turn])) {
      found.push(shape("circle", { class: "turn", cx: x(hip[turn]), cy: y(lumbar[turn]), r: 6 }));
    }
    return found;
  }
}
