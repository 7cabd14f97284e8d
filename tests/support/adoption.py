"""Adopt a repository in a test, and account for every line that its owner had."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from copier_mlops.adopting.adopt import adopt
from copier_mlops.adopting.report import Adoption
from copier_mlops.git import read_blobs, repository_at
from rendering import git

REPORT = "ADOPTION.md"


def adopted(folder: Path, template: Path, **options: Any) -> Adoption:
    """Adopt without questions and, unless told otherwise, without asking uv."""
    chosen: dict[str, Any] = {"defaults": True, "lock": False, **options}
    return adopt(folder, template=str(template), **chosen)


def committed(top: Path, revision: str = "HEAD") -> dict[str, bytes]:
    """Return the contents of every plain file of a commit."""
    listed = git("ls-tree", "-r", "-z", "--full-tree", revision, cwd=top)
    rows = (line.split("\t", 1) for line in listed.split("\0") if line)
    plain = {name: about.split()[2] for about, name in rows if about.split()[1] == "blob"}
    blobs = read_blobs(repository_at(top), plain.values())
    return {name: blobs[oid] for name, oid in plain.items()}


def on_disk(top: Path) -> dict[str, bytes]:
    """Return everything below a folder but git's own, ignored and untracked files too."""
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(top).parts
    }


def unreported(before: dict[str, bytes], after: dict[str, bytes], report: str) -> list[str]:
    """Return each line that a file has no more and that the report does not show.

    A report of a line names the file first: ``- `file`: ...`` and below it the line in backticks.
    """
    lost = []
    for name, content in before.items():
        missing = Counter(content.splitlines())
        missing.subtract(Counter(after.get(name, b"").splitlines()))
        _, _, said = report.partition(f"- `{name}`: yours first")
        said = said or report.partition(f"- `{name}`: your values win")[2]
        said = said.split("\n- ")[0]
        for line, count in missing.items():
            text = line.decode("utf-8", "replace").strip()
            if count > 0 and f"`{text}`" not in said:
                lost.append(f"{name}: {text}")
    return lost


def own_tests(folder: Path) -> tuple[int, str]:
    """Run pytest as the owner does, in an environment without uv, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"],
        cwd=folder,
        env={
            "PATH": "",
            "PYTHONPATH": "src",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split()[0] for line in done.stdout.splitlines() if " PASSED" in line]
    return done.returncode, "\n".join(lines) or done.stdout + done.stderr
