"""An update killed at any moment can be undone exactly, or finished."""

import random
from pathlib import Path

import pytest
from copier_mlops.errors import ToolError
from copier_mlops.git import repository_at
from copier_mlops.repository import snapshot
from copier_mlops.updating.update import resume, undo, update
from killing import killed_update
from lifecycle import commit, state_of
from rendering import git
from tiny_template import MANAGED, second_version, tiny_project, tiny_template

MOMENTS = 20


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a template whose second version changes, adds, moves, splits and drops files."""
    template = tiny_template(tmp_path_factory.mktemp("killed") / "template")
    second_version(
        template,
        **{
            "template/new/deep/file.txt": "new\n",
            "template/logo.png": b"\x89PNG\0new",
            f"{MANAGED}/plain.py": None,
            f"{MANAGED}/gate.py": None,
            f"{MANAGED}/gates.py": "".join(f"gate {number}\n" for number in range(1, 21)),
            f"{MANAGED}/privacy.py": None,
            f"{MANAGED}/protect.py": "protect 1\n",
            "renames.yml": "moved: {'/src/{{ package_name }}/mlops/gate.py': "
            "'/src/{{ package_name }}/mlops/gates.py'}\n"
            "split: {'/src/{{ package_name }}/mlops/privacy.py': "
            "['/src/{{ package_name }}/mlops/protect.py']}\n",
        },
    )
    return template


def worked_in(template: Path, folder: Path) -> Path:
    """Return a repository with a conflict and a patch to come, and files that git does not know."""
    project = tiny_project(template, folder)
    for name, old, new in (
        ("cli.py", "line 15\n", "line 15, mine\n"),
        ("gate.py", "gate 2\n", "gate two\n"),
        ("privacy.py", "protect 9\n", "protect nine\n"),
    ):
        path = project / "src/shop/mlops" / name
        path.write_text(path.read_text().replace(old, new))
    commit(project)
    (project / ".env").write_text("SECRET=1\n")
    (project / "data").mkdir()
    (project / "data/raw.bin").write_bytes(b"\0raw")
    (project / "untracked.txt").write_text("mine\n")
    return project


def result_of(project: Path) -> tuple[dict[str, bytes], str]:
    """Return the files and the index, without times."""
    files = {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }
    return files, git("ls-files", "--stage", cwd=project)


def test_kill_at_twenty_moments(template: Path, tmp_path: Path, figure) -> None:
    project = worked_in(template, tmp_path / "project")
    before = state_of(project)
    last = killed_update(project, None)
    finished = result_of(project)
    assert "TEMPLATE_UPDATE/src/shop/mlops/privacy.py.patch" in finished[0]
    undo(project)
    assert state_of(project) == before
    recognised = continued = 0
    chosen = sorted(random.Random(5).sample(range(1, last), MOMENTS))  # noqa: S311
    for moment in chosen:
        killed_update(project, moment)
        repo = repository_at(project)
        waits = snapshot.current(repo)
        if waits is None:
            assert state_of(project) == before, f"changed before the snapshot, at {moment}"
            continue
        if waits.phase == snapshot.RUNNING:
            recognised += 1
            with pytest.raises(ToolError, match="interrupted here"):
                update(project, lock=False)
            if recognised % 3 == 0:
                resume(project)
                assert result_of(project) == finished, f"continued from {moment}"
                continued += 1
        undo(project)
        assert state_of(project) == before, f"killed at {moment} of {last}"
    assert recognised >= MOMENTS // 3
    assert continued > 1
    figure(
        f"killed updates: {MOMENTS} of {last} moments, {recognised} half-way, {continued} continued"
    )
