"""Rotation: every table and all that is derived from them get codes of the new key, and join."""

from collections.abc import Iterator
from pathlib import Path

import clinic
import polars as pl
import pytest
from packaged import packaged

rotate_of = packaged("mlops.privacy.rotate")
erase_of = packaged("mlops.privacy.erase")
keys = packaged("mlops.privacy.keys")
MlopsError = packaged("mlops.errors").MlopsError
NEW = "the next key of the invented clinic, long enough"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a clinic whose data went through data, protect and features."""
    clinic.build(tmp_path, monkeypatch)
    clinic.read()
    clinic.protect()
    clinic.derive()
    monkeypatch.setenv(keys.NEXT_KEY_VARIABLE, NEW)
    return tmp_path


def opened() -> dict[str, bytes]:
    return {file.as_posix(): file.read_bytes() for file in sorted(clinic.OPEN.rglob("*.parquet"))}


def codes(file: Path) -> Iterator[str]:
    for value in (value for row in pl.read_parquet(file).rows() for value in row):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and len(one) > 9 and one[8] in "-.":
                yield one


def test_everything_joins_as_before_and_no_code_of_the_old_key_is_left() -> None:
    def joined() -> int:
        patients = clinic.opened("patients")
        visits = clinic.opened("visits").join(patients, on="patient_id")
        letters = clinic.opened("letters").join(patients, on="email")
        features = pl.read_parquet(clinic.OPEN / "features.parquet")
        predictions = pl.read_parquet(clinic.OPEN / "predictions.parquet")
        lists = predictions.select(pl.col("items").list.first().alias("id"))
        entities = clinic.opened("entities").join(features, left_on="patient_id", right_on="id")
        return [
            visits.height,
            letters.height,
            features.join(patients, left_on="id", right_on="patient_id").height,
            lists.join(features, on="id").height,
            entities.height,
        ]

    before = joined()
    assert before == [180, 60, 60, 60, 60]
    splits = dict(pl.read_parquet(clinic.OPEN / "features.parquet").select("id", "split").rows())
    told = rotate_of.rotate(clinic.TODAY)
    assert "4 tables and 2 files" in told[0]
    assert joined() == before
    for file in clinic.OPEN.rglob("*.parquet"):
        found = list(codes(file))
        assert found
        assert {one[:8] for one in found} == {keys.key_id(NEW.encode())}
    # It is the same person in every row, not just somebody.
    features = pl.read_parquet(clinic.OPEN / "features.parquet")
    turned = {clinic.token(n): clinic.token(n, key=NEW) for n in range(clinic.PATIENTS)}
    assert dict(features.select("id", "split").rows()) == {
        turned[old]: split for old, split in splits.items()
    }


def test_after_it_the_new_key_gives_the_very_same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    rotate_of.rotate(clinic.TODAY)
    rotated = opened()
    monkeypatch.setenv(keys.KEY_VARIABLE, NEW)
    clinic.protect()
    assert opened() == rotated


def test_keys_in_files_change_places_and_the_old_one_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(keys.KEY_VARIABLE)
    monkeypatch.delenv(keys.NEXT_KEY_VARIABLE)
    old = keys.create_key().read_bytes()
    clinic.protect()
    clinic.derive()
    new = keys.create_key(keys.NEXT_KEY_FILE).read_bytes()
    rotate_of.rotate(clinic.TODAY)
    kept = keys.KEY_FILE.with_name(f"privacy.{keys.key_id(old.strip())}.key")
    assert (keys.KEY_FILE.read_bytes(), kept.read_bytes()) == (new, old)
    assert not keys.NEXT_KEY_FILE.exists()
    assert {file.stat().st_mode & 0o777 for file in (keys.KEY_FILE, kept)} == {0o600}
    before = opened()
    clinic.protect()
    assert opened() == before


@pytest.mark.parametrize("next_key", [clinic.KEY, keys.SAMPLE_KEY.decode(), "short", None])
def test_without_a_new_key_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, next_key: str | None
) -> None:
    monkeypatch.delenv(keys.NEXT_KEY_VARIABLE)
    if next_key is not None:
        monkeypatch.setenv(keys.NEXT_KEY_VARIABLE, next_key)
    before = opened()
    with pytest.raises(MlopsError) as refused:
        rotate_of.rotate(clinic.TODAY)
    assert refused.value.exit_code == 3
    assert next_key is None or next_key == "short" or "must be a new one" in str(refused.value)
    assert opened() == before


def test_codes_of_people_whom_nobody_knows_stop_it_and_nothing_changes() -> None:
    lost = pl.DataFrame({"id": [clinic.token(999)]})
    lost.write_parquet(clinic.OPEN / "old.parquet")
    before = opened()
    with pytest.raises(MlopsError, match=r"old.parquet has 1 codes of people whom"):
        rotate_of.rotate(clinic.TODAY)
    assert opened() == before


def test_it_says_when_erased_people_could_come_back_under_the_new_key() -> None:
    erase_of.erase(clinic.token(7))
    told = "\n".join(rotate_of.rotate(clinic.TODAY))
    assert "2 erased people cannot be known under the new key" in told
