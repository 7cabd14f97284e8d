"""Data of prod never comes to dev: each way was open before 0.6.0 unless it says otherwise."""

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data import remote

BASE = """
project: shop
model_name: shop
task: classification
functionality: new
business_metric: sales
tracking: {uri: "sqlite:///m.db", experiment: e, registry_prefix: p}
"""
SOURCES = """
entity: {table: orders, column: id}
sources: {shop: {kind: files, folder: data/raw}}
tables:
  orders: {source: shop, path: orders.csv, columns: {id: {type: integer}}}
"""
STAGES = """
stages:
  data:
    cmd: mkdir -p data/open && cp data/raw/orders.csv data/open/orders.csv
    deps: [data/inputs.json]
    outs: [data/open/orders.csv]
  train:
    cmd: cp data/open/orders.csv model.txt
    deps: [data/open/orders.csv]
    outs: [model.txt]
"""
ROWS = "id\n4711\n"


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def dvc(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def made_in(name: str, rows: str, *stages: str) -> None:
    """Do what `mlops run` does in an environment, as far as data goes."""
    Path("data/raw/orders.csv").write_text(rows, encoding="utf-8")
    record = {"environment": name, "tables": {"orders": sha256(rows.encode()).hexdigest()}}
    Path("data/inputs.json").write_text(json.dumps(record), encoding="utf-8")
    done = dvc("repro", "-q", *stages)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a repository of two environments, in which prod has run and pushed."""
    folder = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("conf", "data/raw", ".dvc"):
            (folder / "project" / name).mkdir(parents=True)
        patch.chdir(folder / "project")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ana Example")
            patch.setenv(f"GIT_{role}_EMAIL", "ana@example.org")
        run("git", "init", "-q")
        texts = {"conf/base.yaml": BASE, "conf/sources.yaml": SOURCES, "dvc.yaml": STAGES,
                 ".gitignore": "/data/raw/\n", ".dvc/.gitignore": "/cache\n/tmp\n",
                 ".dvc/config": "[core]\n    analytics = false\n"}  # fmt: skip
        for name in ("dev", "prod"):
            texts[f"conf/{name}.yaml"] = f"dvc_remote: {name}\n"
            texts[".dvc/config"] += f"['remote \"{name}\"']\n    url = ../../remote-{name}\n"
        for name, text in texts.items():
            Path(name).write_text(text, encoding="utf-8")
        made_in("prod", ROWS)
        run("git", "add", "-A")
        run("git", "commit", "-qm", "a run in prod")
        patch.setenv("MLOPS_ENV", "prod")
        assert "pushed" in remote.move("push")
    return folder


@pytest.fixture(autouse=True)
def project(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a copy of it, in dev."""
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("MLOPS_ENV", "dev")
    return tmp_path / "project"


def of_prod_in(folder: Path) -> list[str]:
    """Name the files below a folder that hold prod's rows."""
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    return [file.name for file in files if "4711" in file.read_text(errors="replace")]


def test_pulling_a_commit_of_prod_brings_nothing_even_from_a_cache_that_has_it(
    project: Path,
) -> None:
    for file in ("data/open/orders.csv", "model.txt"):
        Path(file).unlink()
    with pytest.raises(MlopsError, match="made in prod, and this is dev"):
        remote.move("pull")
    assert of_prod_in(project / "data/open") == [] and not Path("model.txt").exists()


def test_results_left_behind_by_switching_the_environment_are_not_pushed_to_dev(
    tmp_path: Path,
) -> None:
    with pytest.raises(MlopsError, match="made in prod, and this is dev"):
        remote.move("push")
    # A run of dev that stops halfway leaves prod's model in dvc.lock.
    made_in("dev", "id\n1\n", "data")
    with pytest.raises(MlopsError, match=r"did not complete .* is of another one"):
        remote.move("push")
    # And one that stopped before its first stage leaves everything of prod there.
    made_in("prod", ROWS)
    record = json.loads(Path("data/inputs.json").read_text(encoding="utf-8"))
    Path("data/inputs.json").write_text(json.dumps(record | {"environment": "dev"}))
    with pytest.raises(MlopsError, match=r"did not complete \(data/inputs\.json"):
        remote.move("push")
    assert of_prod_in(tmp_path / "remote-dev") == []
    made_in("dev", "id\n1\n")
    assert "pushed" in remote.move("push")
    assert of_prod_in(tmp_path / "remote-dev") == []


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("prod", None),
        ("mine", "../../remote-prod"),
        ("mine", "../../remote-prod/below"),
        ("mine", "../.."),
    ],
)
def test_a_remote_of_dev_that_points_at_prod_is_refused(name: str, url: str | None) -> None:
    if url:
        Path("conf/dev.yaml").write_text(f"dvc_remote: {name}\n", encoding="utf-8")
        config = Path(".dvc/config")
        text = config.read_text(encoding="utf-8")
        config.write_text(f"{text}['remote \"mine\"']\n    url = {url}\n", encoding="utf-8")
    else:
        Path("conf/dev.yaml").write_text("dvc_remote: prod\n", encoding="utf-8")
    for verb in ("push", "pull"):
        with pytest.raises(MlopsError, match=r"is where prod keeps its data"):
            remote.move(verb)
    with Path("conf/dev.yaml").open("a", encoding="utf-8") as file:
        file.write("shares_with: [prod]\n")
    if url is None:
        assert "up to date" in remote.move("push")


def test_a_variable_that_points_at_prod_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_DVC_REMOTE", "prod")
    with pytest.raises(MlopsError, match=r"is where prod keeps its data"):
        remote.move("pull")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("s3://of-prod/dvc", "s3://of-prod/dvc/", True),
        ("s3://of-prod", "s3://OF-PROD/any", True),
        ("s3://data/dev", "s3://data/prod", False),
        ("s3://data/prod", "s3://data/production", False),
        ("gs://data/x", "s3://data/x", False),
        ("ssh://a@host/x", "ssh://b@host:22/x/y", True),
    ],
)
def test_places_are_compared_by_what_they_are(
    monkeypatch: pytest.MonkeyPatch, one: str, other: str, same: bool
) -> None:
    text = Path(".dvc/config").read_text(encoding="utf-8")
    head = text[: text.index("['remote")] if "['remote" in text else ""
    remotes = "".join(
        f"['remote \"{name}\"']\n    url = {url}\n" for name, url in (("dev", one), ("prod", other))
    )
    Path(".dvc/config").write_text(head + remotes, encoding="utf-8")
    # Nobody answers there: what is refused must be refused before anybody is asked.
    monkeypatch.setattr(remote.stores, "reach", _unreachable)
    with pytest.raises(MlopsError) as told:
        remote.move("push")
    assert ("is where prod keeps its data" in str(told.value)) is same, told.value


def _unreachable(store: object) -> None:
    raise MlopsError("asked")


def test_raw_files_that_somebody_gave_to_dvc_do_not_go_to_its_remote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_in("dev", "id\n1\n")
    Path(".gitignore").write_text("", encoding="utf-8")
    assert dvc("add", "data/raw/orders.csv").returncode == 0
    # Nobody has said yet that they are raw data of this environment: told, as before.
    remote.move("push")
    assert "data/raw/orders.csv is raw data" in capsys.readouterr().err
    Path("data/raw-dev.json").write_text('{"schema": 1, "sources": {}}', encoding="utf-8")
    with pytest.raises(MlopsError, match=r"raw data, and data/raw/orders\.csv\.dvc has DVC keep"):
        remote.move("push")
    Path("data/raw-dev.json").unlink()
    # What is in the restricted zone is refused always.
    Path("data/restricted").mkdir()
    Path("data/restricted/notes.csv").write_text(ROWS, encoding="utf-8")
    assert dvc("add", "data/restricted/notes.csv").returncode == 0
    with pytest.raises(MlopsError, match=r"data/restricted/notes\.csv is raw data"):
        remote.move("push")
    assert of_prod_in(tmp_path / "remote-dev") == []


def test_what_a_variable_or_a_name_with_an_accent_hides_is_seen_all_the_same(
    tmp_path: Path,
) -> None:
    made_in("dev", "id\n1\n")
    Path("data/raw-dev.json").write_text('{"schema": 1, "sources": {}}', encoding="utf-8")
    stages = Path("dvc.yaml").read_text(encoding="utf-8")
    Path("data/restricted").mkdir()
    Path("data/restricted/año.csv").write_text(ROWS, encoding="utf-8")
    assert dvc("add", "data/restricted/año.csv").returncode == 0
    with pytest.raises(MlopsError, match=r"dvc remove data/restricted/año\.csv\.dvc"):
        remote.move("push")
    Path("data/restricted/año.csv.dvc").unlink()
    more = f"vars: [{{zone: data/restricted}}]{stages}  copy:\n    cmd: 'true'\n"
    Path("dvc.yaml").write_text(more + "    outs: ['${zone}/copy.csv']\n", encoding="utf-8")
    with pytest.raises(MlopsError, match=r"`cache: false` of it at the stage copy"):
        remote.move("push")
    Path("dvc.yaml").write_text("stages: [", encoding="utf-8")
    with pytest.raises(MlopsError, match=r"DVC cannot say what it keeps: .*dvc\.yaml"):
        remote.move("push")
    assert of_prod_in(tmp_path / "remote-dev") == []


def test_without_a_default_remote_a_plain_push_goes_nowhere() -> None:
    template = Path(__file__).parents[3] / "template/.dvc/config.jinja"
    settings = template.read_text(encoding="utf-8").split("{%")[0]
    assert "remote = " not in settings
    assert dvc("push").returncode != 0
