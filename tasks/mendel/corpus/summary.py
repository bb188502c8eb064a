"""What an ingest kept and lost, why, and which setting decides it: for the person who ran it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendel.core.manifest import Manifest

WORTH_A_WARNING = 0.3
"""Share of the sentences, or of the text."""
REASONS = {
    "too_short": ("shorter than {cleaning[min_chars]} characters", "cleaning.min_chars"),
    "too_long": ("longer than {cleaning[max_chars]} characters", "cleaning.max_chars"),
    "not_ascii": ("not in ASCII", "cleaning.ascii_only: false keeps them"),
    "unprintable": ("characters that nobody can read", "none: the font that had them is unknown"),
    "unterminated": ("no . ! ? or the like at the end", "cleaning.terminated: false keeps them"),
    "duplicate": ("the same as another", "none: a text is kept once"),
    "near_duplicate": ("nearly the same as another", "near_duplicate: 1 keeps them"),
    "leak": ("the same as, or near to, a held-out one", "near_duplicate, for near ones"),
    "not_pinned": ("held out, not in the pinned test set", "mendel testset renew pins them"),
}


def lines(version: Manifest) -> Iterator[str]:
    """The summary, line by line; what asks for action comes last, as warnings.

    A version that was made before some of the metrics were has a shorter one.
    """
    metrics, dropped = version.metrics, version.metrics["dropped"]
    lost, total = sum(dropped.values()), version.rows + sum(dropped.values())
    splits = ", ".join(f"{split} {count:,}" for split, count in metrics["sentences"].items())
    yield f"{version.path}: {version.rows:,} of {total:,} sentences kept ({version.rows / total:.1%}), {splits}"
    for reason, count in sorted(dropped.items(), key=lambda item: -item[1]):
        what, setting = _explained(reason, version.parameters)
        yield f"  {count:>9,} {count / total:>6.1%}  {reason:<14} {what:<40} {setting}"
    if lost:
        yield f"  each with its reason: {_file(version, 'dropped.parquet')}"
    if refused := metrics.get("refused"):
        named = ", ".join(f"{reason} {count:,}" for reason, count in sorted(refused.items(), key=lambda item: -item[1]))
        yield f"files and records that cannot be used: {named}; each with its reason: {_file(version, 'quarantine.jsonl')}"
    yield from (f"warning: {warning}" for warning in _warnings(version, lost / total))


def _warnings(version: Manifest, lost: float) -> Iterator[str]:
    metrics = version.metrics
    if lost > WORTH_A_WARNING:
        reasons = sorted(metrics["dropped"], key=lambda reason: -metrics["dropped"][reason])
        yield f"{lost:.0%} of the sentences are lost, most of them {reasons[0]}: see the settings above"
    refused = metrics.get("refused", {})
    if (share := sum(refused.values()) / (sum(refused.values()) + metrics["documents"])) > WORTH_A_WARNING:
        yield f"{share:.0%} of the files and records cannot be used, most of them {max(refused, key=refused.get)}"
    wrapped = metrics.get("wrapped")
    if wrapped and wrapped["share"] > WORTH_A_WARNING and not version.parameters["cleaning"]["wrapped_lines"]:
        yield (
            f"{wrapped['share']:.0%} of the text, {wrapped['documents']:,} documents, looks hard-wrapped: lines are broken "
            "by width, so sentences are torn. Set cleaning.wrapped_lines: true, and only blank lines end a paragraph"
        )
    pinned = metrics.get("pinned")
    if pinned and (gone := pinned["foreign_documents"]):
        yield (
            f"of the pinned test set {gone:,} of {pinned['documents']:,} documents, with "
            f"{pinned['foreign_sentences'] / pinned['sentences']:.0%} of its sentences, are not in the source any more. "
            "If this is another corpus, give it another source.name; else mendel testset renew pins what is held out now"
        )


def _explained(reason: str, parameters: Mapping[str, Any]) -> tuple[str, str]:
    what, setting = REASONS[reason]
    return what.format(**parameters), setting


def _file(version: Manifest, name: str) -> str:
    return next(file.path for file in version.files if file.path.endswith(f"/{name}"))
