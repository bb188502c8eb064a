"""The seal of an evaluation: what was found is kept a second time, in `verdict.json`, and the version's digest covers it.

So a figure or a verdict that was edited in the manifest, or in the file, is noticed before it is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mendel.core import digest, lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest

NAME = "verdict.json"
SCORES = "scores.parquet"
UNSEALED = frozenset({"mlflow_run_id"})
"""Metrics that are no finding: they are known only when the seal is written."""
TIMES = frozenset({"reasons", "latencies"})
"""Keys that tell the time, besides those with `second` in them."""


def write(folder: Path, metrics: Mapping[str, Any]) -> str:
    """Keep the findings in a draft's folder; their digest, for `version_digest`."""
    (folder / NAME).write_text(json.dumps(metrics, indent=2, sort_keys=True), encoding="utf-8")
    return findings_digest(metrics)


def findings_digest(metrics: Mapping[str, Any]) -> str:
    """Hex sha256 over findings as canonical JSON, without what tells the time: equal scores, equal digest.

    By our names that is every key and rule with `second` in it, and the sentences made of such figures. Fractions count
    to nine digits: what lies below differs between machines.
    """
    canonical = json.dumps(_timeless(metrics), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def version_digest(rows_digest: str, findings: str) -> str:
    """The digest of an evaluation: over the scores of every sentence and the findings."""
    return digest.of_digests([rows_digest, findings])


def check(root: str, evaluation: Manifest) -> None:
    """Check that an evaluation says what it said when it was made, and that its verdict follows from it and its rules.

    Raises InputError that says what differs. The files have been checked against the manifest (`manifest.verify`).
    """
    where, again = evaluation.path, f"Run: mendel evaluate --partition {evaluation.partition} --force"
    files = _files(root, evaluation)
    if not has_seal(evaluation):
        raise InputError(f"{where} has no {NAME}: it was made before verdicts were sealed. {again}")
    findings = {name: value for name, value in evaluation.metrics.items() if name not in UNSEALED}
    if differing := list(_differences(json.loads(lake.read_text(files[NAME])), findings)):
        raise InputError(f"{where} was edited: {'; '.join(differing[:5])} ({NAME} against the manifest). {again}")
    rows, sealed = _rows_digest(files[SCORES]), findings_digest(findings)
    if (expected := version_digest(rows, sealed)) != evaluation.digest:
        raise InputError(
            f"{where} was edited: its scores and findings have the digest {expected}, the manifest says "
            f"{evaluation.digest}. {again}"
        )
    named = manifest.fingerprint(
        evaluation.stage,
        evaluation.stage_version,
        {entry.name: entry.digest for entry in evaluation.inputs},
        evaluation.parameters,
    )
    if named != evaluation.fingerprint:
        raise InputError(f"{where} was edited: its inputs and parameters, the rules among them, name {named}. {again}")
    if differing := list(_differences(_judged_again(findings, evaluation.parameters["rules"]), findings["decision"])):
        raise InputError(
            f"{where}: its verdict does not follow from its figures and rules: {'; '.join(differing)}. {again}"
        )


def has_seal(evaluation: Manifest) -> bool:
    """Evaluations made by 0.1.0 have none."""
    return any(entry.path.endswith(f"/{NAME}") for entry in evaluation.files)


def check_unsealed(root: str, evaluation: Manifest) -> None:
    """Check what can be checked of an evaluation without a seal: scores and verdict. Raises InputError."""
    verdict = f"promote: {evaluation.metrics['decision']['promote']}"
    rows = _rows_digest(_files(root, evaluation)[SCORES])
    if (expected := digest.of_digests([rows, verdict])) != evaluation.digest:
        raise InputError(
            f"{evaluation.path} was edited: scores and verdict have the digest {expected}, the manifest says "
            f"{evaluation.digest}"
        )


def _files(root: str, evaluation: Manifest) -> dict[str, str]:
    """URIs by name."""
    return {entry.path.rsplit("/", 1)[1]: lake.join(root, entry.path) for entry in evaluation.files}


def _judged_again(findings: Mapping[str, Any], rules: Mapping[str, Any]) -> Any:
    from mendel.evaluation import gate  # loads numpy
    from mendel.evaluation.evaluation import Evaluation  # loads pyarrow, numpy

    judged = Evaluation.model_validate(findings)
    assert judged.evidence is not None, "sealed evaluations keep what their verdict follows from"
    return gate.judge(judged.evidence, gate.Rules.model_validate(rules)).model_dump(mode="json")


def _rows_digest(uri: str) -> str:
    import pyarrow.parquet as pq

    with lake.open_uri(uri) as file:
        return digest.of_table(pq.read_table(file))


def _timeless(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _timeless(item) for key, item in value.items() if not ("second" in key or key in TIMES)}
        case list() | tuple():
            return [_timeless(item) for item in value if not _tells_the_time(item)]
        case float():
            return float(f"{value:.9g}")
        case _:
            return value


def _tells_the_time(check: Any) -> bool:
    return isinstance(check, Mapping) and "second" in str(check.get("rule"))


def _differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Each place where two JSON values differ, in words."""
    expected, actual = (list(side) if isinstance(side, tuple) else side for side in (expected, actual))
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            yield from _differences(expected.get(key), actual.get(key), f"{path}.{key}" if path else key)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(*pair, f"{path}[{number}]")
    elif expected != actual:
        yield f"{path}: expected {expected!r}, found {actual!r}"
