"""A clone gives the same decision, and nothing restricted ever reaches what a clone can get."""

import base64
import gzip
import io
import json
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from decoding import (
    Restricted,
    contents_of,
    decoded,
    git_objects,
    leaks,
    leaks_in,
    restricted_values,
)
from rendering import git
from running import Project, new_project, replace

pytestmark = pytest.mark.xdist_group("clones")

DECISION = "reports/compare/decision.json"
# What the commands printed; git ignores it, as everything below reports/.
LOG = "reports/commands.log"
OPEN = (
    "data/open",
    "data/inputs.json",
    "data/systems.json",
    "data/holdouts.json",
    "models",
    "reports",
    "mlruns",
    "mlflow.db",
)
SMALL = (
    "customers: 5000, products: 300, order_lines: 60000",
    "customers: 600, products: 60, order_lines: 8000",
)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render with the default answers, run, commit, and push to the DVC remote."""
    project = new_project(tmp_path_factory.mktemp("first") / "shop-recommender")
    said = [project.mlops("run"), project.mlops("privacy", "check")]
    project.commit("The first run")
    said.append(project.uv("dvc", "push", "--remote", "dev", "--verbose"))
    log = "".join(done.stdout + done.stderr for done in said)
    (project.path / LOG).write_text(log, encoding="utf-8")
    return project


def clone_of(project: Project, folder: Path) -> Project:
    git("clone", "--quiet", str(project.path), str(folder), cwd=folder.parent)
    return Project(folder)


def test_a_clone_elsewhere_runs_green_with_the_same_decision_to_the_digit(
    first: Project, tmp_path: Path
) -> None:
    clone = clone_of(first, tmp_path / "a colleague's folder")
    clone.mlops("run")
    assert (clone.path / DECISION).read_bytes() == (first.path / DECISION).read_bytes()
    # Nothing that git tracks has changed: every stage gave the very bytes that dvc.lock names.
    assert git("status", "--porcelain", cwd=clone.path) == ""
    clone.uv("pytest")


def test_a_clone_that_reaches_the_remote_pulls_instead_of_computing(
    first: Project, tmp_path: Path
) -> None:
    clone = clone_of(first, tmp_path / "clone")
    clone.uv("dvc", "remote", "modify", "--local", "dev", "url", str(first.path / ".dvc-remote"))
    clone.mlops("data", "pull")
    assert (clone.path / DECISION).read_bytes() == (first.path / DECISION).read_bytes()
    assert not (clone.path / "data" / "restricted").exists(), "raw data must not be in the remote"
    ran = clone.mlops("run")
    # Only what may be in no remote is made again; the model is the one that was pulled.
    assert [line.split()[0] for line in ran.stderr.splitlines() if line.startswith("data")]
    assert "features  " not in ran.stderr
    assert "train  " not in ran.stderr
    assert (clone.path / DECISION).read_bytes() == (first.path / DECISION).read_bytes()
    assert git("status", "--porcelain", cwd=clone.path) == ""


def test_no_restricted_value_is_in_any_remote_cache_report_model_or_git_object(
    first: Project, figure: Callable[[str], None]
) -> None:
    restricted = restricted_values(first.path / "data/restricted/tables/customers.parquet")
    assert len(restricted.values["email"]) == 5000
    remote, cache = first.path / ".dvc-remote", first.path / ".dvc"
    for pushed in (remote, cache / "cache"):
        assert len([path for path in pushed.rglob("*") if path.is_file()]) >= 13
    places = [remote, cache, *(first.path / name for name in OPEN)]
    contents = [*contents_of(places), *git_objects(first.path)]
    looked_at = {
        Path(place).relative_to(first.path).as_posix()
        for place, _ in contents
        if place.startswith("/")
    }
    assert looked_at >= {LOG, "reports/privacy/check.json", "reports/privacy/check.sarif"}
    assert any(name.startswith("mlruns/") and "/artifacts/" in name for name in looked_at)
    kinds = {place.split()[1] for place, _ in contents if place.startswith("git ")}
    assert kinds == {"commit", "tree", "blob"}
    found, decoded = leaks_in(contents, restricted)
    assert found == set()
    figure(f"restricted values: 0 in {decoded} different files and git objects, all decoded")
    # The bad case: the same search over the restricted zone finds every kind.
    inside, _ = leaks_in(contents_of([first.path / "data/restricted/tables"]), restricted)
    told = {leak.rsplit(": ", 1)[1] for leak in inside}
    assert {"full_name", "email", "phone", "dni", "the values of birth_date"} <= told


def holding(texts: set[str], folder: Path, *names: str) -> set[str]:
    """Name the files, decoded, in which one of the texts stands."""
    return {
        Path(place).relative_to(folder).as_posix()
        for place, content in contents_of(folder / name for name in names)
        for _, piece in decoded(place, content)
        for text in ([piece] if isinstance(piece, str) else piece.drop_nulls().cast(pl.String))
        if any(wanted in text for wanted in texts)
    }


def test_an_erased_person_is_in_no_current_data_and_does_not_come_back(
    first: Project, tmp_path: Path
) -> None:
    project = Project(shutil.copytree(first.path, tmp_path / "erased", symlinks=True))
    where, current = project.path, ("data", "models", "reports", "conf", "docs", "notebooks")
    customers = where / "data/restricted/tables/customers.parquet"
    features = pl.read_parquet(where / "data/open/features.parquet")
    token = features.filter(pl.col("split") == "train")["id"][0]
    before = pl.read_parquet(customers)
    assert holding({token}, where, *current) == {
        *(f"data/open/{name}.parquet" for name in ("features", "predictions")),
        *(f"data/open/tables/{name}.parquet" for name in ("customers", "entities", "oracle")),
        "data/open/tables/orders.parquet",
    }
    told = json.loads(project.mlops("privacy", "erase", "--subject", token, "--json").stdout)
    person = before.join(pl.read_parquet(customers), on="customer_id", how="anti")
    assert person.height == 1
    # Not the name: it is shared with others, who stay.
    theirs = {token, *(person[name].item() for name in ("email", "phone", "dni"))}
    assert holding(theirs, where, *current) == set()
    assert {(one["model"], one["learned"]) for one in told["models"]} == {
        *(("models/model.skops", "yes"), ("dev.shop", "yes"))
    }
    for keeper, name in (("cache", ".dvc/cache"), ("remote dev", ".dvc-remote")):
        left = len(holding({token}, where, name))
        assert left > 0
        assert f"DVC's {keeper} keeps {left} old files" in " ".join(told["history"])
    # The sample invents the person anew; conf/erased.txt alone makes the data stage run and stay
    # without them.
    project.uv("dvc", "repro", "protect")
    assert (where / "conf/erased.txt").is_file()
    assert pl.read_parquet(customers).height == before.height - 1
    assert holding(theirs, where, *current) == set()


def test_no_log_of_a_failure_holds_a_restricted_value(first: Project, tmp_path: Path) -> None:
    restricted = restricted_values(first.path / "data/restricted/tables/customers.parquet")
    project = clone_of(first, tmp_path / "clone")
    shutil.copytree(first.path / "data", project.path / "data", dirs_exist_ok=True)
    features = project.path / "src" / "shop" / "features.py"
    careless = """
import logging, warnings
import polars
one = polars.read_parquet("data/restricted/tables/customers.parquet").row(7, named=True)
said = f"full name: {one['full_name']}, email {one['email']}, tel. {one['phone']}, DNI {one['dni']}"
logging.getLogger("team").warning("row %s", said)
warnings.warn(said)
raise ValueError(said)
"""
    features.write_text(careless, encoding="utf-8")
    for options in ((), ("--debug",)):
        ran = project.mlops(*options, "data", "features", check=False)
        assert ran.returncode != 0
        assert ran.stderr.count("[EMAIL]") >= 2, ran.stderr
        assert leaks("the log", (ran.stdout + ran.stderr).encode(), restricted) == set()


# The checker itself: one value, planted in each kind of artefact, turns it red.

PERSON = {
    "customer_id": [7, 8, 9],
    "full_name": ["María José De la Fuente", "Ana Clara Núñez", "Iñaki D'Amico"],
    "email": ["mariajose.fuente7@example.com", "ana8@example.org", "inaki9@example.net"],
    "phone": ["+54 9 999 343-5544", "+54 9 999 641-0575", "+54 9 999 257-8705"],
    "dni": ["80123456", "81234567", "82345678"],
    "birth_date": ["1978-12-22", "1977-01-04", "1990-11-28"],
    "city": ["Salta", "Salta", "Ushuaia"],
}


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Restricted:
    file = tmp_path_factory.mktemp("restricted") / "customers.parquet"
    pl.DataFrame(PERSON).with_columns(pl.col("birth_date").str.to_date()).write_parquet(file)
    return restricted_values(file)


def parquet(columns: dict[str, list[object]]) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def array(*values: str) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(values))
    return stream.getvalue()


def database(folder: Path, value: object) -> bytes:
    file = folder / "planted.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE tags (key, value)")
    connection.execute("INSERT INTO tags VALUES ('note', ?)", [value])
    connection.commit()
    connection.close()
    return file.read_bytes()


PLANTED = {
    "a parquet cell": (parquet({"note": ["x", "call Ana Clara Núñez"]}), "full_name"),
    "a parquet list": (parquet({"notes": [["x"], ["ana8@example.org"]]}), "email"),
    "a parquet number": (parquet({"code": [1, 80123456]}), "dni"),
    "a parquet float": (parquet({"code": [1.5, 80123456.0]}), "dni"),
    "a column's name": (parquet({"Email": ["x"]}), "a column named Email"),
    "a renamed column": (parquet({"place": ["Ushuaia", "Salta", "Salta"]}), "the values of city"),
    "a raw identifier": (parquet({"customer_id": [7, 8]}), "whole numbers in customer_id"),
    "a zip": (zipped("schema.json", b'{"mail": "ANA8@example.org"}'), "email"),
    "a name in a zip": (zipped("ana8@example.org.txt", b""), "email"),
    "a zip in a zip": (zipped("m.skops", zipped("n.npy", array("Iñaki D'Amico"))), "full_name"),
    "a NumPy array": (array("80000000", "81234567"), "dni"),
    "gzip": (gzip.compress(b"tel. +54 9 999 343-5544"), "phone"),
    "a loose git object": (zlib.compress(b"blob 8\x0082345678"), "dni"),
    "a DVC folder list": (b'[{"md5": "0", "relpath": "ana8@example.org.parquet"}]', "email"),
    "a web page": (b"<td>I&ntilde;aki&nbsp;D&#39;Amico</td>", "full_name"),
    "an embedded picture": (
        b'src="data:image/png;base64,' + base64.b64encode(b"\x89PNG tEXt ana8@example.org " * 2),
        "email",
    ),
    "a log": (
        b"2025-01-01 10:00 WARNING row 7 of Ana Clara N\xc3\xba\xc3\xb1ez failed",
        "full_name",
    ),
    "a report": (b'{"findings": [{"place": "docs/ana8@example.org.md"}]}', "email"),
    "plain text": (b"dni: 81.234.567\n", "dni"),
    "a quoted address": (b"?to=ana8%40example.org", "email"),
    "a local phone number": (b"(999) 257 8705", "phone"),
    "another spelling": (b"maria_jose de LA fuente", "full_name"),
    "an unkeyed hash": (b"ff9a8ea3b1c2a2ea5bb0ac6c2ce4e0d4", "a plain hash of a value"),
}


@pytest.mark.parametrize("artefact", PLANTED)
def test_one_planted_value_turns_the_checker_red(artefact: str, restricted: Restricted) -> None:
    content, kind = PLANTED[artefact]
    if artefact == "an unkeyed hash":
        content = min(restricted.digests).encode()
    assert {leak.rsplit(": ", 1)[1] for leak in leaks("it", content, restricted)} == {kind}


@pytest.mark.parametrize(
    "value", ["ana8@example.org", b"ana8@example.org", zlib.compress(b"ana8@example.org")]
)
def test_a_value_in_a_database_turns_the_checker_red(
    value: object, restricted: Restricted, tmp_path: Path
) -> None:
    assert any("email" in leak for leak in leaks("it", database(tmp_path, value), restricted))


def test_a_value_in_a_commit_that_was_undone_is_still_found(
    restricted: Restricted, tmp_path: Path
) -> None:
    git("init", "--quiet", cwd=tmp_path)
    git("commit", "--quiet", "--allow-empty", "--message", "Start", cwd=tmp_path)
    assert leaks_in(git_objects(tmp_path), restricted)[0] == set()
    (tmp_path / "notes.txt").write_text("ask ana8@example.org\n", encoding="utf-8")
    git("add", "--all", cwd=tmp_path)
    git("commit", "--quiet", "--message", "Oops", cwd=tmp_path)
    git("reset", "--quiet", "--hard", "HEAD~1", cwd=tmp_path)
    found, _ = leaks_in(git_objects(tmp_path), restricted)
    assert [leak.split(": ")[1] for leak in found] == ["email"]


def test_what_only_resembles_a_value_is_no_leak(restricted: Restricted) -> None:
    innocent = b"""
        sha256 f80123456a, 0.80123456, 1801234567, 80123457, ana80@example.org.ar
        Ana|Clara|N\xc3\xba\xc3\xb1ez 2025-01-01 10:00 +54 9 999 343-5545 Salta
    """
    assert leaks("it", innocent, restricted) == set()
    tokens = parquet({"customer_id": ["1f-00aa", "1f-00bb"], "city_size": [3, 4]})
    assert leaks("it", tokens, restricted) == set()


# Where the project's folder is, and what git knows about it.


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """Return a git repository that already holds work, in a path with a space."""
    repository = tmp_path / "all our work"
    repository.mkdir()
    git("init", "--quiet", cwd=repository)
    (repository / "README.md").write_text("Everything of this company\n", encoding="utf-8")
    git("add", "--all", cwd=repository)
    git("commit", "--quiet", "--message", "Start", cwd=repository)
    return repository


def small_project(folder: Path) -> Project:
    """Render a project with a small shop that is in no git repository yet."""
    project = new_project(folder)
    shutil.rmtree(folder / ".git")
    replace(folder / "conf" / "sources.yaml", *SMALL)
    return project


@pytest.mark.repetition
def test_a_project_inside_a_larger_repository_runs_and_never_gets_its_own(parent: Path) -> None:
    project = small_project(parent / "services" / "recommender")
    git("add", "--all", cwd=parent)
    git("commit", "--quiet", "--message", "A project for the recommender", cwd=parent)
    project.mlops("run")
    assert list(parent.rglob(".git")) == [parent / ".git"]
    changed = git("status", "--porcelain", "--untracked-files=all", cwd=parent).splitlines()
    assert {line.split("/", 2)[2] for line in changed} == {
        "dvc.lock",
        "data/inputs.json",
        "data/systems.json",
        "data/holdouts.json",
    }
    git("add", "--all", cwd=parent)
    git("commit", "--quiet", "--message", "The first run", cwd=parent)
    project.mlops("data", "push")
    # DVC sees the larger repository: it can tell what changed since a commit of it.
    assert project.uv("dvc", "diff", "HEAD", "--json").stdout.strip() == "{}"
    again = project.mlops("run")
    assert "data  " not in again.stderr, "the second run has nothing to do"


def test_outside_git_the_folder_becomes_a_repository_without_a_commit(tmp_path: Path) -> None:
    project = small_project(tmp_path / "alone")
    # The run stops at once, after the preparation: an unknown column in the source.
    replace(
        project.path / "conf" / "sources.yaml",
        "{type: date}\n  products:",
        "{type: date}\n      shoe_size: {type: integer}\n  products:",
    )
    ran = project.mlops("run", check=False)
    assert ran.returncode == 3
    assert "made this folder a git repository (nothing is committed yet)" in ran.stderr
    assert (project.path / ".git").is_dir()
    assert git("rev-list", "--all", "--count", cwd=project.path).strip() == "0"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_that_git_refuses_never_gets_a_second_one_inside(parent: Path) -> None:
    project = small_project(parent / "recommender")
    for path in (parent, parent / ".git"):
        os.chown(path, 12345, 12345)
    ran = project.mlops("run", check=False)
    assert ran.returncode == 3
    assert ran.stderr.count("error: ") == 1
    assert "git cannot use this folder" in ran.stderr
    assert "safe.directory" in ran.stderr
    assert not (project.path / ".git").exists()
