"""A disk that is really small: a tmpfs, mounted for one test. It needs root, on Linux."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlops_kit.core.errors import refused_by_machine


@dataclass(frozen=True)
class SmallDisk:
    """A folder on a disk of its own."""

    path: Path

    @property
    def ballast(self) -> Path:
        """What takes the room."""
        return self.path / "ballast"

    def free(self) -> int:
        """Return the free bytes."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, keep: int) -> None:
        """Leave `keep` free bytes, up to a page."""
        self.ballast.unlink(missing_ok=True)
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free() - keep)

    def clear(self) -> None:
        """Give the room back."""
        self.ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of `megabytes` at a folder; skip the test where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("to mount a small disk takes root, on Linux")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a disk cannot be mounted here: {mounted.stderr.strip()}")
    before = Path.cwd()
    try:
        yield SmallDisk(folder)
    finally:
        os.chdir(before.anchor)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        if before.is_dir():
            os.chdir(before)


@contextmanager
def only_readable(folder: Path) -> Iterator[None]:
    """Let nobody, root neither, write into a folder; skip the test where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("to make a folder read-only for root takes a mount, on Linux")
    bind = ["mount", "--bind", str(folder), str(folder)]
    if subprocess.run(bind, capture_output=True, check=False).returncode != 0:
        pytest.skip("a folder cannot be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def told_of(call: Callable[[], object]) -> str:
    """Return what a person is told when the machine refuses, or what else was raised."""
    try:
        call()
    except Exception as error:
        return refused_by_machine(error) or repr(error)
    return "nothing was refused"
