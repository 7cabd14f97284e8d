"""Erasing a person: nothing of them remains in current data, and they do not come back."""

import hashlib
import io
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import clinic
import polars as pl
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import load_sources
from mlops_kit.data.ingest import input_record
from mlops_kit.data.landing import snapshot
from mlops_kit.data.landing.land import How, land
from mlops_kit.data.storage import keeping, raw, stores
from mlops_kit.privacy.people import erase as erase_of
from mlops_kit.privacy.people import subjects as subjects_of
from mlops_kit.room import rooms

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


@pytest.mark.parametrize("split", ["train", "holdout", "another key"])
def test_whether_the_model_learned_from_them_is_told_only_when_it_can_be_known(split: str) -> None:
    table = pl.read_parquet(clinic.OPEN / "features.parquet")
    theirs = table.filter(pl.col("split") == ("holdout" if split == "holdout" else "train"))["id"]
    who = next(n for n in range(clinic.PATIENTS) if clinic.token(n) in theirs.to_list())
    if split == "another key":
        renamed = {clinic.token(n): clinic.token(n, key="x" * 40) for n in range(clinic.PATIENTS)}
        table = table.with_columns(pl.col("id").replace(renamed))
    # The pipeline made other features since; the model in place is of the table in DVC's cache.
    cached = cache(table)
    Path("models").mkdir(exist_ok=True)
    Path("models/model.json").write_text('{"sha256": "0"}', encoding="utf-8")
    deps = f"[{{path: data/open/features.parquet, md5: {cached}}}]"
    Path("dvc.lock").write_text(f"stages: {{train: {{deps: {deps}}}}}\n", encoding="utf-8")
    told = erase_of.erase(clinic.token(who), dry_run=True)
    (model,) = told["models"]
    assert model["learned"] == {"train": "yes", "holdout": "no"}.get(split, "unknown")
    said = "1 table with tokens of another key, perhaps of this person too"
    assert any(said in one for one in told["history"]) == (split == "another key")


def test_a_registered_version_with_the_same_model_learned_what_the_model_in_place_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # the server's libraries are not here
    table = pl.read_parquet(clinic.OPEN / "features.parquet")
    (who, *_) = [n for n in range(clinic.PATIENTS) if clinic.token(n) in trained(table)]
    Path("models").mkdir(exist_ok=True)
    Path("models/model.json").write_text('{"sha256": "same"}', encoding="utf-8")
    deps = f"[{{path: data/open/features.parquet, md5: {cache(table)}}}]"
    Path("dvc.lock").write_text(f"stages: {{train: {{deps: {deps}}}}}\n", encoding="utf-8")
    dev = Path("conf/dev.yaml")
    folder = f"file:{Path('mlruns').absolute()}"
    written = dev.read_text(encoding="utf-8").replace("sqlite:///mlflow.db", folder)
    dev.write_text(written, encoding="utf-8")
    mlflow.set_tracking_uri(folder)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("clinic", artifact_location="mlartifacts")
    client.create_registered_model("dev.clinic")
    for model in ("same", "another"):
        tags = {"features_sha256": "of a table that is gone", "model_sha256": model}
        run = client.create_run(experiment, tags=tags)
        client.create_model_version("dev.clinic", run.info.artifact_uri, run.info.run_id)
    told = erase_of.erase(clinic.token(who), dry_run=True)["models"]
    assert [(one["version"], one["learned"]) for one in told] == [
        ("current", "yes"),
        ("2", "unknown"),
        ("1", "yes"),
    ]


def trained(table: pl.DataFrame) -> list[str]:
    return table.filter(pl.col("split") == "train")["id"].to_list()


def cache(table: pl.DataFrame) -> str:
    """Put a table into DVC's cache and return its digest."""
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    digest = hashlib.md5(buffer.getvalue(), usedforsecurity=False).hexdigest()
    place = Path(f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}")
    place.parent.mkdir(parents=True)
    place.write_bytes(buffer.getvalue())
    return digest


def test_who_was_erased_under_another_key_is_told_when_data_are_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    erase_of.erase(clinic.token(WHO))
    clinic.read()
    assert "of another key" not in capsys.readouterr().err
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", "y" * 40)
    clinic.read()
    told = capsys.readouterr().err
    assert "conf/erased.txt has 2 lines of another key" in told
    assert "erase them again" in told


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
        "git's history has 1 commit of the raw files",
        "git's history: 1 commit names this person's token",
        "1 file names this person's token: reports/errors.md",
        "Backups, other clones",
    ):
        assert sentence in told
    assert cached.is_file(), "history is listed, not changed"
    # Of somebody who is in none of it, less is told.
    other = "\n".join(erase_of.erase(clinic.token(8))["history"])
    assert "this person's token" not in other
    assert "reports/errors.md" not in other


def test_an_id_that_no_file_holds_is_said_to_be_unknown_there() -> None:
    file = Path("conf/sources.yaml")
    text = file.read_text(encoding="utf-8")
    at = text.index("    columns:\n") + len("    columns:\n")
    more = "      row_id: {type: integer, unique: true, made: row_number}\n"
    file.write_text(text[:at] + more + text[at:], encoding="utf-8")
    with pytest.raises(MlopsError, match=r"Nothing was erased: .*row_id is made when"):
        erase_of.erase(clinic.token(WHO))


def _scored(place: Path, ids: Sequence[object]) -> None:
    """Write scores as `mlops predict` does, with their record."""
    place.parent.mkdir(parents=True, exist_ok=True)
    table = pl.DataFrame({"id": ids, "prediction": [0.5] * len(ids)})
    write = table.write_csv if place.suffix == ".csv" else table.write_parquet
    write(place)
    told = {"rows": len(ids), "output": {"file": place.name, "sha256": sha256_of(place)}}
    place.with_name(f"{place.stem}.predict.json").write_text(json.dumps(told))


SCORES = {
    "data/restricted/scored/a.parquet": list(range(20)),
    "data/restricted/scored/b.csv": list(range(20)),
    "data/open/scored/c.csv": [clinic.token(n) for n in range(20)],
    "data/open/scored/d.parquet": [clinic.token(n) for n in range(20)],
    "data/restricted/other.parquet": [1, 2, 3],
}


@pytest.fixture
def scored() -> None:
    """Scores of both zones, by raw ids and by tokens, and what a killed `predict` left."""
    for name, ids in SCORES.items():
        _scored(Path(name), ids)
    left = Path("data/restricted/scored/.e.parquet.predict")
    left.mkdir()
    asked = pl.DataFrame({"raw": [6, WHO], "id": [clinic.token(6), clinic.token(WHO)]})
    asked.write_parquet(left / "asked.parquet")


@pytest.mark.usefixtures("scored")
def test_scores_by_raw_ids_and_by_tokens_lose_the_person_and_their_records_follow() -> None:
    untouched = Path("data/restricted/other.parquet").read_bytes()
    shown = erase_of.erase(clinic.token(WHO), dry_run=True)
    assert pl.read_parquet("data/restricted/scored/a.parquet").height == 20
    told = erase_of.erase(clinic.token(WHO))
    assert told["rows"] == shown["rows"]
    for name, ids in SCORES.items():
        place = Path(name)
        read = pl.read_csv if place.suffix == ".csv" else pl.read_parquet
        left = [one for one in ids if one not in (WHO, clinic.token(WHO))]
        assert read(place)["id"].to_list() == left
        assert told["rows"].get(name, 0) == len(ids) - len(left)
        record = json.loads(place.with_name(f"{place.stem}.predict.json").read_text())
        assert record["rows"] == len(left)
        assert record["output"]["sha256"] == sha256_of(place)
    assert not Path("data/restricted/scored/.e.parquet.predict").exists()
    assert Path("data/restricted/other.parquet").read_bytes() == untouched
    assert traces() == set()
    assert not any("predict" in said for said in told["history"])


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize("renames", range(1, 8))
def test_killed_between_two_files_of_scores_the_same_command_completes(
    renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place, count = os.replace, 0

    def killed(source: object, target: object) -> None:
        nonlocal count
        count += ".txt" not in str(target)
        if count == renames:
            raise KeyboardInterrupt
        put_in_place(source, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_of.erase(clinic.token(WHO))
    for name, ids in SCORES.items():
        place = Path(name)
        read = pl.read_csv if place.suffix == ".csv" else pl.read_parquet
        assert read(place).height in (len(ids), len(ids) - 1)
    erase_of.erase(clinic.token(WHO))
    assert traces() == set()
    for record in [*Path("data").rglob("*.predict.json")]:
        told = json.loads(record.read_text())
        scores = record.with_name(told["output"]["file"])
        assert told["output"]["sha256"] == sha256_of(scores)
        wanted = len(SCORES[scores.as_posix()]) - (scores.name != "other.parquet")
        assert told["rows"] == wanted


def test_answers_of_a_server_and_its_snapshot_lose_the_person() -> None:
    ids = [clinic.token(number) for number in range(20)]
    part = Path("data/open/served/day=2026-01-01/1.parquet")
    part.parent.mkdir(parents=True)
    pl.DataFrame({"id": [*ids, *ids], "prediction": [0.5] * 40}).write_parquet(part)
    snapshot = Path("data/open/snapshot.sqlite")
    with closing(sqlite3.connect(snapshot)) as made, made:
        made.execute("CREATE TABLE features (id, horizon, f0, PRIMARY KEY (id, horizon))")
        made.executemany("INSERT INTO features VALUES (?, -1, 1.5)", [(one,) for one in ids])
    shown = erase_of.erase(clinic.token(WHO), dry_run=True)
    told = erase_of.erase(clinic.token(WHO))
    assert told["rows"] == shown["rows"]
    assert told["rows"][part.as_posix()] == 2
    assert told["rows"][snapshot.as_posix()] == 1
    assert clinic.token(WHO) not in pl.read_parquet(part)["id"]
    assert clinic.token(WHO).encode() not in snapshot.read_bytes()
    assert pl.read_parquet(part).height == 38


def test_scores_elsewhere_are_named() -> None:
    kept = Path("elsewhere.parquet").resolve()
    kept.write_bytes(b"PAR1")
    Path("data/restricted/scored-elsewhere.txt").write_text(f"{kept}\n/gone/before.csv\n")
    told = erase_of.erase(clinic.token(WHO))
    named = [said for said in told["history"] if "was not searched" in said]
    assert named == [f"{kept} has scores of `mlops predict`, and was not searched: clean it."]


def test_samples_lose_the_person_and_those_of_raw_files_are_named() -> None:
    drawn, raw = Path("data/open/samples/few.parquet"), Path("data/restricted/samples/raw.parquet")
    for sample, name in ((drawn, clinic.token(WHO)), (raw, "1234")):
        sample.parent.mkdir(parents=True)
        pl.DataFrame({"patient_id": [name, "else"]}).write_parquet(sample)
    told = erase_of.erase(clinic.token(WHO))
    assert pl.read_parquet(drawn)["patient_id"].to_list() == ["else"]
    (said,) = (one for one in told["history"] if "was not searched" in one)
    assert said.startswith("data/restricted/samples/raw.parquet was drawn from a file as it came")


def test_the_list_of_raw_files_follows_what_was_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "kept"
    with Path("conf/dev.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\nrestricted: {{url: '{place}'}}\n")
    sources, settings = load_sources(), load_settings()
    keeping.accept(settings, sources, input_record(sources)["tables"])
    old = {path: one["sha256"] for path, one in (raw.listed("dev") or {})["clinic"].items()}
    remove, count = erase_of._remove, iter(range(100))

    def killed(*words: Any) -> int:
        if not words[-1] and next(count) == 2:
            raise KeyboardInterrupt
        return remove(*words)

    monkeypatch.setattr(erase_of, "_remove", killed)
    with pytest.raises(KeyboardInterrupt):
        erase_of.erase(clinic.token(WHO))
    with pytest.raises(MlopsError, match="was being rewritten when `mlops privacy erase`"):
        raw.check(settings, sources, input_record(sources)["tables"])
    monkeypatch.setattr(erase_of, "_remove", remove)
    erase_of.erase(clinic.token(WHO))
    raw.check(settings, sources, input_record(sources)["tables"])
    now = {path: one["sha256"] for path, one in (raw.listed("dev") or {})["clinic"].items()}
    assert {path for path in now if now[path] != old[path]} == {
        *("raw/patients.csv", "raw/visits.jsonl", "raw/letters.parquet")
    }
    # Nothing that is kept has the person: neither the old files, nor under another name.
    assert {f"{one.parent.name}{one.name}" for one in place.rglob("*") if one.is_file()} == set(
        now.values()
    )


def test_a_person_goes_from_landed_snapshots_and_from_the_parts_of_a_broken_read() -> None:
    sources = Path("conf/sources.yaml")
    text = sources.read_text(encoding="utf-8")
    text = text.replace("clinic\n    path: letters.parquet", "db\n    path: letters")
    source = "db: {kind: postgresql, address: postgresql://reader@db.example.org/clinic}"
    text = text.replace("sources:\n", f"sources:\n  {source}\n")
    sources.write_text(text, encoding="utf-8")
    letters = pq.read_table("raw/letters.parquet")
    Path("raw/letters.parquet").unlink()
    place = Path("data/restricted/landed/dev/db/letters.parquet")
    parts = [place.with_name("letters.landing") / name for name in ("1.parquet", "later/2.parquet")]
    says = snapshot.Said("asked", "2026-01-01", None)
    snapshot.write(place, letters.schema, letters.to_batches(), lambda: says)
    for part in parts:
        snapshot.write(part, letters.schema, letters.to_batches())
    assert {one.as_posix() for one in (place, *parts)} <= traces()
    erase_of.erase(clinic.token(WHO))
    assert traces() == set()
    assert [snapshot.rows_of(one) for one in (place, *parts)] == [len(letters) - 1] * 3
    assert snapshot.said(place) == says  # the next read still goes on from there
    # A source that delivers the person again brings nobody back.
    leave_out = [room.before_ingest(load_sources()) for room in rooms()]
    (batch,) = letters.to_batches()
    assert len(snapshot.left_in(batch, "letters", leave_out)) == len(letters) - 1


class Local(LocalFileSystem):
    """Files of this machine, with versions as a bucket has them."""

    def info(self, path: str, **more: Any) -> dict[str, Any]:
        found = super().info(path, **more)
        return found | {"etag": str(found["mtime"])}

    def join(self, *parts: str) -> str:
        return "/".join(parts)


def test_who_was_erased_is_taken_out_of_a_file_that_a_bucket_delivers_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder stands in for the bucket."""
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    file = bucket / "patients.csv"
    Path("raw/patients.csv").rename(file)

    def answer(store: Any, what: Any, patience: float | None = None) -> Any:
        return what(Local(skip_instance_cache=True), bucket.as_posix())

    monkeypatch.setattr(stores, "answer", answer)
    sources = Path("conf/sources.yaml")
    text = sources.read_text(encoding="utf-8")
    text = text.replace("clinic\n    path: patients.csv", "lake\n    path: patients.csv")
    text = text.replace("sources:\n", "sources:\n  lake: {kind: bucket, address: s3://raw}\n", 1)
    sources.write_text(text, encoding="utf-8")
    before = file.read_bytes()
    list(land(load_settings(), load_sources()))
    here = Path("data/restricted/landed/dev/lake/patients/patients.csv")
    assert here.read_bytes() == before
    half = here.parent.with_name("patients.landing") / "patients.csv"
    half.parent.mkdir()
    half.write_bytes(before)  # of a read that broke off
    erase_of.erase(clinic.token(WHO))
    assert traces() - {"bucket/patients.csv"} == set()
    left = here.read_bytes()
    list(land(load_settings(), load_sources()))
    assert here.read_bytes() == left  # an object that did not change is not brought again
    os.utime(file, ns=(1, 1))
    list(land(load_settings(), load_sources()))
    assert here.read_bytes() == left  # nor one that is the same to the byte
    file.write_bytes(before + before.splitlines(keepends=True)[-1])
    told = list(land(load_settings(), load_sources()))
    assert "0 new, 1 changed" in told[0]
    assert here.read_bytes() == left + before.splitlines(keepends=True)[-1]
    list(land(load_settings(), load_sources(), how=How(full=True)))
    assert here.read_bytes() == left + before.splitlines(keepends=True)[-1]


def test_a_raw_file_that_was_changed_before_stays_refused_after_erasing() -> None:
    sources, settings = load_sources(), load_settings()
    keeping.accept(settings, sources, input_record(sources)["tables"])
    with Path("raw/patients.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    erase_of.erase(clinic.token(WHO))
    with pytest.raises(MlopsError, match=r"patients\.csv is not the raw file of dev"):
        raw.check(settings, sources, input_record(sources)["tables"])
