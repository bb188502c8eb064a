/** The form for the key, shown where the service asks for one. */

import { hasKey, useKey } from "./api.js";
import { $ } from "./dom.js";

/** What was refused for want of a key, to be done again with it. */
const waiting = new Set();

export function ask(again) {
  waiting.add(again);
  if (hasKey()) $("key-told").textContent = "The service does not know the key that was given.";
  $("key").hidden = false;
  $("key-value").focus();
}

export function start() {
  $("key").addEventListener("submit", (event) => {
    event.preventDefault();
    useKey($("key-value").value.trim());
    $("key").reset();
    $("key").hidden = true;
    $("main").focus();
    const again = [...waiting];
    waiting.clear();
    again.forEach((work) => work());
  });
}
