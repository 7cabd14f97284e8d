"""Decide for each path of the template what becomes of it in a repository with its own files."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from copier_mlops.adopting.arrangements import MEMBER, Arrangement
from copier_mlops.adopting.existing import LARGEST_TEXT, REGULAR, RUNNERS, Existing, decoded
from copier_mlops.adopting.fitting import (
    ADDED,
    BESIDE,
    KEPT,
    LEFT,
    MERGED,
    NOT_READ,
    RULES,
    Change,
    attributes,
    fitted,
    united_rules,
)
from copier_mlops.adopting.locking import LOCK
from copier_mlops.adopting.pyproject_merge import PYPROJECT
from copier_mlops.git import ask_git, run_git
from copier_mlops.rendering.versions import FILE, File
from copier_mlops.repository.project import ANSWERS_FILE

TWINS = {
    "LICENSE": r"(licen[cs]e|copying)([-.].*)?",
    "CHANGELOG.md": r"(changelog|changes|history|news)(\..*)?",
    "README.md": r"readme(\..*)?",
    ".github/CODEOWNERS": r"(docs/|\.github/)?codeowners",
    ".gitlab/CODEOWNERS": r"(docs/|\.gitlab/)?codeowners",
    ".github/dependabot.yml": r"(\.github/)?(dependabot\.ya?ml|renovate\.json5?|\.renovaterc.*)",
    "ruff.toml": r"\.?ruff\.toml",
    ".pre-commit-config.yaml": r"\.pre-commit-config\.ya?ml",
    ".editorconfig": r"\.editorconfig",
}
SETTINGS = re.compile(r"conf/(base|dev|staging|prod)\.yaml")


def plan(
    existing: Existing,
    files: Mapping[str, File],
    arrangement: Arrangement,
    license_known: bool,
) -> list[Change]:
    """Return a change for each path that the template ships, but the answers file and locks.

    Parameters
    ----------
    existing : Existing
        The repository.
    files : mapping
        What the template renders for the answers.
    arrangement : Arrangement
        The chosen one; its files replace pyproject.toml.
    license_known : bool
        Whether somebody chose the licence; else the template's is left out.
    """
    wanted = {name: file for name, file in files.items() if name not in (ANSWERS_FILE, LOCK)}
    wanted.pop(PYPROJECT, None)
    extra = {name: text for name, text in arrangement.files.items() if name != PYPROJECT}
    wanted |= {name: File(text.encode()) for name, text in extra.items()}
    filtered = _filtered(existing, wanted)
    changes = []
    for name, file in sorted(wanted.items()):
        if why := _unwanted(existing, name, arrangement, license_known):
            beside = name.startswith((".github/workflows/", "README", "ruff", "docs/"))
            changes += _keep(existing, name, file, why, beside=beside)
        elif name in existing.entries:
            changes += _meet(existing, name, file, wanted)
        elif why := existing.obstacle(name) or filtered.get(name):
            changes.append(Change(name, LEFT, why))
        else:
            content, differing = fitted(existing, name, file.content)
            added = File(content, file.mode)
            changes.append(Change(name, ADDED, file=added, differing=differing))
    if (text := arrangement.files.get(PYPROJECT)) is not None:
        changes.append(_project_file(existing, text, arrangement))
    elif PYPROJECT in existing.entries:
        changes.append(Change(PYPROJECT, KEPT, f"the template's is `{MEMBER}`"))
    later = [ANSWERS_FILE, f"src/{LOCK}" if arrangement.mode == "apart" else LOCK]
    if ignored := united_rules(existing, files, changes, later):
        changes = [ignored if change.path == ignored.path else change for change in changes]
    return changes


def lock_change(existing: Existing, name: str, content: bytes) -> Change:
    """Return what becomes of a lock; that of a workspace lies above the adopted folder."""
    tracked = ask_git("ls-files", "--stage", "--", name, cwd=existing.repo.folder)
    if tracked and tracked.startswith(REGULAR):
        why = "locked again by uv, keeping your versions where it could"
        return Change(name, "locked", why, File(content))
    disk = existing.repo.folder / name
    if disk.is_symlink() or disk.exists():
        return Change(name, LEFT, "you have a link, or an untracked or ignored file there")
    return Change(name, ADDED, "", File(content))


def _unwanted(
    existing: Existing, name: str, arrangement: Arrangement, license_known: bool
) -> str | None:
    """Say why a file of the template would change what works, or mean nothing, here."""
    for twin in existing.entries:
        pattern = TWINS.get(name)
        if name not in existing.entries and pattern and re.fullmatch(pattern, twin, re.IGNORECASE):
            return f"you have `{twin}`"
        if twin.casefold() == name.casefold() and twin != name:
            return f"you have `{twin}`, the same name on many systems"
    if name.startswith("tests/") and existing.has_tests:
        return "your tests are what matters; the template's are examples"
    if name == "LICENSE" and not license_known:
        return "whether and how you license your code is yours to say"
    if re.fullmatch(r"docs/[^/]+\.md", name) and "docs/conf.py" in existing.entries:
        return "Sphinx reads every page in docs/, and may refuse one that no other page names"
    if name == "ruff.toml" and ("ruff" in existing.tools or _mentions(existing, "ruff")):
        return "you configure or run ruff; this file would change its rules"
    if existing.repo.prefix and name.startswith(
        (".github/", ".gitlab", ".pre-commit", ".editorconfig")
    ):
        return "it only works at the top of a git repository"
    if name.startswith(".github/workflows/") and name not in existing.entries:
        if any(entry.startswith(".github/workflows/") for entry in existing.entries):
            return "your own workflows check this code; rename it when its steps pass"
        if arrangement.mode == "apart":
            return "it needs one environment for both"
    if name.startswith((".gitlab", ".pre-commit")) and arrangement.mode == "apart":
        return "it needs one environment for both"
    return None


def _filtered(existing: Existing, names: Iterable[str]) -> dict[str, str]:
    """Return the paths that .gitattributes sends through a filter such as git-lfs, and why not."""
    data = "".join(f"{name}\0" for name in names).encode()
    command = ("check-attr", "--stdin", "-z", "filter")
    fields = run_git(*command, cwd=existing.repo.folder, data=data)[1].decode().split("\0")
    return {
        name: f"your .gitattributes sends it through the filter {value}"
        for name, value in zip(fields[0::3], fields[2::3], strict=False)
        if value not in ("unspecified", "unset", "set")
    }


def _mentions(existing: Existing, tool: str) -> list[str]:
    """Return the files that run a tool."""
    return [n for n, text in existing.texts.items() if RUNNERS.fullmatch(n) and tool in text]


def _keep(
    existing: Existing, name: str, file: File, why: str, *, beside: bool = True
) -> list[Change]:
    """Leave the repository's version alone, with the template's beside it where that helps."""
    there = name in existing.entries
    other = f"{name}{BESIDE}"
    if not beside or other in existing.entries or existing.obstacle(other):
        return [Change(name, KEPT if there else LEFT, why)]
    added = Change(other, ADDED, f"the template's `{name}`", File(file.content, FILE))
    return [Change(name, KEPT if there else LEFT, f"{why}; see `{other}`"), added]


def _meet(
    existing: Existing, name: str, file: File, wanted: Mapping[str, File]
) -> Iterable[Change]:
    """Decide about a path that both have."""
    entry = existing.entries[name]
    if entry.mode not in REGULAR:
        return _keep(existing, name, file, "yours is a link or a submodule")
    content = existing.bytes_of(name)
    theirs, wide = _text(name, content)
    shipped, _ = _text(name, file.content)
    if content == file.content:
        return [Change(name, KEPT, "the same as the template's")]
    apart = name.replace("conf/", "conf/mlops/")
    if SETTINGS.fullmatch(name) and apart not in existing.entries and not existing.obstacle(apart):
        # The template's settings know no other keys, and yours may be read as strictly.
        kept = Change(name, KEPT, f"yours; the template reads `{apart}`")
        text, differing = fitted(existing, apart, file.content)
        return [kept, Change(apart, ADDED, file=File(text, file.mode), differing=differing)]
    ways: dict[str, Callable[[], tuple[str, tuple[str, ...]] | None]] = {}
    if theirs is not None and shipped is not None:
        lines = theirs.replace("\r\n", "\n")
        ways = {
            # Only a place for now: what it says depends on what becomes of all other paths.
            ".gitignore": lambda: (lines, ()),
            ".gitattributes": lambda: (
                attributes(existing, shipped.encode()).decode()
                + "\n# Yours, which win:\n"
                + lines.removeprefix("\ufeff"),
                (),
            ),
            ".dvc/config": lambda: (_sections(lines, shipped), ()),
        }
        ways |= dict.fromkeys(
            (".dvcignore", ".dvc/.gitignore"), lambda: (_union(lines, shipped), ())
        )
        if name == "params.yaml" or re.fullmatch(r"conf/.*\.ya?ml", name):
            ways[name] = lambda: _keys(name, lines, shipped)
    merged = ways[name]() if name in ways else None
    if merged is None:
        return _keep(
            existing,
            name,
            file,
            "yours",
            beside=name not in ("CHANGELOG.md", ".gitlab-ci.yml")
            and file.content != b""
            and not name.endswith("__init__.py"),
        )
    text, differing = merged
    differing += (NOT_READ,) * wide
    if theirs and "\r\n" in theirs:
        text = text.replace("\n", "\r\n")
    why = "your rules come last and win" if name == ".gitattributes" else "yours first"
    if name.endswith((".yaml", ".yml")):
        known = yaml.safe_load(theirs or "") or {}
        new = [f"`{key}`" for key in yaml.safe_load(text) if key not in known]
        why += f"; new keys: {', '.join(new)}" if new else ""
    return [Change(name, MERGED, why, File(text.encode(), entry.mode), differing)]


def _project_file(existing: Existing, text: str, arrangement: Arrangement) -> Change:
    theirs = existing.texts.get(PYPROJECT)
    if theirs is None:
        return Change(PYPROJECT, ADDED, file=File(text.encode()))
    if "\r\n" in theirs:
        text = text.replace("\n", "\r\n")
    mode = existing.entries[PYPROJECT].mode
    had = set(re.findall(r"^\[(.+)\]\s*$", theirs, re.MULTILINE))
    tables = [t for t in re.findall(r"^\[(.+)\]$", text, re.MULTILINE) if t not in had]
    why = f"your values win; new tables: {', '.join(f'[{t}]' for t in tables) or 'none'}"
    return Change(PYPROJECT, MERGED, why, File(text.encode(), mode), (*arrangement.differing,))


def _text(name: str, content: bytes) -> tuple[str | None, bool]:
    """Return a text that can be merged, else None, and whether it is UTF-16 until now."""
    try:
        text, wide = decoded(content)
    except UnicodeDecodeError:
        return None, False
    merges = len(content) < LARGEST_TEXT and (name in RULES or not wide)
    return (text, wide) if merges else (None, False)


def _union(theirs: str, shipped: str) -> str:
    """Return their lines, then those that only the template has."""
    known = {line.strip() for line in theirs.splitlines()}
    new = [line for line in shipped.splitlines() if line.strip() and line.strip() not in known]
    end = "" if theirs.endswith("\n") or not theirs else "\n"
    return theirs + end + "\n# From the template.\n" + "\n".join(new) + "\n" if new else theirs


def _sections(theirs: str, shipped: str) -> str:
    """Return their INI file, with the sections that only the template has."""
    headers = re.findall(r"^\[.*\]", theirs, re.MULTILINE)
    blocks = re.split(r"^(?=\[)", shipped, flags=re.MULTILINE)
    new = [
        block for block in blocks if block.startswith("[") and block.split("\n")[0] not in headers
    ]
    if any("remote" in header for header in headers):
        # What `dvc push` does without a name is theirs to say; the template names its own.
        new = [re.sub(r"^\s*remote\s*=.*\n", "", block, flags=re.MULTILINE) for block in new]
    return theirs.rstrip("\n") + "\n" + "".join(new) if new else theirs


def _keys(name: str, theirs: str, shipped: str) -> tuple[str, tuple[str, ...]] | None:
    """Return their YAML with the top-level keys that only the template has, or None."""
    try:
        before, ours = yaml.safe_load(theirs) or {}, yaml.safe_load(shipped)
        if not isinstance(before, dict) or not isinstance(ours, dict):
            return None
        if _means_other(name, before, ours):
            return None
        blocks = re.split(r"^(?=[\w-]+:)", shipped, flags=re.MULTILINE)
        new = [block for block in blocks[1:] if block.split(":")[0] not in before]
        end = "" if theirs.endswith("\n") else "\n"
        text = f"{theirs}{end}\n# From the template.\n{''.join(new)}" if new else theirs
        if yaml.safe_load(text) != {**ours, **before}:
            return None
    except yaml.YAMLError:
        return None
    both = [key for key in ours if key in before and before[key] != ours[key]]
    return text, tuple(f"`{key}`: yours is `{before[key]}`, not `{ours[key]}`" for key in both)


def _means_other(name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Tell whether the template could not read their YAML even with its own keys added."""
    if name != "params.yaml":
        # The keys of one file belong together: the template's tables name the template's sources.
        return bool(theirs) and not {*ours} <= {*theirs}
    # Beside its own sections it reads past anything.
    sections = [key for key in ours if isinstance(ours[key], dict) and key in theirs]
    return any(
        not isinstance(theirs[key], dict) or not {*ours[key]} <= {*theirs[key]} for key in sections
    )
