"""What stands in a text and is not of it: tags of HTML and XML, Markdown's links, notes in square brackets."""

from __future__ import annotations

import re

NAME = r"[a-z][\w:-]*"
ATTRIBUTES = r"(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))*"
TAG = re.compile(rf"<!--|<!doctype\b|<(?P<close>/)?(?P<name>{NAME})(?P<more>{ATTRIBUTES}\s*/?)>", re.IGNORECASE)
END_TAG = re.compile(rf"</({NAME})\s*>", re.IGNORECASE)
TAG_OR_LESS = re.compile(rf"{TAG.pattern}|<", re.IGNORECASE)
BLOCKS = (
    "address,article,aside,blockquote,body,dd,div,dl,dt,figcaption,figure,footer,form,h1,h2,h3,h4,h5,h6,header,hr,li,main,"
    "nav,ol,p,pre,section,table,td,th,tr,ul"
)
BLOCK_TAG = re.compile(rf"<(?:{BLOCKS.replace(',', '|')})\b", re.IGNORECASE)
ALONE = frozenset(["html", "head", "body", "p", "br", "hr", "li", "dt", "dd", "tr", "td", "th", "tbody"])
"""Elements that are written without an end."""

LABEL = r"(?<![\w)\]])!?\[([^\[\]\n]{1,300})\]"
LINK = re.compile(rf"{LABEL}\([^\s()]*(?:\([^\s()]*\)[^\s()]*)*(?: \"[^\"\n]*\")?\)")
"""Markdown's `[label](target "title")` and `![label](image)`."""
REFERENCE = re.compile(rf"{LABEL}(?:\[([^\[\]\n]{{0,100}})\])?")
"""Markdown's `[label][name]`, `[label][]` and `[label]`, if the name is defined: `[name]: target`, a line of its own."""
DEFINITION = re.compile(r"^ ?\[([^\[\]\n^]{1,100})\]: ?[^\s\"]*[/.#][^\s\"]*(?: \"[^\"\n]*\")?[^\S\n]*$", re.MULTILINE)
NOTE = re.compile(
    r"(?<![\w)\[\]=(+/<>|&%])(?<![=+/<>|&%] )\[(?!-)(?:[\w \t.,;:!?'\"$%\u2018\u2019\u201c\u201d\u2013\u2014-]|=(?!=)){0,300}\]"
    r"(?![(\]])(?! ?[=+/])"
    r"|\((?:applause|laughter|cheers|inaudible|crosstalk|music)\b[^()\n]{0,100}\)",
    re.IGNORECASE,
)


def without_notes(text: str) -> str:
    """Text without stage directions and editors' notes; links of Markdown are their labels.

    A note is prose in square brackets that stand alone. What is glued to a word, follows an operator or holds signs of
    code stays: `a[i] = b[i] + 1`, `x = [1, 2]`, `[--help]`.
    """
    text = LINK.sub(r"\1", text)
    if defined := {name.casefold() for name in DEFINITION.findall(text)}:
        text = REFERENCE.sub(
            lambda match: match[1] if (match[2] or match[1]).casefold() in defined else match[0],
            DEFINITION.sub("", text),
        )
    return NOTE.sub(" ", text)


def without_tags(text: str) -> str:
    """Text without tags; scripts and styles go with their content, blocks become paragraphs.

    A tag has its end somewhere in the text, or attributes, or is one of those that need no end. Other angle brackets
    stay: `vector<int>`, `usage: copy <file>`.
    """
    ended = {name.lower() for name in END_TAG.findall(text)}
    if not any(_is_tag(match, ended) for match in TAG.finditer(text)):
        return text
    return _parsed(
        TAG_OR_LESS.sub(lambda match: match[0] if _is_tag(match, ended) else f"&lt;{match[0][1:]}", text),
    )


def _is_tag(match: re.Match[str], ended: set[str]) -> bool:
    name = match["name"]
    if name is None:
        return match[0] != "<"
    if match["close"] or match["more"].strip() or name.lower() in ended:
        return True
    return name.lower() in ALONE and (name.islower() or name.isupper())


def _parsed(text: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    if BLOCK_TAG.search(text):
        text = text.replace("\n", " ")  # where tags make the paragraphs, line breaks are mere spaces
    tree = LexborHTMLParser(text)
    tree.strip_tags(["head", "script", "style", "noscript", "template"])
    for node in tree.css(BLOCKS):
        node.insert_before("\n\n")
        node.insert_after("\n\n")
    for node in tree.css("br"):
        node.insert_after("\n")
    return tree.text()
