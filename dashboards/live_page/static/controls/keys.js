// Keys, and the foot pedal, which arrives as Space. Every key is printed on its button.

const ACTIONS = {
  s: "new_set",
  c: "calibrate",
  h: "heel_drop",
  u: "undo",
  l: "mode-lift",
  d: "mode-desk",
  e: "mode-setup",
  q: "mode-hipcheck",
  t: "mode-retest",
};
/** Time to type the 0 of a ten, after P and a 1. */
const TEN_MS = 1500;

const isText = (node) => node instanceof HTMLElement && (node.matches("input, textarea, select") || node.isContentEditable);

export class Keys {
  constructor(page) {
    this.page = page;
    this._asked = null;
    this._timer = null;
    document.addEventListener("keydown", (event) => this._press(event));
    // a button is pressed by Space when the key goes up: a pedal's Space must press none
    document.addEventListener("keyup", (event) => {
      if (event.key === " " && this._marked) event.preventDefault();
      this._marked = false;
    });
  }

  _press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.page.stop.open) return;
    if (isText(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === " ") {
      this._space(event);
      return;
    }
    if (event.repeat) return;
    const action = this._action(event.key.toLowerCase());
    if (action === null) return;
    event.preventDefault();
    if (action) this.page.act(action);
  }

  /** Space presses the button that Tab has chosen; else it marks. */
  _space(event) {
    const focused = document.activeElement;
    if (focused?.matches("button, a, summary, [role=button]") && focused.matches(":focus-visible")) return;
    event.preventDefault();
    this._marked = true;
    if (!event.repeat) this.page.act(this.page.view?.pedal ?? "mark");
  }

  /** What a key means now; null: nothing, "": it waits for a second key. */
  _action(key) {
    if (this._asked !== null) return this._painKey(key);
    if (key === "p") {
      this._asked = "";
      return "";
    }
    if (/^\d$/.test(key)) return `pain-${key}`;
    if (key === "escape") return "stop";
    if (key === "n") {
      const note = document.querySelector('[data-input="note"]');
      if (note === null) this.page.act("mode-desk");
      document.querySelector('[data-input="note"]')?.focus();
      return "";
    }
    return this.page.view?.keys?.[key] ?? ACTIONS[key] ?? null;
  }

  _painKey(key) {
    clearTimeout(this._timer);
    const before = this._asked;
    this._asked = null;
    if (before === "1") {
      if (key === "0") return "pain-10";
      this.page.act("pain-1");
      return this._action(key);
    }
    if (key === "1") {
      this._asked = "1";
      this._timer = setTimeout(() => {
        this._asked = null;
        this.page.act("pain-1");
      }, TEN_MS);
      return "";
    }
    return /^\d$/.test(key) ? `pain-${key}` : key === "escape" ? "" : this._action(key);
  }
}
