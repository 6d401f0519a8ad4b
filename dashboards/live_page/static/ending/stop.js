// The stop button asks once: the question is a dialog whose answer has the focus.

import { button, element } from "../drawing/elements.js";
import { word } from "../words/words.js";

export class Stop {
  constructor(page) {
    this.page = page;
    this.dialog = null;
  }

  /** Ask; nothing is stopped yet. */
  ask() {
    if (this.dialog?.open) return;
    const confirm = button("stop-confirm", word("stop.confirm"), { kind: "stop" });
    const cancel = button("stop-cancel", word("stop.cancel"), { key: "Esc" });
    this.dialog = element(
      "dialog",
      { class: "question", "aria-labelledby": "stop-question", role: "alertdialog" },
      element("h2", { id: "stop-question" }, word("stop.question")),
      element("p", {}, word("stop.what")),
      element("div", { class: "answers" }, confirm, cancel),
    );
    confirm.addEventListener("click", (event) => {
      event.stopPropagation();
      this.page.send({ do: "stop" });
      this._close();
    });
    cancel.addEventListener("click", (event) => {
      event.stopPropagation();
      this._close();
    });
    this.dialog.addEventListener("close", () => this.dialog?.remove());
    document.body.append(this.dialog);
    this.dialog.showModal();
    confirm.focus();
  }

  get open() {
    return this.dialog?.open ?? false;
  }

  /** Ask no longer. */
  leave() {
    if (this.open) this._close();
  }

  _close() {
    this.dialog.close();
  }
}
