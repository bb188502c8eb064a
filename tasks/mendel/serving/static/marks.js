/** A restoration as nodes: the input with each change marked in its place. */

import { h, percent } from "./dom.js";

const SURE = 0.95;
const LIKELY = 0.7;

/** How sure a change is, as a word that styles and texts share. */
export const level = (confidence) => (confidence >= SURE ? "sure" : confidence >= LIKELY ? "likely" : "unsure");

/** `edits` have positions in code points, while JavaScript counts UTF-16 units. `node` makes what stands for one of them. */
export function marked(input, edits, node = change) {
  const points = Array.from(input);
  const nodes = [];
  let place = 0;
  edits.forEach((edit, index) => {
    nodes.push(points.slice(place, edit.start).join(""), node(edit, index));
    place = edit.end;
  });
  nodes.push(points.slice(place).join(""));
  return nodes.filter((node) => node !== "");
}

function change(edit, index) {
  const told = `change ${index + 1}: confidence ${percent(edit.confidence, 0)}`;
  return h("span", { class: `change ${level(edit.confidence)}`, title: told },
    edit.original ? h("del", {}, visible(edit.original)) : null,
    edit.replacement ? h("ins", {}, visible(edit.replacement)) : null,
    h("small", { "aria-hidden": "true" }, percent(edit.confidence, 0)));
}

/** White space that changed would not be seen. */
export const visible = (text) => (/^\s+$/.test(text) ? text.replaceAll(" ", "␣").replaceAll("\n", "⏎\n") : text);
