"""`mendel restore files`: documents of any format that is known, restored by any model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from mendel.core.errors import InputError, MendelError
from mendel.core.log import log
from mendel.documents import differences, files
from mendel.documents.document import ReadingOptions
from mendel.documents.files import Destination, InputFile
from mendel.documents.reading import reader
from mendel.documents.report import HtmlReport
from mendel.documents.restoring import RestoredDocument, restore
from mendel.restorers.restorer import Restorer

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked for."""

    form: str | None
    options: ReadingOptions
    threshold: float | None
    destination: Destination
    dry_run: bool
    diff: bool
    report: Path | None = None
    """Where the page that shows the changes goes."""


@dataclass
class Tally:
    """What became of the files."""

    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    changes: int = 0


def load(model: str, config: str | None) -> Restorer:
    """The restorer that a name means: a candidate's folder or URI by itself, any other in the lake of a configuration."""
    if "/" in model or Path(model).is_dir():
        return Restorer.load(model)
    if config is None:
        raise InputError(
            f"--model {model} is looked for in a lake: say which, with --config FILE. Or give a candidate's folder or URI"
        )
    from mendel.pipeline import load_section
    from mendel.promotion import champions

    root, _ = load_section(config, "restore")
    resolved = champions.resolve(root, model)
    log.info("model", version=resolved.version, candidate=resolved.fingerprint, standing=resolved.standing)
    return Restorer.load(resolved.restorer_uri)


def restore_files(restorer: Restorer, paths: Sequence[str], task: Task) -> Tally:
    """Restore each file; what is wrong with one is said on stderr, and the others go on."""
    if STDIN in paths and len(paths) > 1:
        raise InputError("- (standard input) stands alone: it is written to standard output")
    tally = Tally()
    with HtmlReport(task.report) if task.report else nullcontext() as report:
        if STDIN in paths:
            _stream(restorer, task, tally, report)
            return tally
        for file in _named(paths, task, tally):
            try:
                _file(restorer, file, task, tally, report)
            except (MendelError, OSError) as error:
                message = f"{file.path}: {error}" if isinstance(error, MendelError) else str(error)
                _fail(tally, message)
                if report:
                    report.fail(message)
    return tally


def _named(paths: Sequence[str], task: Task, tally: Tally) -> list[InputFile]:
    inputs: list[InputFile] = []
    for path in paths:
        try:
            inputs += files.inputs([path], task.form, task.destination)
        except InputError as error:
            _fail(tally, str(error))
    return inputs


def _file(restorer: Restorer, file: InputFile, task: Task, tally: Tally, report: HtmlReport | None) -> None:
    if file.form is None:
        tally.skipped += 1
        _skip(file, task)
        return
    if not task.dry_run:
        task.destination.require_free(file)
    restored = _restored(restorer, file.path.read_bytes(), file.form, str(file.path), task)
    _count(restored, tally)
    if report:
        report.add(str(file.path), restored)
    if task.diff:
        sys.stdout.write(differences.unified(restored, str(file.path), task.options.encoding))
    if task.dry_run:
        if restored.changed and not task.diff:
            print(f"{file.path}: {len(restored.changes)} changes")
    elif restored.changed or task.destination.folder is not None:
        target = task.destination.write(file, restored.data)
        print(f"{file.path} -> {target}: {len(restored.changes)} changes")


def _stream(restorer: Restorer, task: Task, tally: Tally, report: HtmlReport | None) -> None:
    restored = _restored(restorer, sys.stdin.buffer.read(), task.form or "text", "standard input", task)
    _count(restored, tally)
    if report:
        report.add("standard input", restored)
    if task.diff:
        sys.stdout.write(differences.unified(restored, "-", task.options.encoding))
    elif not task.dry_run:
        sys.stdout.buffer.write(restored.data)
        sys.stdout.buffer.flush()


def _restored(restorer: Restorer, data: bytes, form: str, name: str, task: Task) -> RestoredDocument:
    return restore(restorer, data, reader(form), task.options, task.threshold, name)


def _count(restored: RestoredDocument, tally: Tally) -> None:
    tally.changed += restored.changed
    tally.unchanged += not restored.changed
    tally.changes += len(restored.changes)


def _skip(file: InputFile, task: Task) -> None:
    """A file of no format that is known: a copy makes a folder of results whole."""
    if task.destination.folder is None or task.dry_run:
        log.info("skipped", file=str(file.path), reason="its suffix tells no format")
        return
    target = task.destination.of(file)
    task.destination.require_free(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file.path, target)
    log.info("copied", file=str(file.path), reason="its suffix tells no format")


def _fail(tally: Tally, message: str) -> None:
    tally.failed += 1
    print(f"mendel: {message}", file=sys.stderr, flush=True)
