"""A JSON document whose array holds a table: its objects one by one, however large it is."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Table
from mlops_kit.data.opened import open_utf8
from mlops_kit.data.sources import json_lines
from mlops_kit.data.values import json_text

if TYPE_CHECKING:
    import polars

BLOCK = 2**20  # characters that are read at once
SPACE = re.compile(r"[ \t\r\n\ufeff]*")
MARK = re.compile(r'["\[\]{}]')
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
LONGEST = 16  # characters of a name or an escape that the end of a block may cut
DEEPEST = 4  # objects in which an array is looked for


class Element(NamedTuple):
    """An object of the array: the text before it, its own, the line where it begins, its values.

    The last one has only the text behind the array.
    """

    before: str
    text: str
    line: int
    value: dict[str, Any] | None


def batches(file: Path, table: Table, asked: str) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of the array as text, some rows at a time.

    Raises
    ------
    MlopsError
        When the document is broken or has no such array; the message names the line.
    """
    yield from json_lines.of_records(file, table, asked, objects_in(file, table))


def objects_in(file: Path, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of the array, each with the line where it begins."""
    with open_utf8(file, table.encoding, table.compression) as stream:
        for one in elements(file, stream, table.records):
            if one.value is not None:
                yield one.line, one.value


def elements(
    file: Path, stream: Any, records: str | None, texts: bool = False
) -> Iterator[Element]:
    """Read the objects of the array at the path `records`, or of the document if it is one.

    Parameters
    ----------
    file : Path
        For messages.
    stream : binary stream
        UTF-8.
    texts : bool
        Whether all text is wanted too; without it, the elements have none.

    Raises
    ------
    MlopsError
        As `batches`.
    """
    text, path = _Document(file, stream, texts), records.split("/") if records else []
    for name in path:
        text.enter(name)
    if text.peek() != "[":
        raise MlopsError(_no_array(file, text, path))
    text.at += 1
    closed = text.peek() == "]"
    while not closed:
        if text.peek() != "{":
            text.broken("an array of objects is expected, and this is none")
        line, before = text.line(), text.taken()
        value = text.value()
        yield Element(before, text.taken(), line, value)
        closed = text.peek() == "]"
        if not closed:
            text.expect(",")
    text.at += 1
    for name in reversed(path):
        text.leave(name)
    if text.peek():
        text.broken("something follows the document")
    yield Element(text.taken(), "", text.line(), None)


def arrays_in(file: Path, table: Table) -> list[str] | None:
    """Return the paths of arrays of objects in a document; None if it is JSON lines, [] an array.

    Raises
    ------
    MlopsError
        When it is broken.
    """
    with open_utf8(file, table.encoding, table.compression) as stream:
        text = _Document(file, stream)
        if text.peek() != "{":
            return []
        found = list(_arrays(text, "", 1))
        return None if text.peek() == "{" else found


def _arrays(text: "_Document", above: str, depth: int) -> Iterator[str]:
    text.expect("{")
    for name in text.names():
        kind = text.peek()
        if kind == "{" and depth < DEEPEST:
            yield from _arrays(text, f"{above}{name}/", depth + 1)
            continue
        if kind == "[":
            text.at += 1
            if text.peek() == "{":
                yield above + name
            text.skip(1)
        else:
            text.skip()
    text.at += 1


def _no_array(file: Path, text: "_Document", path: list[str]) -> str:
    if path:
        return (
            f"{file.as_posix()}, line {text.line():,}: {'/'.join(path)} is no array; correct "
            "`records` at its table in conf/sources.yaml."
        )
    if not text.peek():
        return f"{file.as_posix()} is empty; replace it by a whole file."
    mend = "replace it by an array of objects"
    if text.peek() == "{":
        found = list(_arrays(text, "", 1))
        mend = "declare `format: jsonl` at its table" if text.peek() == "{" else mend
        if found:
            several = " (or " + ", ".join(found[1:]) + ")" if found[1:] else ""
            mend = f"name the one that holds the rows: `records: {found[0]}`{several} at its table"
    return f"{file.as_posix()} is no array of JSON; {mend}."


class _Document:
    """The text of a document; memory holds the value that is read now, or what nobody has taken.

    Parameters
    ----------
    keep : bool
        Whether all text is wanted, by `taken`.
    """

    def __init__(self, file: Path, stream: Any, keep: bool = False) -> None:
        self._file, self._keep = file, keep
        self._stream = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        self._text, self._ended = "", False
        self.at = self._given = self._counted = 0
        self._lines = 1
        self._decode = json.JSONDecoder(**json_text.EXACTLY).raw_decode

    def line(self) -> int:
        """The line of the place that is read now."""
        self._lines += self._text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._lines

    def taken(self) -> str:
        """Return what was read since it was last asked for."""
        text = self._text[self._given : self.at] if self._keep else ""
        self._given = self.at
        return text

    def peek(self) -> str:
        """Skip white space; return the next character, or nothing at the end."""
        while True:
            found = SPACE.match(self._text, self.at)
            assert found is not None
            self.at = found.end()
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._more():
                return ""

    def expect(self, mark: str) -> None:
        """Go past a mark that must stand here."""
        if self.peek() != mark:
            self.broken(f'"{mark}" is expected')
        self.at += 1

    def value(self) -> Any:
        """Read the value that begins here."""
        while True:
            try:
                value, end = self._decode(self._text, self.at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos + LONGEST > len(self._text)
                if cut and self._more():
                    continue
                self.at = min(error.pos, len(self._text))
                self.broken("no whole JSON" if cut else error.msg)
            except (json_text.Twice, RecursionError) as error:
                self.broken(str(error))
            if end + len("e+") >= len(self._text) and not self._ended:  # a number may go on
                self._more()
                continue
            self.at = end
            return value

    def skip(self, depth: int = 0) -> None:
        """Go past a value, or the rest of what `depth` brackets have opened."""
        if not depth and self.peek() not in ("{", "["):
            self.value()
            return
        while True:
            found = MARK.search(self._text, self.at)
            if found is None:
                self.at = len(self._text)
            elif found[0] == '"':
                string = STRING.match(self._text, found.start())
                self.at = string.end() if string else found.start()
                if string:
                    continue
            else:
                self.at = found.end()
                depth += 1 if found[0] in "[{" else -1
                if not depth:
                    return
                continue
            if not self._more():
                self.broken("the document ends before it is whole")

    def names(self) -> Iterator[str]:
        """Go through the names of the object that was entered, each before its value."""
        last = self.peek() == "}"
        while not last:
            if self.peek() != '"':
                self.broken("a name in quotes is expected")
            name = self.value()
            self.expect(":")
            yield name
            last = self.peek() == "}"
            if not last:
                self.expect(",")

    def enter(self, name: str) -> None:
        """Go to the value of a name of the object that begins here."""
        self.expect("{")
        for other in self.names():
            if other == name:
                return
            self.skip()
        self.broken(f'its object has no "{name}", which `records` names')

    def leave(self, name: str) -> None:
        """Go from behind the value of a name to the end of its object."""
        if self.peek() == ",":
            self.at += 1
            for other in self.names():
                if other == name:
                    self.broken(f'"{name}" stands twice in its object')
                self.skip()
        self.expect("}")

    def broken(self, reason: str) -> NoReturn:
        """Refuse the document."""
        raise MlopsError(
            f"{self._file.as_posix()}, line {self.line():,}, cannot be read ({reason}): "
            "mend it there."
        )

    def _more(self) -> bool:
        """Read on; twice as much of a value that does not end, so that it is read few times."""
        if self._ended:
            return False
        self.line()
        start = self._given if self._keep else self.at
        try:
            block = self._stream.read(max(BLOCK, len(self._text) - start))
        except UnicodeDecodeError as error:
            raise MlopsError(
                f"{self._file.as_posix()} is not UTF-8 behind line {self.line():,}: name its "
                "encoding, such as `encoding: cp1252`, at its table in conf/sources.yaml."
            ) from error
        self._ended, self._text = not block, self._text[start:] + block
        self.at -= start
        self._counted -= start
        self._given = max(0, self._given - start)
        return not self._ended
