// Idiomorph, but for one thing: the inside of an element with `data-markdown` is bocal/browser/prose.py's. Only its attributes
// are drawn; when one of them changes, the mark `data-shown` goes. It is asked at every node, which is too often for Python.
import { Idiomorph } from "./idiomorph/idiomorph.esm.js";

const beforeNodeMorphed = (now, next) => {
  if (now.dataset?.markdown === undefined || next.dataset?.markdown === undefined) return true;
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) === value) continue;
    now.setAttribute(name, value);
    delete now.dataset.shown;
  }
  for (const { name } of [...now.attributes]) {
    if (name === "data-shown" || next.hasAttribute(name)) continue;
    now.removeAttribute(name);
    delete now.dataset.shown;
  }
  return false;
};

const how = { morphStyle: "innerHTML", callbacks: { beforeNodeMorphed } };
export const morph = (element, html) => Idiomorph.morph(element, html, how);
