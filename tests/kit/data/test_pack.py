"""`mlops data pack`: copies hold pixels and samples and nothing else, by several readers."""

import io
import json
import os
import shutil
import subprocess
import wave
from pathlib import Path

import databases
import duckdb
import numpy as np
import pictures
import polars as pl
import pytest
import recorded
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.media import pack as packing
from mlops_kit.data.media.pack import check_bare, pack
from PIL import Image

ADDRESS = Path("data/restricted/raw/files")
WHY = "tiles of a factory, nobody is on them; decided by the works council"
PLANTED = [pictures.AUTHOR, pictures.SERIAL, "Lumen", recorded.PLACE, "2026:03:04"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    ADDRESS.mkdir(parents=True)
    return ADDRESS


def prepared(monkeypatch: pytest.MonkeyPatch, kind: str, **source: object) -> None:
    """Land the files, and write the tables of both zones as the stages do; ids are as they are."""
    columns = {"path": {"type": "string"}, "state": {"type": "string"}}
    databases.written(
        Path.cwd(), monkeypatch, {"kind": kind, "address": ADDRESS.as_posix(), **source},
        {"files": {"path": ".", "columns": columns}},
    )  # fmt: skip
    databases.landed(full=True)
    whole = databases.snapshot("files").filter(state="ok")
    for zone in ("restricted", "open"):
        Path(f"data/{zone}/tables").mkdir(parents=True, exist_ok=True)
        whole.write_parquet(f"data/{zone}/tables/files.parquet")


def contents() -> dict[str, bytes]:
    """Read the copies by DuckDB, which had no part in writing them."""
    query = "SELECT id, content FROM 'data/open/files/files/*.parquet'"
    found = duckdb.connect().execute(query).fetchall()
    return dict(found)


def planted(folder: Path) -> None:
    picture = pictures.striped((40, 30), across=True, seed=1)
    for name, how in {
        "a.jpg": {}, "b.png": {"format": "PNG"}, "c.webp": {"format": "WEBP"},
        "d.tif": {"format": "TIFF"},
    }.items():  # fmt: skip
        (folder / name).write_bytes(pictures.with_place(picture, **how))


def test_a_copy_of_a_picture_holds_pixels_alone(folder, monkeypatch):
    planted(folder)
    for file in folder.iterdir():  # what is planted can be found
        assert pictures.AUTHOR.encode() in file.read_bytes()
    prepared(monkeypatch, "images", grey=False)
    done = pack("files", 10**9, 10**6, WHY)
    assert (done.files, done.shards, done.left) == (4, 1, {})
    found = contents()
    assert sorted(found) == ["a.jpg", "b.png", "c.webp", "d.tif"]
    whole = Path("data/open/files/files/000000.parquet").read_bytes()
    for content in [*found.values(), whole]:
        for text in PLANTED:
            assert text.encode() not in content and text.encode("utf-16-le") not in content
        assert b"Exif" not in content and b"eXIf" not in content and b"GPS" not in content
    with Image.open(io.BytesIO(found["b.png"])) as copy:
        assert not copy.getexif() and copy.info == {}
        with Image.open(folder / "b.png") as original:
            assert np.array_equal(np.asarray(copy), np.asarray(original.convert("RGB")))


def test_a_copy_of_a_recording_holds_samples_alone(folder, monkeypatch):
    tags = {"artist": recorded.AUTHOR, "location": recorded.PLACE}
    tone = recorded.sound(440, 1.0)
    for name, container, codec in (("a.flac", "flac", "flac"), ("b.m4a", "mp4", "aac")):
        content = recorded.encoded_sound(tone, 22_050, container, codec, tags)
        assert recorded.AUTHOR.encode() in content
        (folder / name).write_bytes(content)
    prepared(monkeypatch, "audio", rate=22_050)
    pack("files", 10**9, 10**6, WHY)
    for content in contents().values():
        assert recorded.AUTHOR.encode() not in content and b"LIST" not in content
    with wave.open(io.BytesIO(contents()["a.flac"])) as copy:
        samples = np.frombuffer(copy.readframes(copy.getnframes()), "<i2") / 32767
    assert np.abs(samples - tone).max() < 1e-4


@pytest.mark.debian("exiftool", "libimage-exiftool-perl")
def test_exiftool_finds_no_place_and_no_name_in_a_copy(folder, monkeypatch, tmp_path):
    planted(folder)
    before = read_by_exiftool(folder)
    assert sum("GPSLatitude" in one for one in before) == 3  # Pillow writes none into a TIFF
    assert sum(pictures.AUTHOR in str(one) for one in before) == 4
    prepared(monkeypatch, "images")
    pack("files", 10**9, 10**6, WHY)
    out = tmp_path / "copies"
    out.mkdir()
    for name, content in contents().items():
        (out / f"{name}.copy.png").write_bytes(content)
    after = read_by_exiftool(out)
    about_the_file = ("SourceFile", "ExifToolVersion", "File", "MIMEType", "Directory")
    of_pixels = ("Image", "BitDepth", "ColorType", "Compression", "Filter", "Interlace",
                 "Megapixels")  # fmt: skip
    assert len(after) == 4
    for one in after:
        assert [name for name in one if not name.startswith(about_the_file + of_pixels)] == []


def read_by_exiftool(place: Path) -> list[dict[str, object]]:
    program = shutil.which("exiftool")
    assert program is not None
    done = subprocess.run([program, "-json", "-a", str(place)], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_shards_are_begun_anew_and_large_or_broken_copies_are_counted(folder, monkeypatch):
    chance = np.random.default_rng(1)
    for number in range(6):
        noise = chance.integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    large = chance.integers(0, 256, (400, 400), dtype=np.uint8)
    Image.fromarray(large).save(folder / "large.png")
    prepared(monkeypatch, "images")
    done = pack("files", 8_000, 50_000, WHY)
    assert (done.files, done.shards, done.left) == (6, 3, {"larger than --most": 1})
    assert len(contents()) == 6
    again = {one.name: one.read_bytes() for one in Path("data/open/files/files").iterdir()}
    assert pack("files", 8_000, 50_000, WHY).files == 6
    assert {one.name: one.read_bytes() for one in Path("data/open/files/files").iterdir()} == again
    prepared(monkeypatch, "images", side=20)
    assert pack("files", 8_000, 50_000, WHY).left == {}
    sides = pl.read_parquet("data/open/files/files/*.parquet")["content"].to_list()
    assert {Image.open(io.BytesIO(one)).size for one in sides} == {(20, 20)}


def test_only_rows_of_the_open_zone_are_packed_and_somebody_must_vouch(folder, monkeypatch):
    planted(folder)
    prepared(monkeypatch, "images")
    with pytest.raises(MlopsError, match="--reason"):
        pack("files", 10**9, 10**6, " ")
    place = Path("data/open/tables/files.parquet")
    pl.read_parquet(place).filter(pl.col("path") != "a.jpg").write_parquet(place)
    pack("files", 10**9, 10**6, WHY)
    assert sorted(contents()) == ["b.png", "c.webp", "d.tif"]
    before = contents()
    os.utime(folder / "b.png", (1, 1))
    with pytest.raises(MlopsError, match="has changed or is gone"):
        pack("files", 10**9, 10**6, WHY)
    assert contents() == before  # whole or not at all
    with pytest.raises(MlopsError, match="no table of pictures"):
        pack("others", 10**9, 10**6, WHY)


def test_a_copy_with_any_other_part_is_refused(folder, monkeypatch):
    picture = Image.new("L", (4, 4))
    bare = pictures.encoded(picture, format="PNG")
    check_bare(bare, "png")
    with pytest.raises(MlopsError, match="eXIf"):
        check_bare(pictures.with_place(picture, format="PNG"), "png")
    with pytest.raises(MlopsError, match="rest"):
        check_bare(bare + b"more", "png")
    sound = recorded.encoded_sound(recorded.sound(440, 0.1), tags={"artist": recorded.AUTHOR})
    with pytest.raises(MlopsError, match="LIST"):
        check_bare(sound, "wav")
    (folder / "a.png").write_bytes(pictures.with_place(picture, format="PNG"))
    prepared(monkeypatch, "images")
    looked = packing.Apart.look

    def careless(self, file):
        return {**looked(self, file), "content": file.read_bytes()}

    monkeypatch.setattr(packing.Apart, "look", careless)
    with pytest.raises(MlopsError, match="eXIf"):
        pack("files", 10**9, 10**6, WHY)
    assert not Path("data/open/files/files").exists()
