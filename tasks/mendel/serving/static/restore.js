/** The view that restores: from the fields to the API and back. */

import { get, post } from "./api.js";
import { $, count } from "./dom.js";
import * as notice from "./notice.js";
import * as result from "./result.js";

const EXAMPLE = {
  clean: "We must build a stronger economy, and we must do it together. The state of our union depends on the work of every American, in every town and every year.",
  profile: "heavy",
  seed: 3,
};
const SHOWN_AFTER = 300; // ms: what is quicker needs no progress bar

let underWay = null;

export function start() {
  $("texts").addEventListener("submit", (event) => {
    event.preventDefault();
    restore();
  });
  $("texts").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      restore();
    }
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && underWay?.abort());
  $("cancel").addEventListener("click", () => underWay?.abort());
  $("corrupt").addEventListener("click", corrupt);
  $("example").addEventListener("click", example);
  $("noisy").addEventListener("input", counted);
  $("forget").addEventListener("click", () => {
    result.forget();
    $("noisy").focus();
  });
  result.list(open);
  counted();
  profiles();
}

async function profiles() {
  try {
    const { profiles: names } = await get("v1/profiles");
    $("profile").replaceChildren(...names.map((name) => new Option(name, name, name === "default", name === "default")));
  } catch (error) {
    notice.show($("problem"), error, profiles);
    return;
  }
  notice.clear($("problem"));
}

/** Run `work` with an abort signal: one at a time, with progress, and errors shown beside a way to try again. */
export async function during(told, work, again) {
  underWay?.abort();
  const own = (underWay = new AbortController());
  const began = performance.now();
  const tick = () => {
    const ms = performance.now() - began;
    $("progress").hidden = $("cancel").hidden = ms < SHOWN_AFTER;
    $("elapsed").textContent = `${told} ${Math.floor(ms / 1000)} s`;
  };
  notice.clear($("problem"));
  $("status").textContent = told;
  const ticking = setInterval(tick, 100);
  try {
    await work(own.signal);
  } catch (error) {
    if (error.name !== "AbortError") {
      $("status").textContent = "";
      notice.show($("problem"), error, again);
    } else if (underWay === own) {
      $("status").textContent = "Cancelled.";
    }
  } finally {
    clearInterval(ticking);
    if (underWay === own) {
      const cancelling = document.activeElement === $("cancel");
      underWay = null;
      $("progress").hidden = $("cancel").hidden = true;
      if (cancelling) $("go").focus(); // focus must not fall off with the button
    }
  }
}

/** Of confidence, 0 to 1: what is less sure is left out. */
export const threshold = () => Math.min(Math.max($("threshold").valueAsNumber / 100 || 0, 0), 1);

function restore() {
  const [noisy, clean] = [$("noisy").value, $("clean").value];
  if (!noisy) {
    $("status").textContent = "There is no text to restore yet.";
    $("noisy").focus();
    return undefined;
  }
  return during("Restoring…", async (signal) => {
    const began = performance.now();
    const answer = await post("v1/restore", { text: noisy, threshold: threshold() }, signal);
    const seconds = (performance.now() - began) / 1000;
    const [restored] = answer.results;
    const cer = clean ? (await post("v1/score", { reference: clean, texts: [noisy, restored.text] }, signal)).cer : null;
    const entry = { noisy, clean, version: answer.version, standing: answer.standing, seconds, result: restored, cer, at: Date.now() };
    result.remember(entry);
    $("document").hidden = true;
    $("status").textContent = result.show(entry);
    $("result").scrollIntoView({ block: "nearest" });
  }, restore);
}

function corrupt() {
  const text = $("clean").value;
  if (!text) {
    $("status").textContent = "Type the original first.";
    $("clean").focus();
    return undefined;
  }
  const [profile, seed] = [$("profile").value, Math.max($("seed").valueAsNumber || 0, 0)];
  return during("Corrupting…", async (signal) => {
    const noise = await post("v1/corrupt", { text, profile, seed }, signal);
    $("noisy").value = noise.text;
    counted();
    $("result").hidden = true;
    $("status").textContent = "The noisy text is in its field.";
  }, corrupt);
}

async function example() {
  $("clean").value = EXAMPLE.clean;
  $("profile").value = EXAMPLE.profile;
  $("seed").value = EXAMPLE.seed;
  await corrupt();
}

function open(entry) {
  $("noisy").value = entry.noisy;
  $("clean").value = entry.clean;
  counted();
  notice.clear($("problem"));
  $("status").textContent = result.show(entry);
  $("result").focus();
}

function counted() {
  $("noisy-count").textContent = count(Array.from($("noisy").value).length, "character");
}
