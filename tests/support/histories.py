"""Repositories in which somebody worked: random edits as owners make them, and what became of them.

Run `uv run --frozen python tests/support/histories.py 200` for the figures of many.
"""

import difflib
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from copier_mlops.rendering.versions import resolve
from copier_mlops.updating import update as update_module
from copier_mlops.updating.report import Report
from copier_mlops.updating.update import update
from lifecycle import (
    ARTIFICIAL,
    BINARY,
    NEXT,
    RELEASES,
    commit,
    memoised_versions,
    tracked,
    versioned_template,
    with_artificial_versions,
)
from rendering import SHOP, fast_rendering, git

ANSWERS: list[dict[str, Any]] = [
    {},
    {"task": "regression", "functionality": "existing_rules"},
    {"task": "recommendation", "stage": "poc"},
    {"personal_data": "none", "functionality": "existing_model"},
]
RESTLESS = ("files.py", "canvas.py", "rewrite.py", "wording.py", "training.py", "commands.py")
PATCHES = "TEMPLATE_UPDATE/"
VERSIONS = [*RELEASES, NEXT, BINARY, ARTIFICIAL]


@dataclass
class Figures:
    """What is counted over histories."""

    histories: int = 0
    updates: int = 0
    edits: int = 0
    lines: int = 0
    lost: list[str] = field(default_factory=list)
    in_the_report_only: int = 0
    conflicts: int = 0
    false_conflicts: int = 0
    adjacent: int = 0
    patches: int = 0
    false_patches: int = 0
    seconds: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """Return one line."""
        share = self.in_the_report_only / max(1, self.edits)
        typical = sorted(self.seconds)[len(self.seconds) // 2]
        return (
            f"{self.histories} histories, {self.updates} updates, {self.edits} edits, "
            f"{self.lines} lines written, {len(self.lost)} lost, "
            f"{self.in_the_report_only} in the report only ({share:.1%} of edits), "
            f"{self.conflicts} conflicts ({self.adjacent} of adjacent lines), "
            f"{self.false_conflicts} false, {self.patches} patches ({self.false_patches} "
            f"false), {typical:.2f} s a merge (median, renders shared)"
        )


Edit = Callable[[Path, random.Random, str], bool]


def lines_in(path: Path) -> list[str]:
    return path.read_bytes().decode().splitlines(keepends=True)


def put_lines(path: Path, lines: list[str]) -> None:
    path.write_bytes("".join(lines).encode())


def managed_python(project: Path, dice: random.Random) -> Path | None:
    # Up to 0.3 the template's code lay in the team's package.
    places = ("tools/kit/mlops_kit", "src/shop/mlops")
    found = sorted(path for place in places for path in (project / place).rglob("*.py"))
    # More often than chance would, one that a later version moves or drops.
    if dice.random() < 0.3:
        found = [path for path in found if path.name in RESTLESS] or found
    return dice.choice([path for path in found if len(lines_in(path)) > 10] or [None])


def add_dependency(project: Path, dice: random.Random, mark: str) -> bool:
    path = project / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    name = f'"package-{mark}>=1",'
    if "dependencies = []" in text:
        text = text.replace("dependencies = []", f"dependencies = [\n    {name}\n]", 1)
    else:
        text = text.replace("dependencies = [\n", f"dependencies = [\n    {name}\n", 1)
    path.write_text(text, encoding="utf-8")
    return True


def write_in_seed(project: Path, dice: random.Random, mark: str) -> bool:
    name = dice.choice(["README.md", "src/shop/features.py", "src/shop/model.py", "params.yaml"])
    path = project / name
    lines = lines_in(path)
    lines.insert(dice.randrange(len(lines) + 1), f"# mine {mark}\n")
    put_lines(path, lines)
    return True


def insert_in_managed(project: Path, dice: random.Random, mark: str) -> bool:
    path = managed_python(project, dice)
    if path is None:
        return False
    lines = lines_in(path)
    lines.insert(dice.randrange(len(lines)), f"# mine {mark}\n")
    put_lines(path, lines)
    return True


def change_in_managed(project: Path, dice: random.Random, mark: str) -> bool:
    names = [".gitignore", "dvc.yaml", "ruff.toml", ".pre-commit-config.yaml", ".gitattributes"]
    names += [name for name in (".dvcignore", ".editorconfig") if (project / name).is_file()]
    path = project / dice.choice(names)
    if dice.random() < 0.6 or not path.is_file():
        path = managed_python(project, dice) or project / ".gitignore"
    lines = lines_in(path)
    lines[dice.randrange(len(lines))] = f"# changed {mark}\n"
    put_lines(path, lines)
    return True


def change_runner(project: Path, dice: random.Random, mark: str) -> bool:
    path = project / ".github/workflows/ci.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"runs-on: .*", f"runs-on: runner-{mark}", text), encoding="utf-8")
    return True


def move_file(project: Path, dice: random.Random, mark: str) -> bool:
    path = managed_python(project, dice)
    if path is None:
        return False
    (project / "moved").mkdir(exist_ok=True)
    path.rename(project / "moved" / f"m{mark.replace('.', '_')}_{path.name}")
    return True


def delete_file(project: Path, dice: random.Random, mark: str) -> bool:
    path = managed_python(project, dice)
    if path is not None:
        path.unlink()
    return path is not None


def change_binary(project: Path, dice: random.Random, mark: str) -> bool:
    (project / "logo.png").write_bytes(b"\x89PNG\0mine" + mark.encode())
    return True


def write_env(project: Path, dice: random.Random, mark: str) -> bool:
    with (project / ".env").open("a") as file:
        file.write(f"SECRET={mark}\n")
    return True


def use_windows_ends(project: Path, dice: random.Random, mark: str) -> bool:
    path = managed_python(project, dice)
    if path is None:
        return False
    with (project / ".gitattributes").open("a") as file:
        file.write(f"{path.relative_to(project).as_posix()} -text\n")
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return True


def add_folder(project: Path, dice: random.Random, mark: str) -> bool:
    folder = project / dice.choice(["services", "src/shop/extra", "sql"]) / mark
    folder.mkdir(parents=True)
    (folder / "work.py").write_text(f"WORK = {mark!r}\n")
    return True


def run_formatter(project: Path, dice: random.Random, mark: str) -> bool:
    path = managed_python(project, dice)
    if path is None:
        return False
    command = ["ruff", "format", "--isolated", "--no-cache", "--line-length", "79", str(path)]
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    subprocess.run([ruff, *command[1:]], check=False, capture_output=True)
    return True


EDITS: list[Edit] = [
    add_dependency,
    write_in_seed,
    write_in_seed,
    insert_in_managed,
    insert_in_managed,
    change_in_managed,
    change_in_managed,
    change_runner,
    move_file,
    delete_file,
    change_binary,
    write_env,
    use_windows_ends,
    add_folder,
    run_formatter,
]


def counted(content: bytes) -> Counter[str]:
    """Count the lines of a file; a binary is one."""
    if b"\0" in content[:8000]:
        return Counter([repr(content)])
    return Counter(line.rstrip("\r") for line in content.decode().split("\n"))


def added_by(patch: bytes) -> Counter[str]:
    """Count the lines that a patch adds."""
    return Counter(line[1:] for line in patch.decode().split("\n") if line.startswith("+"))


def work(project: Path, dice: random.Random, name: str, figures: Figures) -> None:
    """Make a few random edits and commit them."""
    for number in range(dice.randint(2, 8)):
        edit = dice.choice(EDITS)
        if edit(project, dice, f"{name}.{number}"):
            figures.edits += 1
            figures.kinds[edit.__name__] += 1
    commit(project)


def judge_conflicts(project: Path, paths: dict[str, Any], figures: Figures) -> None:
    """Count conflicts, and those where the two sides changed different lines."""
    for name, stages in paths.items():
        hunks = (project / name).read_bytes().count(b"<<<<<<< yours")
        figures.conflicts += max(1, hunks)
        if not hunks:
            continue  # Deleted against edited, or a binary: every line is touched by one side.
        old = stages[1].content.decode().splitlines() if 1 in stages else []
        sides = [stages[n].content.decode().replace("\r\n", "\n").splitlines() for n in (2, 3)]
        ranges = [changed_ranges(old, side) for side in sides]
        touching = [
            (a, b)
            for a in ranges[0]
            for b in ranges[1]
            # Blank lines are alike: where among them an insertion stands cannot be told.
            if not any(line.strip() for line in old[min(a[1], b[1]) : max(a[0], b[0])])
        ]
        same = [(a, b) for a, b in touching if overlap(a, b)]
        if not touching:
            figures.false_conflicts += hunks
        elif len(same) < hunks:
            figures.adjacent += hunks - len(same)


def judge_patches(
    report: Report, texts: Mapping[str, Mapping[str, bytes]], figures: Figures
) -> None:
    """Count patches, and those whose edit one new file, and no other, could have taken."""
    for name, patch in report.merged.patches.items():
        figures.patches += 1
        own = texts["worked"][name].decode().splitlines()
        old = undone(own, texts["after"][patch.path], name)
        mine = changed_ranges(old, own)
        free = [
            place
            for place in patch.candidates
            if not any(
                touch(a, b)
                for a in mine
                for b in changed_ranges(old, texts["after"][place].decode().splitlines())
            )
        ]
        figures.false_patches += len(free) == 1


def undone(own: list[str], patch: bytes, name: str) -> list[str]:
    """Return the lines from which a patch led here: an earlier edit of the owner's is in it too."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / name
        file.parent.mkdir(parents=True)
        put_lines(file, [f"{line}\n" for line in own])
        (file.parent / "edit.patch").write_bytes(patch)
        git("apply", "--reverse", str(file.parent / "edit.patch"), cwd=Path(scratch))
        return file.read_text(encoding="utf-8").splitlines()


def touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two ranges of old lines share a line, or stand beside each other."""
    return max(one[0], other[0]) <= min(one[1], other[1])


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two ranges of old lines share a line, or insert at the same place."""
    return max(one[0], other[0]) < min(one[1], other[1]) or one[0] == other[0]


def changed_ranges(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return the ranges of old lines that a side changed, empty ones for insertions."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [(a, b) for kind, a, b, _, _ in matcher.get_opcodes() if kind != "equal"]


def judge_lines(
    name: str,
    rendered: dict[str, bytes],
    worked: dict[str, bytes],
    project: Path,
    notes: Collection[str],
    figures: Figures,
) -> None:
    """Look for every line that the owner wrote: at its place, elsewhere, or in a note.

    That a report lists a file as changed does not count: it would excuse any loss.
    """
    after = tracked(project)
    everywhere: Counter[str] = Counter()
    for path, content in after.items():
        added = path.startswith(PATCHES)
        everywhere += added_by(content) if added else counted(content)
    all_rendered: Counter[str] = Counter()
    for content in rendered.values():
        all_rendered += counted(content)
    for path, content in worked.items():
        if path == ".copier-answers.yml":
            continue
        # A new name may be a rendered file that was moved: its lines are not the owner's.
        before = counted(rendered[path]) if path in rendered else all_rendered
        for line, times in (counted(content) - before).items():
            figures.lines += times
            here = counted(after[path])[line] if path in after else 0
            if here >= times or everywhere[line] >= times:
                continue
            if line.strip() and any(line in note for note in notes):
                figures.in_the_report_only += times
                print(f"in the report: {name} {path}: {line[:80]!r}", file=sys.stderr)
            else:
                figures.lost.append(f"{name} {path}: {line[:80]}")


def live(template: Path, folder: Path, seed: int, figures: Figures) -> Path:
    """Render a version, work, update, and again until the last version; judge each update."""
    dice = random.Random(seed)  # noqa: S311
    start = dice.randrange(len(VERSIONS) - 1)
    step_by_step = dice.random() < 0.5
    stops = VERSIONS[start + 1 :] if step_by_step else [ARTIFICIAL]
    project = rendered_repository(template, folder, VERSIONS[start], dice.choice(ANSWERS))
    figures.histories += 1
    rendered = tracked(project)
    for stop in stops:
        work(project, dice, f"{seed}.{stop}", figures)
        worked = tracked(project)
        ignored = project / ".env"
        secret = ignored.read_bytes() if ignored.exists() else None
        started = time.perf_counter()
        report, _ = update(project, to=stop, lock=False)
        figures.seconds.append(time.perf_counter() - started)
        figures.updates += 1
        judge_conflicts(project, report.merged.conflicts, figures)
        texts = {"rendered": rendered, "worked": worked, "after": tracked(project)}
        judge_patches(report, texts, figures)
        notes = report.merged.notes.values()
        judge_lines(f"{seed}", rendered, worked, project, notes, figures)
        if secret is not None and ignored.read_bytes() != secret:
            figures.lost.append(f"{seed} .env")
        resolve_all(project)
        rendered = tracked(project)
    return project


def rendered_repository(template: Path, folder: Path, version: str, answers: Any) -> Path:
    """Write what a version renders and commit it, with the renders that updates share."""
    with update_module.opened(str(template)) as versions:
        commit_of_version = resolve(versions, version)
        rendered = update_module.render(versions, commit_of_version, {**SHOP, **answers})
    for name, file in rendered.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    git("init", "--quiet", cwd=folder)
    commit(folder)
    return folder


def resolve_all(project: Path) -> None:
    """Keep both sides of each conflict, as a careful person would to begin with."""
    for name, content in tracked(project).items():
        if b"<<<<<<< yours" in content:
            kept = re.sub(
                rb"^(<<<<<<< yours|=======|>>>>>>> template [^\n]*)\r?\n", b"", content, flags=re.M
            )
            (project / name).write_bytes(kept)
    commit(project, "Update")


def main() -> None:
    """Live as many histories as asked and print the figures."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="histories-") as scratch, fast_rendering():
        template = with_artificial_versions(versioned_template(Path(scratch) / "template"))
        with memoised_versions(template):
            for seed in range(first, first + many):
                live(template, Path(scratch) / "project", seed, figures)
                shutil.rmtree(Path(scratch) / "project")
                print(f"{seed}: {figures.text()}", file=sys.stderr, flush=True)
    print(figures.text())
    print(json.dumps(figures.kinds))
    print("\n".join(figures.lost))


if __name__ == "__main__":
    main()
