"""The place inside the restricted zone where protected tables wait until all of them may leave.

Nothing unfinished is ever in the open zone: files get there by a rename, all or, after a kill, the
rest of them by the next run.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_json
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE

PLACE = RESTRICTED_ZONE / "protect"
JOURNAL = PLACE / "journal.json"


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Give the empty place, after clearing up behind a killed run; it is gone at the end."""
    finish()
    PLACE.mkdir(mode=0o700, parents=True)
    OPEN_ZONE.mkdir(parents=True, exist_ok=True)
    try:
        if PLACE.stat().st_dev != OPEN_ZONE.stat().st_dev:
            raise MlopsError(
                f"{RESTRICTED_ZONE.as_posix()} and {OPEN_ZONE.as_posix()} are on different disks, "
                "so that no file can move between them whole; put both on one."
            )
        yield PLACE
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)


def waiting(place: Path, target: Path) -> Path:
    """Name the file that waits to become `target`."""
    folder = place / "-".join(target.parent.parts)
    folder.mkdir(exist_ok=True)
    return folder / f".{target.name}.tmp"


def publish(files: Mapping[Path, Path], remove: list[Path]) -> None:
    """Move finished files to their targets and remove what no longer is; a kill cannot halve it.

    Parameters
    ----------
    files : mapping of Path to Path
        What waits, by its target.
    remove : list of Path
        Tables of the past.
    """
    moves = [
        {"from": source.as_posix(), "to": target.as_posix(), "size": source.stat().st_size}
        for target, source in files.items()
    ]
    write_json(JOURNAL, {"moves": moves, "remove": [path.as_posix() for path in remove]})
    _carry_out()


def finish() -> None:
    """Complete what a killed run had begun to publish, or clear away what it had not."""
    if JOURNAL.is_file():
        _carry_out()
    if PLACE.is_symlink():
        raise MlopsError(f"{PLACE.as_posix()} is a link; remove it.")
    if PLACE.is_dir():
        shutil.rmtree(PLACE)


def _carry_out() -> None:
    journal = json.loads(JOURNAL.read_text(encoding="utf-8"))
    moves = [(Path(move["from"]), Path(move["to"]), move["size"]) for move in journal["moves"]]
    whole = all(source.stat().st_size == size for source, _, size in moves if source.is_file())
    if whole:
        for source, target, _ in moves:
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_relative_to(OPEN_ZONE):  # a key stays its owner's
                    os.chmod(source, 0o666 & ~_umask())
                os.replace(source, target)
        for path in journal["remove"]:
            Path(path).unlink(missing_ok=True)
    JOURNAL.unlink()


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
