"""A folder of pictures as a table: each file is a row, is named as it is, and none is lost."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import databases
import numpy as np
import pictures
import polars as pl
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import load_sources
from mlops_kit.data.landing.snapshot import stale
from mlops_kit.data.media.apart import Apart
from PIL import Image

FACTS = {
    "path": "string", "folder": "string", "sha256": "string", "bytes": "integer",
    "modified": "timestamptz", "type": "string", "misnamed": "boolean", "state": "string",
    "gps": "boolean", "personal": "string", "width": "integer", "height": "integer",
    "colours": "string", "frames": "integer", "taken_at": "timestamp", "author": "string",
    "device": "string", "latitude": "number", "longitude": "number", "pixels": "integers",
}  # fmt: skip
ADDRESS = "data/restricted/raw/scans"
MANIFEST = Path("data/restricted/manifest.parquet")
REPORT = Path("reports/data/manifest.parquet")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / ADDRESS
    place.mkdir(parents=True)
    return place


def declared(monkeypatch: pytest.MonkeyPatch, columns=None, source=None, **table) -> None:
    names = {name: {"type": kind, "nullable": True} for name, kind in (columns or FACTS).items()}
    databases.written(
        Path.cwd(),
        monkeypatch,
        {"kind": "images", "address": ADDRESS, **(source or {})},
        {"scans": {"path": ".", "columns": names, **table}},
    )


def landed(**how) -> pl.DataFrame:
    databases.landed(**how)
    return databases.snapshot("scans")


def in_a_process() -> tuple[pl.DataFrame, int]:
    """Land; return the table and the peak memory of what unpacks pictures, in kB."""
    code = "import databases, resource; databases.landed(full=True); print('peak', " + (
        "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return databases.snapshot("scans"), int(done.stdout.split()[-1])


def test_every_file_is_a_row_that_says_how_it_is(folder, monkeypatch, capsys):
    expected = pictures.odd_folder(folder)
    declared(monkeypatch)
    table = landed()
    rows = {name: how for name, how in expected.items() if how}
    assert dict(table.select("path", "state").iter_rows()) == rows
    known = {row["path"]: row for row in table.to_dicts()}
    content = (folder / "sound.jpg").read_bytes()
    sound = known["sound.jpg"]
    assert sound["sha256"] == hashlib.sha256(content).hexdigest()
    assert (sound["width"], sound["height"], sound["type"]) == (40, 30, "jpeg")
    assert [name for name, row in known.items() if row["misnamed"]] == [
        "document.jpg", "no ending", "really a jpeg.png",
    ]  # fmt: skip
    manifest = pl.read_parquet(MANIFEST)
    assert dict(manifest.filter(kind="image").select("path", "state").iter_rows()) == rows
    assert manifest.filter(pl.col("kind").is_null())["path"].to_list() == ["notes.txt"]
    report = pl.read_parquet(REPORT)
    assert report["path"].unique().sort().to_list() == ["*", "*.jpg", "*.png", "*.txt"]
    assert report.drop("path", "modified").equals(manifest.drop("path", "modified"))
    said = capsys.readouterr().err
    assert "12 files, of which 7 cannot be used" in said
    assert "not read: notes.txt (unknown)" in said
    assert "really a jpeg.png (jpeg)" in said


def test_a_bomb_costs_no_memory(folder, monkeypatch):
    (folder / "bomb.png").write_bytes(pictures.bomb(20_000, 20_000))
    assert (folder / "bomb.png").stat().st_size < 500_000
    columns = {"path": "string", "state": "string", "pixels": "integers"}
    declared(monkeypatch, columns)
    table, peak = in_a_process()
    assert table["state"].to_list() == ["more than most_pixels (50,000,000)"]
    # The limit itself, and not Pillow's own, which is twice as high.
    (folder / "small.png").write_bytes(pictures.bomb(30, 40))
    declared(monkeypatch, columns, {"most_pixels": 1_000})
    assert set(landed()["state"]) == {"more than most_pixels (1,000)"}
    (folder / "small.png").unlink()
    declared(monkeypatch, columns, {"most_pixels": 10**9})
    table, bombed = in_a_process()
    assert table["state"].to_list() == ["ok"]
    assert bombed - peak > 300_000  # kB: the test can tell


def test_what_a_camera_says_of_a_person_is_read_and_named(folder, monkeypatch):
    (folder / "a.jpg").write_bytes(pictures.with_place(pictures.striped((8, 8), True, 1)))
    (folder / "b.png").write_bytes(
        pictures.with_place(pictures.striped((8, 8), True, 1), format="PNG")
    )
    (folder / "c.webp").write_bytes(
        pictures.with_place(pictures.striped((8, 8), True, 1), format="WEBP")
    )
    declared(monkeypatch)
    for row in landed().to_dicts():
        assert row["gps"] is True
        assert row["author"] == pictures.AUTHOR
        assert row["device"] == "Lumen L-20"
        assert row["latitude"] == pytest.approx(-(34 + 36 / 60 + 12.34 / 3600))
        assert row["longitude"] == pytest.approx(-(58 + 22 / 60 + 54.32 / 3600))
        assert str(row["taken_at"]) == "2026-03-04 05:06:07"
        assert row["personal"] == "GPS, Artist, BodySerialNumber"
    written = MANIFEST.read_bytes()
    names = pl.read_parquet(MANIFEST).to_dicts()
    assert pictures.AUTHOR not in str(names)
    assert pictures.AUTHOR.encode() not in written


def test_pixels_are_means_of_areas_upright_and_on_white(folder, monkeypatch):
    chance = np.random.default_rng(3)
    grey = chance.integers(0, 256, (40, 24), dtype=np.uint8)
    Image.fromarray(grey).save(folder / "a.png")
    exif = Image.Exif()
    exif[0x112] = 6  # the camera was held upright: turn by a quarter
    Image.fromarray(np.rot90(grey)).save(folder / "b.png", exif=exif)
    clear = Image.fromarray(np.dstack([grey] * 3 + [np.zeros_like(grey)]), "RGBA")
    clear.save(folder / "c.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "d.png")
    Image.fromarray(grey.astype(np.float32)).save(folder / "e.tif")
    declared(monkeypatch, source={"width": 6, "height": 10})
    rows = {row["path"]: row for row in landed().to_dicts()}
    means = grey.reshape(10, 4, 6, 4).astype(float).mean(axis=(1, 3)).ravel()
    for name in ("a.png", "b.png", "d.png"):
        assert np.abs(np.array(rows[name]["pixels"]) - means).max() <= 1, name
    assert set(rows["c.png"]["pixels"]) == {255}
    assert rows["e.tif"]["state"] == "its pixels have no known largest value (F)"


def test_a_second_read_looks_at_what_is_new_and_names_what_is_gone(folder, monkeypatch, capsys):
    for name in ("a", "b", "c"):
        (folder / f"{name}.png").write_bytes(
            pictures.encoded(pictures.striped((8, 8), True, ord(name)), format="PNG")
        )
    declared(monkeypatch, cursor="modified", key=["path"])
    assert len(landed()) == 3
    looked = []
    look = Apart.look
    monkeypatch.setattr(Apart, "look", lambda *given: looked.append(1) or look(*given))
    (folder / "c.png").unlink()
    (folder / "d.png").write_bytes((folder / "a.png").read_bytes())
    os.utime(folder / "d.png", (1e9, 1e9))  # copied with its old date
    table = landed()
    assert table["path"].to_list() == ["a.png", "b.png", "c.png", "d.png"]
    assert len(looked) <= 2  # d, and the youngest again
    assert pl.read_parquet(MANIFEST).filter(path="c.png")["state"][0].startswith("gone")
    assert landed(full=True)["path"].to_list() == ["a.png", "b.png", "d.png"]
    # Other settings: what was read with the old ones is read again, and until then it is told.
    assert list(stale(load_sources())) == []
    declared(monkeypatch, cursor="modified", key=["path"], source={"width": 4, "height": 4})
    assert [line[:26] for line in stale(load_sources())] == ["scans: landed by other set"]
    assert set(landed()["pixels"].list.len()) == {16}


def test_a_file_that_changes_while_it_is_read_has_no_facts_of_two_contents(folder, monkeypatch):
    old, new = (
        pictures.encoded(pictures.striped((side, side), True, 3), format="PNG") for side in (8, 9)
    )
    (folder / "a.png").write_bytes(old)
    (folder / "b.png").write_bytes(old)
    declared(monkeypatch, cursor="modified", key=["path"])
    look = Apart.look

    def disturbed(apart: Apart, file: Path) -> dict:
        if file.name == "b.png":
            file.write_bytes(new)
        return look(apart, file)

    monkeypatch.setattr(Apart, "look", disturbed)
    first, second = landed().sort("path").to_dicts()
    assert (first["state"], first["width"]) == ("ok", 8)
    assert second["state"] == "was changed while it was read: ingest again"
    assert second["width"] is None and second["pixels"] is None
    monkeypatch.setattr(Apart, "look", look)
    second = landed().sort("path").to_dicts()[1]
    assert (second["state"], second["width"]) == ("ok", 9)
    assert second["sha256"] == hashlib.sha256(new).hexdigest()


def test_tags_come_from_json_beside_or_from_a_csv(folder, monkeypatch, capsys):
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(pictures.encoded(Image.new("L", (4, 4)), format="PNG"))
    (folder / "a.png.json").write_text(json.dumps({"label": "cat", "age": 3}))
    (folder / "b.json").write_text(json.dumps({"label": "dog, «ñandú»"}))
    columns = {"path": "string", "label": "string", "age": "string", "state": "string"}
    declared(monkeypatch, columns)
    assert landed().rows() == [
        ("a.png", "cat", "3", "ok"), ("b.png", "dog, «ñandú»", None, "ok"),
    ]  # fmt: skip
    (folder / "b.json").write_text("{")
    assert landed()["state"].to_list()[1] == "b.json beside it is no JSON object of at most 1 MB"
    (folder / "labels.csv").write_text("path,label,age\na.png,cat,3\nz.png,dog,4\n")
    declared(monkeypatch, columns, {"tags": "labels.csv"})
    assert landed().filter(path="a.png").rows() == [("a.png", "cat", "3", "ok")]
    assert "labels.csv names z.png: no such file is there" in capsys.readouterr().err
    declared(monkeypatch, {**columns, "colour": "string"}, {"tags": "labels.csv"})
    with pytest.raises(MlopsError, match='no column "colour"'):
        landed()


def test_an_address_that_is_none_is_refused_in_a_sentence(folder, monkeypatch):
    declared(monkeypatch, source={"address": "data/restricted/raw/none"})
    with pytest.raises(MlopsError, match="is no folder"):
        landed()
    for source, said in (
        ({"address": "ftp://bucket/scans"}, "is s3://, gs:// or azure:// and a bucket"),
        ({"address": "s3://key:secret@bucket/scans"}, "does not belong into the address"),
        ({"user": "somebody"}, "user is for a bucket, and the address is a folder"),
        ({"address": "s3://b", "options": {"secret_access_key": "x"}}, "does not belong into git"),
    ):
        declared(monkeypatch, source=source)
        with pytest.raises(MlopsError, match=said):
            landed()
