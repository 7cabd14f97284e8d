"""Readers of HTML and XML; standard library only."""

import base64
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import zip_longest
from typing import Any
from xml.etree import ElementTree

from mlops_kit.privacy.detect.kinds.headers import label_of
from mlops_kit.privacy.read.json_csv import label
from mlops_kit.privacy.read.open_file import (
    Column,
    Opened,
    Piece,
    Text,
    Unreadable,
    pieces_of_bytes,
    whole,
    whole_text,
)

DATA_ADDRESS = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=-]+)*;base64,([A-Za-z0-9+/=\s]+)")
# Tags inside a line of text: what they part is read as one word.
INLINE = re.compile(
    "a|abbr|b|bdi|code|em|font|i|kbd|mark|q|s|small|span|strong|sub|sup|u|wbr", re.IGNORECASE
)
# Attributes that describe a drawing or a style, and those that only give something a name.
SILENT = re.compile("class|d|height|id|points|rel|style|transform|viewbox|width|xmlns|[xy][12]?")
# Ends whatever a page leaves open: for the end of each open tag or comment, the parser of the
# standard library would look through the whole rest of the page.
CLOSING = ">-->]]>\"'></script></style>"
DEPTH_OF_SENTENCES = 3  # a document is read so many times at most, however deep it is
NAMING = frozenset({"class", "id", "rel"})


class _Page(HTMLParser):
    """Text of a page on the lines where it stands, cells with the heading of their column."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.line = 1
        self.names: set[str] = set()
        self.comments: list[tuple[int, str]] = []
        self.headings: list[str] = []
        self.row: list[tuple[str, list[str]]] | None = None

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Part words at a block, open rows and cells, keep what attributes say."""
        if tag == "table":
            self.headings = []
        elif tag == "tr":
            self._close_row()
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self.row.append((tag, []))
        elif not INLINE.fullmatch(tag):
            self.handle_data("\t")
        self.names.add(tag)
        for name, value in attrs:
            self.names.add(name)
            if value and name in NAMING:
                self.names.add(value)
            elif value and not SILENT.fullmatch(name):
                self._write(f"\t{value}\t")

    def handle_endtag(self, tag: str) -> None:
        """Close rows, and part what stands in different blocks."""
        if tag in ("tr", "table"):
            self._close_row()
        elif not INLINE.fullmatch(tag):
            self.handle_data("\t")

    def handle_data(self, data: str) -> None:
        """Keep text, of the page or of a cell."""
        if self.row:
            self.row[-1][1].append(data)
        else:
            self._write(data)

    def handle_comment(self, data: str) -> None:
        """Keep what a comment says, apart: it does not part the word that it stands in."""
        self.comments.append((self.getpos()[0], data))

    def handle_decl(self, decl: str) -> None:
        """Keep declarations."""
        self._write(f"\t{decl}\t")

    def handle_pi(self, data: str) -> None:
        """Keep instructions."""
        self._write(f"\t{data}\t")

    def unknown_decl(self, data: str) -> None:
        """Keep what is marked as no markup."""
        self._write(f"\t{data}\t")

    def text(self) -> str:
        """Return all that was kept."""
        self._close_row()
        return "".join(self.parts)

    def _write(self, text: str) -> None:
        behind = self.getpos()[0] - self.line
        self.parts.append("\n" * behind + text)
        self.line += max(behind, 0) + text.count("\n")

    def _close_row(self) -> None:
        row, self.row = self.row, None
        cells = [" ".join("".join(parts).split()) for _, parts in row or []]
        if row and all(tag == "th" for tag, _ in row):
            self.headings = cells
            self._write("\t".join(cells) + "\t")
        elif row:
            named = zip_longest(self.headings[: len(cells)], cells, fillvalue="")
            self._write(
                "\t".join(f"{label_of(name)}: {x}" if name else x for name, x in named) + "\t"
            )


def html_page(opened: Opened) -> Iterator[Piece]:
    """Read a page as a person would see it, with attributes, comments and embedded files."""
    text = whole_text(opened)
    for kind, packed in DATA_ADDRESS.findall(text):
        content = base64.b64decode(packed)
        name = {"text/html": "it.html", "image/svg+xml": "it.svg"}.get(kind, "it")
        yield from pieces_of_bytes(content, f"{opened.place}: embedded", name, opened.depth + 1)
    page = _Page()
    page.feed(DATA_ADDRESS.sub("", text) + CLOSING)
    page.close()
    yield Text(opened.place, page.text(), 1)
    for line, comment in page.comments:
        yield Text(opened.place, comment, line)
    yield Text(f"{opened.place}: names", "\n".join(sorted(page.names)), 0)


def xml_document(opened: Opened) -> Iterator[Piece]:
    """Read XML as one column per path, with attributes, comments and instructions."""
    content = whole(opened)
    if b"<!ENTITY" in content:
        raise Unreadable(opened.place, "declares entities of its own; remove them")
    builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
    parser = ElementTree.XMLParser(target=builder)
    parser.feed(content)
    found: dict[str, list[str]] = {}
    names: set[str] = set()
    _xml_leaves(parser.close(), "", found, names)
    yield Text(f"{opened.place}: names", "\n".join(sorted(names)), 0)
    for path, values in found.items():
        yield Column(f"{opened.place}: {path}", path, values, 0)


def _sentence(element: Any, depth: int = DEPTH_OF_SENTENCES) -> str:
    """Join the words of an element and of those in it; deeper ones are read by themselves."""
    inner = [_sentence(child, depth - 1) + (child.tail or "") for child in element if depth]
    return "".join([element.text or "", *inner])


def _xml_leaves(element: Any, path: str, found: dict[str, list[str]], names: set[str]) -> None:
    tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"
    names.add(tag)
    here = f"{path}.{label(tag, '*')}" if path else label(tag, "*")
    for name, value in element.attrib.items():
        names.add(name.rpartition("}")[2])
        if name in NAMING:
            names.add(value)
        if SILENT.fullmatch(name):
            continue
        found.setdefault(f"{here}@{label(name.rpartition('}')[2], '*')}", []).append(value)
    tails = [child.tail for child in element if child.tail and child.tail.strip()]
    own = element.text if element.text and element.text.strip() else ""
    if own or tails:  # the words of a sentence may stand in several elements
        joined = own if tag == "comment" else _sentence(element)
        found.setdefault(here, []).append(joined)
    for child in element:
        _xml_leaves(child, here, found, names)
