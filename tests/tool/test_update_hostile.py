"""What a hostile repository tries with an update: one sentence, and nothing written elsewhere."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from copier_mlops.cli import main
from copier_mlops.updating.update import update
from lifecycle import commit
from rendering import git
from tiny_template import PYPROJECT, second_version, tiny_project, tiny_template

CLI = "src/shop/mlops/cli.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    template = tiny_template(tmp_path / "template")
    pyproject = PYPROJECT.replace("idna>=2", "idna>=3")
    second_version(template, **{"template/pyproject.toml.jinja": pyproject})
    return tiny_project(template, tmp_path / "project")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text("precious\n")
    return folder


def a_link_beside_a_managed_file(project: Path, outside: Path) -> None:
    beside = project / "src/shop/mlops/.cli.py.copier-mlops"
    beside.symlink_to(outside / "file")
    commit(project)


def a_file_beside_a_managed_file(project: Path, outside: Path) -> None:
    (project / "src/shop/mlops/.cli.py.copier-mlops").write_text("precious\n")


def the_tools_folder_is_a_link(project: Path, outside: Path) -> None:
    (project / ".git/copier-mlops").symlink_to(outside)


def the_lock_is_a_link(project: Path, outside: Path) -> None:
    (project / ".git/copier-mlops").mkdir()
    (project / ".git/copier-mlops/lock").symlink_to(outside / "new")


def the_lock_is_garbage(project: Path, outside: Path) -> None:
    (project / ".git/copier-mlops").mkdir()
    (project / ".git/copier-mlops/lock").write_text("garbage" * 1000)


def the_files_are_elsewhere(project: Path, outside: Path) -> None:
    (outside / ".copier-answers.yml").write_bytes((project / ".copier-answers.yml").read_bytes())
    git("config", "core.worktree", str(outside), cwd=project)


def a_pipe_takes_the_place_of_the_report(project: Path, outside: Path) -> None:
    os.mkfifo(project / "TEMPLATE_UPDATE.md")


def the_answers_file_is_a_pipe(project: Path, outside: Path) -> None:
    (project / ".copier-answers.yml").unlink()
    os.mkfifo(project / ".copier-answers.yml")


ATTACKS: dict[Callable[[Path, Path], None], str] = {
    a_link_beside_a_managed_file: "stands where a file would be written",
    a_file_beside_a_managed_file: "stands where a file would be written",
    the_tools_folder_is_a_link: "is a symbolic link",
    the_lock_is_a_link: "is a symbolic link",
    the_lock_is_garbage: "is damaged",
    the_files_are_elsewhere: "unset core.worktree",
    a_pipe_takes_the_place_of_the_report: "is a pipe",
    the_answers_file_is_a_pipe: "has no .copier-answers.yml",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_is_refused_in_one_sentence_and_nothing_is_written(
    attack: Callable[[Path, Path], None],
    project: Path,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    attack(project, outside)
    before = {path.name: path.read_bytes() for path in outside.iterdir()}
    cli = (project / CLI).read_bytes()
    monkeypatch.setattr(sys, "argv", ["copier-mlops", "update", str(project), "--no-lock"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert ATTACKS[attack] in capfd.readouterr().err.strip().splitlines()[-1]
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == before
    assert (project / CLI).read_bytes() == cli


def test_a_lock_that_is_a_link_is_not_written_through(project: Path, outside: Path) -> None:
    (project / "uv.lock").symlink_to(outside / "file")
    commit(project)
    report, _ = update(project)
    assert "symbolic link" in report.lock
    assert (outside / "file").read_text() == "precious\n"


def test_names_that_are_no_text_or_look_like_options_are_merged_around(project: Path) -> None:
    names = [b"caf\xe9.txt", b"-rf", b"--cached"]
    for name in names:
        Path(os.fsdecode(os.fsencode(project) + b"/" + name)).write_text("mine\n")
    moved = Path(os.fsdecode(os.fsencode(project) + b"/caf\xe9.py"))
    (project / CLI).rename(moved)
    commit(project)
    update(project, lock=False)
    assert "line 15, better" in moved.read_text()
    assert {os.fsencode(path.name) for path in project.iterdir()} >= set(names)


def test_a_complete_update_continued_is_json_where_a_machine_reads(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    update(project, lock=False)
    command = ["copier-mlops", "update", str(project), "--continue", "--json"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(capfd.readouterr().out) == {}


def test_an_author_is_invented_only_where_none_is_configured(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from copier_mlops.git import identity

    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("config", "user.useConfigOnly", "true", cwd=project)
    assert identity(project)["GIT_AUTHOR_NAME"] == "copier-mlops"
    git("config", "user.name", "Ana", cwd=project)
    git("config", "user.email", "ana@example.org", cwd=project)
    assert identity(project) == {}
