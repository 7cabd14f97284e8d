"""What was scored, as `mlops predict` and the server log it, counted day by day.

Rows lie in data/open/served as parquet parts: `id`, `time` (of what the features know), the
features, the answer (score, scores, prediction or items), `version` of the model, `served_at`, and
`request_id`. Each part is counted once and its summary kept: a look costs what is new.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core import words
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, write_text
from mlops_kit.core.zones import OPEN_ZONE, SERVED
from mlops_kit.operate.monitor.champion import of_version
from mlops_kit.operate.monitor.judging.windows import Column, Days
from mlops_kit.operate.predict.logged import OWN
from mlops_kit.train.checks.reference import ANSWER, OUTCOME, answered, as_numbers, cells_of, coded

if TYPE_CHECKING:
    import numpy
    import polars

KEPT = OPEN_ZONE / "monitor"
ANSWERS = ("score", "scores", "prediction", "items")
BATCH = 262_144
FORMAT = 1
MOST_DAYS = 1_500  # older rows say nothing about today


class Served(NamedTuple):
    """Counts by day, when rows last came, and what could not be counted, in sentences."""

    days: Days
    last_served: "numpy.datetime64 | None"
    notes: list[str]
    parts: dict[str, tuple[int, Path]]
    """By path below data/open/served: the newest day of its rows since 1970, and its summary."""


def grids_of(learned: dict[str, Any]) -> dict[str, Any]:
    """Return the cells of features and answers alone, without features that are not logged."""
    left = {OUTCOME, *OWN} - {"horizon"}
    return {name: grid_of_summary(one) for name, one in learned.items() if name not in left}


def grid_of_summary(one: dict[str, Any]) -> dict[str, Any]:
    """Return the cells of one column alone."""
    parts = ("kind", "edges", "levels", "complete", "low", "high", "mean", "sd")
    return {part: one[part] for part in parts if part in one}


def count_served(
    learned: dict[str, Any], classes: Any, version: str | None, folder: Path = SERVED
) -> Served:
    """Count all parts; those that were counted before are read from their summaries.

    Parameters
    ----------
    learned : dict
        The summary of the model that is looked at (see `train.checks.reference`).
    version : str or None
        Whose answers count; those of other versions are left out where rows say whose they are.

    Raises
    ------
    MlopsError
        When there is no row at all, or a part cannot be read.
    """
    grids = grids_of(learned)
    digest = hashlib.sha256(json.dumps([FORMAT, grids, classes, version]).encode()).hexdigest()
    place = KEPT / digest[:16]
    parts = sorted(folder.rglob("[!.]*.parquet"))
    wanted: dict[str, dict[str, Any]] = {}
    for part in parts:
        with contextlib.suppress(FileNotFoundError):  # retention may take it away meanwhile
            known = place / f"{_key(part, folder)}.json"
            summary = _read(known)
            if summary is None:
                name = part.relative_to(folder).as_posix()
                summary = _count(part, grids, classes, version) | {"part": name}
                write_text(known, json.dumps(summary))
                if summary["rows"] > BATCH:
                    progress("monitor", f"{part.name}: {words.counted(summary['rows'], 'row')}")
            wanted[known.name] = summary
    for known in sorted(place.glob("*.json")) if place.is_dir() else ():
        # Of rows that retention cleared away the summary stays; of those that changed it does not.
        if known.name not in wanted and (summary := _read(known)) is not None:
            part = summary["part"]
            by_server = part.startswith("day=") and not (folder / part).exists()  # whole days
            if summary.get("cleared") or by_server:
                wanted[known.name] = summary
            else:
                known.unlink(missing_ok=True)
    found = _added(list(wanted.values()), grids)
    if unseen := sorted(set(learned) - set(grids) - {OUTCOME}):
        found.notes.append(
            f"not looked at: {', '.join(unseen)}, which the log has of its own: rename the feature"
        )
    for name, one in wanted.items():
        if one["days"]:
            found.parts[one["part"]] = max(map(int, one["days"])), place / name
    return found


def _key(part: Path, folder: Path) -> str:
    told = part.stat()
    text = f"{part.relative_to(folder).as_posix()} {told.st_size} {told.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _read(file: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("format") == FORMAT:
            return found
    return None


def _count(part: Path, grids: dict[str, Any], classes: Any, version: str | None) -> dict[str, Any]:
    import numpy as np

    total: dict[int, dict[str, Any]] = {}
    rows, untimed, last, missing = 0, 0, "", set()
    for frame in batches(part):
        rows += len(frame)
        when = days_of(frame, part)
        untimed += int(np.isnat(when).sum())
        if "served_at" in frame.columns and len(frame):
            newest = frame["served_at"].cast(str).max()
            last = max(last, str(newest or ""))
        # A part without any feature is of rows of which none is logged: it tells of answers alone.
        features = {name for name in grids if name != ANSWER}
        silent = features if features.isdisjoint(frame.columns) else set()
        if of_version(frame, version).any():  # of others a column may not be
            missing |= features - set(frame.columns) - silent
        places, day = np.unique(when[~np.isnat(when)].astype(int), return_inverse=True)
        kept = frame.filter(~np.isnat(when)) if untimed else frame
        found = {
            name: counted(name, kept, grid, day, places.size, classes, version)
            for name, grid in grids.items()
            if name not in silent
        }
        for at, place in enumerate(places.tolist()):
            known = total.setdefault(place, {"rows": 0, "columns": {}})
            known["rows"] += int((day == at).sum())
            for name, (table, strange, sums) in found.items():
                old = known["columns"].get(name)
                new: list[Any] = [table[at].tolist(), int(strange[at]), float(sums[at])]
                known["columns"][name] = new if old is None else [
                    [a + b for a, b in zip(old[0], new[0], strict=True)], old[1] + new[1],
                    old[2] + new[2]]  # fmt: skip
    return {
        "format": FORMAT,
        "rows": rows,
        "untimed": untimed,
        "last_served": last,
        "without": sorted(missing),
        "days": {str(place): total[place] for place in sorted(total)},
    }


def batches(part: Path, columns: list[str] | None = None) -> "Iterator[polars.DataFrame]":
    """Give the rows of a part, some at a time.

    Raises
    ------
    MlopsError
        When it is no parquet.
    """
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(part, pre_buffer=False) as file:  # or all is in memory
            for batch in file.iter_batches(BATCH, columns=columns):
                yield pl.DataFrame(pl.from_arrow(batch))
    except pa.ArrowInvalid as error:
        raise MlopsError(
            f"{part.as_posix()} is no readable parquet: remove it, or write it again."
        ) from error


def days_of(frame: "polars.DataFrame", part: Path) -> "numpy.ndarray":
    """Day of each row, shape (n_rows,): of its `time`, or of when it was served."""
    import polars as pl

    name = next((name for name in ("time", "served_at") if name in frame.columns), None)
    if name is None:
        raise MlopsError(
            f"{part.as_posix()} has no column time or served_at: a monitor must know when."
        )
    kind = frame[name].dtype
    if kind not in (pl.Date, pl.Datetime):
        raise MlopsError(
            f"{part.as_posix()}: column {name} holds {kind}, not dates or moments; write them so."
        )
    return frame[name].cast(pl.Datetime("us")).to_numpy().astype("datetime64[D]")


def counted(
    name: str,
    frame: "polars.DataFrame",
    grid: Any,
    day: "numpy.ndarray",
    days: int,
    classes: Any,
    version: str | None,
) -> "tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]":
    """Count one column: (days, 1 + cells) with the missing first, strange and sums by day."""
    import numpy as np

    cells = cells_of(grid)
    if name == ANSWER:
        own = of_version(frame, version)
        frame, day = frame.filter(own), day[own]
        values = answer_of(frame, classes)
    else:
        values = frame[name] if name in frame.columns else None
    if values is None:
        table = np.zeros((days, cells + 1), int)
        if name != ANSWER:
            table[:, 0] = np.bincount(day[of_version(frame, version)], minlength=days)
        return table, np.zeros(days), np.zeros(days)
    codes, strange = coded(values, grid)
    table = np.bincount(day * (cells + 1) + codes + 1, minlength=days * (cells + 1))
    sums = np.zeros(days)
    if grid["kind"] == "number" and (numbers := as_numbers(values)) is not None:
        there = np.where(np.isfinite(numbers), numbers, 0.0)
        sums = np.bincount(day, there, minlength=days)
    return table.reshape(days, cells + 1), np.bincount(day, strange, minlength=days), sums


def answer_of(frame: "polars.DataFrame", classes: Any) -> "polars.Series | None":
    """The answer of each row as one value, see `reference.answered`."""
    import numpy as np

    name = next((name for name in ANSWERS if name in frame.columns), None)
    if name is None or not len(frame):
        return None
    values = frame[name]
    if name in ("score", "prediction"):
        return values
    if name == "scores":
        return answered(np.asarray(values.to_list(), float), classes)
    return values.list.first().cast(str)


def _added(summaries: list[dict[str, Any]], grids: dict[str, Any]) -> Served:
    import numpy as np

    every = sorted({int(day) for one in summaries for day in one["days"]})
    if not every:
        raise MlopsError(
            f"{SERVED.as_posix()} holds no rows: `uv run mlops predict` and the server log there "
            "what they score."
        )
    first = max(every[0], every[-1] - MOST_DAYS + 1)
    size = every[-1] - first + 1
    days = Days(np.datetime64(first, "D"), np.zeros(size))
    days.columns = {name: Column.empty(grid, size) for name, grid in grids.items()}
    for one in summaries:
        for place, day in one["days"].items():
            at = int(place) - first
            if at < 0:
                continue
            days.rows[at] += day["rows"]
            for name, (cells, strange, sums) in day["columns"].items():
                column = days.columns[name]
                column.missing[at] += cells[0]
                column.cells[at] += cells[1:]
                column.outside[at] += strange
                column.total[at] += sums
    notes = []
    if untimed := sum(one["untimed"] for one in summaries):
        notes.append(f"{words.acting(untimed, 'row', 'have')} no time and cannot be looked at")
    if older := sum(1 for day in every if day < first):
        notes.append(f"{words.counted(older, 'day')} before {days.first} cannot be looked at")
    if without := sorted({name for one in summaries for name in one["without"]}):
        notes.append(f"some parts have no column {', '.join(without[:5])}: counted as missing")
    served = max((one["last_served"] for one in summaries), default="")
    return Served(days, np.datetime64(served[:10], "D") if served else None, notes, {})


def clear_old(served: Served, before: int, folder: Path = SERVED) -> int:
    """Remove parts whose rows are all older than a day; their summaries stay. Return how many."""
    removed = 0
    for part, (newest, summary) in served.parts.items():
        if newest < before and (folder / part).is_file():
            # First the word that it was counted: a kill in between leaves the rows.
            told = json.loads(summary.read_text(encoding="utf-8"))
            write_text(summary, json.dumps(told | {"cleared": True}))
            (folder / part).unlink(missing_ok=True)
            removed += 1
    return removed
