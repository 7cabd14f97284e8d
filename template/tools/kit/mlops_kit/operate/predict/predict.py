"""`mlops predict`: score rows without an outcome by a registered model, once each."""

import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import held, sha256_of, write_text
from mlops_kit.core.settings import Settings
from mlops_kit.core.utc import connect
from mlops_kit.core.words import acting, counted
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE, SCORED_ELSEWHERE
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.ingest import ENTITIES, check_apart, recorded
from mlops_kit.operate.monitor.config import load_monitor
from mlops_kit.operate.predict.asked import Input, find_input, moment, read_asked
from mlops_kit.operate.predict.logged import keep_log
from mlops_kit.operate.predict.parts import counts_of, write_parts
from mlops_kit.operate.predict.scorer import Scorer, scorer
from mlops_kit.operate.predict.written import ENDINGS, all_aside, reasons_of, write
from mlops_kit.room import rooms
from mlops_kit.train.checks.skew import skew
from mlops_kit.train.evidence import newest_fact
from mlops_kit.train.features import features_sha256, features_text, load_params
from mlops_kit.train.predictions import PREDICTIONS

SCORED = OPEN_ZONE / "scored"
TABLES = OPEN_ZONE / "tables"
# What the pipeline writes: to put scores there would break it.
RESULTS = (
    TABLES,
    OPEN_ZONE / "features.parquet",
    OPEN_ZONE / PREDICTIONS,
    RESTRICTED_ZONE / "tables",
)


def predict(
    settings: Settings,
    given: Path,
    output: Path | None = None,
    alias: str = "champion",
    as_of: str | None = None,
    max_aside: float | None = None,
) -> dict[str, Any]:
    """Score the rows of a file by a registered model, which is never fitted again.

    Features are computed on the open tables as they stand. A killed run continues if nothing has
    changed since; the output is there whole or not at all.

    Parameters
    ----------
    given : Path
        Rows to score: ids of the entity, or what stands for them in the open zone, and `time`.
    output : Path, optional
        parquet or csv; inside data/restricted it has the ids as they were given.
    alias : str
        Which version of the registry.
    as_of : str, optional
        The time of all rows, where `given` has no column for it.
    max_aside : float, optional
        Largest share of rows that may be set aside; data.max_quarantined_share when not given.

    Returns
    -------
    dict
        The record that is written beside the output: schema, model, input, rows, set_aside (by
        reason), notes (sentences), skew, output.

    Raises
    ------
    MlopsError
        In a sentence; the output is as it was.
    """
    sources = load_sources()
    if not (TABLES / f"{ENTITIES}.parquet").is_file():
        raise MlopsError(
            f"{TABLES.as_posix()} holds no tables to compute features from: run `uv run mlops run`."
        )
    target = output or SCORED / f"{given.name.partition('.')[0] or 'scores'}.parquet"
    if target.suffix not in ENDINGS:
        raise MlopsError(
            f"--output: {target.as_posix()} ends in none of {', '.join(ENDINGS)}; name it so."
        )
    _check_target(given, target, sources)
    model = scorer(settings, alias)
    keys: dict[str, str] = model.config["training"]["keys"]
    horizons = model.config["training"].get("horizons")
    asked = find_input(given, sources, "time" in keys, as_of)
    time = None if as_of is None else moment(as_of, keys["time"])
    raw = target.resolve().is_relative_to(RESTRICTED_ZONE.resolve())
    limit = settings.data.max_quarantined_share if max_aside is None else max_aside
    logged = load_monitor().log_rows

    def inputs() -> str:
        return _fingerprint(asked, sources, model, [str(time), str(raw)])

    with _place(target) as place:
        before = inputs()
        _continue(place, before)
        total = _read_once(
            place, lambda: read_asked(asked, sources, keys, time, raw, place, horizons)
        )
        rows, aside = place / "asked.parquet", place / "aside.parquet"
        _check_share(reasons_of(aside), total, limit, given)
        parts = write_parts(settings, sources, model, rows, raw, place)
        if inputs() != before:
            raise MlopsError(
                f"{given.as_posix()}, the open tables or features.py changed while rows were "
                "scored, so that some have other features than others: run it again."
            )
        left = all_aside(rows, aside, parts, place / "left.parquet")
        reasons = _check_share(reasons_of(left), total, limit, given)
        scored = total - sum(reasons.values())
        record = {
            "schema": 1,
            "model": {"name": model.name, "version": model.number, "alias": alias,
                      "sha256": model.digest},
            "input": {"files": [
                {"path": recorded(asked.source, file), "sha256": sha256_of(file)}
                for file in asked.files], "rows": total // len(horizons or [1])},
            "as_of": None if time is None else time.isoformat(),
            "rows": scored,
            "set_aside": reasons,
            "notes": list(_notes(asked, model, rows, sources, keys)),
            "skew": skew(counts_of(parts), scored, model.config["training"]["seen"]),
        }  # fmt: skip
        _note_elsewhere(target, sources)
        record = write(parts, left, target, record) | {"path": target.as_posix()}
        keep_log(parts, f"predict-{before[:16]}", model.number, logged)
        return record


def _check_target(given: Path, target: Path, sources: Sources) -> None:
    """Refuse to write where something is read, or where the pipeline keeps what it made."""
    place, where = target.resolve(), target.as_posix()
    if place == given.resolve() or (given.is_dir() and place.is_relative_to(given.resolve())):
        raise MlopsError(f"--output: {where} is where --input is read; name another place.")
    if any(place.is_relative_to(one.resolve()) for one in RESULTS):
        raise MlopsError(f"--output: {where} belongs to the pipeline; name another place.")
    if target.is_dir():
        raise MlopsError(f"--output: {where} is a folder; name a file in it.")
    check_apart(sources, [target.parent])


def _note_elsewhere(target: Path, sources: Sources) -> None:
    """Remember scores of people outside of the zones: who erases one of them must be told."""
    place = target.resolve()
    zones = (OPEN_ZONE, RESTRICTED_ZONE)
    if any(place.is_relative_to(zone.resolve()) for zone in zones):
        return
    if not any(room.open_ids(sources) for room in rooms()):
        return
    known = set()
    if SCORED_ELSEWHERE.is_file():
        known = set(SCORED_ELSEWHERE.read_text(encoding="utf-8").splitlines())
    if place.as_posix() not in known:
        write_text(SCORED_ELSEWHERE, "".join(f"{one}\n" for one in sorted({*known, str(place)})))


@contextmanager
def _place(target: Path) -> Iterator[Path]:
    """Give the folder beside the output for what is not finished; only a kill leaves it there."""
    place = target.with_name(f".{target.name}.predict")
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    busy = f"Another `mlops predict` is writing {target.as_posix()}; wait until it has ended."
    with held(place / "lock", busy):
        try:
            yield place
        except Exception:
            shutil.rmtree(place, ignore_errors=True)
            raise
        shutil.rmtree(place, ignore_errors=True)


def _continue(place: Path, inputs: str) -> None:
    """Keep what a killed run has left if it read the same, and clear it away if not."""
    mark = place / "inputs"
    if mark.is_file() and mark.read_text(encoding="utf-8") == inputs:
        return
    for left in place.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != "lock":
            left.unlink()
    write_text(mark, inputs)


def _read_once(place: Path, read: Any) -> int:
    done = place / "read"
    if not done.is_file():
        write_text(done, str(read()))
    return int(done.read_text(encoding="utf-8"))


def _fingerprint(asked: Input, sources: Sources, model: Scorer, more: list[str]) -> str:
    """Say what the scores depend on, so that no part of them comes from something else."""
    files = [*asked.files, *sorted(TABLES.glob("*.parquet"))]
    told = [[file.as_posix(), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    told += [[model.name, model.number, model.digest, features_text(load_params()), *more]]
    told += [[sources.entity.table, sources.entity.column]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _check_share(reasons: dict[str, int], total: int, limit: float, given: Path) -> dict[str, int]:
    """Refuse when too many rows cannot be scored, or none can."""
    aside = sum(reasons.values())
    where = given.as_posix()
    if not total:
        raise MlopsError(f"--input: {where} has no rows; nothing is scored.")
    if aside > limit * total or aside == total:
        reason, times = next(iter(reasons.items()))
        share = math.ceil(100 * aside / total) / 100
        allow = f", or let them be set aside with --max-aside {share}" if aside < total else ""
        raise MlopsError(
            f"--input: {aside:,} of {counted(total, 'row')} of {where} cannot be scored (most "
            f"often: {reason}, {counted(times, 'time')}), and the limit is {limit:.1%}: mend "
            f"them{allow}."
        )
    return reasons


def _notes(
    asked: Input, model: Scorer, rows: Path, sources: Sources, keys: dict[str, str]
) -> Iterator[str]:
    """Say what a person should know who reads the scores."""
    if features_sha256() != model.config["training"]["features_sql"]:
        yield (
            "features() of features.py, or `features:` of params.yaml, is another one than version "
            f"{model.number} learned from: its scores may mean something else"
        )
    if asked.not_read:
        yield f"not read: {', '.join(sorted(file.name for file in asked.not_read)[:5])}"
    newest = newest_fact(sources)
    if "time" in keys and newest is not None:
        with connect() as connection:
            asked_rows = connection.read_parquet(str(rows))
            ((latest,),) = asked_rows.aggregate("CAST(max(time) AS DATE)").fetchall()
            ((late,),) = asked_rows.filter(
                f"CAST(time AS DATE) > CAST('{newest[0]}' AS DATE) + 1").aggregate(
                "count(*)").fetchall()  # fmt: skip
        if late:
            yield (
                f"{acting(late, 'row', 'are')} of times up to {latest}, and the newest fact of the "
                f"open tables is of {newest[0]} ({newest[1]}): what happened since is not known "
                "there"
            )
