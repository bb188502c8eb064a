/** One restoration on the page, and the session's earlier ones. */

import { $, bar, count, h, percent, table } from "./dom.js";
import { level, marked, visible } from "./marks.js";

const KEPT = 20;
const STORE = "mendel-history";

/** `entry`: {noisy, clean, version, standing, seconds, result, cer: [before, after] or null, at}. */
export function show(entry) {
  const { result } = entry;
  const article = $("result");
  article.replaceChildren(
    h("div", { class: "heading" },
      h("h2", { id: "result-title" }, "Restored"),
      h("p", { class: "facts" }, facts(entry)),
      copyButton(result.text)),
    h("p", { class: "text", lang: "" }, marked(entry.noisy, result.edits)),
    ...(entry.clean ? [h("h3", {}, "Original"), h("p", { class: "text original", lang: "" }, entry.clean)] : []),
    ...(entry.cer ? [rates(entry.cer)] : []),
    ...(result.edits.length ? [changes(result.edits)] : []));
  article.hidden = false;
  return summary(entry);
}

/** What a screen reader says when it is there. */
const summary = ({ result, cer }) =>
  `${outcome(result)}${cer ? ` Character error rate ${percent(cer[0])} before, ${percent(cer[1])} after.` : ""}`;

function outcome(result) {
  if (result.changed) return `Restored with ${count(result.edits.length, "change")}.`;
  return result.kept ? "Changes were found, but none was sure enough: the text is as it was." : "Nothing to change.";
}

const by = ({ version, standing }) =>
  version === null ? "a candidate that was not judged" : `version ${version}${standing === "declined" ? ", which was declined" : ""}`;

const facts = ({ seconds, result, ...entry }) =>
  `${outcome(result)} Confidence ${percent(result.confidence)}, by ${by(entry)}, in ${seconds.toFixed(2)} s.`;

function copyButton(text) {
  const button = h("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text).then(() => (button.textContent = "Copied"), () => (button.textContent = "Not allowed"));
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

function rates([before, after]) {
  const most = Math.max(before, after, 0.01);
  const gone = before > 0 ? ` ${percent(Math.abs(1 - after / before), 0)} of the errors ${after > before ? "were added" : "are gone"}.` : "";
  const row = (label, value) => [h("dt", {}, label), h("dd", {}, bar(value / most), h("b", {}, percent(value)))];
  return h("div", { class: "rates" },
    h("p", {}, "Character error rate", h("span", {}, gone)),
    h("dl", {}, row("before", before), row("after", after)));
}

function changes(edits) {
  const rows = edits.map((edit, index) => [
    String(index + 1),
    edit.original ? h("del", {}, visible(edit.original)) : h("i", {}, "nothing"),
    edit.replacement ? h("ins", {}, visible(edit.replacement)) : h("i", {}, "nothing"),
    h("span", { class: `confidence ${level(edit.confidence)}` },
      bar(edit.confidence), ` ${percent(edit.confidence)}`),
  ]);
  return h("details", {},
    h("summary", {}, `Each change (${edits.length})`),
    table("Changes from left to right", ["change", "was", "is", "confidence"], rows));
}

// History. Where the browser gives no room for it, it lasts as long as the page.

let past = load();

export function remember(entry) {
  past = [entry, ...past].slice(0, KEPT);
  save();
  list();
}

export function forget() {
  past = [];
  save();
  list();
}

/** Draw the list; `open` is called with the entry that is chosen. */
export function list(open = list.open) {
  list.open = open;
  $("history").hidden = past.length === 0;
  $("past").replaceChildren(...past.map((entry) =>
    h("li", {},
      h("button", { type: "button", class: "entry", onclick: () => open(entry) },
        h("span", { class: "excerpt" }, entry.result.text || "(empty)"),
        h("span", { class: "facts" },
          `${new Date(entry.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })} · `
          + `${count(entry.result.edits.length, "change")}`
          + `${entry.cer ? ` · CER ${percent(entry.cer[0])} → ${percent(entry.cer[1])}` : ""}`)))));
}

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE) ?? "[]");
  } catch {
    return [];
  }
}

function save() {
  try {
    sessionStorage.setItem(STORE, JSON.stringify(past));
  } catch {
    sessionStorage.removeItem(STORE);
  }
}
