/** An element with properties (`class`, `data-…` and the like as attributes) and children; text is never parsed as HTML. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "class") element[name] = value;
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

export const percent = (fraction, digits = 1) =>
  fraction.toLocaleString("en", { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

export const count = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

/** A bar that is filled in part; the figure stands beside it. */
export function bar(fraction) {
  const element = h("span", { class: "bar", "aria-hidden": "true" });
  element.style.setProperty("--filled", `${100 * fraction}%`); // the policy forbids a style attribute, not this
  return element;
}

/** A table that scrolls by itself on a narrow screen; the first cell of a row is its head. */
export function table(caption, heads, rows) {
  const head = h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...rest]) =>
    h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => h("td", {}, cell))));
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, body)));
}
