"""An edit of a file that the template split or merged goes with its lines, or is a patch."""

import json
import sys
from pathlib import Path

import pytest
from copier_mlops.cli import main
from copier_mlops.errors import ToolError
from copier_mlops.updating.drift import drift
from copier_mlops.updating.eject import eject
from copier_mlops.updating.report import report_text
from copier_mlops.updating.update import resume, undo, update
from lifecycle import add_version, commit, state_of
from rendering import git
from tiny_template import MANAGED, second_version, tiny_project, tiny_template

GATE = "src/shop/mlops/gate.py"
LOW, HIGH = "src/shop/mlops/gate_low.py", "src/shop/mlops/gate_high.py"
PATCH = f"TEMPLATE_UPDATE/{GATE}.patch"
GATES = [f"gate {number}\n" for number in range(1, 21)]
RENAMES = """\
split:
  '/src/{{ package_name }}/mlops/gate.py':
    - '/src/{{ package_name }}/mlops/gate_low.py'
    - '/src/{{ package_name }}/mlops/gate_high.py'
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a template whose second version splits gate.py."""
    template = tiny_template(tmp_path / "template")
    second_version(
        template,
        **{
            f"{MANAGED}/gate.py": None,
            f"{MANAGED}/gate_low.py": "import low\n" + "".join(GATES[:12]),
            f"{MANAGED}/gate_high.py": "import high\n" + "".join(GATES[12:]),
            "renames.yml": RENAMES,
        },
    )
    return template


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return tiny_project(template, tmp_path / "project")


def edit(project: Path, *changes: tuple[str, str], name: str = GATE) -> None:
    """Replace lines of a file and commit."""
    text = (project / name).read_bytes().decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (project / name).write_bytes(text.encode())
    commit(project)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the tool and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["copier-mlops", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


BOTH = [("gate 3\n", "gate three\n"), ("gate 18\n", "gate eighteen\n")]


def test_an_edit_that_belongs_to_two_files_is_a_patch_that_names_them(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(project, *BOTH, ("gate 17\n", "gate 17, mine\n"), ("gate 20\n", "gate 20\ngate 21\n"))
    assert run(monkeypatch, "update", project, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["conflicts"] == []
    candidates = {HIGH: [14], LOW: [1]}
    assert found["patches"] == {GATE: {"path": PATCH, "candidates": candidates}}
    assert not (project / GATE).exists()
    patch = (project / PATCH).read_text()
    for line in ("-gate 3", "+gate three", "-gate 18", "+gate eighteen", "+gate 21", " gate 16"):
        assert f"\n{line}\n" in patch
    written = (project / "TEMPLATE_UPDATE.md").read_text(encoding="utf-8")
    assert (
        f"it may belong to `{HIGH}` (the edit at line 14), `{LOW}` (the edit at line 1)" in written
    )
    assert "Work each patch below into one of the files" in written
    assert "three" not in (project / LOW).read_text() + (project / HIGH).read_text()
    staged = git("diff", "--cached", "--name-only", cwd=project).splitlines()
    assert {PATCH, GATE, LOW, HIGH} <= {*staged}, "a clone or a clean-up must not lose the patch"
    git("checkout", "--quiet", "HEAD", "--", GATE, cwd=project)
    git("apply", "--reverse", PATCH, cwd=project)
    assert (project / GATE).read_text() == "".join(GATES), "it is a patch that git applies"


def test_an_edit_that_fits_one_file_only_is_there(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(project, ("gate 16\n", "gate sixteen\n"), ("gate 19\n", "gate 19\nmine\n"))
    assert run(monkeypatch, "update", project) == 0
    said = capsys.readouterr().out
    assert f"`{HIGH}`: {GATE} was split; your edit of it fits only here" in said
    new = (project / HIGH).read_text()
    assert new.startswith("import high\ngate 13\n")
    assert "gate sixteen\n" in new
    assert new.endswith("gate 19\nmine\ngate 20\n")
    assert "import low" in (project / LOW).read_text()
    assert not (project / GATE).exists()
    assert not (project / PATCH).exists()


def test_a_file_that_nobody_edited_passes_without_a_word(project: Path) -> None:
    (project / GATE).write_bytes((project / GATE).read_bytes().replace(b"\n", b"\r\n"))
    (project / ".gitattributes").write_text("* -text\n")
    commit(project)
    report, _ = update(project)
    assert report.is_finished
    assert report.merged.notes == {}
    assert GATE in report.merged.dropped
    assert not (project / "TEMPLATE_UPDATE").exists()


def test_a_file_that_was_only_made_executable_is_told(project: Path) -> None:
    (project / GATE).chmod(0o755)
    commit(project)
    report, _ = update(project)
    assert GATE in report.merged.dropped
    assert report.merged.notes == {
        GATE: f"you changed its mode; the template's is {LOW}, {HIGH} now"
    }


def test_lines_that_went_for_good_and_lines_that_stand_twice_are_for_a_person(
    template: Path, project: Path
) -> None:
    """Nothing is put where it might not belong."""
    add_version(template, "3.0.0", {f"{MANAGED}/gate_high.py": "".join(GATES)})
    edit(project, ("gate 3\n", "gate three\n"))
    report, _ = update(project)
    assert report.merged.patches[GATE].candidates == {LOW: [1], HIGH: [1]}
    undo(project)
    add_version(
        template, "4.0.0", {f"{MANAGED}/gate_{one}.py": "all new\n" for one in ("low", "high")}
    )
    report, _ = update(project)
    assert report.merged.patches[GATE].candidates == {LOW: [], HIGH: []}
    assert "+gate three\n" in (project / PATCH).read_text()


def test_a_file_that_became_part_of_another_one_takes_its_edit_along(
    template: Path, project: Path
) -> None:
    renames = RENAMES + "  '/src/{{ package_name }}/mlops/plain.py':\n    - /whole.py\n"
    whole = "first\nplain\nlast\n"
    add_version(
        template,
        "3.0.0",
        {f"{MANAGED}/plain.py": None, "template/whole.py": whole, "renames.yml": renames},
    )
    (project / "src/shop/mlops/plain.py").write_text("plain\nmine\n")
    commit(project)
    report, _ = update(project)
    patches = report.merged.patches
    assert list(patches["src/shop/mlops/plain.py"].candidates) == ["whole.py"]


def test_a_patch_waits_until_it_is_deleted_and_is_not_written_again(
    template: Path,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(project, *BOTH)
    assert run(monkeypatch, "update", project) == 1
    with pytest.raises(ToolError, match=r"Still to work in: TEMPLATE_UPDATE/"):
        resume(project)
    commit(project, "Update")
    before = state_of(project)
    assert run(monkeypatch, "update", project) == 1
    assert f"{PATCH} of an earlier update waits" in capsys.readouterr().out
    assert state_of(project) == before
    add_version(template, "3.0.0", {"template/new.txt": "new\n"})
    report, _ = update(project)
    assert list(report.waiting) == [PATCH]
    assert report.merged.patches == {}
    assert PATCH in report_text(report)
    commit(project)
    git("rm", "--quiet", PATCH, cwd=project)
    commit(project)
    assert run(monkeypatch, "update", project) == 0


def test_a_patch_never_takes_the_place_of_another_file(project: Path) -> None:
    (project / PATCH).parent.mkdir(parents=True)
    (project / PATCH).write_text("an older one\n")
    edit(project, *BOTH)
    report, _ = update(project)
    second = PATCH.replace(".patch", ".2.patch")
    assert report.merged.patches[GATE].path == second
    assert (project / PATCH).read_text() == "an older one\n"
    assert "+gate three\n" in (project / second).read_text()
    assert list(report.waiting) == [PATCH]


@pytest.mark.parametrize("ends", ["\r\n", ""])
def test_no_line_is_lost_with_windows_ends_or_without_a_last_newline(
    project: Path, ends: str
) -> None:
    edit(project, *BOTH, ("gate 20\n", "mine, without an end"))
    if ends:
        path = project / GATE
        path.write_bytes(path.read_bytes().replace(b"\n", ends.encode()))
        (project / ".gitattributes").write_text("* -text\n")
        commit(project)
    update(project)
    patch = (project / PATCH).read_bytes()
    assert b"\r" not in patch
    assert b"+mine, without an end\n\\ No newline at end of file\n" in patch


def test_a_binary_a_link_and_a_file_that_was_never_the_templates_stay(project: Path) -> None:
    (project / GATE).write_bytes(b"\0mine")
    commit(project)
    report, _ = update(project)
    assert [*report.merged.conflicts] == [GATE]
    assert (project / GATE).read_bytes() == b"\0mine"
    undo(project)
    (project / GATE).write_text("".join(f"my own {number}\n" for number in range(30)))
    commit(project)
    report, _ = update(project)
    assert [*report.merged.conflicts] == [GATE]
    assert report.merged.patches == {}
    assert (project / GATE).read_text().startswith("my own 0\n")


def test_where_the_team_moved_a_file_that_was_split_is_said(project: Path) -> None:
    git("mv", GATE, "src/shop/own_gate.py", cwd=project)
    edit(project, *BOTH, name="src/shop/own_gate.py")
    report, _ = update(project)
    assert "which stays" in report.merged.notes[GATE]
    assert "gate three\n" in (project / "src/shop/own_gate.py").read_text()
    assert (project / LOW).exists()


def test_a_merge_whose_patch_misses_a_line_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof does not trust what wrote the patch."""
    from copier_mlops.updating import split

    whole = split.unified_diff
    monkeypatch.setattr(
        split, "unified_diff", lambda *files: whole(*files).replace(b"+gate three\n", b"")
    )
    edit(project, *BOTH)
    before = state_of(project)
    with pytest.raises(ToolError, match=rf"would lose lines of {GATE}"):
        update(project)
    assert state_of(project) == before


def test_drift_eject_and_undo_live_with_a_patch(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(project, *BOTH)
    before = state_of(project)
    update(project)
    undo(project)
    assert state_of(project) == before
    update(project)
    commit(project)
    assert not drift(project).found
    eject(project)
    assert f"Kept {PATCH}" in capsys.readouterr().err
    assert "+gate three\n" in (project / PATCH).read_text()


def test_a_file_like_the_templates_that_the_team_had_before_stays(
    template: Path, project: Path
) -> None:
    """Adoption put the template's version beside it, which says whose it is."""
    (project / f"{GATE}.template").write_text("".join(GATES))
    own = "".join(GATES[:10]) + "our own gate\n"
    (project / GATE).write_text(own)
    commit(project)
    report, _ = update(project)
    assert (project / GATE).read_text() == own
    assert GATE not in report.merged.patches


@pytest.mark.parametrize("line", ["++ mine\n", "-- mine\n", "@@ mine\n"])
def test_lines_that_look_like_those_of_a_patch_are_kept(project: Path, line: str) -> None:
    edit(project, *BOTH, ("gate 4\n", line))
    report, _ = update(project)
    assert f"\n+{line}" in (project / report.merged.patches[GATE].path).read_text()


def test_what_a_person_told_git_about_all_their_files_does_not_empty_a_patch(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config/git").mkdir(parents=True)
    (tmp_path / "config/git/attributes").write_text("*.py -diff\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    edit(project, *BOTH)
    update(project)
    assert "+gate three\n" in (project / PATCH).read_text()
