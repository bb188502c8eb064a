/** Navigation between the views, and the version in force. */

import { get } from "./api.js";
import { $ } from "./dom.js";
import * as documents from "./document.js";
import * as key from "./key.js";
import * as report from "./report.js";
import * as restore from "./restore.js";

const VIEWS = ["restore", "report"];
const VERSION_SECONDS = 15;

function navigate(event) {
  const wanted = location.hash.slice(1);
  if (event && !VIEWS.includes(wanted)) return; // the skip link
  const view = VIEWS.includes(wanted) ? wanted : "restore";
  for (const name of VIEWS) $(name).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = view === "report" ? "The champion · Mendel" : "Mendel";
  if (event) $("main").focus({ preventScroll: true });
  if (event) scrollTo(0, 0);
  if (view === "report") report.open();
}

async function version() {
  const badge = $("version");
  try {
    const model = await get("readyz");
    const name = model.version === null ? `candidate ${model.candidate}` : `version ${model.version}`;
    badge.textContent = model.standing === "champion" ? `champion: ${name}` : `on trial: ${name}, ${model.standing}`;
    badge.classList.remove("away");
  } catch (error) {
    badge.textContent = error.status === 503 ? "no champion yet" : "service away";
    badge.classList.add("away");
  }
  badge.hidden = false;
}

addEventListener("hashchange", navigate);
key.start();
restore.start();
documents.start();
navigate();
version();
setInterval(() => document.hidden || version(), VERSION_SECONDS * 1000);
