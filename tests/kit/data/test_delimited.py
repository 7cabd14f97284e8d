"""csv is read as RFC 4180 writes it, over the whole file, or refused: never guessed or changed."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_kit.core import errors
from mlops_kit.data import delimited
from mlops_kit.data.config import Table
from mlops_kit.data.dialect import Dialect, own_names
from mlops_kit.privacy.people import raw_files
from mlops_kit.privacy.read import json_csv as documents
from mlops_kit.privacy.read import open_file as formats

PLAIN = Table.model_validate({"source": "mine", "columns": {"n0": {"type": "string"}}})
NASTY = st.text(alphabet=list("\",;\t|\n\r '\\#a0é"), max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 4))
    row = st.lists(NASTY, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=1, max_size=6))


def written(table: list[list[str]], delimiter: str, ending: str, quoting: int) -> str:
    """Write as Python does, and quote what holds a carriage return, which Python leaves bare."""
    text = io.StringIO(newline="")
    bare = quoting == csv.QUOTE_MINIMAL and not any("\r" in cell for row in table for cell in row)
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=ending,
        quoting=csv.QUOTE_MINIMAL if bare else csv.QUOTE_ALL,
    )
    writer.writerow([f"n{place}" for place in range(len(table[0]))])
    writer.writerows(table)
    return text.getvalue()


def read_file(file: Path, columns: list[str], **dialect: Any) -> pl.DataFrame:
    how = Dialect(**dialect)
    found = delimited.layout(file, columns, dialect=how)
    return pl.concat(delimited.batches(file, columns, found, how))


def read(text: str, columns: list[str]) -> list[tuple[str | None, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        file.write_bytes(text.encode())
        return read_file(file, columns).rows()


@settings(max_examples=300, deadline=None)
@given(
    tables(),
    st.sampled_from(delimited.DELIMITERS),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["", "\ufeff"]),
)
def test_any_cells_arrive_as_pythons_reader_has_them(
    table: list[list[str]], delimiter: str, ending: str, quoting: int, mark: str
) -> None:
    names = [f"n{place}" for place in range(len(table[0]))]
    text = mark + written(table, delimiter, ending, quoting)
    assert read(text, names) == [tuple(cell or None for cell in row) for row in table]
    # Another order, and fewer columns.
    assert read(text, names[:0:-1]) == [tuple(cell or None for cell in row[:0:-1]) for row in table]


@settings(max_examples=100, deadline=None)
@given(
    tables(),
    st.sampled_from(delimited.DELIMITERS),
    st.sampled_from(["\n", "\r\n"]),
    st.data(),
)
def test_erasing_removes_the_marked_records_and_no_other_byte(
    table: list[list[str]], delimiter: str, ending: str, data: st.DataObject
) -> None:
    gone = data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table)))
    keyed = [[f"k{place}", *row] for place, row in enumerate(table)]
    rows = [row for row, theirs in zip(keyed, gone, strict=True) if not theirs]
    codes = [row[0] for row, theirs in zip(keyed, gone, strict=True) if theirs]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        text = written(keyed, delimiter, ending, csv.QUOTE_ALL)
        file.write_bytes(text.encode())
        how = raw_files.Written(PLAIN, "csv")
        removed = raw_files.remove_rows(
            file, ["n0"], lambda frame: frame["n0"].is_in(codes), False, how
        )
        left = file.read_bytes().decode()
    head = text.partition(ending)[0] + ending
    expected = written([*rows, keyed[0]], delimiter, ending, csv.QUOTE_ALL)
    assert removed == len(codes)
    assert left == (expected[: -len(_record(keyed[0], delimiter, ending))] if rows else head)


def _record(row: list[str], delimiter: str, ending: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerow(
        row
    )
    return text.getvalue()


def test_the_first_quote_after_many_rows_without_any_is_a_quote() -> None:
    rows = "".join(f"{n},plain\n" for n in range(30_000))
    found = read(f'id,text\n{rows}30000,"said ""no"", then left"\n', ["id", "text"])
    assert found[-1] == ("30000", 'said "no", then left')
    assert len(found) == 30_001


def test_a_record_may_cross_any_block_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 200)
    cell = 'line ""one""\nline two, and more'
    found = read("id,text\n" + "".join(f'{n},"{cell}"\n' for n in range(300)), ["id", "text"])
    assert found == [(str(n), 'line "one"\nline two, and more') for n in range(300)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('id,text\n1,"said \\"no\\""\n', r"is not closed, or text follows it.*RFC 4180"),
        ('id,text\n1,"open\n2,more\n', r"is not closed, or text follows it"),
        ('id,text\n1,"one"two\n', r"is not closed, or text follows it"),
        (
            "id,text\n1,one,two\n",
            r"record 1 has 3 cells, and the file names 2 columns.*between quotes",
        ),
        ("id,text\n1\n", r"record 1 has 1 cell, and the file names 2 columns"),
        ("id,text,text\n1,a,b\n", 'no column "text".* "text \\(1 of 2\\)", "text \\(2 of 2'),
        ("id,other\n1,a\n", 'has no column "text"'),
        ("", 'has no column "id"'),
    ],
)
def test_what_readers_take_in_different_ways_is_refused_without_showing_a_value(
    text: str, sentence: str
) -> None:
    with pytest.raises(errors.MlopsError, match=sentence) as raised:
        read(text, ["id", "text"])
    assert "said" not in str(raised.value)
    assert ",one" not in str(raised.value)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes("id,text\n1,añejo\n".encode("latin-1"))
    with pytest.raises(errors.MlopsError, match="write UTF-8") as raised:
        read_file(file, ["id", "text"])
    assert "ejo" not in str(raised.value)


def test_lines_above_the_header_and_odd_spaces_in_it_are_no_data() -> None:
    text = 'Export of the "club", 2026\n\n id ;"text"; other\n1;a,b;x\n2;;y\n'
    assert read(text, ["id", "text"]) == [("1", "a,b"), ("2", None)]


def test_a_name_that_stands_twice_is_read_by_its_place_among_those() -> None:
    text = "id,Total,,Total,\n1,10,x,20,y\n2,,z,40,\n"
    asked = ["Total (2 of 2)", "no name (1 of 2)", "id", "Total (1 of 2)"]
    assert read(text, asked) == [("20", "x", "1", "10"), ("40", "z", "2", None)]
    assert read(",a\n7,8\n", ["no name"]) == [("7",)]


@pytest.mark.parametrize(
    ("header", "asked", "sentence"),
    [
        ("id,Total,Total", "Total", r'it has "Total \(1 of 2\)", "Total \(2 of 2\)"'),
        ("id,Total,Total,Total", "Total (2 of 2)", r'"Total \(1 of 3\)", .*, "Total \(3 of 3'),
        ("id,Total,x", "Total (1 of 2)", 'it has "Total": name the one'),
        ("id,x,,", "no name", r'it has "no name \(1 of 2\)"'),
    ],
)
def test_a_name_that_stands_more_or_less_often_than_declared_is_refused(
    header: str, asked: str, sentence: str
) -> None:
    with pytest.raises(errors.MlopsError, match=sentence):
        read(f"{header}\n", ["id", asked])


@given(st.lists(st.sampled_from(["", "a", "b", "no name", "a (1 of 2)"]), min_size=1, max_size=9))
def test_each_column_of_a_header_gets_a_name_of_its_own(cells: list[str]) -> None:
    names = own_names(cells)
    assert len(set(names)) == len(names) == len(cells)
    for cell, name in zip(cells, names, strict=True):
        assert name.startswith(cell or "no name")
        assert (name == cell) or cells.count(cell) > 1 or cell in ("", "a (1 of 2)", "no name")


def test_a_hash_or_an_apostrophe_is_a_character_like_any_other() -> None:
    assert read("id,text\n#1,it's\n'2',#\n", ["id", "text"]) == [("#1", "it's"), ("'2'", "#")]


def test_a_table_without_records_has_none() -> None:
    for text in ("id,text\n", "id,text", "id,text\r\n\r\n"):
        assert read(text, ["id", "text"]) == []


def test_the_gate_reads_quoted_cells_as_the_pipeline_does(tmp_path: Path) -> None:
    rows = "".join(f"{n};'s plain\n" for n in range(100))
    text = f'id;text\n{rows}100;"said ""no""; then\nleft"\n'
    opened = formats.Opened(io.BytesIO(text.encode()), "table.csv", "table.csv")
    columns = [piece for piece in documents.table(opened) if isinstance(piece, formats.Column)]
    by_name = {column.name: list(column.values) for column in columns}
    assert by_name["text"][-1] == 'said "no"; then\nleft'
    assert pl.Series(by_name["id"]).to_list() == [str(n) for n in range(101)]


def test_a_record_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 2**20)
    with pytest.raises(errors.MlopsError, match="a record has more than 1 MB"):
        read("id,text\n1,a\n2," + "x" * 2**22 + "\n3,b\n", ["id", "text"])
