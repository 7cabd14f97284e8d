"""The log of looks: append-only, one JSON line each; a line that was torn by a kill is passed over.

Lines have numbers, which decide their order: a clock may jump.
"""

import datetime
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_kit.core.files import held
from mlops_kit.core.zones import OPEN_ZONE

LOG = OPEN_ZONE / "monitor" / "log.jsonl"


def looks(file: Path = LOG) -> list[dict[str, Any]]:
    """Read all looks, oldest first."""
    if not file.is_file():
        return []
    found = []
    for line in file.read_bytes().split(b"\n"):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and isinstance(told.get("number"), int):
            found.append(told)
    return sorted(found, key=lambda told: told["number"])


@contextmanager
def alone(file: Path = LOG) -> Iterator[None]:
    """Let one monitor look at a time: two would number alike.

    Raises
    ------
    MlopsError
        When another one is at work.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with held(file.with_suffix(".lock"), "Another `mlops monitor` is at work; wait for its end."):
        yield


def compared(told: dict[str, Any], file: Path = LOG) -> dict[str, Any]:
    """Return a look as a line, with what is new and what has cleared since the last one.

    Where the same was seen before it has the number of that look, and no `at`: a look can be
    repeated.
    """
    before = looks(file)
    last = before[-1] if before else {"number": 0, "alarms": []}
    known, now = set(last["alarms"]), set(told["alarms"])
    opened, cleared = sorted(now - known), sorted(known - now)
    same = all(last.get(key) == told[key] for key in ("as_of", "version", "alarms", "verdict"))
    line = told | {"opened": opened, "cleared": cleared}
    if same:
        return line | {"number": last["number"]}
    return line | {
        "number": last["number"] + 1,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def append(line: dict[str, Any], file: Path = LOG) -> None:
    """Append what compared() gave, unless it was seen before."""
    if "at" not in line:
        return
    with file.open("ab") as stream:
        # Whatever a kill has left is ended first, so that it does not spoil this line.
        start = b"\n" if stream.tell() and not _ends_well(file) else b""
        stream.write(start + json.dumps(line).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def _ends_well(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
