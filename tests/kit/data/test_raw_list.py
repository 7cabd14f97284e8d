"""Raw files of an environment are those that its list names by hash, or the run stops."""

import json
import subprocess
from pathlib import Path

import pytest
from club import DEV, replace
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import load_sources
from mlops_kit.data.ingest import ingest, input_record, write_input_record
from mlops_kit.data.storage import keeping, raw

PROD = DEV.replace("dev", "prod")


def accept() -> list[str]:
    sources = load_sources()
    return keeping.accept(load_settings(), sources, input_record(sources)["tables"])


def record() -> None:
    """Do what `mlops run` does before the first stage."""
    settings, sources = load_settings(), load_sources()
    keeping.fetch(settings, sources)
    write_input_record(Path("data/inputs.json"), sources, settings)


def listed(name: str = "dev") -> dict[str, str]:
    content = json.loads(Path(f"data/raw-{name}.json").read_text(encoding="utf-8"))
    return {one["path"]: one["sha256"] for files in content["sources"].values() for one in files}


def test_without_a_list_it_is_told_once_and_nothing_is_refused(
    club: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record()
    assert "raw files of dev are not recorded" in capsys.readouterr().err
    record()
    assert capsys.readouterr().err == ""
    replace(club / "raw/members.csv", "family 1,", "family 9,")
    record()
    assert "are not recorded" in capsys.readouterr().err


def test_a_changed_file_stops_the_run_with_both_hashes_until_it_is_accepted(club: Path) -> None:
    assert accept() == [f"new        {path} ({sha})" for path, sha in sorted(listed().items())]
    record()
    before = sha256_of(club / "raw/members.csv")
    replace(club / "raw/members.csv", "family 1,", "family 9,")
    after = sha256_of(club / "raw/members.csv")
    for stops in (record, lambda: ingest(load_settings(), club / "tables", club / "quarantine")):
        with pytest.raises(MlopsError) as told:
            stops()
        assert before in str(told.value) and after in str(told.value)
        assert "MLOPS_ENV=dev uv run mlops data ingest --accept" in str(told.value)
    assert accept() == [f"changed    raw/members.csv ({before} -> {after})"]
    record()


def test_a_missing_and_an_additional_file_stop_the_run(club: Path) -> None:
    (club / "raw/days").mkdir()
    visits = (club / "raw/visits.csv").read_text(encoding="utf-8")
    for name in ("a", "b"):
        (club / f"raw/days/{name}.csv").write_text(visits, encoding="utf-8")
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: days")
    accept()
    record()
    (club / "raw/days/b.csv").rename(club / "raw/days/c.csv")
    with pytest.raises(MlopsError, match=r"raw/days/b\.csv is a raw .* not read .*\(and 1 more\)"):
        record()
    (club / "raw/days/b.csv").write_text(visits, encoding="utf-8")
    sha = sha256_of(club / "raw/days/c.csv")
    with pytest.raises(MlopsError, match=rf"c\.csv is no raw file of dev .*\(SHA-256 {sha}\)"):
        record()
    (club / "raw/days/c.csv").unlink()
    record()


def test_each_environment_has_its_own_list_and_none_of_the_other_s_files(
    club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (club / "conf/prod.yaml").write_text(PROD, encoding="utf-8")
    accept()
    for file in ("members", "visits"):
        (club / f"raw/{file}.csv").open("a").write("\n")
    monkeypatch.setenv("MLOPS_ENV", "prod")
    accept()
    record()
    assert not set(listed("dev").values()) & set(listed("prod").values())
    monkeypatch.setenv("MLOPS_ENV", "dev")
    # Neither the run, with or without a list of its own, nor accepting lets them in.
    for _ in range(2):
        for stops in (record, accept):
            with pytest.raises(MlopsError, match=r"is raw data of prod .* must not come"):
                stops()
        Path("data/raw-dev.json").unlink(missing_ok=True)
    with (club / "conf/dev.yaml").open("a", encoding="utf-8") as file:
        file.write("shares_with: [prod]\n")
    accept()
    record()


def test_what_is_not_here_is_fetched_by_its_hash_and_nothing_else_is_taken(
    club: Path, tmp_path: Path
) -> None:
    place = tmp_path / "kept"
    with (club / "conf/dev.yaml").open("a", encoding="utf-8") as file:
        file.write(f"restricted: {{url: '{place}'}}\n")
    told = accept()
    assert told[-1].startswith("kept       2 files at ")
    sha = listed()["raw/visits.csv"]
    kept = place / sha[:2] / sha[2:]
    whole = kept.read_bytes()
    assert whole == (club / "raw/visits.csv").read_bytes()
    (club / "raw/visits.csv").unlink()
    record()
    assert (club / "raw/visits.csv").read_bytes() == whole
    (club / "raw/visits.csv").unlink()
    kept.write_bytes(whole + b"\n")
    with pytest.raises(MlopsError, match=f"gives another file .*{sha}; nothing was taken"):
        record()
    assert not (club / "raw/visits.csv").exists()
    kept.unlink()
    with pytest.raises(MlopsError, match=rf"lacks raw/visits\.csv .*{sha}"):
        record()
    assert list((club / "raw").glob(".*")) == []


def test_a_place_in_the_remote_or_of_another_environment_is_refused(club: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    (club / ".dvc").mkdir()
    (club / ".dvc/config").write_text("['remote \"dev\"']\n    url = ../store\n")
    dev = (club / "conf/dev.yaml").read_text(encoding="utf-8")
    (club / "conf/prod.yaml").write_text(f"{PROD}\nrestricted: {{url: 's3://of-prod/raw'}}\n")
    for url, why in (
        ("store/raw", "is in the DVC remote dev"),
        ("s3://of-prod", "is where prod keeps its raw files"),
        ("s3://OF-PROD/raw/dev", "is where prod keeps its raw files"),
    ):
        (club / "conf/dev.yaml").write_text(f"{dev}\nrestricted: {{url: '{url}'}}\n")
        with pytest.raises(MlopsError, match=why):
            accept()
    assert not Path("data/raw-dev.json").exists()


def test_a_secret_in_the_configuration_is_refused(club: Path) -> None:
    with (club / "conf/dev.yaml").open("a", encoding="utf-8") as file:
        file.write("restricted: {url: 's3://b/raw', options: {secret_access_key: abc}}\n")
    with pytest.raises(MlopsError, match=r"conf/dev\.yaml: .*secret_access_key does not belong"):
        load_settings()


def test_a_name_that_says_something_about_a_person_is_refused(club: Path) -> None:
    (club / "raw/members.csv").rename(club / "raw/ana.perez@example.org.csv")
    replace(club / "conf/sources.yaml", "path: members.csv", "path: ana.perez@example.org.csv")
    with pytest.raises(MlopsError, match="Give the file another name") as told:
        accept()
    assert "perez" not in str(told.value)


def test_a_damaged_list_is_one_sentence(club: Path) -> None:
    accept()
    for text in ("{", "[]", '{"schema": 2, "sources": {}}', '{"schema": 1, "sources": {"a": [1]}}'):
        Path("data/raw-dev.json").write_text(text, encoding="utf-8")
        with pytest.raises(MlopsError, match=r"data/raw-dev\.json is damaged"):
            raw.listed("dev")


def test_an_invented_shop_has_nothing_to_record(club: Path) -> None:
    replace(club / "conf/sources.yaml", "{kind: files, folder: raw}", "{kind: sample}")
    text = (club / "conf/sources.yaml").read_text(encoding="utf-8")
    for name in ("members.csv", "visits.csv"):
        text = text.replace(f"    path: {name}\n", "")
    (club / "conf/sources.yaml").write_text(text, encoding="utf-8")
    assert accept() == ["there is no raw file: every table comes from the invented shop"]
    assert not Path("data/raw-dev.json").exists()
