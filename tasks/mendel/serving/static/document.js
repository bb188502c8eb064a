/** A document on the page: each of its changes to accept or reject, and the result to take away. */

import { get, post, postForBlob, upload } from "./api.js";
import { $, count, h, percent } from "./dom.js";
import { level, marked, visible } from "./marks.js";
import { during, threshold } from "./restore.js";

const PROTECTED = "\ufffc"; // as the service reads what is no prose
const SHOWN = "▫";

export function start() {
  $("file").addEventListener("change", () => {
    if ($("file").files.length) open($("file").files[0]);
  });
  const view = $("restore");
  view.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return; // text that is dragged goes into its field
    event.preventDefault();
    $("drop").classList.add("over");
  });
  view.addEventListener("dragleave", () => $("drop").classList.remove("over"));
  view.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    $("drop").classList.remove("over");
    open(event.dataTransfer.files[0]);
  });
}

function open(file) {
  const query = new URLSearchParams({ name: file.name, threshold: threshold() });
  return during("Restoring the document…", async (signal) => {
    const answer = await upload(`v1/documents?${query}`, file, signal);
    const { feedback } = await get("v1/models", signal);
    show(file, answer, feedback);
    $("file").value = ""; // so that the same file can be chosen again
  }, () => open(file));
}

function show(file, answer, takesFeedback) {
  const { changes, segments } = answer;
  const tally = h("p", { class: "facts" });
  const told = () => {
    const accepted = buttons.filter(isAccepted).length;
    tally.textContent = changes.length ? `${accepted} of ${count(changes.length, "change")} accepted.` : "Nothing to change.";
    $("status").textContent = tally.textContent;
  };
  const buttons = changes.map((change, index) => toggle(change, index, told));
  const setAll = (accepted) => {
    buttons.forEach((button) => button.setAttribute("aria-pressed", accepted));
    told();
  };
  const judged = () => changes.map((change, index) => ({ ...change, accepted: isAccepted(buttons[index]) }));
  const chosen = () => changes.filter((_, index) => isAccepted(buttons[index]));
  const article = $("document");
  article.replaceChildren(
    h("div", { class: "heading" },
      h("h2", { id: "document-title" }, file.name),
      tally,
      h("button", { type: "button", class: "quiet", onclick: () => setAll(true) }, "Accept all"),
      h("button", { type: "button", class: "quiet", onclick: () => setAll(false) }, "Reject all"),
      takesFeedback && changes.length ? h("button", {
        type: "button", class: "quiet", title: "The paragraphs with changes are stored, so that the model can learn from them.",
        onclick: () => tell(answer, judged()),
      }, "Send my choices") : null,
      h("button", { type: "button", class: "primary", onclick: () => download(file, answer, chosen()) }, "Download")),
    ...(answer.unread ? [h("p", { class: "notice" },
      `There was no time for the last ${count(answer.unread, "sentence")}: they are as they were. Divide the document to restore them too.`)] : []),
    h("p", { class: "facts" }, `Each change is a button that rejects it, and accepts it again. ${SHOWN} stands for what is left alone, such as code.`),
    ...segments.map((text, segment) => {
      const own = changes.filter((change) => change.segment === segment);
      return h("p", { class: "text", lang: "" }, marked(text.replaceAll(PROTECTED, SHOWN), own, (change) => buttons[changes.indexOf(change)]));
    }));
  $("result").hidden = true;
  article.hidden = false;
  told();
  article.focus();
}

const isAccepted = (button) => button.getAttribute("aria-pressed") === "true";

/** Pressed is accepted: a button, so that Tab, Enter and Space do what the mouse does. */
function toggle(change, index, told) {
  const named = (text) => (text ? `“${text}”` : "nothing");
  const button = h("button", {
    type: "button",
    class: `change ${level(change.confidence)}`,
    "aria-pressed": "true",
    "aria-label": `change ${index + 1}: ${named(change.original)} becomes ${named(change.replacement)}, confidence ${percent(change.confidence, 0)}`,
    title: `confidence ${percent(change.confidence, 0)}`,
  },
  change.original ? h("del", {}, visible(change.original)) : null,
  change.replacement ? h("ins", {}, visible(change.replacement)) : null,
  h("small", { "aria-hidden": "true" }, percent(change.confidence, 0)));
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", !isAccepted(button));
    told();
  });
  return button;
}

/** The document with the accepted changes, as the service writes it: no format is written by this page. */
function download(file, answer, accepted) {
  return during("Writing the document…", async (signal) => {
    const all = accepted.length === answer.changes.length;
    const made = all ? new Blob([bytes(answer.document)]) : await postForBlob("v1/documents/changes", {
      format: answer.format, changes: accepted, document: await base64(file),
    }, signal);
    const url = URL.createObjectURL(made);
    h("a", { href: url, download: file.name.replace(/(\.[^.]*)?$/, ".restored$1") }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be asking where to put it
    $("status").textContent = "The document is downloaded.";
  }, () => download(file, answer, accepted));
}

/** Which changes were right, with the segments that they are of. */
function tell(answer, judged) {
  return during("Sending your choices…", async (signal) => {
    const texts = answer.segments
      .map((text, segment) => ({
        text, changes: judged.filter((change) => change.segment === segment).map(({ segment: _, ...change }) => change),
      }))
      .filter(({ changes }) => changes.length);
    await post("v1/feedback", { request_id: answer.requestId, version: answer.version, texts }, signal);
    $("status").textContent = "Your choices are kept.";
  }, () => tell(answer, judged));
}

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const base64 = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});
