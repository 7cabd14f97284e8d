"""Pictures of a bucket, in process: a stub that holds any name (a real server: tests/servers)."""

import datetime
from pathlib import Path
from typing import Any

import databases
import pictures
import polars as pl
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.storage import stores

COPIES = Path("data/restricted/landed/dev/db/scans.files")
COLUMNS = {"path": "string", "state": "string", "sha256": "string", "label": "string"}
ONE = pictures.encoded(pictures.striped((8, 8), True, 1))


class Stub:
    """A bucket `raw`: contents and versions by key."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, int]] = {}
        self.got: list[str] = []

    def put(self, key: str, content: bytes | None) -> None:
        if content is None:
            del self.kept[key]
        else:
            self.kept[key] = content, self.kept.get(key, (b"", 0))[1] + 1

    def invalidate_cache(self) -> None:
        pass

    def join(self, *parts: str) -> str:
        return "/".join(parts)

    def exists(self, path: str) -> bool:
        return path == "raw"

    def info(self, path: str) -> dict[str, Any]:
        key = path.removeprefix("raw").removeprefix("/")
        if key in self.kept:
            content, version = self.kept[key]
            written = datetime.datetime(2026, 1, version, tzinfo=datetime.UTC)
            return {"name": path, "type": "file", "size": len(content), "ETag": f'"{version}"',
                    "LastModified": written}  # fmt: skip
        if any(one.startswith(f"{key}/" if key else "") for one in self.kept):
            return {"name": path, "type": "directory", "size": 0}
        raise FileNotFoundError(path)

    def find(self, path: str, detail: bool) -> dict[str, Any]:
        every = [f"raw/{key}" for key in self.kept]
        return {one: self.info(one) for one in every if one.startswith(f"{path}/")}

    def get_file(self, path: str, target: str) -> None:
        self.got.append(path.removeprefix("raw/"))
        Path(target).write_bytes(self.kept[path.removeprefix("raw/")][0])


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    stub = Stub()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stores, "answer", lambda _, do, *__: do(stub, "raw"))
    return stub


def declared(monkeypatch: pytest.MonkeyPatch, source=None, **table) -> None:
    names = {name: {"type": kind, "nullable": True} for name, kind in COLUMNS.items()}
    databases.written(
        Path.cwd(),
        monkeypatch,
        {"kind": "images", "address": "s3://raw", **(source or {})},
        {"scans": {"path": "scans", "columns": names, **table}},
    )


def states() -> dict[str, str]:
    databases.landed(full=True)
    return dict(databases.snapshot("scans").select("path", "state").iter_rows())


def test_any_name_is_kept_below_the_copies_and_comes_once(bucket, monkeypatch) -> None:
    names = ["../../../x.jpg", "/etc/y.jpg", "a//b.jpg", "a/b.jpg", "a", "A.jpg", "a.jpg",
             "C:\\con.jpg", "ñ" * 200 + ".jpg", ".coming.1.jpg"]  # fmt: skip
    for name in names:
        bucket.put(f"scans/{name}", ONE)
        bucket.put(f"scans/{name}.json", b'{"label": "oak"}')
    declared(monkeypatch)
    assert states() == dict.fromkeys(names, "ok")
    assert databases.snapshot("scans")["label"].to_list() == ["oak"] * len(names)
    assert len(list(COPIES.iterdir())) == 2 * len(names) == len(bucket.got)
    assert not {one.name for one in Path.cwd().rglob("*")} & {"x.jpg", "y.jpg", "con.jpg"}
    assert states() == dict.fromkeys(names, "ok")
    assert len(bucket.got) == 2 * len(names)


def test_copies_are_those_of_the_bucket_as_it_is(bucket, monkeypatch) -> None:
    declared(monkeypatch)
    for name in "abc":
        bucket.put(f"scans/{name}.jpg", ONE)
        bucket.put(f"scans/{name}.jpg.json", b'{"label": "oak"}')
    states()
    bucket.put("scans/a.jpg", None)
    bucket.put("scans/b.jpg", b"")
    (COPIES / ".coming.1.left").write_bytes(b"of a client that was killed")
    assert states() == {"b.jpg": "empty", "c.jpg": "ok"}
    assert len(list(COPIES.iterdir())) == 5  # two pictures and three JSON
    assert bucket.got.count("scans/b.jpg") == 2


def test_what_is_too_large_is_not_brought(bucket, monkeypatch) -> None:
    declared(monkeypatch, {"most_megabytes": 1, "tags": "labels.csv"})
    bucket.put("scans/labels.csv", b"path,label\na.jpg,oak\n")
    bucket.put("scans/a.jpg", ONE)
    bucket.put("scans/b.jpg", bytes(1_000_001))
    bucket.put("scans/c.zip", bytes(1_000_001))
    assert states() == {"a.jpg": "ok", "b.jpg": "larger than most_megabytes (1)"}
    assert sorted(bucket.got) == ["scans/a.jpg", "scans/labels.csv"]
    found = pl.read_parquet("data/restricted/manifest.parquet")
    assert found.filter(pl.col("kind").is_null())["path"].to_list() == ["c.zip"]


def test_a_folder_that_is_none_and_one_that_is_gone_change_nothing(bucket, monkeypatch) -> None:
    declared(monkeypatch, {"tags": "labels.csv"})
    bucket.put("scans/labels.csv", b"path,label\na.jpg,oak\n")
    bucket.put("scans/a.jpg", ONE)
    states()
    before = databases.place("scans").read_bytes()
    for name in ("scans/a.jpg", "scans/labels.csv"):
        bucket.put(name, None)
    with pytest.raises(MlopsError, match="There is no object below s3://raw/scans, and scans of"):
        states()
    assert databases.place("scans").read_bytes() == before
    assert len(list(COPIES.iterdir())) == 2
