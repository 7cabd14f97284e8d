"""Save, write and bring back single files whole, so that a kill never leaves half of one."""

import base64
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from copier_mlops.errors import ToolError
from copier_mlops.git import Repository, path_in


def write(repo: Repository, name: str, content: bytes | None, mode: str = "100644") -> None:
    """Write a path from the top whole, or remove it (None) together with folders left empty."""
    path = path_in(repo.top, name)
    if content is None:
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent in (repo.folder, repo.top) or any(parent.iterdir()):
                return
            parent.rmdir()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = place_beside(path)
    if mode == "120000":
        beside.unlink(missing_ok=True)
        beside.symlink_to(os.fsdecode(content))
    else:
        beside.write_bytes(content)
        old = (path if path.is_file() and not path.is_symlink() else beside).stat().st_mode
        beside.chmod(old | 0o111 if mode == "100755" else old & ~0o111)
    beside.replace(path)


def save(path: Path, copy: Path) -> dict[str, Any]:
    """Copy what is at a path and describe it."""
    if path.is_symlink():
        return {"kind": "link", "target": base64.b64encode(os.fsencode(path.readlink())).decode()}
    if not path.exists():
        return {"kind": "absent"}
    if path.is_dir():
        raise ToolError(f"{path} is a folder, and the template has a file of that name; move it.")
    if not path.is_file():
        raise ToolError(f"{path} is a pipe or a device where a file would be written; move it.")
    shutil.copyfile(path, copy)
    about = path.stat()
    return {
        "kind": "file",
        "copy": copy.name,
        "mode": about.st_mode & 0o7777,
        "times": [about.st_atime_ns, about.st_mtime_ns],
    }


def restore(repo: Repository, name: str, before: dict[str, Any], folder: Path) -> None:
    """Put back what was at a path."""
    path = path_in(repo.top, name)
    beside = place_beside(path)
    if path.parent.is_dir():
        beside.unlink(missing_ok=True)
    if before["kind"] == "absent":
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if before["kind"] == "link":
        beside.symlink_to(os.fsdecode(base64.b64decode(before["target"])))
    else:
        shutil.copyfile(folder / before["copy"], beside)
        beside.chmod(before["mode"])
        os.utime(beside, ns=(before["times"][0], before["times"][1]))
    beside.replace(path)


def digest(path: Path) -> str:
    """Return what identifies the contents of a file, or where a link leads; nothing for no file."""
    if path.is_symlink():
        return sha(os.fsencode(path.readlink()))
    return sha(path.read_bytes()) if path.is_file() else ""


def sha(content: bytes | None) -> str:
    """Return what identifies contents; nothing for none."""
    return "" if content is None else sha256(content).hexdigest()


def place_beside(path: Path) -> Path:
    """Return the name under which a file is written before it takes its place."""
    return path.with_name(f".{path.name}.copier-mlops")
