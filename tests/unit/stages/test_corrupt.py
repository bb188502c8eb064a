import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mendel.core import config, manifest
from mendel.core.errors import InputError
from mendel.core.lake import read_text
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute, fingerprint
from mendel.noise import pairs
from mendel.noise.edits import decode, replay, undo
from mendel.noise.profile import OPERATIONS, NoiseProfile, Rates, ResolvedProfile
from mendel.spark import settings as spark_settings
from mendel.stages.corrupt import Copies, Corrupt

from ..retraining.conftest import MakeRetraining
from ..spark.conftest import LOCAL, PARTITION, corpus_table, make_lake, path_of

SETTINGS: dict[str, Any] = {
    "noise": {"name": "n", "rates": dict.fromkeys(OPERATIONS, 0.01), "target_cer": 0.1},
    "copies": {"train": 2, "validation": 0, "test": 1},
    "spark": LOCAL,
}


def run(context: Context, **settings: object) -> Manifest:
    return execute(Corrupt.model_validate(SETTINGS | settings), context)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return make_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def made(lake: Context) -> Manifest:
    """Pairs of `corpus_table` by SETTINGS."""
    return run(lake)


SWAPS = NoiseProfile(name="swaps", rates=Rates(reversal=0.2), mean_length=2)
EARLIER, LATER = "2026-11-20", "2026-11-24"


def rows(context: Context, made: Manifest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pairs.read(context.uris(made.as_input(), ".parquet")).sort_by("id").to_pylist()
    return found


def test_default_noise_is_the_shipped_default() -> None:
    shipped = Path(__file__).parents[3] / "include" / "noise" / "default.yaml"
    assert Corrupt().noise == NoiseProfile.model_validate(config.load(str(shipped)))


@pytest.mark.parametrize("key", ["nois", "noise.rates.deletoin", "copies.dev"])
def test_a_misspelt_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Corrupt.model_validate(config.override(SETTINGS, [f"{key}=0.1"]))


def test_only_what_changes_the_pairs_names_the_version() -> None:
    assert fingerprint(Corrupt(), []) == fingerprint(Corrupt(spark={"spark.master": "local[1]"}), [])
    assert fingerprint(Corrupt(), []) != fingerprint(Corrupt(seed=1), [])
    assert fingerprint(Corrupt(), []) != fingerprint(Corrupt(copies=Copies(train=2)), [])


def test_where_noise_is_learned_names_no_version() -> None:
    assert fingerprint(Corrupt(learned_noise=True), []) == fingerprint(Corrupt(), []), "what was learned is an input"


@pytest.mark.parametrize(
    ("learned_noise", "days", "expected"),
    [
        (True, {}, []),
        (True, {EARLIER: {"noise": SWAPS}}, [("learned_noise", EARLIER)]),
        (False, {EARLIER: {"noise": SWAPS}}, []),
        (True, {EARLIER: {"noise": SWAPS, "wanted": False}}, []),
        (True, {LATER: {"noise": SWAPS}}, []),
        # of the partition itself it is why the pairs are made, whatever noise they have
        (False, {PARTITION: {"noise": SWAPS}}, [("retraining", PARTITION)]),
        (True, {PARTITION: {"noise": SWAPS}}, [("retraining", PARTITION), ("learned_noise", PARTITION)]),
        (
            True,
            {EARLIER: {"noise": SWAPS}, PARTITION: {}},
            [("retraining", PARTITION), ("learned_noise", EARLIER)],
        ),
        (True, {PARTITION: {"wanted": False}}, []),
    ],
)
def test_what_production_asked_for_is_an_input(
    tmp_path: Path, learned_noise: bool, days: dict[str, dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    # given a corpus, and days that were weighed
    context = make_lake(tmp_path)
    for day, settings in days.items():
        execute(MakeRetraining(**settings), dataclasses.replace(context, partition=day))
    # when pairs are to be made
    corpus, *others = Corrupt(learned_noise=learned_noise).inputs(context)
    # then they are made from these
    assert corpus.name == "corpus"
    assert [(entry.name, context.manifest_of(entry).partition) for entry in others] == expected


@pytest.mark.spark
def test_learned_kinds_of_noise_come_at_the_configured_level(tmp_path: Path, made: Manifest) -> None:
    # given noise that was learned from feedback: swaps, and far more of them than the pipeline's CER
    context = make_lake(tmp_path)
    execute(MakeRetraining(noise=SWAPS), dataclasses.replace(context, partition=EARLIER))
    # when the corpus is corrupted
    learned = run(context, learned_noise=True)
    # then the errors are swaps, as many as without, and the manifest has the noise that was used
    assert {operation for operation, count in learned.metrics["events"].items() if count} == {"reversal"}
    assert learned.metrics["cer"] == pytest.approx(made.metrics["cer"], rel=0.1)
    used = NoiseProfile.model_validate(learned.parameters["noise"])
    assert (used.name, used.target_cer) == ("swaps", SETTINGS["noise"]["target_cer"])
    [noise] = context.uris(learned.as_input(), pairs.NOISE)
    assert ResolvedProfile.model_validate_json(read_text(noise)).profile == used


@pytest.mark.spark
def test_every_record_becomes_its_copies(lake: Context, made: Manifest) -> None:
    # given how many copies each split has
    copies = {"train": 2, "validation": 0, "test": 1}
    # when the pairs are read
    found = [(row["id"], row["record_id"], row["split"], row["copy"], row["clean"]) for row in rows(lake, made)]
    # then each record is there so many times, with its text
    expected = [
        (f"{record['id']}#{copy}", record["id"], record["split"], copy, record["text"])
        for record in corpus_table().to_pylist()
        for copy in range(copies[record["split"]])
    ]
    assert found == sorted(expected)
    assert made.rows == len(found) == 420


@pytest.mark.spark
def test_copies_of_a_record_differ(lake: Context, made: Manifest) -> None:
    noisy: dict[str, set[str]] = {}
    for row in rows(lake, made):
        if row["split"] == "train":
            noisy.setdefault(row["record_id"], set()).add(row["noisy"])
    same = sum(len(texts) == 1 for texts in noisy.values())
    assert same < 20, f"{same} of {len(noisy)} records have two equal copies at a CER of 10%"


@pytest.mark.spark
def test_edits_lead_from_clean_to_noisy_and_back(lake: Context, made: Manifest) -> None:
    for row in rows(lake, made):
        edits = decode(row["edits"])
        assert replay(row["clean"], edits) == row["noisy"], row["id"]
        assert undo(row["noisy"], edits) == row["clean"], row["id"]


@pytest.mark.spark
def test_metrics_agree_with_the_pairs(lake: Context, made: Manifest) -> None:
    found = rows(lake, made)
    events = [edit.op for row in found for edit in decode(row["edits"])]
    assert made.metrics["events"] == {operation: events.count(operation) for operation in OPERATIONS}
    assert {split: noise["rows"] for split, noise in made.metrics["splits"].items()} == {"train": 400, "test": 20}
    assert made.metrics["clean_share"] == sum(row["clean"] == row["noisy"] for row in found) / len(found)
    assert made.metrics["cer"] == pytest.approx(0.1, rel=0.1), "some 2,000 events: 5% off at one standard deviation"


@pytest.mark.spark
def test_the_resolved_profile_lies_beside_the_pairs(lake: Context, made: Manifest) -> None:
    [noise] = lake.uris(made.as_input(), pairs.NOISE)
    resolved = ResolvedProfile.model_validate_json(read_text(noise))
    assert resolved.profile.target_cer == 0.1
    assert resolved.rates != resolved.profile.rates, "the rates were not calibrated"
    assert "é" in resolved.alphabet


@pytest.mark.spark
def test_pairs_are_read_by_split_and_column(lake: Context, made: Manifest) -> None:
    table = pairs.read(lake.uris(made.as_input(), ".parquet"), splits=["test"], columns=["clean"])
    assert table.column_names == ["clean"]
    assert len(table) == 20


@pytest.mark.spark
def test_digest_does_not_depend_on_how_the_work_is_divided(
    made: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given pairs made from one file a split, by one Spark task
    # when four tasks corrupt the same corpus from three files a split, handed to them as large strings
    monkeypatch.setenv(spark_settings.SETTINGS, "spark.sql.execution.arrow.useLargeVarTypes: true")
    four = run(make_lake(tmp_path, files=3), spark=LOCAL | {"spark.default.parallelism": "4"})
    # then the parts differ in number, the pairs do not
    assert len(made.files) < len(four.files)
    assert (made.rows, made.digest) == (four.rows, four.digest)


@pytest.mark.spark
def test_a_second_run_does_nothing(lake: Context, made: Manifest) -> None:
    assert run(lake) == made


@pytest.mark.spark
def test_a_corpus_without_validation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Run: mendel validate corpus"):
        run(make_lake(tmp_path, validated=False))


def cli(context: Context, tmp_path: Path, *arguments: str) -> list[str]:
    """The command line of the stage, with a pipeline file of its own."""
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(json.dumps({"name": "test", "lake": context.root, "corrupt": SETTINGS}))
    command = [sys.executable, "-m", "mendel.cli", "corrupt", "--config", str(pipeline), "--partition", PARTITION]
    return [*command, *arguments]


def test_a_tampered_input_exits_2_and_is_named(tmp_path: Path) -> None:
    # given a corpus of which one byte was changed
    context = make_lake(tmp_path / "lake")
    corpus = manifest.current(context.root, "corpus", PARTITION)
    assert corpus is not None
    victim = path_of(context, corpus.files[0].path)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    # when it is to be corrupted
    done = subprocess.run(cli(context, tmp_path), capture_output=True, text=True, timeout=300)
    # then the stage stops before it starts, and names the file
    assert done.returncode == 2, done.stderr
    assert str(victim) in done.stderr
    assert "sha256" in done.stderr


def test_a_bad_value_exits_2_and_is_named(tmp_path: Path) -> None:
    command = cli(make_lake(tmp_path / "lake"), tmp_path, "--set", "noise.mean_length=0.5")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert "corrupt.noise.mean_length" in done.stderr


@pytest.mark.spark
def test_killed_while_it_writes_it_can_be_run_again(made: Manifest, tmp_path: Path) -> None:
    # given a run that is killed as soon as Spark has begun to write
    context = make_lake(tmp_path / "lake")
    process = subprocess.Popen(cli(context, tmp_path), start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: list(path_of(context, "pairs").glob("dt=*/*/attempt=*/_temporary")), process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert manifest.current(context.root, "pairs", PARTITION) is None, "a killed run was committed"
    # when it is run again
    again = run(context)
    # then it gives what an undisturbed run gives, and lists nothing of the killed one
    assert (again.fingerprint, again.digest, again.rows) == (made.fingerprint, made.digest, made.rows)
    assert {file.path.removeprefix(f"{again.folder}/").split("/")[0] for file in again.files} == {
        "split=train",
        "split=test",
        pairs.NOISE,
    }


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[bytes]", seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"the run ended with {process.returncode} before it could be killed"
        assert time.monotonic() < deadline, f"nothing was written within {seconds} s"
        time.sleep(0.01)
