"""The plain text of what OCR engines write: hOCR, ALTO and PAGE XML, and text files. No layout, no confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from xml.etree import ElementTree

from mendel.core.errors import InputError

SUFFIXES = (".txt", ".hocr", ".html", ".htm", ".xml")
"""Of what can be read; of two files with the same name the first kind counts."""


def read(data: bytes, where: str) -> str:
    """The text of a file, its white space single spaces: how lines were broken is no noise.

    Raises InputError naming `where` when it is not what its suffix says.
    """
    try:
        text = data.decode("utf-8-sig") if not where.endswith(".xml") else _of_xml(data, where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8: {error}") from error
    except ElementTree.ParseError as error:
        raise InputError(f"{where} is not XML: {error}") from error
    if where.endswith((".hocr", ".html", ".htm")):
        text = _of_hocr(text, where)
    return " ".join(text.split())


def _of_xml(data: bytes, where: str) -> str:
    root = ElementTree.fromstring(data)  # noqa: S314 (expat bounds what entities grow to, and loads no external ones)
    kind = _name(root)
    if kind not in XML:
        raise InputError(f"{where}: the root element is {kind!r}; expected 'alto' or 'PcGts' (PAGE)")
    return " ".join(XML[kind](root))


def _of_alto(root: ElementTree.Element) -> Iterable[str]:
    """Words; the hyphen at a line's end, an element of its own, belongs to the word before it."""
    words: list[str] = []
    for element in root.iter():
        if _name(element) == "String":
            words.append(element.get("CONTENT", ""))
        elif _name(element) == "HYP" and words:
            words[-1] += element.get("CONTENT", "-")
    return words


def _of_page(root: ElementTree.Element) -> Iterable[str]:
    """Lines: each says its whole text, and again that of its words."""
    for line in root.iter():
        if _name(line) == "TextLine":
            readings = [child for child in line if _name(child) == "TextEquiv"]
            best = min(readings, key=lambda reading: int(reading.get("index", 0)), default=line)
            yield next((element.text or "" for element in best.iter() if _name(element) == "Unicode"), "")


XML: dict[str, Callable[[ElementTree.Element], Iterable[str]]] = {"alto": _of_alto, "PcGts": _of_page}


def _name(element: ElementTree.Element) -> str:
    """Without its name space, of which there is one for each version of a format."""
    return element.tag.rpartition("}")[2]


def _of_hocr(text: str, where: str) -> str:
    words = _Words()
    words.feed(text)
    words.close()
    if not words.page:
        raise InputError(f"{where} is no hOCR: no element has the class ocr_page")
    return "".join(words.parts)


class _Words(HTMLParser):
    """The text of the elements of class ocrx_word."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.page = False
        self._open = 0
        """Elements that are open within a word, itself among them."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split()
        self.page |= "ocr_page" in classes
        if self._open or "ocrx_word" in classes:
            self._open += tag not in ("br", "img", "wbr")  # these are never closed

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that is closed at once holds no text."""

    def handle_endtag(self, tag: str) -> None:
        if self._open:
            self._open -= 1
            if not self._open:
                self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.parts.append(data)
