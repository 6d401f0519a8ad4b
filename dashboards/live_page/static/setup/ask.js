// A dialog that asks for a few words: Enter takes them, Escape leaves all as it was.

import { button, element } from "../drawing/elements.js";
import { word } from "../words/words.js";

export class Ask {
  /** taken(text): called with what was typed, trimmed, where it is not empty. */
  constructor(title, label, value, taken) {
    const input = element("input", { id: "asked", type: "text", maxlength: 80, autocomplete: "off", value });
    const form = element(
      "form",
      { method: "dialog" },
      element("h2", { id: "question" }, title),
      element("label", { for: "asked" }, label),
      input,
      element("div", { class: "answers" }, button("asked", word("ask.keep"), { kind: "primary" }), button("ask-cancel", word("ask.cancel"), { key: "Esc" })),
    );
    const dialog = element("dialog", { class: "question ask", "aria-labelledby": "question" }, form);
    const take = (event) => {
      event.preventDefault();
      event.stopPropagation();
      const text = input.value.trim();
      dialog.close();
      if (text) taken(text);
    };
    form.addEventListener("submit", take);
    form.querySelector('[data-action="asked"]').addEventListener("click", take);
    form.querySelector('[data-action="ask-cancel"]').addEventListener("click", (event) => {
      event.stopPropagation();
      dialog.close();
    });
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
    input.select();
  }
}
