"""The documentation: all pages are in the site's navigation, links lead somewhere, and commands are commands that there are."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from mendel.cli.main import app

REPO = Path(__file__).resolve().parents[2]
DOCS = REPO / "docs"
WRITTEN_BY_CODE = {f"reference/{name}.md" for name in ("api", "chart", "cli", "configuration", "dags", "metrics")}
PAGES = sorted(path.relative_to(REPO).as_posix() for path in [*DOCS.rglob("*.md"), REPO / "README.md"])
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(?:#[^)\s]*)?\)")
FENCED = re.compile(r"^```.*?\n(.*?)^```", re.DOTALL | re.MULTILINE)
PARTS = re.compile(r"\s(?:\||&&|;|#)\s.*|,? then .*")
"""What comes after a command on its line."""


def navigation(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from navigation(part)


def commands(text: str) -> Iterator[list[str]]:
    """Words after `mendel` of each command in a block of code, lines that end in a backslash joined."""
    indented = re.findall(r"^ {4,}\S.*", text, re.MULTILINE)
    blocks = "\n".join([*FENCED.findall(text), *indented])
    for line in re.sub(r"\\\n\s*", " ", blocks).splitlines():
        if re.match(r"\s*(?:kubectl|helm|git) ", line):  # there it is the name of a release, or of a folder
            continue
        if found := re.search(r"(?:^|[\s/|])(?<!from )mendel ([a-z].*)", line.strip()):
            yield shlex.split(PARTS.sub("", found[1].replace("…", "")), comments=True)


def problem(words: list[str]) -> str | None:
    """Why there is no such command, or None."""
    command: Any = typer.main.get_command(app)
    for position, word in enumerate(words):
        subcommands = getattr(command, "commands", None)
        if subcommands:
            if word == "--help":
                return None
            if word not in subcommands:
                return f"no command {word!r}; there are {', '.join(sorted(subcommands))}"
            command = subcommands[word]
        elif word.startswith("-") and word not in ("-", "--help"):
            name = word.partition("=")[0]
            known = {option for param in command.params for option in param.opts}
            if name not in known:
                return f"{' '.join(words[:position])} has no option {name}"
    return None


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((REPO / "mkdocs.yml").read_text())
    named = list(navigation(settings["nav"]))
    assert sorted(named) == sorted({*named}), "a page is named twice"
    assert {*named} == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} | WRITTEN_BY_CODE


def test_no_page_is_written_by_hand_and_by_code() -> None:
    assert not [page for page in WRITTEN_BY_CODE if (DOCS / page).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    there = WRITTEN_BY_CODE | {""}
    folder = (REPO / page).parent
    for target in LINK.findall((REPO / page).read_text()):
        path = Path(os.path.normpath(folder / target))
        of_the_site = path.is_relative_to(DOCS) and path.relative_to(DOCS).as_posix() in there
        assert of_the_site or path.exists(), f"{page} links to {target}, which is not there"


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    for words in commands((REPO / page).read_text()):
        assert problem(words) is None, f"{page}: mendel {' '.join(words)}: {problem(words)}"


@pytest.mark.parametrize("page", PAGES)
def test_targets_of_make_exist(page: str) -> None:
    text = (REPO / page).read_text()
    named = re.findall(r"^ {4}make ([a-z-]+)", text, re.MULTILINE) + re.findall(r"`make ([a-z-]+)", text)
    targets = re.findall(r"^([a-z-]+):.*##", (REPO / "Makefile").read_text(), re.MULTILINE)
    assert {*named} - {*targets} == set()


def test_commands_are_found_in_pages_and_a_wrong_one_is_seen() -> None:
    # Given the guides, when commands are looked for, then there are many
    assert sum(len([*commands((REPO / page).read_text())]) for page in PAGES) > 30
    # And what does not exist is told
    (words,) = commands("    echo x | .venv/bin/mendel registry rollbck -c FILE  # back")
    assert "no command 'rollbck'" in str(problem(words))
    assert "has no option --days" in str(problem(["gc", "-c", "FILE", "--days", "3"]))
    assert problem(["gc", "-c", "FILE", "--older-than", "3"]) is None


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page: str) -> None:
    """Paths in backticks that begin with a folder of the repository."""
    text = FENCED.sub("", (REPO / page).read_text())
    for name in re.findall(r"`((?:bench|charts|dags|include|infra|plugins|scripts|tests)/[\w./-]+)`", text):
        generated = name.startswith(("include/deployment", "bench/results"))
        assert (
            generated or name == "include/noise/scans.yaml" or name.endswith("mine.yaml") or (REPO / name).exists()
        ), f"{page}: there is no {name}"
