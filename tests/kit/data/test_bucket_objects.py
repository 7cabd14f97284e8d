"""An object comes whole and as it was listed, or not at all (a stub of a bucket)."""

from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Column, Table
from mlops_kit.data.sources.kinds.bucket import Bucket
from mlops_kit.data.storage import bringing, bucket, stores
from mlops_kit.data.storage.refusals import Store

STORE = Store('The bucket of source "shop"', "s3://raw", {}, False, "sources.shop")


class Stub:
    """A bucket with one object, which a library gives in part, or of which it says otherwise."""

    def __init__(self, content: bytes, now: dict[str, Any] | None) -> None:
        self.content, self.now = content, now

    def get_file(self, _: str, target: str) -> None:
        Path(target).write_bytes(self.content)

    def invalidate_cache(self) -> None:
        pass

    def info(self, path: str) -> dict[str, Any]:
        if self.now is None:
            raise FileNotFoundError(path)
        return {"name": path, "type": "file"} | self.now


LISTED = {"size": 5, "ETag": '"one"'}


@pytest.mark.parametrize(
    ("content", "now", "why"),
    [
        (b"hel", LISTED, r"raw/a\.csv broke off \(3 of 5 bytes came\)"),
        (b"hello", {"size": 5, "ETag": '"two"'}, "was changed while it was read"),
        (b"hello!", {"size": 6, "ETag": '"two"'}, "was changed while it was read"),
        (b"hello", None, "is gone since it was listed"),
    ],
)
def test_an_object_that_is_not_what_was_listed_is_not_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    now: dict[str, Any] | None,
    why: str,
) -> None:
    stub = Stub(content, now)
    monkeypatch.setattr(bucket.stores, "answer", lambda _, do, *__: do(stub, "raw"))
    one = bucket.as_object({"name": "raw/a.csv", **LISTED})
    with pytest.raises(MlopsError, match=why):
        bucket.bring(STORE, [(one, tmp_path / "a.csv")])
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_as_it_was_listed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket.stores, "answer", lambda _, do, *__: do(Stub(b"hello", LISTED), "r"))
    one = bucket.as_object({"name": "raw/a.csv", **LISTED})
    bucket.bring(STORE, [(one, tmp_path / "a.csv")])
    assert (tmp_path / "a.csv").read_bytes() == b"hello"


def a_table(monkeypatch: pytest.MonkeyPatch, folder: Path) -> bringing._Bringing:
    """Return a table `t` of a bucket that is brought into a folder."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    source = Bucket.model_validate({"kind": "bucket", "address": "s3://raw"})
    table = Table(source="shop", path="t", columns={"id": Column(type="integer")})
    made = bringing._Bringing(source, "t", table, lambda _: 0)
    made.coming.mkdir(parents=True)
    return made


def test_small_objects_are_brought_together_and_noted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = [10] * 100 + [bringing.SMALL + 1, bringing.SMALL - 5, 4, 4]
    there = [bucket.as_object({"name": f"raw/t/{at:03}.csv", "size": size, "ETag": "1"})
             for at, size in enumerate(sizes)]  # fmt: skip
    asked: list[int] = []

    def come(_: Any, wanted: list[Any]) -> None:
        asked.append(len(wanted))
        for one, file in wanted:
            file.write_text(one.name)

    monkeypatch.setattr(bringing, "bring_objects", come)
    made = a_table(monkeypatch, tmp_path)
    monkeypatch.setattr(made, "_listed", lambda: there)
    assert made.bring(False).startswith("t: 104 new, 0 changed and 0 gone files, 104 in all")
    assert asked == [64, 36, 1, 2, 1]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(asked) and "t: 64 files, 640 bytes (64 of 104)" in told[0]
    assert len(list(made.place.iterdir())) == 104
    there[:] = [one._replace(name=f"{at:05}.csv") for at, one in enumerate([there[0]] * 6_400)]
    assert made.bring(False).startswith("t: 6,400 new, 0 changed and 104 gone files")
    told = capsys.readouterr().err.splitlines()
    assert 30 <= len(told) <= bringing.MOST_TOLD and "(64 of 6,400)" in told[0]


def test_of_objects_that_break_off_those_that_came_are_noted_and_no_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = a_table(monkeypatch, tmp_path)
    some = [bucket.as_object({"name": f"raw/t/{name}", "size": 3, "ETag": "2"})
            for name in ("a.csv", "b.csv")]  # fmt: skip
    (made.coming / "b.csv").write_text("of a killed read, before it was changed there")

    def breaks_off(_: Any, wanted: list[Any]) -> None:
        wanted[0][1].write_text("new")
        raise MlopsError("broke off")

    monkeypatch.setattr(bringing, "bring_objects", breaks_off)
    came: dict[str, Any] = {}
    with pytest.raises(MlopsError, match="broke off"):
        made._bring(some, came)
    assert not (made.coming / "b.csv").exists()
    assert made._came() == came
    assert list(came) == ["a.csv"]
    with (made.coming / ".said.jsonl").open("a") as file:
        file.write('["b.csv", {"version": ')  # killed while it was noted
    (made.coming / "b.csv").write_text("b")
    assert made._came() == came
    made.asked = ["another address"]
    assert made._came() == {}


def test_credentials_of_google_that_are_no_file_are_told_without_them(tmp_path: Path) -> None:
    store = Store('The bucket of source "shop"', "gs://raw", {}, False, "sources.shop")
    with pytest.raises(
        MlopsError, match=r"`password` of sources\.shop leads to no file"
    ) as refused:
        stores.signed(store, None, '{"private_key": "abc"}' + " " * 5000)
    assert "abc" not in str(refused.value)
    (tmp_path / "key.json").write_text("{}", encoding="utf-8")
    known = stores.signed(store, None, str(tmp_path / "key.json"))
    assert known.options == {"credentialpath": str(tmp_path / "key.json")}


def test_a_place_is_opened_once_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def kind(**options: Any) -> object:
        made.append(options)
        return object()

    monkeypatch.setattr("dvc.fs.get_cloud_fs", lambda *_, **options: (kind, options, "raw"))
    monkeypatch.setattr(stores, "reach", lambda store: None)
    store = Store("The bucket", "s3://raw", {"key": "a"}, False)
    other = Store("The bucket", "s3://raw", {"key": "b"}, False)
    first, again = (stores.answer(store, lambda fs, path: fs) for _ in range(2))
    assert first is again
    assert stores.answer(other, lambda fs, path: fs) is not first
    assert [one["key"] for one in made] == ["a", "b"]
