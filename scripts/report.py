"""The demo's report: read from the manifests of what was made and from Airflow's task instances, nothing measured anew."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.evaluation.gate import Check
from mendel.evaluation.report import told_apart
from mendel.noise.changes import changes
from mendel.promotion.ledger import Decision

DATASETS = ("corpus", "pairs", "candidate", "evaluation")
NOT_STAGES = ("resolve_partition", "retrain_check", "emit_", "approval", "list_shards")
EXAMPLES = 5
SYSTEMS = {
    "identity": "noisy text as it is",
    "symspell": "SymSpell",
    "first_pass": "first pass alone (n-gram decoder)",
    "untuned_llm": "second pass, LLM not tuned",
    "candidate": "restorer",
    "champion": "champion before",
}
"""How the report names those that were compared, in its order."""
PARTS = {
    "ngram": "n-gram",
    "compile": "compiling",
    "load_llm": "loading the LLM",
    "score_untuned": "reading untuned",
    "lora": "LoRA",
    "score_tuned": "calibration",
}
"""What `finetune` spends its time on, as the report names it."""


def figures(
    root: str, partition: str, days: Sequence[str], tasks: list[dict[str, Any]], decision: Decision
) -> dict[str, Any]:
    """Everything the report shows, as plain data. Fractions are of 1, times in seconds. `days` are those restored, if any."""
    versions = {name: current(root, name, partition) for name in DATASETS}
    restored = [current(root, "restored", day) for day in days]
    evaluation = versions["evaluation"].metrics
    scores = evaluation["scores"]
    candidate = scores["candidate"]
    verdict = evaluation["decision"]
    counts = Counter({"records_in": 0})
    for day in restored:
        counts.update({key: day.metrics[key] for key in ("records_in", "records_out", "records_rejected")})
    return {
        "cer_identity": scores["identity"]["cer"]["value"],
        "cer_restored": candidate["cer"]["value"],
        "cer_reduction": candidate["reduction"]["value"],
        "cer_reduction_ci": [candidate["reduction"]["low"], candidate["reduction"]["high"]],
        "exact_match": candidate["exact"]["value"],
        "worse_fraction": candidate["worse"]["value"],
        "clean_altered_fraction": candidate["clean_altered"]["value"],
        "first_pass_reduction": _reduction(scores, "first_pass"),
        "untuned_llm_reduction": _reduction(scores, "untuned_llm"),
        "symspell_reduction": _reduction(scores, "symspell"),
        "scores": scores,
        "candidate_digest": versions["candidate"].digest,
        "test_sentences": evaluation["sentences"],
        "clean_sentences": evaluation["evidence"]["clean_altered"]["trials"],
        "decision": decision.action,
        "decided": decision.decided.isoformat(timespec="minutes"),
        "reasons": list(decision.reasons),
        "version": decision.version,
        "champion_version": decision.champion,
        "checks": verdict["checks"],
        "rules": versions["evaluation"].parameters["rules"],
        **counts,
        "chars_per_second": restored[-1].metrics["chars_per_second"] if restored else None,
        "sentences_per_second": restored[-1].metrics["records_per_second"] if restored else None,
        "noise_cer": versions["pairs"].metrics["cer"],
        "rows": {name: version.rows for name, version in versions.items()}
        | {"restored": sum(day.rows for day in restored)},
        "finetune": versions["candidate"].metrics,
        "stages": stage_seconds(tasks),
        "airflow_overhead_seconds": round(overhead(tasks), 1),
    }


def current(root: str, dataset: str, partition: str) -> Manifest:
    version = manifest.current(root, dataset, partition)
    if version is None:
        raise LookupError(f"{dataset} has no version in partition {partition} of {root}")
    return version


def _reduction(scores: dict[str, Any], system: str) -> float | None:
    return scores[system]["reduction"]["value"] if system in scores else None


def is_stage(task: dict[str, Any]) -> bool:
    return bool(task["start_date"] and task["end_date"]) and not task["task_id"].startswith(NOT_STAGES)


def stage_seconds(tasks: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Seconds per stage, as Airflow saw its tasks. A second in which several ran counts once, for the first of them."""
    total: defaultdict[str, float] = defaultdict(float)
    covered = 0.0
    for task in sorted((task for task in tasks if is_stage(task)), key=interval):
        start, end = interval(task)
        total[task["task_id"]] += max(0.0, end - max(start, covered))
        covered = max(covered, end)
    return {name: round(seconds, 1) for name, seconds in total.items()}


def overhead(tasks: Iterable[dict[str, Any]]) -> float:
    """Seconds between the first task's start and the last one's end in which no stage's task ran."""
    everything = [interval(task) for task in tasks if task["start_date"] and task["end_date"]]
    busy = sum(stage_seconds(tasks).values())
    return max(end for _, end in everything) - min(start for start, _ in everything) - busy


def interval(task: dict[str, Any]) -> tuple[float, float]:
    return (
        datetime.fromisoformat(task["start_date"]).timestamp(),
        datetime.fromisoformat(task["end_date"]).timestamp(),
    )


def write(data: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def examples(root: str, partition: str) -> list[tuple[str, str, str]]:
    """(clean, noisy, restored) of some damaged test sentences, spread over the sample."""
    evaluation = current(root, "evaluation", partition)
    uri = next(lake.join(root, file.path) for file in evaluation.files if file.path.endswith("scores.parquet"))
    rows = pq.read_table(uri.removeprefix("file://")).to_pylist()
    by_system = {
        name: {row["pair"]: row for row in rows if row["system"] == name} for name in ("identity", "candidate")
    }
    damaged = sorted(
        pair for pair, row in by_system["identity"].items() if row["errors"] >= 3 and row["characters"] < 160
    )
    chosen = damaged[:: max(1, len(damaged) // EXAMPLES)][:EXAMPLES]
    identity, candidate = by_system["identity"], by_system["candidate"]
    return [(identity[p]["clean"], identity[p]["restored"], candidate[p]["restored"]) for p in chosen]


def marked(text: str, reference: str, style: str) -> Text:
    """`text` with what differs from `reference` in brackets: [-only here-], [+only there+]."""
    result, at = Text(), 0
    for start, end, there_start, there_end in changes(text, reference):
        result.append(text[at:start])
        if here := text[start:end]:
            result.append(f"[-{here}-]", style)
        if there := reference[there_start:there_end]:
            result.append(f"[+{there}+]", "dim")
        at = end
    return result.append(text[at:])


def show(data: dict[str, Any], pairs: list[tuple[str, str, str]], console: Console) -> None:
    """Print the report: scores, the gate's rules, what was made, where the time went, restored examples."""
    console.print(_scores(data))
    console.print(_rules(data))
    console.print(_facts(data))
    console.print(_times(data))
    console.print("\nRestored: [-wrong here-], [+missing here+]")
    for clean, noisy, restored in pairs:
        console.print(Text("  noisy     ", "dim") + marked(noisy, clean, "red"), soft_wrap=True)
        console.print(Text("  restored  ", "dim") + marked(restored, clean, "yellow"), soft_wrap=True)
        console.print()


def _scores(data: dict[str, Any]) -> Table:
    table = Table(
        title=f"Held-out text, {data['test_sentences']:,} noisy sentences and {data['clean_sentences']:,} clean ones "
        f"(95% intervals in brackets)",
        title_justify="left",
    )
    for heading in ("system", "CER %", "CER removed %", "WER %", "exact %", "worse %", "clean altered %"):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    scores = data["scores"]
    for name, label in SYSTEMS.items():
        if name in scores:
            keys = ("cer", "reduction", "wer", "exact", "worse", "clean_altered")
            style = "bold" if name == "candidate" else ""
            table.add_row(label, *(percent(scores[name][key]) for key in keys), style=style)
    return table


def _rules(data: dict[str, Any]) -> Table:
    table = Table(title=f"Gate: version {data['version']} {data['decision']}", title_justify="left")
    for heading in ("rule", "finding", "what this sample tells apart"):
        table.add_column(heading)
    for values in data["checks"]:
        check = Check.model_validate(values)
        style = "" if check.passed else "bold red"
        table.add_row(check.rule, ("" if check.passed else "NO: ") + check.reason, told_apart(check), style=style)
    return table


def _facts(data: dict[str, Any]) -> Table:
    facts = Table(show_header=False, box=None)
    facts.add_row("rows", ", ".join(f"{name} {rows:,}" for name, rows in data["rows"].items()))
    facts.add_row("noise measured", f"{100 * data['noise_cer']:.2f}% CER")
    if training := data["finetune"].get("training"):
        capped = " (ended early by max_seconds)" if training["steps"] < training["budget_steps"] else ""
        bits = data["finetune"]["bits_per_character"]
        tuned = (
            f", {bits['untuned_llm']:.3f} to {bits['tuned_llm']:.3f} bits a character" if "tuned_llm" in bits else ""
        )
        facts.add_row("fine-tuning", f"{training['steps']} of {training['budget_steps']} steps{capped}{tuned}")
    facts.add_row("candidate", data["candidate_digest"])
    facts.add_row("champion", f"version {data['champion_version']}" if data["champion_version"] else "none")
    if data["sentences_per_second"] is None:
        facts.add_row("restored batch", "none: there is no champion that could restore")
    else:
        facts.add_row(
            "restored batch",
            f"{data['records_in']:,} records in, {data['records_out']:,} restored, {data['records_rejected']:,} rejected; "
            f"{data['sentences_per_second']:.0f} sentences/s, {data['chars_per_second']:,.0f} characters/s",
        )
    return facts


def _times(data: dict[str, Any]) -> Table:
    """Where the seconds went; they add up to the wall time."""
    table = Table(title="Where the time went", title_justify="left")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    table.add_column("of it")
    parts = data["finetune"]["seconds"]
    named = ", ".join(f"{label} {parts[name]:.0f}" for name, label in PARTS.items() if parts.get(name, 0) >= 1)
    rows = {
        "set-up": data["setup_seconds"],
        "Airflow's start": data["airflow_start_seconds"],
        **data["stages"],
        "Airflow between stages": data["airflow_overhead_seconds"],
    }
    for name, seconds in rows.items():
        table.add_row(name, f"{seconds:.0f}", named if name == "finetune" else "")
    table.add_row("the rest: start-up, inbox, report", f"{data['wall_seconds'] - sum(rows.values()):.0f}", "")
    table.add_row(
        "wall time", f"{data['wall_seconds']:.0f}", f"{data['wall_seconds'] - data['setup_seconds']:.0f} after set-up"
    )
    return table


def show_next(data: dict[str, Any], config: str, console: Console) -> None:
    """Print what can be done with the candidate, above all with one that was declined."""
    mendel, version = ".venv/bin/mendel", data["version"]
    if data["judged_before"]:
        console.print(
            f"This candidate was judged before, on {data['decided']}: nothing that it is made from has changed since. "
            f"Other text, another recipe, more steps or another seed make another candidate."
        )
    if data["decision"] == "declined" and version != data["champion_version"]:
        loosened = [check["rule"] for check in data["checks"] if not check["passed"] and check["rule"] in data["rules"]]
        console.print("\nDeclined, which is a result: the candidate is kept, and can be tried.")
        console.print("  Reasons")
        for reason in data["reasons"]:
            console.print(f"    - {reason}", highlight=False)
        for rule in loosened:
            console.print(
                f"  Or loosen evaluate.rules.{rule} in {config} (now {data['rules'][rule]:g})", highlight=False
            )
        console.print(f"  Train again with something of it changed in {config}: make demo", highlight=False)
    console.print("\nTry it")
    console.print(
        f"  {mendel} restore text -c {config} --model {version} 'Teh state of hte union is strnog.'", soft_wrap=True
    )
    console.print(f"  {mendel} serve -c {config}     # page and API; choose version {version} there", soft_wrap=True)


def percent(interval: dict[str, float] | None) -> str:
    if interval is None:
        return "–"
    return f"{100 * interval['value']:.2f} [{100 * interval['low']:.2f}, {100 * interval['high']:.2f}]"
