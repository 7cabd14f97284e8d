"""A sealed bundle: equal contents are an equal file, and one changed byte breaks the seal."""

import json
import zipfile
from pathlib import Path

import pytest
from mlops_kit.core.bundle import MANIFEST, opened, seal
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.promote.bundle import verify
from mlops_kit.train.model_file import IN_BUNDLE

FILES = {
    "model/model.skops": bytes(range(256)) * 4,
    "model/model.json": b'{"sha256": "aa"}',
    "decision/decision.json": b'{"decision": "promote"}',
    "params.yaml": b"seed: 7\n",
}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    return seal(tmp_path / "a.bundle", FILES, {"model": "shop"}).path


def rewritten(path: Path, contents: dict[str, bytes]) -> Path:
    """Write a zip of these files, as somebody would who wants to change a bundle."""
    target = path.with_name("other.bundle")
    with zipfile.ZipFile(target, "w") as out:
        for name, content in contents.items():
            out.writestr(name, content)
    return target


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as stored:
        return {name: stored.read(name) for name in stored.namelist()}


def test_equal_contents_are_an_equal_file_and_come_back(tmp_path: Path, sealed: Path) -> None:
    turned = dict(reversed(FILES.items()))
    again = seal(tmp_path / "b.bundle", turned, {"model": "shop"})
    assert again.path.read_bytes() == sealed.read_bytes()
    assert {name: again.read(name) for name in FILES} == FILES
    assert again.facts == {"model": "shop"} and again.sha256 == opened(sealed).sha256
    other = seal(tmp_path / "c.bundle", FILES, {"model": "shop", "by": "another"})
    assert other.sha256 != again.sha256


@pytest.mark.parametrize("name", sorted(FILES))
def test_one_changed_byte_of_any_file_breaks_the_seal(sealed: Path, name: str) -> None:
    there = contents(sealed)
    there[name] = bytes([there[name][0] ^ 1]) + there[name][1:]
    with pytest.raises(MlopsError, match=f"{name} was changed: its seal is broken"):
        opened(rewritten(sealed, there))


@pytest.mark.parametrize("change", ["more", "less", "no manifest", "manifest of another"])
def test_other_files_than_the_manifest_says_break_the_seal(sealed: Path, change: str) -> None:
    there = contents(sealed)
    if change == "more":
        there["model/other.py"] = b""
    elif change == "less":
        del there["params.yaml"]
    elif change == "no manifest":
        del there[MANIFEST]
    else:
        told = json.loads(there[MANIFEST])
        told["files"]["params.yaml"] = "0" * 64
        there[MANIFEST] = json.dumps(told).encode()
    with pytest.raises(MlopsError, match="seal is broken"):
        opened(rewritten(sealed, there))


def test_a_new_manifest_is_another_bundle(sealed: Path) -> None:
    there = contents(sealed)
    told = json.loads(there[MANIFEST])
    there[MANIFEST] = json.dumps(told | {"model": "shop "}).encode()
    assert opened(rewritten(sealed, there)).sha256 != opened(sealed).sha256


def test_every_byte_of_the_file_counts(sealed: Path) -> None:
    """No flipped bit of the zip itself gives other contents under the same name of the bundle."""
    whole, before = sealed.read_bytes(), opened(sealed)
    for place in range(0, len(whole), 3):
        broken = sealed.with_name("flipped.bundle")
        flipped = bytes([whole[place] ^ (1 << place % 8)])
        broken.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        try:
            found = opened(broken)
            same = {name: found.read(name) for name in FILES} == FILES
        except MlopsError:
            continue
        assert same and found.sha256 == before.sha256, place  # a time or an attribute of the zip


@pytest.mark.parametrize("text", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_what_is_no_bundle_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.bundle").write_bytes(text)
    with pytest.raises(MlopsError, match="cannot be read as a bundle"):
        opened(tmp_path / "x.bundle")
    with pytest.raises(MlopsError, match="does not exist"):
        opened(tmp_path / "none.bundle")


def test_a_killed_or_refused_write_leaves_what_was_there(
    tmp_path: Path, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sealed.read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", refuse)
    with pytest.raises(OSError, match="No space"):
        seal(sealed, FILES, {"model": "another"})
    assert sealed.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [sealed.name]


def test_a_bundle_with_rows_beside_the_model_is_refused(tmp_path: Path) -> None:
    files = dict.fromkeys([*IN_BUNDLE.values(), "data/rows.parquet"], b"{}")
    carrying = seal(tmp_path / "d.bundle", files, {"model": "shop"}).path
    with pytest.raises(MlopsError, match=r"holds data/rows\.parquet besides a model .* no data"):
        verify(carrying)
