// Makes elements. Whatever comes from outside becomes a text node, so that a name with markup in it is shown, never obeyed.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element; `attributes` may hold `onclick` and the like. */
export const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** An SVG element. */
export const shape = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Set a text only where it differs: a text that stays the same is not announced again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute only where it differs; null takes it away. */
export function mark(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** A button that does something: `action` names it for keys and tests, `key` is printed on it. */
export function button(action, text, { key = null, kind = "", ...attributes } = {}) {
  const print = key === null ? null : element("kbd", { "aria-hidden": "true" }, key);
  const shortcut = key === null ? null : key;
  return element(
    "button",
    { type: "button", "data-action": action, class: kind || null, "aria-keyshortcuts": shortcut, ...attributes },
    text,
    print,
  );
}
