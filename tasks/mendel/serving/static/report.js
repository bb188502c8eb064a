/** The view of the champion: what it was promoted on, and every decision. */

import { blob, get } from "./api.js";
import { $, count, h, percent, table } from "./dom.js";
import * as notice from "./notice.js";

const SYSTEMS = {
  identity: "noisy text as it is",
  symspell: "SymSpell",
  candidate: "this model",
  champion: "the champion that it faced",
};

let shown = [];

export async function open() {
  const place = $("report-content");
  notice.clear($("report-problem"));
  place.setAttribute("aria-busy", "true");
  try {
    const [report, ledger] = await Promise.all([evaluation(), get("v1/ledger")]);
    const before = shown;
    shown = [];
    $("report-title").textContent = report.action === "promoted" ? "The champion" : "The model that answers";
    place.replaceChildren(...("missing" in report ? [h("p", { class: "notice" }, report.missing)] : await evaluated(report)),
      decisions(ledger.decisions));
    before.forEach(URL.revokeObjectURL);
  } catch (error) {
    notice.show($("report-problem"), error, open);
  } finally {
    place.setAttribute("aria-busy", "false");
  }
}

async function evaluation() {
  try {
    return await get("v1/report");
  } catch (error) {
    if (error.status === 404) return { missing: error.message };
    throw error;
  }
}

const estimate = (found) =>
  found === null ? "–" : h("span", { title: `95% interval ${percent(found.low)} to ${percent(found.high)}` },
    percent(found.value), h("small", {}, ` ${percent(found.low)} – ${percent(found.high)}`));

async function evaluated(report) {
  const champion = report.systems.find((system) => system.name === "candidate");
  return [
    h("p", { class: "lead" },
      `Version ${report.version}, ${report.action} ${day(report.decided)}, on ${count(report.sentences, "held-out sentence")} `
      + `(${count(report.characters, "character")}).`),
    h("dl", { class: "figures" },
      figure("of the character errors gone", champion.reduction && percent(champion.reduction.value)),
      figure("character error rate left", percent(champion.cer.value)),
      figure("of the sentences exact", percent(champion.exact.value)),
      figure("of the sentences made worse", percent(champion.worse.value)),
      figure("characters a second", Math.round(report.characters_per_second).toLocaleString("en"))),
    h("h2", {}, "Where the errors are"),
    h("p", { class: "facts" }, "As it was judged. The plots call this model candidate; those of before version 0.2.0, challenger."),
    h("div", { class: "plots" }, await Promise.all(report.breakdowns.map(breakdown))),
    h("h2", {}, "Beside the others"),
    table("Shares with their 95% intervals",
      ["system", "CER", "CER removed", "exact", "made worse", "clean altered", "foreign altered"],
      report.systems.map((system) => [
        SYSTEMS[system.name] ?? system.name.replaceAll("_", " "),
        ...["cer", "reduction", "exact", "worse", "clean_altered", "foreign_altered"].map((name) => estimate(system[name])),
      ])),
    h("h2", {}, "What the gate asked for"),
    h("ul", { class: "checks" }, report.checks.map((check) =>
      h("li", { class: check.passed ? "passed" : "failed" },
        h("span", { class: "hidden" }, check.passed ? "Held: " : "Did not hold: "), check.reason))),
  ];
}

const figure = (label, value) => h("div", {}, h("dt", {}, label), h("dd", {}, value ?? "–"));

async function breakdown({ title, plot, parts }) {
  const rows = parts.map((part) => [
    part.name, part.sentences.toLocaleString("en"), percent(part.cer, 2), part.reduction === null ? "–" : percent(part.reduction, 0)]);
  const picture = plot && h("img", { src: await picturePath(plot), alt: `${title}: character error rate of each system; the figures are below` });
  return h("figure", {}, picture, h("figcaption", {},
    h("details", {}, h("summary", {}, `${title}, in figures`), table(title, ["part", "sentences", "CER left", "removed"], rows))));
}

async function picturePath(name) {
  const url = URL.createObjectURL(await blob(`v1/report/files/${encodeURIComponent(name)}`));
  shown.push(url);
  return url;
}

const day = (time) => new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

function decisions(entries) {
  const newest = entries.toReversed();
  return h("section", { "aria-labelledby": "ledger-title" },
    h("h2", { id: "ledger-title" }, "Ledger of promotions"),
    h("ol", { class: "ledger", reversed: true }, newest.map((entry) =>
      h("li", { value: entry.number, class: entry.action.replace(" ", "-") },
        h("p", {}, h("b", { class: "action" }, entry.action), ` version ${entry.version} `,
          h("time", { dateTime: entry.decided }, day(entry.decided)),
          entry.champion === entry.champion_before ? "" : h("span", { class: "facts" },
            entry.champion_before === null ? " the first champion" : ` after version ${entry.champion_before}`)),
        h("details", {}, h("summary", {}, "Why"),
          h("ul", {}, entry.reasons.map((reason) => h("li", {}, reason))))))));
}
