"""Random tables with the ways in which people write them to files; the values are the oracle."""

import bz2
import dataclasses
import datetime
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

UTC = datetime.UTC
MARKERS = ["", " ", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "?", "-", "#N/A"]
DECLARED = ["-999", "missing"]
NOTHING = {marker.strip().upper() for marker in MARKERS} | {one.upper() for one in DECLARED}
# All letters that Windows' Western encoding has as well.
LETTERS = st.text(alphabet=list("ab1.,;\t|~'\"\\ \r\n#éßÑ€-"), min_size=1, max_size=8)
NAMES = ["id", "a b", "año", 'the "x"', "a,b", "a;b", "#", "Id", "select"]
OFFSETS = st.integers(-56, 56).map(lambda quarter: datetime.timedelta(minutes=15 * quarter))
YES, NO = ["true", "True", "T", "yes", "1"], ["false", "FALSE", "f", "no", "0"]
FORMATS = {
    "date": ["%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%y", "%d %b %Y"],
    "timestamp": ["%d/%m/%Y %H:%M:%S", "%Y-%m-%d %I:%M:%S %p", "%m-%d-%Y %H:%M:%S"],
    "timestamptz": ["%d/%m/%Y %H:%M:%S %z", "%Y%m%dT%H%M%S%z"],
}
KINDS = ["string", "integer", "number", "decimal(18,6)", "boolean", *FORMATS]


@dataclasses.dataclass
class Column:
    """A column: its declaration, and of each row the value and how it is written."""

    name: str
    declared: dict[str, Any]
    values: list[Any]
    texts: list[str]


@dataclasses.dataclass
class RawTable:
    """Columns, and how a table of them declares and writes its files."""

    columns: list[Column]
    options: dict[str, Any]
    delimiter: str
    quote: str
    escape: str | None
    ends: list[str]
    encoding: str
    packed: str
    header: bool
    quoted: list[bool]

    def declared(self) -> dict[str, Any]:
        """Columns as conf/sources.yaml declares them, in another order than that of the file."""
        return {one.name: one.declared for one in reversed(self.columns)}

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows in the declared order."""
        return list(zip(*(one.values for one in reversed(self.columns)), strict=True))

    def write(self, folder: Path) -> None:
        """Write the rows to two csv files, whose columns stand in two orders if they are named."""
        middle = len(self.columns[0].values) // 2
        for part, rows in enumerate((slice(None, middle), slice(middle, None))):
            turned = self.columns[::-1] if part and self.header else self.columns
            names = [[one.name for one in turned]] if self.header else []
            cells = zip(*(one.texts[rows] for one in turned), strict=True)
            lines = [self._record(list(record)) for record in [*names, *cells]]
            ends = (self.ends * (len(lines) + 1))[: len(lines)]
            text = "".join(line + end for line, end in zip(lines, ends, strict=True))
            content = text.encode(self.encoding)
            packer = {".gz": gzip.compress, ".bz2": bz2.compress}.get(self.packed, bytes)
            (folder / f"{part}.csv{self.packed}").write_bytes(packer(content))

    def _record(self, cells: list[str]) -> str:
        return self.delimiter.join(self._cell(at, cell) for at, cell in enumerate(cells))

    def _cell(self, at: int, cell: str) -> str:
        special = {self.delimiter, self.quote, self.escape, "\r", "\n"}
        if not (self.quoted[at] or special & set(cell)):
            return cell
        if self.escape:
            cell = cell.replace(self.escape, self.escape * 2)
            cell = cell.replace(self.quote, self.escape + self.quote)
        else:
            cell = cell.replace(self.quote, self.quote * 2)
        return f"{self.quote}{cell}{self.quote}"


@st.composite
def raw_tables(draw: st.DrawFn) -> RawTable:
    """Draw a table and a way to write it."""
    style = draw(st.sampled_from([(None, None), (".", None), (".", ","), (",", None), (",", ".")]))
    style = draw(st.sampled_from([style, (",", " "), (".", "'")])) if style[0] else style
    height = draw(st.integers(1, 5))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    columns = [draw(_column(name, height, style)) for name in names]
    quote = draw(st.sampled_from(['"', '"', "'"]))
    header = draw(st.booleans())
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", "~"]))
    escape = draw(st.sampled_from([None, None, "\\"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    options = {
        "quote": quote,
        "nulls": DECLARED,
        **({"decimal": style[0]} if style[0] else {}),
        **({"thousands": style[1]} if style[1] else {}),
        **({"escape": escape} if escape else {}),
        **({} if encoding.startswith("utf-8") else {"encoding": encoding}),
        **({} if header else {"header": names}),
    }
    # One column shows no delimiter.
    if delimiter == "~" or not header or len(names) == 1 or draw(st.booleans()):
        options["delimiter"] = delimiter
    return RawTable(
        columns,
        options,
        delimiter,
        quote,
        escape,
        draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]])),
        encoding,
        draw(st.sampled_from(["", ".gz", ".bz2"])),
        header,
        draw(st.lists(st.booleans(), min_size=4, max_size=4)),
    )


@st.composite
def _column(draw: st.DrawFn, name: str, height: int, style: tuple[str | None, str | None]) -> Any:
    kind = draw(st.sampled_from(KINDS))
    form = draw(st.sampled_from([None, *FORMATS[kind]])) if kind in FORMATS else None
    values, texts = [], []
    for _ in range(height):
        if draw(st.integers(0, 4)) == 0:
            value, text = None, draw(st.sampled_from([*MARKERS, *DECLARED]))
        else:
            value, text = draw(_written(kind, form, style))
        values.append(value)
        texts.append(text)
    declared = {"type": kind, "nullable": True} | ({"format": form} if form else {})
    return Column(name, declared, values, texts)


@st.composite
def _written(
    draw: st.DrawFn, kind: str, form: str | None, style: tuple[str | None, str | None]
) -> tuple[Any, str]:
    """Draw a value and one of the ways to write it."""
    if kind == "string":
        text = draw(LETTERS.filter(lambda one: one.strip().upper() not in NOTHING))
        return text, text
    if kind == "boolean":
        value = draw(st.booleans())
        return value, draw(st.sampled_from(YES if value else NO))
    if kind in ("integer", "number", "decimal(18,6)"):
        whole = draw(st.integers(-(10 ** draw(st.integers(1, 11))), 10**11))
        places = 0 if kind == "integer" else draw(st.integers(0, 6))
        exact = Decimal(whole).scaleb(-places)
        value = {"integer": int, "number": float}.get(kind, Decimal)(exact)
        return (None if value == -999 else value), _number(exact, style, draw(st.booleans()))
    return draw(_time(kind, form))


def _number(exact: Decimal, style: tuple[str | None, str | None], grouped: bool) -> str:
    point, group = style[0] or ".", style[1]
    text = f"{exact:,f}" if grouped and group else f"{exact:f}"
    return text.translate({ord(","): group or "", ord("."): point})


@st.composite
def _time(draw: st.DrawFn, kind: str, form: str | None) -> tuple[Any, str]:
    first, last = (1970, 2035) if form and "%y" in form else (1701, 2199)
    moment = draw(st.datetimes(datetime.datetime(first, 1, 1), datetime.datetime(last, 1, 1)))
    if form is not None and kind != "date":
        moment = moment.replace(microsecond=0)
    if kind == "timestamptz":
        moment = moment.replace(tzinfo=datetime.timezone(draw(OFFSETS)))
        value: Any = moment.astimezone(UTC)
    else:
        value = moment.date() if kind == "date" else moment
    if form is not None:
        return value, moment.strftime(form)
    if kind == "date":
        unpadded = f"{value.year}-{value.month}-{value.day}"
        return value, draw(st.sampled_from([str(value), str(value).replace("-", "/"), unpadded]))
    text = moment.isoformat(sep=draw(st.sampled_from([" ", "T"])))
    if kind == "timestamptz":
        compact = text[:-3] + text[-2:]
        named = text.removesuffix("+00:00") + draw(st.sampled_from(["Z", " UTC", "+00"]))
        same = moment.utcoffset() == datetime.timedelta()
        text = draw(st.sampled_from([text, compact, f"{text[:-6]} {text[-6:]}"]))
        text = named if same else text
    return value, text


def json_lines(table: RawTable, rows: list[list[int]]) -> str:
    """Write a table as JSON lines; `rows` gives the order of the names in each line."""
    lines = []
    for at, order in enumerate(rows):
        pairs = []
        for place in order:
            column = table.columns[place]
            value, kind = column.values[at], column.declared["type"]
            if value is None and at and column.texts[at] == "":
                continue
            text = json.dumps(column.texts[at], ensure_ascii=False)
            if kind in ("integer", "number", "decimal(18,6)") and value is not None:
                text = f"{value:f}" if isinstance(value, Decimal) else repr(value)
            elif kind == "boolean" and value is not None:
                text = json.dumps(value)
            elif value is None and column.texts[at] == " ":
                text = "null"
            pairs.append(f"{json.dumps(column.name)}: {text}")
        lines.append("{" + ", ".join(pairs) + "}\n")
    return "".join(lines)
