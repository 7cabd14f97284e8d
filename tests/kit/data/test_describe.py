"""`mlops data describe`: all of a file is read, and what has two readings is asked."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from mlops_kit import cli
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.describing import describe as describing
from mlops_kit.data.describing import related
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.reading import store
from own_table import OwnTable
from small_disk import only_readable, small_disk, told_of

WORDS = ["oak", "elm", "ash"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    return tmp_path


def put(text: str, name: str = "raw/t.csv", encoding: str = "utf-8") -> Path:
    Path(name).write_bytes(text.encode(encoding))
    return Path(name)


def rows(*cells: Any, header: str = "id,v", by: str = ",") -> str:
    lines = (by.join(map(str, cell)) if isinstance(cell, tuple) else f"{at}{by}{cell}"
             for at, cell in enumerate(cells, 1))  # fmt: skip
    return "\n".join([header, *lines]) + "\n"


def found(place: Path, *settings: str, **asked: Any) -> describing.Description:
    return describing.describe(place, list(settings), Asked(**asked))


def declared(description: describing.Description) -> dict[str, Any]:
    return yaml.safe_load(description.files[Path("conf/sources.yaml")])


def declared_in(file: Path) -> dict[str, Any]:
    (table,) = yaml.safe_load(file.read_text(encoding="utf-8"))["tables"].values()
    return table["columns"]


def column(description: describing.Description, name: str = "v") -> dict[str, Any]:
    (table,) = declared(description)["tables"].values()
    return table["columns"][name]


def read_back(description: describing.Description) -> pl.DataFrame:
    """Read the table as the run does; no row may be set aside."""
    config = Sources.model_validate(declared(description))
    (name,) = config.tables
    reading = store(config, name, [], Path(), Path("good.parquet"))
    assert (reading.good, reading.broken) == (description.made.rows, 0)
    return pl.read_parquet("good.parquet")


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["7", "-8", "9"], "integer", [7, -8, 9]),
        (["7", "8.25", "NA"], "number", [7.0, 8.25, None]),
        (["0701", "0802", "9003"], "string", ["0701", "0802", "9003"]),
        (["yes", "No", "yes"], "boolean", [True, False, True]),
        (["yes", "no", "perhaps"], "string", ["yes", "no", "perhaps"]),
        (["9007199254740993", "1", "2"], "integer", [9007199254740993, 1, 2]),
        (["2024-01-31", "2024-02-01", ""], "date", None),
        (["2024-01-31 10:00", "2024-02-01 11:30", ""], "timestamp", None),
        (["2024-01-31T10:00:00Z", "2024-02-01T11:30:00+02:00", ""], "timestamptz", None),
        (["31/12/2023", "01/02/2024", "03/04/2024"], "date", None),
        (["12/31/2023 1:05 PM", "01/02/2024 2:05 AM", ""], "timestamp", None),
        (["3 Jan 2024", "4 Feb 2024", ""], "date", None),
        (["x", "1", "2"], "string", ["x", "1", "2"]),
        ([" 1", "2 ", " 3", "4", "5"], "integer", [1, 2, 3, 4, 5]),
    ],
)
def test_a_type_takes_every_value_of_its_column(
    cells: list[str], kind: str, values: list[Any] | None
) -> None:
    description = found(put(rows(*cells)))
    assert column(description)["type"] == kind
    made = read_back(description)["v"]
    empty = [cell in ("", "NA") for cell in cells]
    assert made.is_null().to_list() == empty
    assert column(description).get("nullable", False) == any(empty)
    if values is not None:
        assert made.to_list() == values


@pytest.mark.parametrize(
    ("text", "way"),
    [
        (rows(("4.72", '"1,234"'), ("5.31", '"12,345"'), header="v,w"), (".", ",")),
        (rows(("4,72", "1.234"), ("5,31", "12.345"), header="v;w", by=";"), (",", ".")),
        (rows(("4,72", "1 234"), ("5,31", "12 345"), header="v;w", by=";"), (",", " ")),
        (rows(("4.72", "1'234"), ("5.31", "12'345"), header="v;w", by=";"), (".", "'")),
    ],
)
def test_one_column_tells_the_mark_of_fractions_and_another_that_of_thousands(
    text: str, way: tuple[str, str]
) -> None:
    description = found(put(text))
    assert description.made.asked() == []
    (table,) = declared(description)["tables"].values()
    assert (table["decimal"], table["thousands"]) == way
    made = read_back(description)
    assert made["v"].to_list() == [4.72, 5.31]
    assert made["w"].to_list() == [1234, 12345]


def test_a_year_that_stands_for_nothing_is_pointed_at() -> None:
    description = found(put(rows(*["2024-01-05"] * 9, "9999-12-31")))
    assert column(description)["type"] == "date"
    assert "declare them under nulls" in description.made.columns["v"].notes[0]


def test_times_that_are_too_exact_stay_text_and_it_is_told() -> None:
    description = found(put(rows("2024-01-05 10:00:00.123456789", "2024-01-05 10:00:01")))
    assert column(description)["type"] == "string"
    assert "1 time is more exact than a microsecond" in description.made.columns["v"].notes[0]


def test_one_odd_value_at_the_end_of_a_long_file_counts() -> None:
    description = found(put(rows(*range(30_000), "12a")))
    assert column(description)["type"] == "string"
    description = found(put(rows(*["01/02/2024"] * 30_000, "13/02/2024", "01/02/2024")))
    assert column(description)["format"] == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (rows(*["01/02/2024", "03/04/2024"]), ["v.format=%d/%m/%Y", "v.format=%m/%d/%Y"]),
        (rows("1.500", "2.250"), ["decimal=.", "thousands=."]),
        (rows("1,500", "2,250", header="id;v", by=";"), ["thousands=,", "decimal=,"]),
        (rows(*["01/02/45", "13/04/45"]), ["v.years=[1930, 2029]", "v.years=[2000, 2099]"]),
        (rows(*range(95), *["unknown"] * 5), ["v.nulls=[unknown]", "v.type=string"]),
        (rows("2024-01-31T10:00:00Z", "2024-01-31 10:00"), ["v.type=datetime", "v.type=string"]),
        (rows("1.500,5", "1,500.5", header="id;v", by=";"), []),
    ],
)
def test_two_readings_are_asked_and_nothing_is_written(text: str, asked: list[str]) -> None:
    description = found(put(text))
    if not asked:  # no reading at all is a text
        assert column(description)["type"] == "string"
        return
    (question,) = description.made.asked()
    assert all(one in question for one in asked)
    assert describing.write(description, anyway=False) == []
    assert not Path("conf").exists()


def test_with_write_the_readings_stand_as_comments_and_the_run_refuses_both() -> None:
    description = found(put(rows("01/02/2024", "03/04/2024")))
    assert describing.write(description, anyway=True) == ["conf/sources.yaml"]
    text = Path("conf/sources.yaml").read_text(encoding="utf-8")
    assert 'v: {type: date, format: "%d/%m/%Y"}' in text
    assert store(load_sources(), "t", [], Path()).broken == 2
    description = found(put(rows("1.500", "2.250")))
    describing.write(description, anyway=True)
    with pytest.raises(MlopsError, match=r"numbers such as 1\.500"):
        store(load_sources(), "t", [], Path())


@pytest.mark.parametrize(
    ("text", "answer", "values"),
    [
        (rows("1.500", "2.250"), ["decimal=.", ""], [1.5, 2.25]),
        (rows("1.500", "2.250"), ["decimal=,", "thousands=."], [1500, 2250]),
        (rows(*range(95), *["unknown"] * 5), ["v.nulls=[unknown]"], [*range(95), *[None] * 5]),
        (rows(*["01/02/45", "13/04/46"]), ["v.format=%d/%m/%y", "v.years=[1930, 2029]"], None),
    ],
)
def test_an_answer_is_taken(text: str, answer: list[str], values: list[Any] | None) -> None:
    description = found(put(text), *filter(None, answer))
    assert description.made.asked() == []
    made = read_back(description)["v"]
    if values is None:
        made, values = made.dt.year(), [1945, 1946]
    assert made.to_list() == values


@pytest.mark.parametrize(
    ("text", "name", "encoding", "options"),
    [
        (rows("1.500,25", "2.250,5", header="id;v", by=";"), "t.csv", "utf-8",
         {"delimiter": ";", "decimal": ",", "thousands": "."}),
        (rows("7,5", "8,25", header="id;v", by=";"), "t.csv", "utf-8",
         {"delimiter": ";", "decimal": ","}),
        (rows('"1,500"', '"2,250,000"'), "t.csv", "utf-8", {"decimal": ".", "thousands": ","}),
        (rows("a", "b", header="id\tv", by="\t"), "t.tsv", "utf-8", {"delimiter": "\t"}),
        (rows("a", "b", header="id|v", by="|"), "t.txt", "utf-8", {"delimiter": "|"}),
        (rows("Ñandú", "ü"), "t.csv", "utf-16", {"encoding": "utf-16"}),
        ("\ufeff" + rows("a", "b"), "t.csv", "utf-8", {}),
        ("Report of May\n\n" + rows("a", "b", "c"), "t.csv", "utf-8", {}),
        ("May\n\n" + rows(*["7,5", "8,25"] * 5, header="id;v", by=";"), "t.csv", "utf-8",
         {"delimiter": ";", "decimal": ","}),
        ("sep=;\n" + rows("7,5", "8,25", header="id;v", by=";"), "t.csv", "utf-8",
         {"delimiter": ";", "decimal": ","}),
        ("\ufeffsep=;\r\n" + rows("a,b", "b,b", header="id;v", by=";"), "t.csv", "utf-8",
         {"delimiter": ";"}),
        ("sep=,\n" + rows("a;b", "b;b"), "t.csv", "utf-8", {}),
        ("sep=~\n" + rows("a", "b", header="id~v", by="~"), "t.csv", "utf-8", {"delimiter": "~"}),
        (rows("a", '"b, c"'), "t.csv", "utf-8", {}),
    ],
)  # fmt: skip
def test_how_a_file_is_written_is_declared_where_it_is_unusual(
    text: str, name: str, encoding: str, options: dict[str, str]
) -> None:
    description = found(put(text, f"raw/{name}", encoding))
    table = declared(description)["tables"]["t"]
    assert {key: table[key] for key in table if key not in ("source", "path", "columns")} == options
    assert read_back(description)["v"].null_count() == 0


@pytest.mark.parametrize(
    ("text", "encoding", "sentence"),
    [
        (rows("Málaga"), "cp1252", r"line 2, is not UTF-8.*--set encoding=cp1252"),
        ("1,a\n2,b\n", "utf-8", "first line.*numbers.*--set header=false"),
        (rows('"said \\"x\\""'), "utf-8", r"--set 'escape=\\'.*--set 'quote='"),
        ("a,b;c\n1,2;3\n", "utf-8", "--set 'delimiter=,' or --set 'delimiter=;'"),
        ("id,v\n1,2\n3,4,5\n", "utf-8", "record 3 has 3 cells|record 2 has 3 cells"),
        ("name\n" + "oak, elm\n" * 9, "utf-8", "nothing tells whether line 2 holds names"),
        ("", "utf-8", "is empty"),
        ("id,v\n", "utf-8", "has no rows"),
    ],
)
def test_a_file_that_cannot_be_read_in_one_way_is_one_sentence(
    text: str, encoding: str, sentence: str
) -> None:
    with pytest.raises(MlopsError, match=sentence):
        found(put(text, encoding=encoding))


def test_the_key_is_found_by_its_name_and_its_values() -> None:
    text = rows(*((n, n * 7, f"x{n}") for n in range(1, 9)), header="amount,order_id,word")
    description = found(put(text))
    assert declared(description)["entity"] == {"table": "t", "column": "order_id"}
    assert column(description, "order_id")["unique"]


def test_a_table_without_a_key_counts_its_rows_and_says_what_follows() -> None:
    description = found(put(rows(*((n % 3, "a") for n in range(9)), header="x,y")))
    assert declared(description)["entity"]["column"] == "row_id"
    assert read_back(description)["row_id"].to_list() == list(range(1, 10))
    text = description.files[Path("conf/sources.yaml")]
    assert "keep the order of the file" in text and "copies may fall on both sides" in text


def test_rows_are_counted_across_the_files_of_a_folder() -> None:
    Path("raw/t").mkdir()
    put("x\n5\n6\n", "raw/t/a.csv")
    put("x\n7\n", "raw/t/b.csv")
    made = read_back(found(Path("raw/t")))
    assert made.to_dict(as_series=False) == {"row_id": [1, 2, 3], "x": [5, 6, 7]}


def test_an_id_of_several_columns_is_the_same_for_equal_rows_on_every_machine() -> None:
    text = rows(("a", 1, 5), ("a", 2, 6), ("a", 1, 7), header="x,y,z")
    made = read_back(found(put(text), id="x,y"))["row_id"].to_list()
    assert made[0] == made[2] != made[1]
    assert made[0] == hashlib.sha256(b'["a", "1"]').hexdigest()[:32]


def test_what_says_nothing_is_not_read_or_no_feature() -> None:
    header = "id,a,A,same,none,copy,,b,b"
    text = rows(*((n, n % 3, 1, "x", "", n % 3, n, 1, 2) for n in range(1, 30)), header=header)
    description = found(put(text))
    (table,) = declared(description)["tables"].values()
    assert set(table["columns"]) == {"id", "a", "same", "copy", "b (1 of 2)", "b (2 of 2)"}
    said = description.files[Path("conf/sources.yaml")]
    for sentence in ("none: not read: no value", 'A: not read: SQL takes it for "a"',
                     '"no name": not read: it counts the rows',
                     "equal to a in every row"):  # fmt: skip
        assert sentence in said


def test_columns_of_one_name_are_read_by_their_place_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = rows(*((n, n % 5, f"w{n % 3}", n % 7, n % 5) for n in range(1, 50)),
                header="id,Total,,Total,Total")  # fmt: skip
    description = found(put(text))
    made = read_back(description)
    assert made["Total (1 of 3)"].to_list() == made["Total (3 of 3)"].to_list() == [
        n % 5 for n in range(1, 50)]  # fmt: skip
    assert made["Total (2 of 3)"].to_list() == [n % 7 for n in range(1, 50)]
    assert made["no name"].to_list() == [f"w{n % 3}" for n in range(1, 50)]
    describing.show(description)
    shown = capsys.readouterr().out
    assert (
        'note       the header names "Total" 3 times: read as "Total (1 of 3)" to "Total (3 of 3)"'
        ', in their order; "Total (3 of 3)" is equal to "Total (1 of 3)" in every row'
    ) in shown
    assert 'note       a column has no name in the header: read as "no name"' in shown
    with pytest.raises(MlopsError, match=r'no column "Total": it has "Total \(1 of 3\)"'):
        found(Path("raw/t.csv"), "Total.type=string")


@pytest.mark.parametrize(
    ("header", "first", "counts"),
    [(",v", 0, True), (",v", 1, True), (",v", 7, False), ("Unnamed: 0,v", 0, True),
     ("index,v", 1, True), ("year,v", 1, False)],
)  # fmt: skip
def test_a_column_that_counts_the_rows_is_no_data(header: str, first: int, counts: bool) -> None:
    text = "\n".join([header, *(f"{n + first},{n % 3}" for n in range(30))]) + "\n"
    one = next(iter(found(put(text)).made.columns.values()))
    assert ("counts the rows" in one.left_out) == counts
    spaced = "\n".join([header, *(f"{2 * n + first},{n % 3}" for n in range(30))]) + "\n"
    assert not next(iter(found(put(spaced)).made.columns.values())).left_out
    # What begins anew in the middle of a file is no count of its rows.
    for numbers in ([first] * 30, [first, first + 1] * 15):
        again = "\n".join([header, *(f"{n},{at % 3}" for at, n in enumerate(numbers))]) + "\n"
        assert not next(iter(found(put(again)).made.columns.values())).left_out


def test_a_column_that_counts_the_rows_is_read_where_a_person_names_it() -> None:
    file = put("index,v\n" + "".join(f"{n},{n % 7}\n" for n in range(40)))
    assert "index" not in declared(found(file))["tables"]["t"]["columns"]
    for settings, asked in (((), {"id": "index"}), (("index.minimum=0",), {})):
        kept = declared(found(file, *settings, **asked))
        assert kept["tables"]["t"]["columns"]["index"]["type"] == "integer"
        assert kept["entity"]["column"] == ("index" if asked else "row_id")


def test_lines_that_are_shorter_than_the_names_are_no_reason_to_look_for_other_names() -> None:
    lines = ["day;a;b;c", "1/2/2012;1;2;", *(f"{n}/2/2012;{n};{n}" for n in range(2, 29))]
    with pytest.raises(MlopsError, match=r"first line has 4 cells by ';' and most others have 3"):
        found(put("\n".join(lines) + "\n"))


def test_years_that_follow_each_other_are_names_and_other_numbers_are_asked_about() -> None:
    lines = [f"c{n},{n},{n + 1},{n * 2},{n * 3}" for n in range(30)]
    made = found(put("\n".join(["country,2016,2017,2018,2019", *lines]) + "\n"))
    assert list(made.made.columns) == ["country", "2016", "2017", "2018", "2019"]
    for header in ("country,2016,2018,2017,2019", "c,1,2,3,x", "c,1,2,3,3"):
        with pytest.raises(MlopsError, match="it may hold values or names"):
            found(put("\n".join([header, *lines]) + "\n"))


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("encoding=foo", "--set encoding: foo is no encoding that Python knows"),
        ("v.type=words", "--set v.type: words is no type; use "),
        ("v.years=1900", "--set v.years: "),
        ("thousands=.", "--set .*: thousands is .* declare another decimal"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(setting: str, sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        found(put(rows(1, 2)), setting)


def test_a_stand_in_with_a_decimal_comma_is_missing_as_the_run_has_it() -> None:
    cells = [*["-200,0"] * 6, *(f"{n},5" for n in range(40))]
    one = found(put(rows(*cells, header="id;v", by=";")), "nulls=-200").made.columns["v"]
    assert (one.missing, one.notes) == ({"-200": 6}, [])
    read = read_back(found(Path("raw/t.csv"), "v.nulls=-200"))
    assert read["v"].null_count() == 6


@pytest.mark.parametrize(
    ("texts", "asked"),
    [(["pending"] * 6, "the rest is pending: missing, or categories"), ([], "")],
)
def test_texts_among_numbers_with_a_decimal_comma_are_told(texts: list[str], asked: str) -> None:
    odd = texts or [f"see note {n}" for n in range(6)]
    cells = [*odd, *(f"1.{n:03},5" for n in range(100, 200))]
    made = found(put(rows(*cells, header="id;v", by=";"))).made
    one = made.columns["v"]
    assert one.type == "string"
    if asked:
        assert asked in one.questions[0]
        read = read_back(found(Path("raw/t.csv"), "v.nulls=[pending]"))["v"]
        assert (read.null_count(), read.sum()) == (6, sum(1000.5 + n for n in range(100, 200)))
    else:
        assert one.notes == [
            "all but 6 rows of 106 hold numbers: taken as text; --set 'decimal=,' "
            "--set 'thousands=.' --set 'v.type=number' sets the others aside"
        ]


def test_texts_among_numbers_that_are_written_otherwise_than_the_others_are_told() -> None:
    cells = [(n, "see it" if n < 1 else f"{n},5", f"{n}.25") for n in range(40)]
    made = found(put(rows(*cells, header="id;v;w", by=";"))).made
    assert made.columns["w"].type == "number"
    (said,) = made.columns["v"].notes
    assert "after its numbers are written as those of other columns are" in said


def test_a_file_that_states_its_delimiter_has_a_header_line_or_is_refused() -> None:
    place = put("sep=;\n1;2\n3;4\n5;6\n")
    with pytest.raises(MlopsError, match=r"states its delimiter .*take that line out"):
        found(place, "header=false")


def test_only_amounts_with_a_sign_are_said_to_have_one() -> None:
    signed = found(put(rows("5%", "7.5%", "9%"))).made.columns["v"]
    assert "a sign of currency or percent" in signed.notes[0]
    assert found(put(rows("18.00.00", "19.00.00", "7.00.00"))).made.columns["v"].notes == []


def test_one_value_needs_no_list() -> None:
    description = found(put(rows(*[-200] * 6, *range(40))), "nulls=-200")
    assert description.made.columns["v"].missing == {"-200": 6}
    assert column(found(put(rows(*[-2] * 6, *range(40))), "v.nulls=-2"))["nulls"] == [-2]


def test_names_for_a_file_without_a_header_line_stand_once() -> None:
    with pytest.raises(MlopsError, match=r'`header` of its table names "a" twice'):
        found(put("1,2\n3,4\n"), "header=[a,a]")


def test_every_missing_marker_is_counted_and_a_stand_in_is_pointed_at() -> None:
    cells = ["NA", "?", "", *[-999] * 6, *range(40)]
    one = found(put(rows(*cells))).made.columns["v"]
    assert one.missing == {"NA": 1, "?": 1, "blank": 1}
    assert "-999 stands 6 times" in one.notes[0]
    cells = [*[-200] * 6, *(n / 4 - 2 for n in range(40))]
    assert "-200 stands 6 times" in found(put(rows(*cells))).made.columns["v"].notes[0]
    assert found(put(rows(*[-5] * 6, *range(40)))).made.columns["v"].notes == []


def test_no_value_of_a_person_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    secret = [("Quoxwick Zebra", 1987654, "1931-07-09"), *[("Ann Oak", 30, "1980-01-01")] * 3]
    description = found(put(rows(*secret, header="name,salary,born")))
    describing.show(description)
    shown = capsys.readouterr().out + "".join(description.files.values())
    shown += json.dumps(description.record())
    assert not any(one in shown for one in ("Quoxwick", "1987654", "1931", "Ann"))


def test_a_place_of_this_machine_alone_is_told(project: Path) -> None:
    place = put(rows(1, 2, 3))
    inside = found(project / place)
    assert declared(inside)["sources"]["mine"]["folder"] == "raw"
    assert not any("this machine" in each for each in inside.said)
    outside = project.parent / f"{project.name} elsewhere.csv"
    outside.write_text(rows(1, 2, 3), encoding="utf-8")
    assert any("is a place of this machine" in each for each in found(outside).said)


def test_json_lines_and_parquet_are_described_alike() -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "v": [1.5, None, 2.0], "w": ["a", "b", "a"]})
    frame.write_ndjson("raw/t.jsonl")
    frame.write_parquet("raw/p.parquet")
    for place in ("raw/t.jsonl", "raw/p.parquet"):
        description = found(Path(place))
        assert [column(description, name)["type"] for name in frame.columns] == [
            *("integer", "number", "string")
        ]
        assert read_back(description).equals(frame)


@pytest.fixture
def owned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnTable:
    """Give a project with a csv of 400 rows, of which `outcome` depends on `x`."""
    random = np.random.default_rng(5)
    x = random.normal(size=400)
    table = pl.DataFrame(
        {"id": range(1, 401), "x": x, "time": random.normal(size=400),
         "wood": random.choice(WORDS, 400), "same": [1] * 400,
         "outcome": np.where(x + random.normal(size=400) > 0, "won", "lost")}
    )  # fmt: skip
    (tmp_path / "raw").rmdir()
    own = OwnTable(table, more={"incumbent": "baseline"})
    own.written(tmp_path, monkeypatch)
    return own


def test_with_a_target_the_first_features_lead_to_a_decision(owned: OwnTable) -> None:
    from mlops_kit.compare.decision_file import read
    from mlops_kit.compare.pipeline import compare
    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.ingest import ingest
    from mlops_kit.train.features import build_features
    from mlops_kit.train.stage import train_and_predict
    from sklearn.metrics import roc_auc_score

    description = found(Path("raw/t.csv"), target="outcome=won")
    describing.write(description, anyway=True)
    ingest(load_settings(), Path("data/open/tables"), Path("data/quarantine"))
    build_features(load_settings())
    features = pl.read_parquet("data/open/features.parquet")
    assert {"x", "time_", "wood"} <= set(features.columns) and "same" not in features.columns
    train_and_predict(load_settings())
    compare(load_settings())
    decided = read(Path("reports/compare/decision.json"))
    predicted = pl.read_parquet("data/open/predictions.parquet").filter(system="candidate")
    truth = dict(zip(owned.rows["id"], owned.rows["outcome"] == "won", strict=True))
    expected = roc_auc_score([truth[one] for one in predicted["id"]], predicted["score"])
    assert decided["candidate"]["value"] == pytest.approx(expected, abs=1e-12)


def described(owned: OwnTable, table: pl.DataFrame, **asked: Any) -> tuple[list[str], Any]:
    """Put a table in the place of the project's, describe it and run; return what is said."""
    from mlops_kit.compare.decision_file import read
    from mlops_kit.compare.pipeline import compare
    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.ingest import ingest
    from mlops_kit.train.features import build_features
    from mlops_kit.train.stage import train_and_predict

    table.write_csv("raw/t.csv")
    description = found(Path("raw/t.csv"), **asked)
    assert describing.write(description, anyway=True)
    ingest(load_settings(), Path("data/open/tables"), Path("data/quarantine"))
    build_features(load_settings())
    train_and_predict(load_settings())
    compare(load_settings())
    return description.said, read(Path("reports/compare/decision.json"))


def visits(patients: int = 150, each: int = 4) -> pl.DataFrame:
    """Give each patient one outcome, told by a number that is the same at every visit."""
    random = np.random.default_rng(8)
    who = np.repeat(np.arange(patients), each)
    return pl.DataFrame(
        {
            "visit_id": np.arange(1, len(who) + 1),
            "patient_id": who + 5000,
            "age": random.integers(18, 90, patients)[who],
            "gene": random.normal(size=patients)[who],
            "mood": random.normal(size=len(who)),
            "ill": random.integers(0, 2, patients)[who],
        }
    )


def test_rows_of_one_person_stay_together_and_count_as_one(owned: OwnTable) -> None:
    said, decided = described(owned, visits(), target="ill")
    assert any("rows of one patient_id stay on one side of the split" in one for one in said)
    split = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["split"]
    assert (split["method"], split["column"]) == ("group", "patient_id")
    features = pl.read_parquet("data/open/features.parquet")
    assert "patient_id" not in features.columns
    sides = features.group_by("group").agg(pl.col("split").n_unique())
    assert len(sides) == 150 and sides["split"].max() == 1
    # Nothing tells who will be ill; only rows of the same person on both sides could.
    assert decided["primary"]["design"] == "clustered" and decided["decision"] != "promote"


def test_rows_that_a_person_calls_strangers_are_split_one_by_one(owned: OwnTable) -> None:
    visits().write_csv("raw/t.csv")
    description = found(Path("raw/t.csv"), target="ill", group="none")
    assert "method: hash" in description.files[Path("params.yaml")]
    assert not any("patient_id" in one for one in description.said)


def test_a_group_of_several_columns_is_their_code(owned: OwnTable) -> None:
    said, _ = described(owned, visits().drop("patient_id"), target="ill", group="age,gene")
    assert any("rows of one group_id stay" in one for one in said)
    features = pl.read_parquet("data/open/features.parquet")
    sides = features.group_by("age", "gene").agg(pl.col("split", "group").n_unique())
    assert sides["split"].max() == 1 and sides["group"].max() == 1 and len(sides) == 150


def test_with_a_time_the_latest_are_held_back_and_groups_count(owned: OwnTable) -> None:
    days = pl.datetime_range(pl.datetime(2025, 1, 1), pl.datetime(2025, 12, 31), "1d", eager=True)
    table = visits().with_columns(seen_on=days.dt.date().gather([i % 365 for i in range(600)]))
    table.write_csv("raw/t.csv")
    description = found(Path("raw/t.csv"), target="ill", time="seen_on", known="all")
    assert "method: time" in description.files[Path("params.yaml")]
    code = next(text for path, text in description.files.items() if path.name == "features.py")
    assert 'seen_on AS "time", patient_id AS "group"' in code
    assert any("count together in the interval" in one for one in description.said)


def test_neighbours_that_are_alike_without_a_name_are_told(owned: OwnTable) -> None:
    table = visits().drop("patient_id").with_columns(bmi=pl.col("gene").round(1) + 20)
    table.write_csv("raw/t.csv")
    said = found(Path("raw/t.csv"), target="ill").said
    assert any("rows agree with the row before them in age, gene, bmi" in one for one in said)
    shuffled = table.sample(fraction=1, shuffle=True, seed=3)
    shuffled.write_csv("raw/t.csv")
    assert not any("row before them" in one for one in found(Path("raw/t.csv"), target="ill").said)
    table.sort("age").write_csv("raw/t.csv")
    assert not any("row before them in age" in one
                   for one in found(Path("raw/t.csv"), target="ill").said)  # fmt: skip


def test_values_that_only_blanks_and_capitals_tell_apart_are_told(owned: OwnTable) -> None:
    asked, pay = ["Yes", "Yes", "yes "] * 30, ["<=50K", ">50K"] * 45
    lines = [f"{n}, {asked[n]}, {pay[n]}" for n in range(90)]
    Path("raw/t.csv").write_text("id,asked,pay\n" + "\n".join(lines), encoding="utf-8")
    description = found(Path("raw/t.csv"), target="pay=>50K")
    notes = {name: one.notes for name, one in description.made.columns.items()}
    assert notes["asked"][0].startswith("1 of its values differ from others by capitals or blanks")
    assert notes["pay"] == []
    code = next(text for path, text in description.files.items() if path.name == "features.py")
    assert "CAST(pay = ' >50K' AS BIGINT) AS y_true" in code


def test_a_series_of_one_column_is_sent_to_the_page_about_forecasts(owned: OwnTable) -> None:
    days = pl.date_range(pl.date(2025, 1, 1), pl.date(2025, 3, 1), eager=True)
    flow = [n * 7 % 31 + 0.5 for n in range(60)]
    pl.DataFrame({"day": days, "flow": flow}).write_csv("raw/t.csv")
    base = Path("conf/base.yaml")
    base.write_text(base.read_text(encoding="utf-8").replace("classification", "regression"))
    said = r"besides flow and day.*: a series is forecast from its own past, docs/forecasting\.md"
    with pytest.raises(MlopsError, match=said):
        found(Path("raw/t.csv"), target="flow", time="day", known="all")
    with pytest.raises(MlopsError, match=r"besides flow \(day: .*docs/forecasting\.md"):
        found(Path("raw/t.csv"), target="flow")


def test_a_note_gives_a_command_that_does_what_it_says(owned: OwnTable) -> None:
    codes = ["NA", "AR", "UY", "CL", "PE"] * 20
    amounts = [-999 if n % 10 == 0 else n * 3 for n in range(100)]
    weights = ["light" if n == 50 else str(n / 7) for n in range(100)]
    table = pl.DataFrame({"land": codes, "amount": amounts, "kg": weights})
    table.write_csv("raw/t.csv")
    columns = found(Path("raw/t.csv")).made.columns
    notes = [note for one in columns.values() for note in one.notes]
    asked = [note.partition("--set '")[2].partition("'")[0] for note in notes]
    assert asked == ["land.default_nulls=false", "amount.nulls=[-999]", "kg.type=number"]
    columns = describing.describe("raw/t.csv", asked, Asked()).made.columns
    assert (columns["land"].missing.total(), columns["amount"].missing.total()) == (0, 10)
    assert columns["kg"].type == "number"


def test_a_row_of_units_among_the_data_is_told_once(owned: OwnTable) -> None:
    rows = [{"id": "", "kg": "kg", "cm": "cm", "who": "text"}]
    rows += [{"id": n, "kg": n / 8, "cm": ("1e2", "1E2", 7)[n % 3], "who": "ab"[n % 2]}
             for n in range(300)]  # fmt: skip
    lines = [",".join(str(value) for value in row.values()) for row in rows]
    Path("raw/t.csv").write_text("id,kg,cm,who\n" + "\n".join(lines), encoding="utf-8")
    made = found(Path("raw/t.csv")).made
    (note,) = made.notes
    assert note.startswith("row 1 holds texts where all others of kg, cm hold numbers")
    assert [one.notes for one in made.columns.values() if "hold numbers" in str(one.notes)] == []
    assert "differ from others by capitals" in str(made.columns["cm"].notes), "another note stays"


def test_names_whose_rows_have_nearly_the_same_outcome_are_told(owned: OwnTable) -> None:
    """As in a panel: sixty towns by ten years, of which a random split shows all to the model."""
    random = np.random.default_rng(5)
    towns = [f"town {n:02d}" for n in range(60) for _ in range(10)]
    of_town, of_year = np.repeat(random.normal(size=60), 10), random.normal(size=600)
    table = pl.DataFrame({"town": towns, "Year": [*range(2010, 2020)] * 60, "x": of_year})
    table = table.with_columns(price=of_town + of_year / 3, ill=pl.Series(of_town > 0))

    def said(columns: pl.DataFrame, target: str) -> str:
        columns.write_csv("raw/t.csv")
        return "\n".join(found(Path("raw/t.csv"), target=target).said)

    told = said(table.drop("price"), "ill")
    assert "rows of one town are alike in ill (100% of its variance lies between" in told
    assert "without --group 'town'" in told
    assert "--set 'Year.format=%Y' --time 'Year' tries the model on later years" in told
    shuffled = table.with_columns(pl.col("town").sample(fraction=1, shuffle=True, seed=1))
    assert "rows of one town" not in said(shuffled.drop("price"), "ill")
    share = related.between(table["town"], table["price"])
    between, within = of_town.var(), (of_year / 3).var()
    assert share == pytest.approx(between / (between + within), abs=0.03)
    assert abs(related.between(shuffled["town"], table["price"])) < 0.1


@pytest.mark.parametrize("names", [["low", "mid", "high"], [10, 20, 30]])
def test_an_outcome_of_three_classes_leads_to_a_decision(owned: OwnTable, names: list[Any]) -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(3)
    x = random.normal(size=600)
    place = np.digitize(x + random.normal(size=600) / 2, [-0.6, 0.6])
    table = pl.DataFrame({"id": range(600), "x": x, "kind": [names[one] for one in place]})
    _, decided = described(owned, table, target="kind")
    predicted = pl.read_parquet("data/open/predictions.parquet").filter(system="candidate")
    classes = sorted(names)
    truth = np.array([classes.index(type(names[0])(one)) for one in predicted["y_true"]])
    scores = np.array(predicted["scores"].to_list())
    expected = np.mean([roc_auc_score(truth == code, scores[:, code]) for code in range(3)])
    assert decided["candidate"]["value"] == pytest.approx(expected, abs=1e-12)
    assert decided["decision"] == "promote"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"target": "outcome"}, r"2 values \(lost, won\).*--target 'outcome=VALUE'"),
        ({"target": "outcome=drawn"}, "no row has that value"),
        ({"target": "nowhere"}, 'has no column "nowhere": it has id, '),
        ({"target": "Outcome"}, 'has no column "Outcome": it has "outcome"'),
        ({"target": "outcome=won", "time": "x"}, "is of type number, which is no time"),
        ({"target": "x"}, "an outcome is 0 or 1"),
        ({"target": "outcome=won", "group": "id"}, 'group: "id" has no value twice'),
        ({"target": "outcome=won", "group": "nobody"}, 'has no column "nobody"'),
        ({"group": "wood"}, "--group is for the split of a --target"),
    ],
)
def test_a_target_that_is_no_outcome_is_refused(
    owned: OwnTable, asked: dict[str, str], sentence: str
) -> None:
    with pytest.raises(MlopsError, match=sentence):
        found(Path("raw/t.csv"), **asked)


def test_what_somebody_has_changed_is_not_replaced_and_nothing_else_is_written(
    owned: OwnTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = found(Path("raw/t.csv"), target="outcome=won")
    before = {path: path.read_bytes() for path in description.files if path.is_file()}
    seeds = {path.as_posix(): hashlib.sha256(text).hexdigest() for path, text in before.items()}
    Path("seeds.json").write_text(json.dumps(seeds))
    monkeypatch.setattr(describing, "SEEDS", Path("seeds.json"))
    with Path("params.yaml").open("a") as file:
        file.write("# mine\n")
    description = found(Path("raw/t.csv"), target="outcome=won")
    with pytest.raises(MlopsError, match=r"somebody has worked in params\.yaml"):
        describing.write(description, anyway=False)
    assert Path("conf/sources.yaml").read_bytes() == before[Path("conf/sources.yaml")]
    assert "+# Described by" in describing.difference(description)
    Path("params.yaml").write_bytes(before[Path("params.yaml")])
    description = found(Path("raw/t.csv"), target="outcome=won")
    assert "conf/sources.yaml" in describing.write(description, anyway=False)
    assert describing.difference(found(Path("raw/t.csv"), target="outcome=won")) == ""


def commanded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    """Call `mlops data describe ...`; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["mlops", "data", "describe", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, errors = capsys.readouterr()
    return int(ended.value.code or 0), out, errors


def test_the_command_says_what_it_found_and_exits_by_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(rows("01/02/2024", "03/04/2024"))
    code, out, _ = commanded(monkeypatch, capsys, "raw/t.csv")
    assert code == 2 and "ask        v: all values have 2 readings" in out
    assert "nothing is written yet" in out and not Path("conf").exists()
    code, out, _ = commanded(monkeypatch, capsys, "raw/t.csv", "--set", "v.format=%d/%m/%Y")
    assert code == 0 and "wrote      conf/sources.yaml" in out
    assert declared_in(Path("conf/sources.yaml"))["v"]["format"] == "%d/%m/%Y"
    again = ("raw/t.csv", "--set", "v.format=%m/%d/%Y", "--update")
    code, out, _ = commanded(monkeypatch, capsys, *again)
    assert code == 0 and '+      v: {type: date, format: "%m/%d/%Y"}' in out
    assert declared_in(Path("conf/sources.yaml"))["v"]["format"] == "%d/%m/%Y"


def test_the_command_gives_json_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(rows(1.5, "NA"))
    code, out, _ = commanded(monkeypatch, capsys, "raw/t.csv", "--json")
    said = json.loads(out)
    assert (code, said["rows"], said["columns"]["v"]["missing"]) == (0, 2, {"NA": 1})
    assert said["written_to"][0] == "conf/sources.yaml"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("raw/none.csv",), "does not exist"),
        (("raw/t.csv", "--set", "v"), "is not understood"),
        (("raw/t.csv", "--id", "w"), 'has no column "w"'),
        (("raw/empty.csv",), "no value in any of its columns"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], sentence: str,
) -> None:  # fmt: skip
    put(rows(1, 2))
    put(rows("", "NA", header="a,b"), "raw/empty.csv").write_text("a,b\n,\nNA,\n")
    code, out, errors = commanded(monkeypatch, capsys, *words)
    assert code == 3 and sentence in errors and not out
    assert "Traceback" not in errors and not Path("conf").exists()


def test_a_number_that_stands_twice_in_two_spellings_is_no_key() -> None:
    description = found(put("id\n0\n0.0\n1.0\n"))
    assert description.made.keys == [] and read_back(description)["id"].to_list() == [0, 0, 1]


def test_what_one_file_of_a_folder_tells_of_its_numbers_is_written_down_for_all() -> None:
    Path("raw/t").mkdir()
    put(rows("0.5"), "raw/t/a.csv")
    put(rows("1.000").replace("1,1.000", "2,1.000"), "raw/t/b.csv")
    assert read_back(found(Path("raw/t")))["v"].to_list() == [0.5, 1.0]


def test_single_quotes_around_every_value_are_asked_about() -> None:
    text = rows("'oak'", "'elm'", "''")
    (question,) = found(put(text)).made.asked()
    assert '--set "quote=\'"' in question
    assert read_back(found(put(text), "quote='"))["v"].to_list() == ["oak", "elm", None]
    assert read_back(found(put(text), "v.type=string"))["v"].to_list() == ["'oak'", "'elm'", "''"]


@pytest.mark.parametrize("keep", [0, 40_960])
def test_on_a_full_disk_nothing_is_left_and_with_room_the_same_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    with small_disk(tmp_path / "disk", 32) as disk, monkeypatch.context() as patch:
        patch.chdir(disk.path)
        Path("raw").mkdir()
        Path("data").mkdir()
        place = put(rows(*((n % 7, f"word {n}") for n in range(20_000)), header="v,w"))
        wanted = found(place).files
        before = sorted(disk.path.rglob("*"))
        disk.fill(keep)
        assert "The disk is full" in told_of(lambda: found(place))
        disk.clear()
        assert sorted(disk.path.rglob("*")) == before
        with only_readable(disk.path / "raw"):
            assert found(place).files == wanted
        patch.undo()


def test_documents_are_described_by_where_their_rows_stand_and_read_back() -> None:
    sale = '<sale id="{0}"><price>{0}.50</price><tag>a</tag><tag>b</tag></sale>\n'
    inside = "".join(sale.format(at) for at in range(9))
    description = found(put(f"<shop>\n<sales>{inside}</sales></shop>", "raw/t.xml"))
    (table,) = declared(description)["tables"].values()
    assert table["records"] == "shop/sales/sale"
    assert {name: one["type"] for name, one in table["columns"].items()} == {
        "id": "integer",
        "price": "number",
    }
    text = description.files[Path("conf/sources.yaml")]
    assert "# tag: not read: stands several times in one record" in text
    assert read_back(description)["price"].to_list() == [at + 0.5 for at in range(9)]
    objects = [{"id": at, "price": at + 0.5} for at in range(9)]
    description = found(put(json.dumps({"x": [1], "data": {"rows": objects}}), "raw/t.json"))
    (table,) = declared(description)["tables"].values()
    assert table["records"] == "data/rows"
    assert read_back(description)["price"].to_list() == [at + 0.5 for at in range(9)]
    description = found(put(json.dumps(objects), "raw/u.json"))
    assert "records" not in description.files[Path("conf/sources.yaml")]
    assert read_back(description)["price"].to_list() == [at + 0.5 for at in range(9)]
    two = "<shop>" + "<a x='1'/><b x='2'/>" * 2 + "</shop>"
    with pytest.raises(MlopsError, match="--set records=shop/a or --set records=shop/b"):
        found(put(two, "raw/v.xml"))
    description = found(Path("raw/v.xml"), "records=shop/b")
    assert read_back(description)["x"].to_list() == [2, 2]
