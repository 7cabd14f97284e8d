"""Documents of XML and JSON are read as they are written, in bounded memory, or refused by line."""

import gzip
import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources, Table
from mlops_kit.data.reading import Reading, store
from mlops_kit.data.sources import documents, json_array, xml_records


@pytest.fixture(autouse=True)
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty project with a folder for raw files."""
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    Path("out").mkdir()
    return Path("raw")


def read(path: str, columns: dict[str, Any], **options: Any) -> tuple[Reading, pl.DataFrame]:
    """Read one table of the folder: what is told, and the rows that were kept."""
    declared = {name: {"type": kind, "nullable": True} for name, kind in columns.items()}
    config = Sources.model_validate(
        {
            "entity": {"table": "t", "column": next(iter(columns))},
            "sources": {"mine": {"kind": "files", "folder": "raw"}},
            "tables": {"t": {"source": "mine", "path": path, "columns": declared, **options}},
        }
    )
    told = store(config, "t", [], Path("out"), Path("out/good.parquet"))
    return told, pl.read_parquet("out/good.parquet")


def rows(text: str | bytes, columns: dict[str, Any], name: str = "t.xml", **options: Any) -> Any:
    """Write a document and return its rows."""
    Path("raw", name).write_bytes(text if isinstance(text, bytes) else text.encode())
    if name.endswith(".xml"):
        options = {"records": "shop/order"} | options
    return read(name, columns, **options)[1].rows()


def refused(text: str | bytes, columns: dict[str, Any], name: str = "t.xml", **options: Any) -> str:
    """Write a document and return why it is refused."""
    with pytest.raises(MlopsError) as caught:
        rows(text, columns, name, **options)
    assert caught.value.exit_code == 3
    return str(caught.value)


ORDER = {"id": "integer", "price": "decimal(6,2)", "note": "string"}


def test_attributes_and_elements_are_columns_and_what_is_not_there_is_missing() -> None:
    text = """<?xml version="1.0"?>
    <!-- a shop --><shop xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
      <order id="1"><price>3.50</price><note><![CDATA[a < b]]> &amp; c</note></order>
      <order id="2"><note/><price xsi:nil="true"/></order>
      <return id="9"/>
      <order><id>3</id><price> 4 </price><more><x>1</x><x>2</x></more></order>
    </shop>"""
    assert rows(text, ORDER) == [(1, 3.5, "a < b & c"), (2, None, None), (3, 4, None)]


def test_names_count_without_their_namespace_and_paths_lead_inside() -> None:
    text = """<s:shop xmlns:s="urn:shop" xmlns="urn:other" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
      <s:order><customer s:id="5"><city>Salta</city></customer><id i:nil="1"/></s:order></s:shop>"""
    columns = {"customer/id": "integer", "customer/city": "string", "id": "integer"}
    assert rows(text, columns) == [(5, "Salta", None)]


def test_the_text_of_the_element_itself_goes_by_its_name() -> None:
    text = '<shop><order lang="es">hola</order><order lang="en"></order></shop>'
    assert rows(text, {"lang": "string", "order": "string"}) == [("es", "hola"), ("en", None)]


def test_values_that_repeat_are_a_list_by_declaration_and_refused_otherwise() -> None:
    first = "<order><id>1</id><tags><tag>3</tag><tag>5</tag></tags></order>"
    text = f"<shop>{first}\n<order><id>2</id></order></shop>"
    assert rows(text, {"id": "integer", "tags/tag": "integers"}) == [(1, [3, 5]), (2, None)]
    said = refused(text, {"id": "integer", "tags/tag": "string"})
    assert said.startswith('raw/t.xml, line 1: "tags/tag" stands several times in one record')
    both = '<shop>\n<order id="1"><id>2</id></order></shop>'
    assert 'line 2: "id" stands several times' in refused(both, {"id": "integer"})


@pytest.mark.parametrize(
    ("kind", "inside", "value"),
    [
        ("list<string>", '<t>a, "b"</t><t>007</t><t/>', ['a, "b"', "007", ""]),
        ("list<string>", "<t>ñ</t>", ["ñ"]),
        ("list<string>", '<t i:nil="true"/><t>x</t>', [None, "x"]),
        ("list<string>", '<t>["a", "b"]</t>', ["a", "b"]),  # as before: an array in one element
        ("list<string>", "<t>[a]</t>", ["[a]"]),
        ("list<integer>", "<t>3</t><t> -5 </t>", [3, -5]),
        (
            "list<decimal(20,9)>",
            "<t>0.100000001</t><t>12345678901.5</t>",
            [Decimal("0.100000001"), Decimal("12345678901.500000000")],
        ),
        ("list<number>", "<t>1.250</t>", [1.25]),
        ("list<date>", "<t>1969-12-31</t>", [date(1969, 12, 31)]),
        ("list<boolean>", "<t>true</t><t>false</t>", [True, False]),
        ("integers", "<t>3</t><t>5</t>", [3, 5]),
    ],
)
def test_what_repeats_is_a_list_of_its_declared_type(
    kind: str, inside: str, value: list[Any] | None
) -> None:
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    first = f"<order><id>1</id>{inside}</order>"
    text = f'<shop xmlns:i="{xsi}">{first}<order><id>2</id></order></shop>'
    assert rows(text, {"id": "integer", "t": kind}) == [(1, value), (2, None)]


def test_what_is_no_number_of_a_list_sets_its_row_aside_and_none_is_misread() -> None:
    text = "<order><id>{}</id><t>{}</t><t>5</t></order>"
    Path("raw/t.xml").write_text(f"<shop>{text.format(1, '1.234')}{text.format(2, 'x')}</shop>")
    for kind, options in (("list<integer>", {}), ("list<number>", {"decimal": ","})):
        columns = {"id": "integer", "t": kind}
        told, good = read("t.xml", columns, records="shop/order", **options)
        assert good.height == 0, kind  # a decimal comma: a point may stand for thousands
        assert sum(told.reasons.values()) == 2


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<note>a <b>c</b></note>", "has elements and text inside"),
        ("<note><b>c</b> a</note>", "has elements and text inside"),
        ("<note><b>c</b></note>", "has elements inside; declare one of them, such as note/name"),
    ],
)
def test_what_is_no_single_text_is_refused_where_it_is_wanted(inside: str, why: str) -> None:
    text = f"<shop>\n\n<order><id>1</id>{inside}</order></shop>"
    assert f'raw/t.xml, line 3: "note" {why}' in refused(text, {"id": "integer", "note": "string"})
    assert rows(text, {"id": "integer"}) == [(1,)]


LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(10)
)


@pytest.mark.parametrize(
    ("head", "use", "why"),
    [
        (f"<!DOCTYPE shop [{LAUGHS}]>", "&l9;", 'line 1, declares or uses the entity "l0"'),
        ('<!DOCTYPE shop [\n<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;", 'entity "x"'),
        ('<!DOCTYPE shop [<!ENTITY % p SYSTEM "http://127.0.0.1/p">%p;]>', "", 'entity "p"'),
        ('<!DOCTYPE shop SYSTEM "shop.dtd">', "&x;", 'another document ("shop.dtd")'),
        ("", "&x;", "line 1, cannot be read as XML (undefined entity)"),
    ],
)
def test_entities_and_other_documents_are_refused(head: str, use: str, why: str) -> None:
    said = refused(f"{head}<shop><order><id>1</id><a>{use}</a></order></shop>", {"id": "integer"})
    assert why in said


def test_defaults_that_the_document_itself_declares_count() -> None:
    head = '<!DOCTYPE shop [<!ATTLIST order kind CDATA "web">]>'
    text = f'{head}<shop><order id="1"/><order id="2" kind="till"/></shop>'
    assert rows(text, {"id": "integer", "kind": "string"}) == [(1, "web"), (2, "till")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "windows-1252", "utf-16", "gb18030"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_document_says_itself_how_its_letters_are_written(encoding: str, packed: bool) -> None:
    declared = encoding.removesuffix("-sig")
    note = "ñ é" if "8859" in encoding else "ñ € 你好" if "1252" not in encoding else "ñ €"
    order = f'<order id="1"><note>{note}</note></order>'
    text = f'<?xml version="1.0" encoding="{declared}"?><shop>{order}</shop>'
    content = text.encode(encoding)
    name = "t.xml.gz" if packed else "t.xml"
    content = gzip.compress(content) if packed else content
    made = rows(content, {"id": "integer", "note": "string"}, name, records="shop/order")
    assert made == [(1, note)]


def test_wrong_letters_are_refused() -> None:
    latin = "<shop>\n<order><id>1</id><note>ñ</note></order></shop>".encode("latin-1")
    assert "line 2, cannot be read as XML (not well-formed" in refused(latin, ORDER)
    assert rows(latin, {"note": "string"}, encoding="latin-1") == [("ñ",)]
    unknown = '<?xml version="1.0" encoding="klingon"?><shop/>'
    assert "written in klingon, which Python does not know" in refused(unknown, ORDER)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<shop>\n<order><id>1</id></order>\n<order><id>2</id>", "line 3, cannot be read as XML"),
        ("<shop>\n<order><id>1</order></shop>", "line 2, cannot be read as XML (mismatched tag)"),
        ("", "line 1, cannot be read as XML (no element found)"),
        ("<shop><order><id>1</id></order></shop><shop/>", "(junk after document element)"),
        ("<store><order><id>1</id></order></store>", "has no element shop/order"),
        ("<shop><order><ID>1</ID></order></shop>", 'has "ID" where "id" is declared'),
        ("<shop><order><a>1</a></order></shop>", 'has no "id" in any line'),
        ("<shop><Order><id>1</id></Order></shop>", "has shop/Order where `records`"),
    ],
)
def test_a_broken_document_or_another_name_is_told_with_its_line(text: str, why: str) -> None:
    assert why in refused(text, {"id": "integer"})


def test_which_element_is_a_row_must_be_said() -> None:
    said = refused("<shop/>", {"id": "integer"}, records=None)
    assert "declare at its table which element is a row" in said
    Path("raw/t.csv").write_text("id\n1\n")
    with pytest.raises(MlopsError, match=r"tables\.t\.records says nothing about csv"):
        read("t.csv", {"id": "integer"}, records="shop/order")


NESTED = '{"page": {"n": [1, [2]], "text": "}]"}, "data": {"items": [%s]}, "next": null}'


def test_an_array_is_read_alone_or_inside_a_document() -> None:
    objects = '{"id": 1, "price": 3.50, "note": "a"},\n {"note": null, "id": 2}'
    expected = [(1, 3.5, "a"), (2, None, None)]
    assert rows(f"[{objects}]", ORDER, "t.json") == expected
    assert rows(f"\ufeff [ {objects} ] \n", ORDER, "t.json") == expected
    assert rows(NESTED % objects, ORDER, "t.json", records="data/items") == expected
    said = refused(NESTED % objects, ORDER, "t.json")
    assert "name the one that holds the rows: `records: data/items` at its table" in said
    assert "declare `format: jsonl`" in refused('{"id": 1}\n{"id": 2}\n', ORDER, "t.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"id": 1},\n{"id": 2}', "line 2, cannot be read"),
        ('[{"id": 1},\n{"id": 2,}]', "line 2, cannot be read"),
        ('[{"id": 1},\n{"id": "2}]', "line 2, cannot be read"),
        ('[{"id": 1}]\n[]', "line 2, cannot be read (something follows the document)"),
        ('[{"id": 1}\n{"id": 2}]', 'line 2, cannot be read ("," is expected)'),
        ('[{"id": 1},\n2]', "line 2, cannot be read (an array of objects is expected"),
        ('[{"id": 1, "id": 2}]', "a name stands twice in it"),
        ("", "is empty"),
        ("3", "is no array of JSON"),
        ("[" * 100_000, "an array of objects is expected"),
        ('[{"a":' * 100_000, "cannot be read"),
    ],
)
def test_a_broken_array_is_told_with_its_line(text: str, why: str) -> None:
    assert why in refused(text, {"id": "integer"}, "t.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"data": {"rows": []}}', 'its object has no "items"'),
        ('{"data": {"items": 3}}', "data/items is no array"),
        ('{"data": {"items": [{"id": 1}], "items": []}}', '"items" stands twice'),
        ('{"data": {"items": [{"id": 1}]}', '"}" is expected'),
        ('{"before": [1, 2, {"a": "', "ends before it is whole"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(text: str, why: str) -> None:
    assert why in refused(text, {"id": "integer"}, "t.json", records="data/items")


def test_a_document_beside_other_files_is_not_read_and_named() -> None:
    Path("raw/many").mkdir()
    Path("raw/many/a.csv").write_text("id\n1\n")
    Path("raw/many/about.json").write_text("{}")
    Path("raw/many/about.xml").write_text("<a/>")
    told, kept = read("many", {"id": "integer"})
    assert (kept.rows(), told.not_read) == ([(1,)], ["about.json", "about.xml"])


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12).filter(
    lambda text: "\ufffe" not in text and "\uffff" not in text
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["id", "año", "b.c", "note"]), VALUES), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(RECORDS, st.integers(1, 40))
def test_every_text_comes_back_however_the_blocks_fall(
    found: list[dict[str, str]], block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops_kit.data.sources.xml_parsing.BLOCK", block)
        patch.setattr(json_array, "BLOCK", block)
        file = Path("raw/t.xml")
        inside = "".join(
            "<order " + " ".join(f"{k}={quoteattr(v)}" for k, v in one.items()) + "/>\n"
            for one in found
        )
        file.write_text(f"<shop>\n{inside}</shop>", encoding="utf-8", newline="")
        table = Table.model_validate(
            {"source": "m", "columns": {"id": {"type": "string"}}, "records": "shop/order"}
        )
        with file.open("rb") as stream:
            got = list(xml_records.Reader(file, table, ()).read(stream))
        assert [one.values for one in got] == found
        assert [one.line for one in got] == list(range(2, len(found) + 2))
        with file.open("rb") as stream:
            texts = list(xml_records.with_texts(file, stream, table, ()))
        assert "".join(text for text, _ in texts) == file.read_text(encoding="utf-8")
        assert [values for _, values in texts if values] == [one for one in found if one]
        document = {"n": 1234.5, "x": [[{}], -67], "rows": found}
        whole = json.dumps(document, ensure_ascii=False, indent=1)
        file.write_text(whole, encoding="utf-8", newline="")
        with file.open("rb") as stream:
            parts = list(json_array.elements(file, stream, "rows", texts=True))
        assert [one.value for one in parts if one.value is not None] == found
        assert "".join(one.before + one.text for one in parts) == whole
        for one in parts[:-1]:
            assert whole.splitlines()[one.line - 1].strip().startswith("{")


@pytest.mark.parametrize("number", ["1234.5", "-12e+5", "1.5E-3", "0.25e7"])
def test_a_number_is_whole_wherever_a_block_ends(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path("raw/t.json")
    file.write_text(f'{{"n": {number}, "rows": [{{"a": {number}}}, {{"a": 7}}]}}', encoding="utf-8")
    for block in range(1, 40):
        monkeypatch.setattr(json_array, "BLOCK", block)
        with file.open("rb") as stream:
            parts = list(json_array.elements(file, stream, "rows"))
        assert [one.value for one in parts if one.value is not None] == [{"a": number}, {"a": "7"}]


def test_describe_finds_the_rows_or_asks() -> None:
    table = Table.model_validate({"source": "m", "columns": {"id": {"type": "string"}}})

    def look(text: str, kind: str) -> documents.Found:
        Path(f"raw/t.{kind}").write_text(text)
        return documents.look([Path(f"raw/t.{kind}")], kind, table)

    orders = '<order id="1"><n>1</n><n>2</n><c><d>1</d></c></order><order id="2"/>'
    shop = f'<shop at="x"><orders>{orders}</orders></shop>'
    found = look(shop, "xml")
    assert (found.records, found.names) == ("shop/orders/order", ["id", "c/d"])
    assert found.unread["n"].startswith("stands several times")
    assert look('[{"b": 1}, {"a": 2}]', "json") == (None, ["b", "a"], {})
    assert look(NESTED % '{"b": 1}', "json") == ("data/items", ["b"], {})
    two = '<shop><order id="1"/><order id="2"/><item id="1"/><item id="2"/></shop>'
    with pytest.raises(MlopsError, match="--set records=shop/order or --set records=shop/item"):
        look(two, "xml")
    with pytest.raises(MlopsError, match="no element that stands several times"):
        look("<shop><order><id>1</id></order></shop>", "xml")
    with pytest.raises(MlopsError, match="--set format=jsonl"):
        look('{"a": 1}\n{"a": 2}', "json")


MEASURE = """
import resource, sys
from pathlib import Path
from mlops_kit.data.config import Files, Table
from mlops_kit.data.sources import files
columns = {"id": {"type": "integer"}, "note": {"type": "string"}}
table = {"source": "m", "path": sys.argv[1], "records": sys.argv[2], "columns": columns}
read = files.read(Files(kind="files", folder=Path("raw")), "t", Table.model_validate(table))
rows = sum(len(frame) for _, frames in read for frame in frames)
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize("kind", ["xml", "json"])
def test_memory_does_not_grow_with_the_document(kind: str) -> None:
    """70,000 and 350,000 rows in a process each: at most 20 MB between their peaks."""
    peaks = []
    for count in (70_000, 350_000):
        with Path(f"raw/t.{kind}").open("w") as out:
            out.write("<shop>" if kind == "xml" else '{"before": [')
            if kind == "json":  # what is not read counts as well
                out.writelines(f'{{"id": {at}, "note": "row {at}"}},\n' for at in range(count))
                out.write('0], "rows": [')
            record = (
                '<order id="{0}"><note>row {0}</note></order>\n'
                if kind == "xml"
                else ('{{"id": {0}, "note": "row {0}"}},\n')
            )
            out.writelines(record.format(at) for at in range(count - 1))
            out.write(record.format(count - 1).rstrip(",\n"))
            out.write("</shop>" if kind == "xml" else "]}")
        path = "shop/order" if kind == "xml" else "rows"
        command = [sys.executable, "-c", MEASURE, f"t.{kind}", path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        read_rows, peak = map(int, done.stdout.split())
        assert read_rows == count
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 20, peaks
