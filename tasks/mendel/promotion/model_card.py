"""The model card of a version [Mitchell et al. 2019]: what it is made of, what it does, and where it does harm.

It says nothing that no manifest says. Before it may stand the metadata that model hubs read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import yaml

from mendel.core import manifest
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.prices import HOUR, Prices
from mendel.evaluation.evaluation import Evaluation
from mendel.evaluation.markdown import cell, share, table
from mendel.promotion.ledger import Decision

NAME = "model_card.md"
RETRAINING = "retraining"
"""The dataset, and the input of pairs that says why they were made."""
VERSION = re.compile(r"\w+/[^/]+/[0-9a-f]{16}")
"""Path in the lake of what has a manifest; other inputs lie elsewhere."""
SCORES = {
    "cer": "character error rate",
    "reduction": "character errors removed",
    "exact": "sentences without any error",
    "worse": "noisy sentences made worse",
    "clean_altered": "clean sentences altered",
    "foreign_altered": "clean texts unlike the corpus altered",
}
"""What the card tells of the evaluation, and in which words."""


class Lineage(NamedTuple):
    """What a candidate was made from, directly or not."""

    entries: Sequence[InputEntry]
    """Each once, the candidate's own first."""
    versions: Mapping[str, Manifest]
    """By dataset, of those that are versions in the lake; the candidate is one."""

    @classmethod
    def of(cls, root: str, candidate: Manifest) -> Lineage:
        entries: dict[str, InputEntry] = {}
        versions = {candidate.dataset: candidate}
        queue = [candidate]
        while queue:
            for entry in queue.pop(0).inputs:
                if entry.uri in entries:
                    continue
                entries[entry.uri] = entry
                version = manifest.at(root, entry.uri) if VERSION.fullmatch(entry.uri) else None
                if version is not None:
                    versions.setdefault(version.dataset, version)
                    if (
                        version.dataset != RETRAINING
                    ):  # it leads to the champion before, and so to all models before that
                        queue.append(version)
        return cls(list(entries.values()), versions)

    @property
    def trained_because(self) -> tuple[str, ...]:
        """Why production asked for the training; nothing where the pairs were made without being asked for."""
        pairs = self.versions.get("pairs")
        on_request = pairs is not None and any(entry.name == RETRAINING for entry in pairs.inputs)
        return tuple(self.versions[RETRAINING].metrics["reasons"]) if on_request else ()


def card(name: str, decision: Decision, evaluation: Evaluation, lineage: Lineage, prices: Prices | None = None) -> str:
    """The card, in Markdown, of the version of the registered model `name` that was decided about."""
    candidate = lineage.versions["candidate"]
    verb = "promoted" if decision.action == "promoted" else "declined"
    lines = [
        f"# {name}, version {decision.version}",
        "",
        f"Restores noisy text. It was {verb} on {decision.decided:%Y-%m-%d} by decision {decision.number} of the ledger:",
        "",
        *(f"- {reason}" for reason in decision.reasons),
        "",
        *_cause(decision),
        "## Use",
        "",
        "For text like that of the corpus below, with noise like that below. Text of another kind is to come back as it is;",
        "*Harm* says how often it did not. Each change has a confidence: who wants fewer changes asks for a higher one.",
        "",
        *_data(lineage),
        *_training(candidate, prices),
        *_results(evaluation),
        *_harm(evaluation),
        "## Made from",
        "",
        *table(
            ["", "where", "digest", "Git revision in the data registry"],
            (
                [entry.name, f"`{entry.uri}`", f"`{entry.digest[:16]}`", f"`{entry.revision or '–'}`"]
                for entry in (candidate.as_input(), *lineage.entries)
            ),
        ),
        f"Code: {candidate.code_version}.",
        "",
    ]
    return "\n".join(lines)


def metadata(name: str, lineage: Lineage) -> str:
    """The head of the card's file, in YAML."""
    corpus = lineage.versions.get("corpus")
    base = (lineage.versions["candidate"].parameters.get("recipe", {}).get("base") or {}).get("id")
    language = corpus and corpus.parameters.get("cleaning", {}).get("language")
    head = {
        "model_name": name,
        "language": language,
        "base_model": base,
        "tags": ["text-restoration"],
        "metrics": ["cer"],
    }
    known = {key: value for key, value in head.items() if value}
    return f"---\n{yaml.safe_dump(known, sort_keys=False)}---\n\n"


def _cause(decision: Decision) -> Iterator[str]:
    if decision.trained_because:
        yield "It was trained because of what was seen of the champion before it:"
        yield ""
        yield from (f"- {reason}" for reason in decision.trained_because)
        yield ""


def _data(lineage: Lineage) -> Iterator[str]:
    corpus, pairs = (lineage.versions.get(dataset) for dataset in ("corpus", "pairs"))
    yield "## Data"
    yield ""
    if corpus is not None:
        source = corpus.parameters.get("source", {})
        sentences = ", ".join(f"{count:,} for {split}" for split, count in corpus.metrics.get("sentences", {}).items())
        yield f"- corpus: {source.get('name', corpus.folder)}, {corpus.rows:,} sentences ({sentences})"
        yield f"- characters that it knows: {corpus.metrics.get('alphabet_size', '–')}; others are never written"
    if pairs is not None:
        noise = pairs.parameters.get("noise", {})
        rates = ", ".join(f"{operation} {rate:.3%}" for operation, rate in noise.get("rates", {}).items())
        yield f"- noise: profile {noise.get('name', '–')}, {share(pairs.metrics.get('cer'))} of the characters"
        for learned in (entry for entry in pairs.inputs if entry.name == "learned_noise"):
            yield f"- its kinds were learned from readers' feedback: `{learned.uri}`"
        if rates:
            yield f"- events a character: {rates}"
    yield ""


def _training(candidate: Manifest, prices: Prices | None) -> Iterator[str]:
    recipe = candidate.parameters.get("recipe", {})
    training = candidate.metrics.get("training", {})
    yield "## Training"
    yield ""
    yield f"- recipe: {recipe.get('kind', '–')}, base {(recipe.get('base') or {}).get('id', 'none')}, {candidate.rows:,} texts"
    if training:
        yield f"- fine-tuning: {training['steps']} of {training['budget_steps']} steps"
    for part, bits in candidate.metrics.get("bits_per_character", {}).items():
        yield f"- {part.replace('_', ' ')}: {bits:.3f} bits a character of clean validation text"
    yield f"- time: {candidate.seconds:,.0f} s"
    if (usage := candidate.usage) is not None:
        yield f"- machines: {usage.core_seconds / HOUR:.2f} core hours, {usage.gpu_seconds / HOUR:.2f} GPU hours"
        if prices is not None:
            yield (
                f"- cost: {prices.cost(usage):.2f} {prices.currency}, and about {prices.watt_hours(usage):,.0f} Wh, by the "
                "pipeline's table of prices; nothing was metered"
            )
    yield ""


def _results(evaluation: Evaluation) -> Iterator[str]:
    systems = {"identity": "text as it is", "candidate": "this version"}
    if evaluation.champion_version:
        systems["champion"] = f"version {evaluation.champion_version}, the champion then"
    scores = {title: evaluation.scores[system] for system, title in systems.items() if system in evaluation.scores}
    yield "## Results"
    yield ""
    yield f"On {evaluation.sentences:,} held-out sentences with such noise, and on clean text; 95% intervals in brackets."
    yield ""
    yield from table(
        ["", *scores],
        ([words, *(cell(getattr(one, name)) for one in scores.values())] for name, words in SCORES.items()),
    )
    parts = evaluation.scores["candidate"].by_operation
    yield from table(
        ["errors by operation", "sentences", "removed"],
        ([operation, f"{part.sentences:,}", cell(part.reduction)] for operation, part in parts.items()),
    )
    if evaluation.reliability and evaluation.reliability.calibration_error is not None:
        error = 100 * evaluation.reliability.calibration_error
        yield f"- expected calibration error of its confidence: {error:.1f} points"
    yield f"- speed where it was evaluated: {evaluation.speed.chars_per_second:,.0f} characters per second"
    yield ""


def _harm(evaluation: Evaluation) -> Iterator[str]:
    yield "## Harm"
    yield ""
    kinds = (evaluation.foreign or {}).get("candidate", {})
    if not kinds:
        yield "Clean text unlike the corpus was not tried."
        yield ""
        return
    harmed = {kind: texts for kind, texts in kinds.items() if texts.altered}
    texts = sum(one.texts for one in kinds.values())
    yield (
        f"Clean text unlike the corpus, {texts:,} texts of {len(kinds)} kinds ({', '.join(kinds).replace('_', ' ')}): "
        f"{len(kinds) - len(harmed)} kinds came back as they were."
    )
    yield ""
    if not harmed:
        return
    yield from table(
        ["kind", "texts", "altered", "share", "with a protected passage changed"],
        (
            [kind.replace("_", " "), str(one.texts), str(one.altered), cell(one.share), str(one.harmed)]
            for kind, one in harmed.items()
        ),
    )
