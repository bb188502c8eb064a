"""The page of changes: what was taken out, what was put in, how sure the restorer was."""

from __future__ import annotations

from pathlib import Path

from mendel.documents.report import HtmlReport

from .conftest import restored


def test_a_change_is_shown_between_the_words_around_it_with_its_confidence(tmp_path: Path) -> None:
    page = tmp_path / "changes.html"
    with HtmlReport(page) as report:
        report.add("a<b>.txt", restored("I saw teh king & queen.\n", "text", {"teh": "the"}))
    written = page.read_text(encoding="utf-8")
    assert "<h2>a&lt;b&gt;.txt</h2>" in written
    assert "1 change in 1 paragraph<" in written
    assert "I saw <del>teh</del><ins>the</ins><small> 90%</small> king &amp; queen." in written


def test_a_change_that_would_harm_the_document_is_named_as_left_out(tmp_path: Path) -> None:
    page = tmp_path / "changes.html"
    with HtmlReport(page) as report:
        report.add("a.md", restored("A year\nof peace.\n", "markdown", {"of": "1."}))
    written = page.read_text(encoding="utf-8")
    assert "0 changes in 1 paragraph<" in written
    assert written.count("Left out, since") == 1


def test_without_an_end_there_is_no_page(tmp_path: Path) -> None:
    page = tmp_path / "changes.html"
    try:
        with HtmlReport(page) as report:
            report.add("a.txt", restored("I saw teh king.\n", "text", {"teh": "the"}))
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert not page.exists()
