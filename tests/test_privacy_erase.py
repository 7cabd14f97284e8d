"""Erasing a person: nothing of them remains in current data, and they do not come back."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import clinic
import polars as pl
import pytest
from packaged import packaged

erase_of = packaged("mlops.privacy.erase")
subjects_of = packaged("mlops.privacy.subjects")
MlopsError = packaged("mlops.errors").MlopsError
WHO = 7


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clinic whose data went through data, protect and features."""
    with pytest.MonkeyPatch.context() as patch:
        return clinic.finished(tmp_path_factory.mktemp("clinic"), patch)


@pytest.fixture(autouse=True)
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a copy of it."""
    clinic.stand_in_copy(finished, tmp_path / "clinic", monkeypatch)


def texts_of(file: Path) -> Iterator[str]:
    if file.suffix == ".parquet":
        for row in pl.read_parquet(file).rows():
            yield repr(row)
    else:
        yield from file.read_text(encoding="utf-8").splitlines()


def traces(who: int = WHO) -> set[str]:
    """Name the files of current data with anything that is derivable from the person's token."""
    wanted = {
        clinic.email(who).lower(),
        f"pérez {who}, ana",
        clinic.token(who),
        clinic.token(clinic.email(who), "email", "email"),
        f'{{"patient_id": {who},',
        f"('{who}', ",  # of the quarantine: as text
        f"({who}, ",
    }
    folders = [Path("raw"), Path("data")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return {
        file.as_posix()
        for file in files
        for text in texts_of(file)
        if any(one in text.lower() for one in wanted)
    }


def everything() -> dict[str, bytes]:
    files = [file for name in ("raw", "data", "conf") for file in Path(name).rglob("*")]
    return {file.as_posix(): file.read_bytes() for file in files if file.is_file()}


def test_nothing_that_is_derivable_from_the_token_remains_in_current_data() -> None:
    before = traces()
    assert before == {
        *("raw/patients.csv", "raw/visits.jsonl", "raw/letters.parquet"),
        *(f"data/restricted/tables/{name}.parquet" for name in ("patients", "visits", "letters")),
        *("data/restricted/tables/entities.parquet", "data/restricted/quarantine/visits.parquet"),
        *(f"data/open/tables/{name}.parquet" for name in ("patients", "visits", "letters")),
        "data/open/tables/entities.parquet",
        *("data/open/features.parquet", "data/open/predictions.parquet"),
    }, "the person is not everywhere: this would prove nothing"
    told = erase_of.erase(clinic.token(WHO))
    assert set(told["rows"]) == before
    assert told["rows"]["raw/visits.jsonl"] == 4
    assert traces() == set()
    # Nobody else is touched.
    assert clinic.opened("patients").height == clinic.PATIENTS - 1
    assert clinic.opened("visits").height == 3 * (clinic.PATIENTS - 1)
    for n in (0, 1, 6, 8, 17, 59):
        assert traces(n) == before - {"data/restricted/quarantine/visits.parquet"}


def test_any_token_of_the_person_finds_their_other_identifiers() -> None:
    erase_of.erase(clinic.token(clinic.email(WHO), "email", "email"))
    assert traces() == set()


def test_other_lines_of_raw_files_keep_every_byte() -> None:
    before = Path("raw/patients.csv").read_bytes().splitlines(keepends=True)
    erase_of.erase(clinic.token(WHO))
    left = Path("raw/patients.csv").read_bytes()
    assert left == b"".join(line for n, line in enumerate(before) if n != WHO + 1)


def test_a_person_whom_a_source_delivers_again_does_not_come_back() -> None:
    delivered = {name: data for name, data in everything().items() if name.startswith("raw/")}
    erase_of.erase(clinic.token(WHO))
    for name, data in delivered.items():
        Path(name).write_bytes(data)
    clinic.read()
    clinic.protect()
    assert {name for name in traces() if not name.startswith("raw/")} == set()
    assert clinic.opened("patients").height == clinic.PATIENTS - 1
    # What is committed so that every clone leaves them out says nothing about who it is.
    noted = subjects_of.ERASED_FILE.read_text(encoding="utf-8")
    assert hashlib.sha256(clinic.token(WHO).encode()).hexdigest() in noted
    assert clinic.token(WHO) not in noted
    # The bad case: without that file they are back.
    subjects_of.ERASED_FILE.unlink()
    clinic.read()
    assert "data/restricted/tables/patients.parquet" in traces()


def test_a_dry_run_tells_the_same_and_changes_nothing() -> None:
    before = everything()
    told = erase_of.erase(clinic.token(WHO), dry_run=True)
    assert everything() == before
    assert told["rows"] == erase_of.erase(clinic.token(WHO))["rows"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("Ana", "This is no token"),
        (clinic.token(999), "of nobody in the restricted or the open zone"),
        (clinic.token(WHO, key="x" * 32), "was made with the key"),
    ],
)
def test_a_token_of_nobody_or_of_another_key_erases_nothing(code: str, why: str) -> None:
    before = everything()
    with pytest.raises(MlopsError, match=why) as refused:
        erase_of.erase(code)
    assert refused.value.exit_code == 3
    assert str(refused.value).count(". ") == 0
    assert everything() == before


@pytest.mark.parametrize("moment", range(0, 14, 2))
def test_killed_at_any_moment_the_same_command_completes_it(
    monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    class Killed(BaseException):
        pass

    replaces = iter(range(100))
    put_in_place = os.replace

    def replace(source: object, target: object) -> None:
        if next(replaces) == moment:
            raise Killed
        put_in_place(source, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Killed):
            erase_of.erase(clinic.token(WHO))
    for file in Path("data").rglob("*.parquet"):
        pl.read_parquet(file)
    if traces():
        erase_of.erase(clinic.token(WHO))
    assert traces() == set()
    if moment == 4:  # raw files were in work: what is read again has nobody of them
        clinic.read()
        clinic.protect()
        assert traces() == set()


def test_history_is_told_as_it_is() -> None:
    code = clinic.token(WHO)

    def git(*arguments: str) -> None:
        me = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *me, *arguments], check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "raw")
    git("commit", "--quiet", "--message", "Raw files in git, which they should not be")
    Path("note.md").write_text(f"look at {code}\n", encoding="utf-8")
    git("add", "note.md")
    git("commit", "--quiet", "--message", "A note")
    cached = Path(".dvc/cache/files/md5/ab/cdef")
    cached.parent.mkdir(parents=True)
    cached.write_bytes((clinic.OPEN / "features.parquet").read_bytes())
    remote = Path("remote/files/md5/ab/cdef")
    remote.parent.mkdir(parents=True)
    remote.write_bytes(cached.read_bytes())
    config = "['remote \"near\"']\n    url = ../remote\n['remote \"far\"']\n    url = s3://bucket\n"
    Path(".dvc/config").write_text(config, encoding="utf-8")
    Path("reports").mkdir(exist_ok=True)
    Path("reports/errors.md").write_text(f"largest error: {code}\n", encoding="utf-8")
    (clinic.OPEN / "team.csv").write_text(f"id\n{code}\n", encoding="utf-8")
    told = "\n".join(erase_of.erase(code)["history"])
    for sentence in (
        "data/open/team.csv names this person's token and was not changed",
        "DVC's cache keeps 1 old files",
        "DVC's remote near keeps 1 old files",
        "DVC's remote far was not looked into",
        "git's history has 1 commits of the raw files",
        "git's history has 1 commits that name this person's token",
        "1 files name this person's token: reports/errors.md",
        "Backups, other clones",
    ):
        assert sentence in told
    assert cached.is_file(), "history is listed, not changed"
    # Of somebody who is in none of it, less is told.
    other = "\n".join(erase_of.erase(clinic.token(8))["history"])
    assert "commits that name" not in other
    assert "reports/errors.md" not in other
