"""What a newcomer meets first: workflows, versions and links say what the repository has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import images
import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))
PAGES = [*REPO.glob("*.md"), *REPO.glob(".github/**/*.md")]
TARGETS = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
PIN = re.compile(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
HELM = "helm repo add apache-airflow https://airflow.apache.org"
"""What a machine needs before `make chart`, once; docs/how-to/deploy.md says the same to people."""

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text())
    return workflow


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def is_known(command: str) -> bool:
    """Whether a line of a workflow calls what is here: targets of the Makefile, or a script."""
    program, *words = command.split()
    if program == "make":
        return bool(words) and set(words) <= TARGETS
    if program == "bash":
        return len(words) == 1 and (REPO / words[0]).is_file()
    return command == HELM


def versions(changelog: str) -> list[str]:
    """Headings of a changelog, newest first."""
    return re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)


def dead_links(page: Path) -> list[str]:
    """Relative links of a page to files that are not there."""
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    inside = [link.split("#")[0] for link in links if "://" not in link]
    return [link for link in inside if not (page.parent / link).exists()]


@each_workflow
def test_a_workflow_calls_what_people_call(path: Path) -> None:
    commands = [line for step in steps(path) for line in step.get("run", "").splitlines()]
    assert [command for command in commands if not is_known(command)] == []


@pytest.mark.parametrize("command", ["make", "make tset", "make lint tset", "bash .ci/walk", "pip install mendel"])
def test_another_command_is_noticed(command: str) -> None:
    assert not is_known(command)


@each_workflow
def test_an_action_is_pinned_by_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"\buses: *(.+)", path.read_text())
    assert len(used) == len([step for step in steps(path) if "uses" in step]), "every one is looked at"
    assert [action for action in used if not PIN.fullmatch(action)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {action for path in WORKFLOWS for action in re.findall(r"\buses: *(.+)", path.read_text())}
    names = [action.split("@")[0] for action in used]
    assert names, "there are workflows"
    assert len(names) == len(set(names)), sorted(used)


@each_workflow
def test_a_token_has_the_rights_of_its_job(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}, "a job without a word of its own may nothing"
    for name, job in workflow["jobs"].items():
        writes = {right for right, level in job["permissions"].items() if level != "read"}
        assert writes == ({"pages", "id-token"} if name == "deploy" else set()), name


def test_every_image_is_built() -> None:
    [job] = read(REPO / ".github" / "workflows" / "images.yml")["jobs"].values()
    assert set(job["strategy"]["matrix"]["image"]) == set(images.IMAGES)


def test_a_commit_is_judged_by_the_tools_of_make_lint() -> None:
    [repository] = read(REPO / ".pre-commit-config.yaml")["repos"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in repository["hooks"]}
    [lint] = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (REPO / "Makefile").read_text(), re.MULTILINE)
    assert tools
    assert tools <= set(re.findall(r"\$\(BIN\)/(\S+)", lint))


def test_the_newest_release_is_the_same_everywhere() -> None:
    # Given the changelog, whose first heading may be what is not released yet
    released = [version for version in versions((REPO / "CHANGELOG.md").read_text()) if version != "Unreleased"]
    # When the others are read
    citation, chart = read(REPO / "CITATION.cff"), read(REPO / "charts" / "mendel" / "Chart.yaml")
    # Then all say its newest release
    assert {citation["version"], chart["version"], chart["appVersion"], images.version()} == {released[0]}


def test_a_release_is_dated_and_all_are_in_order() -> None:
    text = (REPO / "CHANGELOG.md").read_text()
    found = versions(text)
    assert "Unreleased" not in found[1:], "it stands on top"
    released = [version for version in found if version != "Unreleased"]
    dated = re.findall(r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert dated == released
    numbers = [tuple(map(int, version.split("."))) for version in released]
    assert numbers == sorted(set(numbers), reverse=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    assert dead_links(page) == []
