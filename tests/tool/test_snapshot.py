"""The snapshot: whatever an operation did, and whenever it was killed, the former state returns."""

import subprocess
import sys
from pathlib import Path

import pytest
from copier_mlops.errors import ToolError
from copier_mlops.git import Repository, path_in, repository_at
from copier_mlops.repository import snapshot
from copier_mlops.repository.one_run import only_one
from copier_mlops.repository.whole_files import write
from lifecycle import state_of
from rendering import git


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Return a repository with every kind of path: tracked, ignored, executable, linked, staged."""
    top = tmp_path / "répo with space"
    (top / "folder").mkdir(parents=True)
    for name, text in {
        ".gitignore": ".env\n",
        "tracked.txt": "a\n",
        "folder/run.sh": "echo\n",
        "ñandú.txt": "b\n",
    }.items():
        (top / name).write_text(text, encoding="utf-8")
    (top / "folder" / "run.sh").chmod(0o750)
    (top / "link").symlink_to("tracked.txt")
    git("init", "--quiet", cwd=top)
    git("add", "--all", cwd=top)
    git("commit", "--quiet", "--message", "Work", cwd=top)
    (top / ".env").write_text("SECRET=1\n", encoding="utf-8")
    (top / "untracked.txt").write_text("c\n", encoding="utf-8")
    (top / "ñandú.txt").write_text("staged\n", encoding="utf-8")
    git("add", "ñandú.txt", cwd=top)
    return repository_at(top)


EVERY = (".env", "tracked.txt", "folder/run.sh", "ñandú.txt", "link", "untracked.txt", "new/deep/f")


def wreck(repo: Repository) -> None:
    """Change everything that the snapshot was told about."""
    for name in EVERY[:-1]:
        write(repo, name, b"overwritten\n")
    write(repo, "new/deep/f", b"new\n", "100755")
    write(repo, "folder/run.sh", None)
    git("add", "--all", cwd=repo.top)
    git("checkout", "--quiet", "-b", "work", cwd=repo.top)


def test_everything_returns_as_it_was(repo: Repository) -> None:
    before = state_of(repo.top)
    with only_one(repo):
        snapshot.begin(repo, "update", EVERY, {})
        snapshot.record_commits(repo, "work", [git("rev-parse", "HEAD", cwd=repo.top).strip()])
        wreck(repo)
        assert state_of(repo.top) != before
        snapshot.abort(repo, "update")
    assert state_of(repo.top) == before
    assert snapshot.current(repo) is None


def test_undoing_can_itself_be_killed_and_repeated(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(repo.top)
    snapshot.begin(repo, "update", EVERY, {})
    for name in EVERY:
        write(repo, name, b"overwritten\n")
    put_back, calls = snapshot.restore, iter(range(len(EVERY)))

    def killed(*arguments: object) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        put_back(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot, "restore", killed)
    with pytest.raises(KeyboardInterrupt):
        snapshot.abort(repo, "update")
    monkeypatch.undo()
    snapshot.abort(repo, "update")
    assert state_of(repo.top) == before


def test_what_a_person_wrote_afterwards_is_kept_aside(repo: Repository) -> None:
    snapshot.begin(repo, "update", {"tracked.txt": b"ours\n", "link": None}, {})
    write(repo, "tracked.txt", b"ours\n")
    (repo.top / "tracked.txt").write_text("an hour of resolving\n1")
    for number in ("1", "2"):
        kept = repo.git_dir / "copier-mlops" / "aborted" / number / "tracked.txt"
        assert snapshot.abort(repo, "update") == [str(kept)]
        assert (repo.top / "tracked.txt").read_text() == "a\n"
        assert kept.read_text() == f"an hour of resolving\n{number}"
        snapshot.begin(repo, "update", {"tracked.txt": b"ours\n"}, {})
        (repo.top / "tracked.txt").write_text("an hour of resolving\n2")


def test_an_interrupted_operation_is_recognised_and_a_finished_one_is_not_in_the_way(
    repo: Repository,
) -> None:
    snapshot.begin(repo, "update", ["tracked.txt"], {})
    with pytest.raises(ToolError, match="interrupted here; run copier-mlops update --abort"):
        snapshot.begin(repo, "adopt", ["tracked.txt"], {})
    snapshot.finish(repo)
    snapshot.begin(repo, "adopt", ["tracked.txt"], {})
    with pytest.raises(ToolError, match="no update to undo"):
        snapshot.abort(repo, "update")


def test_committed_work_is_never_undone(repo: Repository) -> None:
    snapshot.begin(repo, "update", ["tracked.txt"], {})
    write(repo, "tracked.txt", b"ours\n")
    snapshot.finish(repo)
    git("commit", "--all", "--quiet", "--message", "Done", cwd=repo.top)
    with pytest.raises(ToolError, match="you committed"):
        snapshot.abort(repo, "update")
    assert (repo.top / "tracked.txt").read_text() == "ours\n"


def test_two_runs_at_once_are_refused_and_a_killed_one_lets_go(repo: Repository) -> None:
    code = (
        "import sys, os; from pathlib import Path\n"
        "from copier_mlops.git import repository_at\n"
        "from copier_mlops.repository.one_run import only_one\n"
        "with only_one(repository_at(Path(sys.argv[1]))):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, repo.top],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(ToolError, match="Another copier-mlops works"), only_one(repo):
        pass
    other.kill()
    other.communicate()
    with only_one(repo):
        pass


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/passwd", "a/../../out", ".git/config", "a/.GIT/hooks/x", "C:/x", "a\\b"],
)
def test_a_path_that_leaves_the_repository_is_refused(repo: Repository, name: str) -> None:
    with pytest.raises(ToolError, match="would leave the repository"):
        path_in(repo.top, name)


def test_a_link_out_of_the_tree_is_not_followed(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (repo.top / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(ToolError, match="symbolic link"):
        write(repo, "out/file", b"x")
    (tmp_path / "precious").write_text("precious")
    (repo.top / "last").symlink_to(tmp_path / "precious")
    write(repo, "last", b"x")
    assert (tmp_path / "precious").read_text() == "precious"
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_busy_repository_is_refused(repo: Repository) -> None:
    (repo.git_dir / "index.lock").touch()
    with pytest.raises(ToolError, match="another git command"):
        snapshot.begin(repo, "update", ["tracked.txt"], {})
    (repo.git_dir / "index.lock").unlink()
    (repo.git_dir / "MERGE_HEAD").touch()
    with pytest.raises(ToolError, match="MERGE_HEAD"):
        snapshot.begin(repo, "update", ["tracked.txt"], {})
