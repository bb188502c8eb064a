/** What went wrong, in words, and the way on from there. */

import { Refusal } from "./api.js";
import { count, h } from "./dom.js";
import * as key from "./key.js";

let counting;

/** Show an error in `place`; `again` is offered as a button, not before the service wants to be asked again. */
export function show(place, error, again) {
  clear(place);
  if (!(error instanceof Refusal)) {
    console.error(error);
    fill(place, "Something went wrong in this page", String(error));
    return;
  }
  if (error.status === 401) {
    key.ask(again);
    return;
  }
  const busy = error.status === 429 || error.status === 503;
  const title = busy ? "The service is busy" : error.status === 0 ? "No answer" : "The service refused";
  const button = h("button", { type: "button", onclick: again }, "Try again");
  fill(place, title, error.message, busy || error.status === 0 || error.status >= 500 ? button : null);
  if (error.retryAfter) wait(button, error.retryAfter);
}

export function clear(place) {
  clearInterval(counting);
  place.hidden = true;
  place.replaceChildren();
}

function fill(place, title, detail, ...rest) {
  place.append(h("strong", {}, title), h("p", {}, detail), ...rest.filter(Boolean));
  place.hidden = false;
}

/** Count down on the button. `aria-live` is off there: seconds read aloud would talk over everything else. */
function wait(button, seconds) {
  const label = button.textContent;
  const tick = () => {
    button.disabled = seconds > 0;
    button.textContent = seconds > 0 ? `${label} in ${count(seconds, "second")}` : label;
    if (seconds-- <= 0) clearInterval(counting);
  };
  button.setAttribute("aria-live", "off");
  counting = setInterval(tick, 1000);
  tick();
}
