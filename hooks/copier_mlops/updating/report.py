"""What an update did and what is left to do, for people (``TEMPLATE_UPDATE.md``) and machines."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from copier_mlops.updating.merge import Merged, Patch

REPORT_FILE = "TEMPLATE_UPDATE.md"
TITLE = "# Update of the template: "
MOVED_CODE = (
    "Run `uv run mlops run`: the template's code is in `tools/kit` now, so every stage runs once "
    "again. Whoever updates with plain `copier update` loses edits in files that moved; "
    "`copier-mlops update` keeps them, and writes `src/<package>/mlops/__init__.py` where your "
    "files name the old modules."
)


@dataclass
class Report:
    """The result of an update, or of its preview."""

    before: str
    after: str
    merged: Merged
    new_answers: dict[str, Any]
    """Questions that the old version did not ask, with the defaults taken."""
    changelog: str
    moved_code: bool = False
    """Whether the template's code left the team's package for tools/kit."""
    lock: str = ""
    """What is left to do about uv.lock."""
    waiting: Sequence[str] = ()
    """Patches of earlier updates that are still there."""

    @property
    def is_empty(self) -> bool:
        """Tell whether the repository was up to date."""
        return not (self.merged.files or self.merged.conflicts)

    @property
    def is_finished(self) -> bool:
        """Tell whether a person has nothing to resolve, work in or lock."""
        return not (self.merged.conflicts or self.merged.patches or self.waiting or self.lock)


def as_dict(report: Report) -> Mapping[str, Any]:
    """Return what a machine reads."""
    merged = report.merged
    return {
        "from": report.before,
        "to": report.after,
        "up_to_date": report.is_empty,
        "conflicts": sorted(merged.conflicts),
        "patches": {name: patch._asdict() for name, patch in sorted(merged.patches.items())},
        "patches_waiting": list(report.waiting),
        "added": merged.added,
        "changed": merged.changed,
        "dropped": merged.dropped,
        "renamed": merged.renamed,
        "notes": merged.notes,
        "new_answers": report.new_answers,
        "lock": report.lock,
    }


def is_report(path: Path) -> bool:
    """Tell whether a file is a report of an update, perhaps with somebody's notes in it."""
    return not path.is_symlink() and path.is_file() and path.read_bytes().startswith(TITLE.encode())


def report_text(report: Report) -> str:
    """Return the report as Markdown."""
    merged = report.merged
    todo = []
    if merged.conflicts:
        todo.append("Resolve the conflicts below, then `git add` each file.")
    if merged.patches or report.waiting:
        todo.append("Work each patch below into one of the files that it names, then delete it.")
    if report.lock:
        todo.append(f"The lock: {report.lock}.")
    todo += [
        "Look at the changes: `git diff --cached`.",
        "Run `uv run pytest` and `uv run mlops doctor`.",
        *([MOVED_CODE] if report.moved_code else []),
        "Commit. This file may be committed too, or deleted.",
    ]
    parts = [
        f"{TITLE}{report.before} to {report.after}\n",
        "## What to do\n",
        *(f"{number}. {step}" for number, step in enumerate(todo, 1)),
        "\nUntil you commit, `copier-mlops update --abort` returns to the state before.",
    ]
    parts += section(
        "Conflicts: both sides changed these",
        [
            f"`{name}`" + ("" if 3 in by and 2 in by else " (dropped by the template)")
            for name, by in sorted(merged.conflicts.items())
        ],
    )
    parts += section(
        "Edits of files that the template split or merged: kept as patches",
        [patch_line(name, patch) for name, patch in sorted(merged.patches.items())],
    )
    parts += section(
        "Patches of earlier updates, still to work in", map("`{}`".format, report.waiting)
    )
    parts += section("Please look", [f"`{n}`: {text}." for n, text in sorted(merged.notes.items())])
    why = entries_between(report.changelog, report.before, report.after)
    if why:
        parts += ["\n## What changed and why\n", re.sub(r"^## ", "### ", why, flags=re.MULTILINE)]
    parts += section("Renamed", [f"`{old}` → `{new}`" for old, new in merged.renamed.items()])
    parts += section(
        "Dropped by the template, never edited by you", map("`{}`".format, merged.dropped)
    )
    parts += section(
        "New questions, with the defaults taken (change one with `update -d question=answer`)",
        [f"{name}: {value}" for name, value in report.new_answers.items()],
    )
    parts += section("New files", map("`{}`".format, merged.added))
    parts += section("Changed files", map("`{}`".format, merged.changed))
    return "\n".join(parts).rstrip("\n") + "\n"


def patch_line(name: str, patch: Patch) -> str:
    """Say where an edit is kept, and where its parts may belong, the likeliest first."""
    places = [
        f"`{place}`" + (f" (the edit at line {', '.join(map(str, lines))})" if lines else "")
        for place, lines in patch.candidates.items()
    ]
    return f"`{name}`: your edit is in `{patch.path}`; it may belong to {', '.join(places)}"


def section(title: str, lines: Any) -> list[str]:
    """Return a section with a list, or nothing for an empty one."""
    items = [f"- {line}" for line in lines]
    return [f"\n## {title}\n", *items] if items else []


def entries_between(changelog: str, before: str, after: str) -> str:
    """Return the changelog's entries of the versions after one, up to another."""
    found = []
    for entry in re.split(r"^(?=## )", changelog, flags=re.MULTILINE)[1:]:
        try:
            version = Version(entry.removeprefix("## ").splitlines()[0].strip())
        except InvalidVersion:
            continue
        if not (_at_most(version, before) or _beyond(version, after)):
            found.append(entry.strip("\n"))
    return "\n\n".join(found)


def _at_most(version: Version, limit: str) -> bool:
    try:
        return version <= Version(limit)
    except InvalidVersion:
        return False


def _beyond(version: Version, limit: str) -> bool:
    try:
        return version > Version(limit)
    except InvalidVersion:
        return False
