"""What people wrote survives an update: merged, in a marked conflict, or named."""

import subprocess
import sys
from pathlib import Path

import pytest
from copier_mlops.cli import main
from copier_mlops.errors import ToolError
from copier_mlops.updating.report import as_dict, report_text
from copier_mlops.updating.update import undo, update
from lifecycle import commit, state_of
from rendering import git
from tiny_template import (
    LINES,
    MANAGED,
    PICTURE,
    PYPROJECT,
    second_version,
    tiny_project,
    tiny_template,
)

CLI = "src/shop/mlops/cli.py"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tiny_template(tmp_path / "the template")


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return tiny_project(template, tmp_path / "a projéct")


def edit(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")


def text(project: Path, name: str) -> str:
    return (project / name).read_bytes().decode()


def unmerged(project: Path) -> list[str]:
    listed = git("ls-files", "--unmerged", cwd=project).splitlines()
    return [f"{line.split()[2]} {line.split(maxsplit=3)[3]}" for line in listed]


def test_edits_of_other_lines_are_merged(template: Path, project: Path) -> None:
    second_version(template)
    edit(project, CLI, "line 3\n", "line 3\nmine\n")
    commit(project)
    report, _ = update(project)
    assert "line 3\nmine\n" in text(project, CLI)
    assert "line 15, better\n" in text(project, CLI)
    assert report.merged.conflicts == {}
    assert git("diff", "--cached", "--name-only", cwd=project).splitlines() == [
        ".copier-answers.yml",
        CLI,
    ]


def test_edits_of_the_same_line_are_a_conflict_for_git_too(template: Path, project: Path) -> None:
    second_version(template)
    edit(project, CLI, "line 15\n", "line 15, mine\n")
    commit(project)
    report, _ = update(project)
    assert list(report.merged.conflicts) == [CLI]
    assert (
        "<<<<<<< yours\nline 15, mine\n=======\nline 15, better\n>>>>>>> template 2.0.0\n"
        in text(project, CLI)
    )
    assert unmerged(project) == [f"{stage} {CLI}" for stage in (1, 2, 3)]
    assert "both sides changed" in report_text(report)


def test_edits_of_a_renamed_file_move_with_it(template: Path, project: Path) -> None:
    lines = LINES.replace("line 15\n", "line 15, better\n")
    second_version(
        template,
        **{
            f"{MANAGED}/cli.py": None,
            f"{MANAGED}/commands.py": lines,
            "renames.yml": "moved: {'/src/{{ package_name }}/mlops/cli.py': "
            "'/src/{{ package_name }}/mlops/commands.py'}\n",
        },
    )
    edit(project, CLI, "line 3\n", "line 3\nmine\n")
    commit(project)
    report, _ = update(project)
    moved = text(project, "src/shop/mlops/commands.py")
    assert moved == lines.replace("line 3\n", "line 3\nmine\n")
    assert not (project / CLI).exists()
    assert report.merged.renamed == {CLI: "src/shop/mlops/commands.py"}


def test_a_file_that_the_owner_moved_gets_the_changes_there(template: Path, project: Path) -> None:
    second_version(template)
    (project / "tools").mkdir()
    git("mv", CLI, "tools/command_line.py", cwd=project)
    edit(project, "tools/command_line.py", "line 3\n", "line 3\nmine\n")
    commit(project)
    report, _ = update(project)
    assert "line 3\nmine\n" in text(project, "tools/command_line.py")
    assert "line 15, better\n" in text(project, "tools/command_line.py")
    assert not (project / CLI).exists()
    assert "tools/command_line.py" in report.merged.notes[CLI]


def test_a_file_that_both_moved_is_the_owners_with_the_changes(
    template: Path, project: Path
) -> None:
    second_version(
        template,
        **{
            f"{MANAGED}/cli.py": None,
            f"{MANAGED}/commands.py": LINES.replace("line 15\n", "line 15, better\n"),
            "renames.yml": "moved: {'/src/{{ package_name }}/mlops/cli.py': "
            "'/src/{{ package_name }}/mlops/commands.py'}\n",
        },
    )
    (project / "tools").mkdir()
    git("mv", CLI, "tools/ours.py", cwd=project)
    edit(project, "tools/ours.py", "line 3\n", "line 3\nmine\n")
    commit(project)
    update(project)
    assert "line 3\nmine\n" in text(project, "tools/ours.py")
    assert "line 15, better\n" in text(project, "tools/ours.py")
    assert not (project / "src/shop/mlops/commands.py").exists()


def test_a_file_that_the_owner_deleted_stays_deleted_and_is_named(
    template: Path, project: Path
) -> None:
    second_version(template)
    git("rm", "--quiet", CLI, "run.sh", cwd=project)
    commit(project)
    report, _ = update(project)
    assert not (project / CLI).exists()
    assert "you deleted it" in report.merged.notes[CLI]
    assert "run.sh" not in report.merged.notes, "the template did not change it"


def test_an_edited_file_that_the_template_drops_is_kept_as_a_conflict(
    template: Path, project: Path
) -> None:
    second_version(template, **{f"{MANAGED}/gate.py": None, f"{MANAGED}/plain.py": None})
    gate = "src/shop/mlops/gate.py"
    edit(project, gate, "gate 3\n", "gate 3, mine\n")
    commit(project)
    report, _ = update(project)
    assert "gate 3, mine" in text(project, gate)
    assert unmerged(project) == [f"1 {gate}", f"2 {gate}"]
    assert "your file is kept" in report.merged.notes[gate]
    assert report.merged.dropped == ["src/shop/mlops/plain.py"]
    assert not (project / "src/shop/mlops/plain.py").exists()


def test_a_group_switched_off_never_deletes_an_edited_file(template: Path, project: Path) -> None:
    privacy = "src/shop/mlops/privacy.py"
    edit(project, privacy, "protect 7\n", "protect 7 and our columns\n")
    edit(project, "conf/privacy.yaml", "[]", "[age]")
    commit(project)
    report, _ = update(project, given={"privacy": "no"})
    assert list(report.merged.conflicts) == [privacy]
    assert "our columns" in text(project, privacy)
    assert text(project, "conf/privacy.yaml") == "keep: [age]\n"
    assert "privacy: 'no'" in text(project, ".copier-answers.yml")


def test_a_binary_that_both_changed_stays_yours_and_is_a_conflict(
    template: Path, project: Path
) -> None:
    second_version(template, **{"template/logo.png": b"\x89PNG\0new"})
    (project / "logo.png").write_bytes(b"\x89PNG\0mine")
    commit(project)
    update(project)
    assert (project / "logo.png").read_bytes() == b"\x89PNG\0mine"
    git("checkout", "--theirs", "logo.png", cwd=project)
    assert (project / "logo.png").read_bytes() == b"\x89PNG\0new", "the template's is in git"
    assert unmerged(project) == [f"{stage} logo.png" for stage in (1, 2, 3)]


def test_a_binary_that_only_one_side_changed_is_no_conflict(template: Path, project: Path) -> None:
    second_version(template)
    (project / "logo.png").write_bytes(b"\x89PNG\0mine")
    commit(project)
    assert update(project)[0].merged.conflicts == {}
    assert (project / "logo.png").read_bytes() == b"\x89PNG\0mine" != PICTURE


def test_windows_line_ends_make_no_conflict_and_stay(template: Path, project: Path) -> None:
    second_version(template)
    edit(project, ".gitattributes", "* text=auto", "* -text")
    mine = LINES.replace("line 3\n", "mine\n").replace("\n", "\r\n") + "by another editor\n"
    (project / CLI).write_bytes(mine.encode())
    commit(project)
    report, _ = update(project)
    assert report.merged.conflicts == {}
    merged = (project / CLI).read_bytes()
    assert b"mine\r\n" in merged
    assert b"line 15, better\r\n" in merged
    assert merged.endswith(b"\r\nby another editor\n")
    assert merged.count(b"\n") == merged.count(b"\r\n") + 1


def test_the_mode_follows_the_side_that_changed_it(template: Path, project: Path) -> None:
    (template / "template" / "run.sh").chmod(0o755)
    second_version(template)
    (project / CLI).chmod(0o755)
    commit(project)
    update(project)
    assert (project / "run.sh").stat().st_mode & 0o111
    assert (project / CLI).stat().st_mode & 0o111
    assert git("ls-files", "--stage", CLI, cwd=project).startswith("100755")


def test_seeds_are_never_touched_and_a_new_one_is_added_once(template: Path, project: Path) -> None:
    second_version(
        template,
        **{
            "template/README.md.jinja": "# Better\n",
            "template/src/{{ package_name }}/model.py": "# better\n",
            "template/conf/new.yaml": "b: 2\n",
        },
    )
    git("rm", "--quiet", "conf/base.yaml", cwd=project)
    commit(project)
    report, _ = update(project)
    assert text(project, "README.md") == "# Shop\n"
    assert text(project, "src/shop/model.py") == "# yours\n"
    assert report.merged.added == ["conf/new.yaml"]
    assert not (project / "conf/base.yaml").exists()


def test_files_that_are_not_rendered_are_not_looked_at(template: Path, project: Path) -> None:
    second_version(template)
    (project / "data").mkdir()
    (project / "data" / "big.bin").write_bytes(b"x" * 100)
    (project / "notes.txt").write_text("mine\n")
    before = state_of(project)["files"]
    update(project)
    after = state_of(project)["files"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {CLI, ".copier-answers.yml"}
    assert after.keys() - before.keys() == {"TEMPLATE_UPDATE.md"}


def test_the_report_says_what_changed_and_why_and_what_to_do(template: Path, project: Path) -> None:
    copier = text(template, "copier.yml") + "budget: {type: int, default: 7}\n"
    second_version(template, **{"copier.yml": copier, "template/new.txt": "new\n"})
    report, _ = update(project)
    written = text(project, "TEMPLATE_UPDATE.md")
    assert written == report_text(report)
    for words in ("1.0.0 to 2.0.0", "The middle is better.", "budget: 7", "`new.txt`", "--abort"):
        assert words in written
    assert "The first." not in written
    found = as_dict(report)
    assert (found["from"], found["to"], found["new_answers"]) == ("1.0.0", "2.0.0", {"budget": 7})


def test_a_report_of_ones_own_is_not_overwritten(template: Path, project: Path) -> None:
    second_version(template)
    (project / "TEMPLATE_UPDATE.md").write_text("mine\n")
    update(project)
    assert text(project, "TEMPLATE_UPDATE.md") == "mine\n"


def test_check_writes_nothing_and_shows_the_difference(template: Path, project: Path) -> None:
    second_version(template)
    before = state_of(project)
    report, diff = update(project, check=True)
    assert state_of(project) == before
    assert "+line 15, better" in diff
    assert f"diff --git a/{CLI} b/{CLI}" in diff
    assert not report.is_empty


def test_abort_returns_to_the_state_before_even_with_conflicts(
    template: Path, project: Path
) -> None:
    second_version(template)
    edit(project, CLI, "line 15\n", "line 15, mine\n")
    commit(project)
    (project / ".env").write_text("SECRET=1\n")
    before = state_of(project)
    update(project)
    assert state_of(project) != before
    assert undo(project) == []
    assert state_of(project) == before
    with pytest.raises(ToolError, match="no update to undo"):
        undo(project)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interrupt_brings_the_former_state_back(
    template: Path, project: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_version(template)
    before = state_of(project)

    def fails(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("copier_mlops.updating.apply.put_index", fails)
    with pytest.raises(type(error)):
        update(project)
    assert state_of(project) == before
    monkeypatch.undo()
    update(project)
    assert "line 15, better" in text(project, CLI)


def test_a_project_in_a_folder_of_a_repository_touches_only_that_folder(
    template: Path, tmp_path: Path
) -> None:
    top = tmp_path / "monorepo"
    project = tiny_project(template, top / "services" / "model one")
    (project / ".git").rename(top / ".git")
    (top / "cli.py").write_text("not yours\n")
    commit(top)
    (top / "cli.py").write_text("work in progress elsewhere\n")
    second_version(template)
    update(project)
    staged = git("diff", "--cached", "--name-only", cwd=top).splitlines()
    folder = "services/model one"
    assert staged == [f"{folder}/.copier-answers.yml", f"{folder}/{CLI}"]
    assert text(top, "cli.py") == "work in progress elsewhere\n"


def test_the_answers_file_never_gets_conflict_markers(template: Path, project: Path) -> None:
    second_version(template)
    edit(project, ".copier-answers.yml", "_commit: v1.0.0\n", "# do not touch\n_commit: 'v1.0.0'\n")
    commit(project)
    report, _ = update(project)
    answers = text(project, ".copier-answers.yml")
    assert "<<<<" not in answers
    assert "_commit: v2.0.0" in answers
    assert "# do not touch" in answers + report.merged.notes[".copier-answers.yml"]


def test_an_update_whose_lock_fails_says_why_and_exits_with_1(
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The team holds a library below what the new version needs."""
    project = tiny_project(template, tmp_path / "pinned")
    pyproject = project / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace("dependencies = []", 'dependencies = ["idna<3"]'), "utf-8")
    subprocess.run(["uv", "lock", "--quiet"], cwd=project, check=True)
    commit(project)
    second_version(template, **{"template/pyproject.toml.jinja": PYPROJECT.replace(">=2", ">=3")})
    monkeypatch.setattr(sys, "argv", ["copier-mlops", "update", str(project)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "uv lock failed" in said
    assert "idna<3" in said
    assert "idna>=3" in said
    assert "hint" not in said
    assert 'mlops = ["idna>=3"]' in pyproject.read_text(encoding="utf-8")
