"""`mlops data describe` of a folder of pictures, and of an address that it cannot read."""

import json
from pathlib import Path
from typing import Any

import pictures
import polars as pl
import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import load_sources
from mlops_kit.data.describing import describe as describing
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.landing import described as undeclared
from mlops_kit.data.reading import store
from mlops_kit.data.sources.kinds.bucket import Bucket

RAW = Path("data/raw/tiles")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    RAW.mkdir(parents=True)


def described(given: Path | str = RAW, *settings: str, **asked: Any) -> dict[str, Any]:
    found = describing.describe(given, list(settings), Asked(**asked))
    describing.write(found, True)
    return yaml.safe_load(Path("conf/sources.yaml").read_text(encoding="utf-8"))


def put(*names: str) -> None:
    for at, name in enumerate(names):
        file = RAW / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(pictures.encoded(pictures.striped((8, 6), True, at)))


def test_a_folder_of_pictures_is_described_as_rows_and_read_so(capsys) -> None:
    put("a.jpg", "b.jpg", "deep/c.jpg", "no ending")
    (RAW / "d.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (RAW / "notes.txt").write_text("not a picture", encoding="utf-8")
    (RAW / "labels.csv").write_text("path,cracked\na.jpg,1\nb.jpg,0\ndeep/c.jpg,1\n")
    found = described()
    assert found["entity"] == {"table": "tiles", "column": "path"}
    assert found["sources"] == {
        "mine": {"kind": "images", "address": "data/raw/tiles", "tags": "labels.csv"}
    }
    table = found["tables"]["tiles"]
    assert (table["path"], table["cursor"], table["key"]) == (".", "modified", ["path"])
    columns = table["columns"]
    assert columns["state"] == {"type": "string", "allowed": ["ok"]}
    assert columns["path"] == {"type": "string", "unique": True}
    assert columns["width"]["type"] == columns["bytes"]["type"] == "integer"
    assert columns["modified"]["type"] == "timestamptz"
    assert columns["pixels"]["type"] == "integers"
    assert columns["cracked"]["type"] == "integer"
    assert "latitude" not in columns  # no picture has one
    said = capsys.readouterr().err
    assert "5 files, of which 1 cannot be used: 1 truncated" in said or "1 damaged" in said
    assert "not read: labels.csv (unknown), notes.txt (unknown)" in said or "notes.txt" in said
    # What is written is what the run reads.
    Path("conf/base.yaml").write_text("", encoding="utf-8")
    told = store(load_sources(), "tiles", [], Path(), Path("good.parquet"))
    assert sum(told.reasons.values()) == 1
    assert pl.read_parquet("good.parquet")["path"].to_list() == [
        "a.jpg", "b.jpg", "deep/c.jpg", "no ending",
    ]  # fmt: skip


def test_tags_in_json_beside_are_found(capsys) -> None:
    put("a.jpg", "b.jpg")
    for name, kind in (("a", "oak"), ("b", "elm")):
        (RAW / f"{name}.jpg.json").write_text(json.dumps({"wood": kind}), encoding="utf-8")
    found = described()
    assert found["sources"]["mine"] == {"kind": "images", "address": "data/raw/tiles"}
    assert found["tables"]["tiles"]["columns"]["wood"]["type"] == "string"


def test_a_folder_of_tables_stays_one_whatever_else_lies_there() -> None:
    put("plot.jpg")
    for name in ("a", "b"):
        (RAW / f"{name}.csv").write_text("id,v\n1,2\n2,3\n".replace("1,", f"{ord(name)},"))
    found = described()
    assert found["sources"]["mine"]["kind"] == "files"
    assert set(found["tables"]["tiles"]["columns"]) >= {"id", "v"}


def test_a_kind_that_is_not_rendered_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.jpg", "b.jpg")
    monkeypatch.setattr(undeclared, "kinds", lambda: (Bucket,))
    with pytest.raises(MlopsError, match=r"holds \.jpg, which no source here reads: .*images"):
        described()
    (RAW / "c.csv").write_text("id,v\n1,2\n2,3\n", encoding="utf-8")
    assert described()["sources"]["mine"]["kind"] == "files"


def test_what_cannot_be_described_is_refused_in_a_sentence() -> None:
    with pytest.raises(MlopsError, match="holds no file that ends in"):
        described()
    put("a.jpg")
    with pytest.raises(MlopsError, match=r'--set: .* has no column "colour": it has '):
        described(RAW, "colour.type=string")
    for address, said in (
        ("s3://bucket/x", 'needs the group "s3"|names no table|cannot be reached'),
        ("ftp://place/file.csv", "no source here that could do this has such addresses"),
        ("s3://key:secret@bucket/x", "does not belong into the address"),
    ):
        with pytest.raises(MlopsError, match=said) as refused:
            described(address)
        assert "secret" not in str(refused.value)
    assert not Path("conf/sources.yaml").exists()
