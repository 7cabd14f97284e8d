"""Which package index uv.lock names and which one uv uses here: uv rewrites one for the other."""

import os
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_kit.core.programs import said_by

LOCK_FILE = Path("uv.lock")
PUBLIC_INDEX = "https://pypi.org/simple"  # uv's own default, and that of the lock as rendered
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
STAY = "git checkout uv.lock, then export UV_FROZEN=1"
MOVE = "uv lock, then commit uv.lock"


def index_of(lock: str) -> str:
    """Return the index from which most packages of a lock come; empty when there is none.

    Read as text: parsing a lock takes longer than many a command.
    """
    found = Counter(re.findall(r'^source = \{ registry = "([^"]+)"', lock, flags=re.MULTILINE))
    return found.most_common(1)[0][0] if found else ""


def locked_index() -> str:
    """Return the index of uv.lock as it stands in the working directory."""
    return index_of(LOCK_FILE.read_text(encoding="utf-8"))


def agreed_index() -> str:
    """Return the index of the committed lock, or of the lock as rendered when none is committed."""
    try:
        shown = said_by("git", "show", f"HEAD:./{LOCK_FILE}")
    except OSError:  # no git program
        return PUBLIC_INDEX
    return index_of(shown.stdout) or PUBLIC_INDEX


def configured_index() -> str:
    """Return the index that uv takes first here, in the order in which uv 0.13 looks.

    UV_DEFAULT_INDEX, then an index marked as default (project before user), then UV_INDEX_URL,
    then `index-url`, then the public index.
    """
    if chosen := os.environ.get("UV_DEFAULT_INDEX"):
        return chosen.partition("=")[2] if re.match(r"[\w.-]+=", chosen) else chosen
    configurations = _uv_configurations()
    for content in configurations:
        for index in content.get("index", []):
            if index.get("default"):
                return str(index["url"])
    if chosen := os.environ.get("UV_INDEX_URL"):
        return chosen
    for content in configurations:
        if "index-url" in content:
            return str(content["index-url"])
    return PUBLIC_INDEX


def same_index(left: str, right: str) -> bool:
    """Whether two addresses name one index, whatever user and password they carry."""
    return shown(left) == shown(right)


def shown(url: str) -> str:
    """Return the address without user and password: an index URL may carry a secret."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url or "no index"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"


def rewritten() -> str | None:
    """Return one sentence when uv has rewritten the lock for another index, and None otherwise."""
    if not LOCK_FILE.is_file():
        return None
    now, agreed = locked_index(), agreed_index()
    if not now or same_index(now, agreed):
        return None
    return f"uv has rewritten uv.lock: it was made with {shown(agreed)} and now names {shown(now)}"


def _uv_configurations() -> list[dict[str, Any]]:
    """The configuration files of uv that exist, the strongest first."""
    if os.environ.get("UV_CONFIG_FILE"):
        files = [Path(os.environ["UV_CONFIG_FILE"])]
    elif os.environ.get("UV_NO_CONFIG"):
        files = []
    else:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        # With a uv.toml beside it, uv does not read the table in pyproject.toml.
        project = Path("uv.toml") if Path("uv.toml").is_file() else Path("pyproject.toml")
        files = [project, home / "uv" / "uv.toml", Path("/etc/uv/uv.toml")]
    contents = []
    for file in files:
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError):
            continue
        if file.name == "pyproject.toml":
            content = content.get("tool", {}).get("uv", {})
        contents.append(content)
    return contents
