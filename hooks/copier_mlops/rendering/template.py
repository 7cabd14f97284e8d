"""Where the template is, and which profiles it ships."""

import re
from importlib.metadata import metadata
from pathlib import Path

from copier_mlops.errors import ToolError
from copier_mlops.git import ask_git

REMOTE = re.compile(r"^(\w[\w+.-]*://|gh:|gl:|git\+|[\w.-]+@[\w.-]+:)")


def default_source() -> str:
    """Return the template's address as the installed tool's own metadata gives it."""
    for entry in metadata("copier-mlops").get_all("Project-URL") or []:
        label, _, url = entry.partition(", ")
        if label == "Repository":
            return url
    raise ToolError("This installation does not know the template's address; add --template.")


def resolve_source(template: str | None) -> str:
    """Return a URL unchanged and a path made absolute, because it is stored for every update.

    Parameters
    ----------
    template : str or None
        A URL or a path; None means the address in the tool's metadata.

    Raises
    ------
    ToolError
        The path does not exist, or is a git repository with uncommitted changes.
    """
    source = template or default_source()
    if REMOTE.match(source):
        return source
    path = Path(source).expanduser().resolve()
    if not path.exists():
        raise ToolError(f"There is no template at {path}; give --template a URL or a folder.")
    if (path / ".git").exists():
        refuse_uncommitted_changes(path)
    return str(path)


def refuse_uncommitted_changes(path: Path) -> None:
    """Refuse a dirty template: Copier would store a commit that exists nowhere."""
    status = ask_git("status", "--porcelain", cwd=path)
    if status is None:
        raise ToolError(f"git cannot read the template {path}; look at it with git status.")
    if status.strip():
        raise ToolError(
            f"The template {path} has uncommitted changes; commit them first, "
            "because an update can only start from a commit."
        )


def profile_file(root: Path, name: str) -> Path:
    """Return the answers file of a profile, or refuse and list the profiles there are."""
    known = sorted(path.stem for path in (root / "profiles").glob("*.yml"))
    if name not in known:
        listing = ", ".join(known) or "none"
        raise ToolError(f"The template has no profile {name!r}; it has {listing}.")
    return root / "profiles" / f"{name}.yml"
