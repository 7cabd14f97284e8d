"""A template with its releases and the working tree as the next one, and repositories of it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier
from packaging.version import Version
from rendering import ROOT, SHOP, copy_working_tree, git

RELEASES: dict[str, str] = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))


def next_version() -> str:
    """Return the version that comes after every release."""
    newest = max(map(Version, RELEASES))
    return f"{newest.major}.{newest.minor + 1}.0"


NEXT = next_version()


def versioned_template(destination: Path) -> Path:
    """Clone the template with a tag for each release, and the working tree tagged as the next.

    Nothing is written into releases.toml.
    """
    git("clone", "--quiet", "--no-checkout", str(ROOT), str(destination), cwd=ROOT)
    for version, commit in RELEASES.items():
        git("tag", f"v{version}", commit, cwd=destination)
    copy_working_tree(destination)
    git("add", "--all", cwd=destination)
    git("commit", "--quiet", "--message", "The working tree", cwd=destination)
    git("tag", f"v{NEXT}", cwd=destination)
    return destination


def add_version(template: Path, version: str, changes: Mapping[str, str | bytes | None]) -> None:
    """Commit changes of the template's files (None: removed) and tag them; not a release."""
    for name, content in changes.items():
        path = template / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    git("add", "--all", cwd=template)
    git("commit", "--quiet", "--message", f"Version {version}", cwd=template)
    git("tag", f"v{version}", cwd=template)


def text_of(template: Path, name: str) -> str:
    """Return the text of one of the template's files."""
    return (template / name).read_text(encoding="utf-8")


def render_at(template: Path, destination: Path, version: str, answers: Mapping[str, Any]) -> Path:
    """Render a version with plain Copier."""
    copier.run_copy(
        str(template),
        destination,
        data={**SHOP, **answers},
        defaults=True,
        quiet=True,
        vcs_ref=f"v{version}",
    )
    return destination


def repository(template: Path, destination: Path, version: str, answers: Mapping[str, Any]) -> Path:
    """Render a version and commit it."""
    render_at(template, destination, version, answers)
    git("init", "--quiet", cwd=destination)
    commit(destination)
    return destination


def commit(project: Path, message: str = "Work") -> None:
    """Commit everything."""
    git("add", "--all", cwd=project)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=project)


def tracked(project: Path) -> dict[str, bytes]:
    """Return the files on disk that git does not ignore, but the report of an update."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=project)
    return {
        name: (project / name).read_bytes()
        for name in filter(None, listed.split("\0"))
        if name != "TEMPLATE_UPDATE.md" and (project / name).is_file()
    }
