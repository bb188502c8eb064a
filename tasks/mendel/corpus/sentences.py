"""Where the sentences of a line end: at marks that end one in any language, else where sentencex says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mendel.corpus.scripts import CJK_LETTER, THAI_AND_LAO, UNSPACED

WINDOW = 4096
"""Characters that sentencex sees at once, for its time is quadratic in them. A longer sentence is put together again."""

MARKS = "。！？．｡।॥۔؟።፧፨։။។៕"
"""They end a sentence and are nothing else: marks of Chinese and Japanese, Indic, Arabic, Ethiopic, Armenian, Burmese and
Khmer. What `.`, `!` and `?` do depends on the language."""
CLOSERS = "\"'’”›»)]}」』】〕〉》）］｝｣"
OPENERS = "「『“（｢《〈【"
CLOSING = f"[{re.escape(CLOSERS)}]*"
SPEECH = "|".join(rf"{pair[0]}[^{pair}]{{0,200}}{pair[1]}" for pair in ["「」", "『』", "“”", "（）", "｢｣"])
"""In one pair of brackets; what is said in it stays together."""
MARK = re.compile(rf"(?P<speech>{SPEECH}){CLOSING}|[{MARKS}]+{CLOSING}")
HELD = re.compile(f"[{MARKS}「『“（｢]")
"""Whether `MARK` may be found, in a fraction of its time."""
GOES_ON = re.compile(r"って|など|[とのをが、，,：:；;]")
"""Behind speech: a particle of Japanese or a comma, so the sentence around it has not ended."""
SPACE = re.compile(r"\s+")
LATIN_MARK = re.compile(r"[.!?]")

TERMINATED = re.compile(
    rf"[.!?…{MARKS}]{CLOSING}$"
    r'|" [^"]*[.!?…] "$'  # French, whose quotation marks have become plain: " Quelle chance ! "
    rf"|[\u0370-\u03ff\u1f00-\u1fff] ?;{CLOSING}$"  # the question mark of Greek, to Unicode the same as a semicolon
    rf"|[{THAI_AND_LAO}]{CLOSING}$"  # they have no mark
)
"""A text that ends as sentences do."""

UNSPACED_END = re.compile(rf"(?=[{MARKS}]){UNSPACED}{CLOSING}$")
"""Behind it a sentence may begin without a space."""

BETWEEN_CLAUSES = re.compile(rf"(?<=[{THAI_AND_LAO}]) +(?=[{THAI_AND_LAO}])")
CLAUSES = 60
"""Characters from which clauses of Thai, between spaces, make a text of their own."""

ABBREVIATIONS = {
    "fr": r"M MM Mme Mmes Mlle Mlles Me Mgr Dr Pr St Ste cf chap fig p pp av apr J\.-C",
    "es": "D Dña Sr Sra Srta Dr Dra Sto Sta art cap fig núm p pág págs vol",
    "de": "Dr Prof Hr Fr Nr St Bd Abb Tab Kap Abs ca vgl bzw Ing",
    "ru": "ул им стр рис табл см ср гл е тов акад проф доц кв обл св млн млрд тыс напр",
    "it": "Sig Sigg Dott Prof Ing Avv On art cap fig pag p vol",
    "pt": "Sr Sra Srs Dr Dra Prof Exa art cap fig pág p vol",
}
"""By language, what sentencex does not know or misses at a line's start. A full stop behind them ends no sentence."""
GLUED = r"\w\.$"
"""A full stop with no space behind it, as in `J.-C.`"""
ABBREVIATED = {
    language: re.compile(rf"(?<!\w)(?:{words.replace(' ', '|')})\.\s*$|{GLUED}")
    for language, words in ABBREVIATIONS.items()
}


def split(line: str, language: str) -> Iterator[str]:
    """The sentences of a line with the spaces behind them, so that they join to the line; `language` as an ISO code.

    The time is linear in the line's length, whatever stands in it.
    """
    start = 0
    for end in [*_marks(line), len(line)]:
        for sentence in filter(None, _joined(_by_language(line[start:end], language), language)):
            yield from _clauses(sentence)
        start = end


def _marks(line: str) -> Iterator[int]:
    """The places behind marks that end a sentence in any language, behind speech that ends in one, and their spaces."""
    if HELD.search(line):
        for mark in MARK.finditer(line):
            if not mark["speech"] or _ends(mark):
                space = SPACE.match(line, mark.end())
                yield space.end() if space else mark.end()


def _ends(speech: re.Match[str]) -> bool:
    """Whether the sentence around a speech ends with it."""
    content = speech[0].rstrip(CLOSERS)
    return content[-1] in f"{MARKS}!?" and not GOES_ON.match(speech.string, speech.end())


def _by_language(text: str, language: str) -> Iterator[str]:
    """What sentencex makes of a text, window by window; the last sentence of one, maybe half, begins the next."""
    import sentencex

    if CJK_LETTER.search(text) and not LATIN_MARK.search(text):
        yield text  # sentencex would cut behind speech
        return
    start, parts = 0, list[str]()
    while len(text) - start > WINDOW:
        window = text[start : start + WINDOW]
        if whole := sentencex.segment(language, window)[:-1]:
            yield "".join([*parts, whole[0]])
            yield from whole[1:]
            start += sum(map(len, whole))
            parts = []
        else:
            parts.append(window[: window.rfind(" ") + 1] or window)
            start += len(parts[-1])
    first, *others = sentencex.segment(language, text[start:]) or [""]
    yield "".join([*parts, first])
    yield from others


def _joined(sentences: Iterable[str], language: str) -> Iterator[str]:
    """Sentences, those together again that were cut behind an abbreviation."""
    abbreviated = ABBREVIATED.get(language)
    parts: list[str] = []
    for sentence in sentences:
        parts.append(sentence)
        if not abbreviated or not abbreviated.search("".join(parts[-2:])):
            yield "".join(parts)
            parts = []
    yield "".join(parts)


def _clauses(sentence: str) -> Iterator[str]:
    """A sentence of Thai or Lao cut at spaces, which stand between clauses; another as it is."""
    start = 0
    for space in BETWEEN_CLAUSES.finditer(sentence):
        if space.start() - start >= CLAUSES:
            yield sentence[start : space.end()]
            start = space.end()
    yield sentence[start:]
