"""An object comes whole and as it was listed, or not at all (a stub of a bucket)."""

from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.storage import bucket, stores
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
