"""`mlops data push|pull|diff|log` on a real repository of DVC, with folders as remotes."""

import subprocess
import sys
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


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def dvc(*words: str) -> None:
    run(sys.executable, "-m", "dvc", *words)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository of git and DVC with one tracked file and a remote for prod."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ana Example")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ana@example.org")
    run("git", "init", "-q")
    (folder / "conf").mkdir()
    for name in ("dev", "prod"):
        (folder / f"conf/{name}.yaml").write_text(f"dvc_remote: {name}\n")
    (folder / "conf/base.yaml").write_text(BASE)
    dvc("init", "-q")
    dvc("config", "core.analytics", "false")
    dvc("remote", "add", "prod", str(tmp_path / "remote"))
    (folder / "dvc.yaml").write_text(
        "stages:\n  made:\n    cmd: cp dvc.yaml made.txt\n    outs: [made.txt]\n"
    )
    dvc("repro", "-q")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "first run")
    monkeypatch.setenv("MLOPS_ENV", "prod")
    return folder


def test_what_was_pushed_is_pulled_into_another_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "pushed (prod: " in remote.move("push")
    assert "up to date" in remote.move("push")
    run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    remote.move("pull")
    text = (tmp_path / "clone/made.txt").read_text()
    assert text == (tmp_path / "project/made.txt").read_text()


def test_a_remote_that_lacks_what_is_asked_or_does_not_exist_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(
        MlopsError, match=r'The remote "prod" .* lacks what dvc.lock names .*mlops data push'
    ) as told:
        remote.move("pull")
    assert "\n" not in str(told.value)
    monkeypatch.setenv("MLOPS_DVC_REMOTE", "staging")
    with pytest.raises(MlopsError, match="dvc remote add staging URL"):
        remote.move("push")


def test_what_differs_and_when_it_changed_is_told(project: Path) -> None:
    assert remote.difference("HEAD") == "nothing differs from HEAD"
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text + "# another\n")
    dvc("repro", "-q", "--force")
    assert "made.txt" in remote.difference("HEAD")
    assert remote.history().endswith("first run")
    with pytest.raises(MlopsError, match="dvc cannot compare with nothing-of-that-name"):
        remote.difference("nothing-of-that-name")
