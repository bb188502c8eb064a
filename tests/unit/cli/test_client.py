"""`mendel client` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from mendel.cli.client import REQUEST_CHARACTERS, REQUEST_TEXTS, requests

from ..serving.conftest import candidates_template, service, with_champion

__all__ = ["candidates_template", "service", "with_champion"]


def mendel(service: httpx.Client, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "mendel.cli", "client", *arguments, "--url", str(service.base_url)]
    return subprocess.run(command, input=given, capture_output=True, check=False)


def test_each_line_comes_back_restored(service: httpx.Client) -> None:
    done = mendel(service, "restore", "--json", given=b"The goverment of teh people.\n\nand\r\n")

    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    asked = service.post("/v1/restore", json={"text": ["The goverment of teh people.", "", "and"]})
    assert results == asked.json()["results"]


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("--version", "9"), b"a\n", b"404: there is no version 9"),
        (("--threshold", "80"), b"a\n", b"less than or equal to 1"),
        ((), b"a\n\xff\n", b"line 2, is not UTF-8"),
        ((), b"a" * 60_000, b"413: 60000 characters; at most 50000"),
    ],
)
def test_input_to_change_exits_with_2(
    service: httpx.Client, arguments: tuple[str, ...], given: bytes, told: bytes
) -> None:
    done = mendel(service, "restore", *arguments, given=given)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_a_document_is_restored_beside_itself(service: httpx.Client, tmp_path: Path) -> None:
    # given
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nThe goverment of `teh` people.\n")
    # when
    done, again = mendel(service, "document", str(page)), mendel(service, "document", str(page))
    # then
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.restored.md").read_text() == "# Page\n\nThe government of `teh` people.\n"
    assert page.read_text() == "# Page\n\nThe goverment of `teh` people.\n", "the original was changed"
    assert (again.returncode, b"is there already" in again.stderr) == (2, True), again.stderr
    unknown = mendel(service, "document", str(tmp_path / "none.txt"))
    assert (unknown.returncode, b"cannot be read" in unknown.stderr) == (2, True), unknown.stderr


def test_models_shows_the_champion(service: httpx.Client) -> None:
    assert mendel(service, "models").stdout.splitlines() == [b"version 1 promoted (champion)"]


def test_requests_hold_every_text_in_order_within_the_bounds() -> None:
    texts = ["a" * size for size in (*range(200), REQUEST_CHARACTERS + 1, 1)]
    made = list(requests(texts))
    assert [text for request in made for text in request] == texts
    assert all(len(request) <= REQUEST_TEXTS for request in made)
    assert all(len(request) == 1 or sum(map(len, request)) <= REQUEST_CHARACTERS for request in made)
