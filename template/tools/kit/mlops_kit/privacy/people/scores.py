"""Taking a person out of scores: of `mlops predict`, of what one left behind, and of a server."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from mlops_kit.core.files import held, sha256_of, write_json
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE, SCORED_ELSEWHERE, SERVED, SNAPSHOT
from mlops_kit.data.config import Table
from mlops_kit.privacy.people.raw_files import Mark, Written, remove_rows
from mlops_kit.privacy.people.subjects import Named, rows_of
from mlops_kit.privacy.people.traces import files_with, holds

ID = "id"
RECORDS = "*.predict.json"
UNFINISHED = ".*.predict"


def remove_scores(
    entity: list[Named], subjects: set[str], key: bytes, dry_run: bool
) -> dict[str, int]:
    """Remove the person's rows from scores in both zones, and what a killed `predict` left there.

    So it is with the log of answers online, and with the snapshot of features by id.

    A record beside the scores says where they are; its number of rows and its digest follow.

    Parameters
    ----------
    entity : list of Named
        The entity's column, whose raw values are the ids of scores in the restricted zone.
    subjects : set of str
        The person's tokens, which are the ids in the open zone.

    Returns
    -------
    dict of str to int
        Rows that are, or would be, removed, by file or folder.
    """
    ids = [one._replace(column=ID) for one in entity]
    mark: Mark = lambda frame: (  # noqa: E731
        rows_of(frame, ids, subjects, key) | holds(frame.select(ID), subjects)
    )
    removed: dict[str, int] = {}
    for place in _below(UNFINISHED):
        if place.is_dir() and (files := files_with([place], subjects)):
            removed[place.as_posix()] = len(files)
            if not dry_run:
                busy = f"`mlops predict` is at work in {place.as_posix()}; erase when it has ended."
                with held(place / "lock", busy):
                    shutil.rmtree(place)
    for record, told, scores in _recorded():
        csv = Written(Table(source="scores", columns={ID: ids[0].contract}), "csv")
        written = csv if scores.suffix == ".csv" else None
        count = remove_rows(scores, [ID], mark, True, written)
        if count and not dry_run:
            # A record without a digest is of a file that is being changed: it is mended below.
            if told["output"]["sha256"]:
                told["rows"] -= count
                told["output"]["sha256"] = None
                write_json(record, told)
            remove_rows(scores, [ID], mark, False, written)
        if count:
            removed[scores.as_posix()] = count
        if not (dry_run or told["output"]["sha256"]):
            told["output"]["sha256"] = sha256_of(scores)
            write_json(record, told)
    for part in sorted(SERVED.rglob("*.parquet")):
        if count := remove_rows(part, [ID], mark, dry_run):
            removed[part.as_posix()] = count
    if SNAPSHOT.is_file() and (count := _forget(SNAPSHOT, subjects, dry_run)):
        removed[SNAPSHOT.as_posix()] = count
    return removed


def _forget(snapshot: Path, subjects: set[str], dry_run: bool) -> int:
    """Take a person's features out of a snapshot, while servers read it; nothing of them stays."""
    with closing(sqlite3.connect(snapshot)) as opened, opened:
        opened.execute("PRAGMA secure_delete = ON")
        (count,) = opened.execute(
            f"SELECT count(*) FROM features WHERE id IN ({', '.join('?' * len(subjects))})",
            sorted(subjects),
        ).fetchone()
        if count and not dry_run:
            opened.executemany(
                "DELETE FROM features WHERE id = ?", [(one,) for one in sorted(subjects)]
            )
    return int(count)


def scored_elsewhere() -> Iterator[str]:
    """Name, in sentences, scores that lie outside of both zones: they were not looked into."""
    if SCORED_ELSEWHERE.is_file():
        for place in SCORED_ELSEWHERE.read_text(encoding="utf-8").splitlines():
            if Path(place).is_file():
                yield f"{place} has scores of `mlops predict`, and was not searched: clean it."


def _recorded() -> Iterator[tuple[Path, dict[str, Any], Path]]:
    """Give each record of scores, what it says, and the scores, where they are still there."""
    for record in _below(RECORDS):
        told = json.loads(record.read_text(encoding="utf-8"))
        scores = record.with_name(told["output"]["file"])
        if scores.is_file():
            yield record, told, scores


def _below(pattern: str) -> list[Path]:
    return [place for zone in (OPEN_ZONE, RESTRICTED_ZONE) for place in sorted(zone.rglob(pattern))]
