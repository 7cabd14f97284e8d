"""Changing the key: every table and all that is derived from them go on joining."""

import os
import stat
from pathlib import Path

import clinic
import polars as pl
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.people import rotate as rotate_of
from mlops_kit.privacy.people import subjects
from mlops_kit.privacy.protect import keys
from mlops_kit.privacy.protect import staging as workplace

NEXT = "n" * 40


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clinic whose data went through data, protect and features."""
    with pytest.MonkeyPatch.context() as patch:
        return clinic.finished(tmp_path_factory.mktemp("clinic"), patch)


@pytest.fixture(autouse=True)
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a copy of it whose keys are in files, as a team has them."""
    clinic.stand_in_copy(finished, tmp_path / "clinic", monkeypatch)
    monkeypatch.delenv(keys.KEY_VARIABLE)
    write_key(keys.KEY_FILE, clinic.KEY)


def write_key(file: Path, key: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{key}\n", encoding="ascii")
    file.chmod(0o600)


def open_zone() -> dict[str, bytes]:
    return {f.as_posix(): f.read_bytes() for f in clinic.OPEN.rglob("*") if f.is_file()}


def joined() -> dict[str, object]:
    """Return what joins of tables and of derived files give, without the tokens themselves."""
    patients, visits = clinic.opened("patients"), clinic.opened("visits")
    features = pl.read_parquet(clinic.OPEN / "features.parquet")
    items = pl.read_parquet(clinic.OPEN / "predictions.parquet").explode("items")
    born = patients.select(id="patient_id", born="birth_date", ward="ward")
    return {
        "visits": patients.join(visits, on="patient_id")
        .group_by("postal_code", "ward", "birth_date")
        .agg(pl.len(), pl.col("minutes").sum())
        .sort(pl.all())
        .rows(),
        "letters": patients.join(clinic.opened("letters"), on="email")
        .select("ward", "pages", "birth_date")
        .sort(pl.all())
        .rows(),
        "features": born.join(features, on="id").drop("id").sort(pl.all()).rows(),
        "lists": born.join(items, left_on="id", right_on="items").drop("id", "id_right").height,
        "others in lists": items.filter(pl.col("items") == "none").height,
    }


def codes() -> set[str]:
    """Return the key ids in the open zone."""
    found = set()
    for file in clinic.OPEN.rglob("*.parquet"):
        for column in pl.read_parquet(file).get_columns():
            flat = column.explode() if isinstance(column.dtype, pl.List) else column
            if flat.dtype == pl.String:
                found |= set(flat.str.extract(r"^([0-9a-f]{8})[-.]").drop_nulls())
    return found


def test_tables_and_what_is_derived_from_them_join_as_before_under_the_new_key() -> None:
    write_key(keys.NEXT_KEY_FILE, NEXT)
    before = joined()
    assert before["lists"] == clinic.PATIENTS
    assert codes() == {keys.key_id(clinic.KEY.encode())}
    note = clinic.OPEN / "team.csv"
    note.write_text(f"id\n{clinic.token(3)}\n", encoding="utf-8")
    told = "\n".join(rotate_of.rotate(clinic.TODAY))
    assert joined() == before
    assert codes() == {keys.key_id(NEXT.encode())}
    assert clinic.token(3, key=NEXT) in clinic.opened("visits")["patient_id"]
    assert f"{note.as_posix()} still has codes of the old key" in told
    assert "Dates are shifted by other days now (visits.day)" in told
    # The old key stays, its owner's alone; the new one is the key.
    retired = Path(f".secrets/privacy.{keys.key_id(clinic.KEY.encode())}.key")
    assert retired.read_text(encoding="ascii").strip() == clinic.KEY
    assert keys.KEY_FILE.read_text(encoding="ascii").strip() == NEXT
    assert not keys.NEXT_KEY_FILE.exists()
    if os.name == "posix":
        assert {stat.S_IMODE(f.stat().st_mode) for f in (retired, keys.KEY_FILE)} == {0o600}
    # The next run of the pipeline makes the very same tables.
    rotated = open_zone()
    clinic.protect()
    assert open_zone() == rotated


def test_lines_of_who_was_erased_go_with_the_old_key() -> None:
    subjects.note_tokens({clinic.token(3)}, clinic.KEY.encode())
    subjects.note_tokens({clinic.token(4, key="z" * 40)}, b"z" * 40)
    write_key(keys.NEXT_KEY_FILE, NEXT)
    told = "\n".join(rotate_of.rotate(clinic.TODAY))
    assert "1 erased people cannot be known under the new key" in told
    left = subjects.ERASED_FILE.read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in left if not line.startswith("#")] == [
        keys.key_id(b"z" * 40)
    ]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "Rotation needs a key in MLOPS_PRIVACY_NEXT_KEY or in .secrets/privacy.next.key"),
        (clinic.KEY, "The next key must be a new one"),
        (keys.SAMPLE_KEY.decode(), "public key, which protects nobody"),
        ("short", "is shorter than 32 characters"),
    ],
)
def test_a_missing_old_public_or_short_next_key_changes_nothing(key: str | None, why: str) -> None:
    if key:
        write_key(keys.NEXT_KEY_FILE, key)
    before = open_zone()
    with pytest.raises(MlopsError, match=why) as refused:
        rotate_of.rotate(clinic.TODAY)
    assert refused.value.exit_code == 3
    assert open_zone() == before


def test_codes_of_people_whom_nobody_knows_stop_the_rotation_before_it_changes_anything() -> None:
    write_key(keys.NEXT_KEY_FILE, NEXT)
    stranger = pl.DataFrame({"id": [clinic.token(999)]})
    stranger.write_parquet(clinic.OPEN / "scores.parquet")
    before = open_zone()
    with pytest.raises(MlopsError, match=r"scores.parquet has 1 codes of people whom"):
        rotate_of.rotate(clinic.TODAY)
    assert open_zone() == before
    assert keys.KEY_FILE.read_text(encoding="ascii").strip() == clinic.KEY


@pytest.mark.parametrize("moment", [1, 6])
def test_killed_while_files_move_the_next_run_completes_the_rotation(
    monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    class Killed(BaseException):
        pass

    write_key(keys.NEXT_KEY_FILE, NEXT)
    before = joined()
    moves = iter(range(100))
    put_in_place = os.replace

    def replace(source: object, target: object) -> None:
        if Path(str(target)).suffix in (".parquet", ".key") and next(moves) == moment:
            raise Killed
        put_in_place(source, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        # A kill runs no `finally`: what waits stays where it is.
        patch.setattr(workplace.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            rotate_of.rotate(clinic.TODAY)
    workplace.finish()  # the first thing that the next run does
    assert joined() == before
    assert codes() == {keys.key_id(NEXT.encode())}
    assert keys.KEY_FILE.read_text(encoding="ascii").strip() == NEXT
