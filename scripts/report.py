"""The demo's report: read from the manifests of what was made and from Airflow's task instances, nothing measured anew."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rapidfuzz.distance import Levenshtein
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mendel import lake, manifest
from mendel.manifest import Manifest
from mendel.registry import champions

DATASETS = ("corpus", "pairs", "candidate", "evaluation")
NOT_STAGES = ("resolve_partition", "retrain_check", "emit_", "approval", "list_shards")
EXAMPLES = 5


def figures(root: str, partition: str, days: Sequence[str], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything the report shows, as plain data. Fractions are of 1, times in seconds."""
    made = {name: _current(root, name, partition) for name in DATASETS}
    restored = [_current(root, "restored", day) for day in days]
    evaluation = made["evaluation"].metrics
    scores = evaluation["scores"]
    challenger = scores["challenger"]
    stages = stage_seconds(tasks)
    verdict = evaluation["decision"]
    counts = Counter({"records_in": 0})
    for day in restored:
        counts.update({key: day.metrics[key] for key in ("records_in", "records_out", "records_rejected")})
    return {
        "cer_identity": scores["identity"]["cer"]["value"],
        "cer_restored": challenger["cer"]["value"],
        "cer_reduction": challenger["reduction"]["value"],
        "cer_reduction_ci": [challenger["reduction"]["low"], challenger["reduction"]["high"]],
        "exact_match": challenger["exact"]["value"],
        "worse_fraction": challenger["worse"]["value"],
        "clean_altered_fraction": challenger["clean_altered"]["value"],
        "first_pass_reduction": _reduction(scores, "first_pass"),
        "untuned_llm_reduction": _reduction(scores, "untuned_llm"),
        "symspell_reduction": _reduction(scores, "symspell"),
        "scores": scores,
        "test_sentences": evaluation["sentences"],
        "decision": "promoted" if verdict["promote"] else "declined",
        "reasons": [check["reason"] for check in verdict["checks"] if check["passed"] == verdict["promote"]],
        "champion_version": champions.resolve(root).version,
        **counts,
        "chars_per_second": restored[-1].metrics["chars_per_second"],
        "sentences_per_second": restored[-1].metrics["records_per_second"],
        "noise_cer": made["pairs"].metrics["cer"],
        "rows": {name: found.rows for name, found in made.items()} | {"restored": sum(day.rows for day in restored)},
        "finetune": made["candidate"].metrics,
        "stages": stages,
        "airflow_overhead_seconds": round(overhead(tasks), 1),
    }


def _current(root: str, dataset: str, partition: str) -> Manifest:
    found = manifest.current(root, dataset, partition)
    if found is None:
        raise LookupError(f"{dataset} has no version in partition {partition} of {root}")
    return found


def _reduction(scores: dict[str, Any], system: str) -> float | None:
    return scores[system]["reduction"]["value"] if system in scores else None


def is_stage(task: dict[str, Any]) -> bool:
    return bool(task["start_date"] and task["end_date"]) and not task["task_id"].startswith(NOT_STAGES)


def stage_seconds(tasks: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Seconds per stage, as Airflow saw its task; shards and days of one stage are added up."""
    total: Counter[str] = Counter()
    for task in tasks:
        if is_stage(task):
            start, end = interval(task)
            total[task["task_id"]] += round(end - start, 1)
    return {name: round(seconds, 1) for name, seconds in total.items()}


def overhead(tasks: Iterable[dict[str, Any]]) -> float:
    """Seconds between the first task's start and the last one's end in which no stage's task ran."""
    everything = [interval(task) for task in tasks if task["start_date"] and task["end_date"]]
    busy = covered = 0.0
    for start, end in sorted(interval(task) for task in tasks if is_stage(task)):
        busy += max(0.0, end - max(start, covered))
        covered = max(covered, end)
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
    found = _current(root, "evaluation", partition)
    uri = next(lake.join(root, file.path) for file in found.files if file.path.endswith("scores.parquet"))
    rows = pq.read_table(uri.removeprefix("file://")).to_pylist()
    by_system = {
        name: {row["pair"]: row for row in rows if row["system"] == name} for name in ("identity", "challenger")
    }
    damaged = sorted(
        pair for pair, row in by_system["identity"].items() if row["errors"] >= 3 and row["characters"] < 160
    )
    chosen = damaged[:: max(1, len(damaged) // EXAMPLES)][:EXAMPLES]
    identity, challenger = by_system["identity"], by_system["challenger"]
    return [(identity[p]["restored_clean"], identity[p]["restored"], challenger[p]["restored"]) for p in chosen]


def marked(text: str, reference: str, style: str) -> Text:
    """`text` with what differs from `reference` in brackets: [-only here-], [+only there+]."""
    result = Text()
    for code in Levenshtein.opcodes(reference, text):
        there, here = reference[code.src_start : code.src_end], text[code.dest_start : code.dest_end]
        if code.tag == "equal":
            result.append(here)
            continue
        if here:
            result.append(f"[-{here}-]", style)
        if there:
            result.append(f"[+{there}+]", "dim")
    return result


def show(data: dict[str, Any], pairs: list[tuple[str, str, str]], console: Console) -> None:
    scores = data["scores"]
    table = Table(
        title=f"Held-out text, {data['test_sentences']} sentences (95% intervals in brackets)", title_justify="left"
    )
    for heading in ("system", "CER %", "CER removed %", "WER %", "exact %", "worse %", "clean altered %"):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    names = {
        "identity": "noisy text as it is",
        "symspell": "SymSpell",
        "first_pass": "first pass alone (n-gram decoder)",
        "untuned_llm": "second pass, LLM not tuned",
        "challenger": "restorer",
        "champion": "champion before",
    }
    for name, label in names.items():
        if name in scores:
            row = scores[name]
            keys = ("cer", "reduction", "wer", "exact", "worse", "clean_altered")
            table.add_row(label, *(percent(row[key]) for key in keys), style="bold" if name == "challenger" else "")
    console.print(table)
    facts = Table(show_header=False, box=None)
    facts.add_row("rows", ", ".join(f"{name} {rows:,}" for name, rows in data["rows"].items()))
    facts.add_row("noise measured", f"{100 * data['noise_cer']:.2f}% CER")
    facts.add_row("gate", f"{data['decision']}: " + "; ".join(data["reasons"]))
    facts.add_row("champion", f"version {data['champion_version']}")
    facts.add_row(
        "restored batch",
        f"{data['records_in']:,} records in, {data['records_out']:,} restored, {data['records_rejected']:,} rejected; "
        f"{data['sentences_per_second']:.0f} sentences/s, {data['chars_per_second']:,.0f} characters/s",
    )
    facts.add_row("time per stage", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in data["stages"].items()))
    facts.add_row(
        "Airflow's overhead", f"{data['airflow_overhead_seconds']:.0f} s, start {data['airflow_start_seconds']:.0f} s"
    )
    facts.add_row("wall time", f"{data['wall_seconds']:.0f} s, of it set-up {data['setup_seconds']:.0f} s")
    console.print(facts)
    console.print("\nRestored: [-wrong here-], [+missing here+]")
    for clean, noisy, restored in pairs:
        console.print(Text("  noisy     ", "dim") + marked(noisy, clean, "red"), soft_wrap=True)
        console.print(Text("  restored  ", "dim") + marked(restored, clean, "yellow"), soft_wrap=True)
        console.print()


def percent(interval: dict[str, float] | None) -> str:
    if interval is None:
        return "–"
    return f"{100 * interval['value']:.2f} [{100 * interval['low']:.2f}, {100 * interval['high']:.2f}]"
