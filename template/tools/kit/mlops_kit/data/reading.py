"""One table from its source to parquet, and what there is to tell about it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, Files, Sources
from mlops_kit.data.contract import Checked, Contract
from mlops_kit.data.contracts.drift import Drift, looked
from mlops_kit.data.contracts.kept import check_rows, stale
from mlops_kit.data.contracts.references import wrong_values
from mlops_kit.data.parquet import Growing
from mlops_kit.data.sources import files
from mlops_kit.data.sources.tables import as_written, read_parts
from mlops_kit.data.types import in_microseconds

if TYPE_CHECKING:
    import polars

READING_FILE = Path("reports/data/reading.json")
MOST_NAMED = 5
LeaveOut = Callable[[str, "polars.DataFrame"], "polars.DataFrame"]


class Reading:
    """What was read of a table, what was not, what was set aside and why, and what is missing."""

    def __init__(self, config: Sources, contract: Contract, drift: Drift | None = None) -> None:
        self.drift = list(drift.said(contract.table)) if drift else []
        self.evolves = drift is not None and drift.decision == "evolve"
        self.name, self.good, self.broken = contract.name, contract.good, contract.broken
        self.reasons, self.missing = contract.reasons, contract.missing
        self.first = contract.first
        self.table = contract.table
        self.late = stale(self.name, contract.table, contract.newest)
        source = config.sources[contract.table.source]
        self.files: list[str] = []
        self.not_read: list[str] = []
        if isinstance(source, Files):
            found = files.find(source, self.name, config.tables[self.name])
            self.files = [file.name for file in found.files]
            self.not_read = [file.name + "/" * file.is_dir() for file in found.not_read]

    def record(self) -> dict[str, Any]:
        """Return counts and names, no value of any row."""
        return {
            "files": self.files,
            "not_read": self.not_read,
            "rows": self.good + self.broken,
            "kept": self.good,
            "set_aside": self.broken,
            "reasons": dict(_ranked(self.reasons)),
            "missing": {
                column: dict(_ranked(counts)) for column, counts in self.missing.items() if counts
            },
            **({} if self.table.fresh_within is None else {"fresh": self.late is None}),
            **({"drift": self.drift} if self.drift else {}),
        }

    def said(self) -> Iterator[str]:
        """Say in a line each what a person should know."""
        if self.not_read:
            yield f"{self.name}: not read: {_some(self.not_read)}"
        if self.broken:
            kinds = [f"{count:,} {reason}" for reason, count in _ranked(self.reasons)]
            yield f"{self.name}: {counted(self.broken, 'row')} set aside: {_some(kinds)}"
        if self.late is not None:
            yield self.late
        if self.drift and self.evolves:
            yield f"{self.name}: its source has changed: {_some(self.drift)}"
        # Words that were taken for nothing come first: a blank is missing to everybody.
        columns = sorted(self.missing.items(), key=lambda one: (set(one[1]) <= {"blank"},
                                                                -one[1].total()))  # fmt: skip
        if empty := [f"{name} {_counts(counts)}" for name, counts in columns if counts]:
            yield f"{self.name}: missing values: {_some(empty)}"

    def check(self, limit: float, quarantine: Path) -> None:
        """Stop when too many rows break the contract, or there are not as many as promised.

        Raises
        ------
        MlopsError
            As said.
        """
        total = self.good + self.broken
        if not total:
            raise MlopsError(
                f'Table "{self.name}" of {SOURCES_FILE.as_posix()} has no rows; check its source.'
            )
        check_rows(self.name, self.table, total)
        if self.broken > limit * total:
            reason, count = _ranked(self.reasons)[0]
            raise MlopsError(
                f'{self.broken:,} of {counted(total, "row")} of table "{self.name}" break its '
                f"contract in {SOURCES_FILE.as_posix()} (most often: {reason}, "
                f"{counted(count, 'time')}, first in row {self.first[reason]:,} of those read); "
                f"the limit is {limit:.1%}. Look at "
                f"{quarantine.as_posix()}, then mend "
                "the source, the contract, or data.max_quarantined_share in conf/base.yaml."
            )


class Written:
    """A parquet file that grows by frames of one schema; without a path, nothing is written.

    Parameters
    ----------
    path : Path, optional
    cast : bool
        Whether the frames have the types of a contract, not those of their file.
    """

    def __init__(self, path: Path | None, cast: bool = False) -> None:
        self._file = None if path is None else Growing(path)
        self._cast = cast
        self._dtypes: polars.Schema | None = None

    def __enter__(self) -> "Written":
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._file is not None:
            self._file.__exit__(*raised)

    def add(self, frame: "polars.DataFrame") -> None:
        """Append rows; a later frame takes the types of the first."""
        import polars as pl

        if self._file is None:
            return
        self._dtypes = self._dtypes or frame.schema
        table = frame.cast(self._dtypes, strict=False).to_arrow(
            compat_level=pl.CompatLevel.oldest()
        )
        if self._cast:
            table = table.cast(in_microseconds(table.schema))
        self._file.add(table)


def what_was_read() -> dict[str, Any]:
    """Return what the last data stage noted of each table; {} where nothing is noted.

    Returns
    -------
    dict
        By table, as `Reading.record` gives it.
    """
    if not READING_FILE.is_file():
        return {}
    return json.loads(READING_FILE.read_text(encoding="utf-8"))["tables"]


def store(
    config: Sources,
    name: str,
    leave_out: Sequence[LeaveOut],
    scratch: Path,
    good: Path | None = None,
    broken: Path | None = None,
    others: Mapping[str, Path] | None = None,
) -> Reading:
    """Write the rows that keep the contract of a table and those that break it, as parquet.

    Memory does not grow with the table. Values that stand twice in a unique column, or that another
    table lacks, are known only at its end: where there are any, it is read a second time.

    Parameters
    ----------
    leave_out : sequence of callable
        Each leaves rows out of a batch that must not come in.
    scratch : Path
        Folder for a file that is removed at the end; it holds raw values of compared columns.
    good, broken : Path, optional
        What is written; without them the table is only checked.
    others : mapping of str to Path
        The rows of the tables that it refers to, as parquet, by table.

    Raises
    ------
    MlopsError
        When it cannot be read, or its numbers may be read in two ways.
    """
    drift = looked(config, name)
    contract = Contract(name, as_written(config, name))
    if contract.compared:
        with scratch_beside(scratch / f"{name}.keys") as keys:
            _pass(config, contract, leave_out, (good, broken, keys), drift)
            wrong = wrong_values(keys, name, contract.table, others or {}, contract.rising)
        if wrong:
            contract = Contract(name, contract.table, wrong)
            _pass(config, contract, leave_out, (good, broken, None), drift)
    else:
        _pass(config, contract, leave_out, (good, broken, None), drift)
    return Reading(config, contract, drift)


def _pass(
    config: Sources,
    contract: Contract,
    leave_out: Sequence[LeaveOut],
    places: tuple[Path | None, Path | None, Path | None],
    drift: Drift | None,
) -> None:
    with ExitStack() as stack:
        kept = stack.enter_context(Written(places[0], cast=True))
        aside, keys = (stack.enter_context(Written(place)) for place in places[1:])
        writer = stack.enter_context(ThreadPoolExecutor(1))

        def write(checked: Checked) -> None:
            kept.add(checked.good)
            aside.add(checked.broken)
            keys.add(checked.keys)

        begun = False
        for file, frames in read_parts(config, contract.name, drift.there if drift else None):
            if drift is not None and drift.decision == "discard":
                contract.absent = drift.absent(file, contract.table)
            writing = None
            for batch in _ahead(frames):
                if begun and not len(batch):  # every file begins so, and there may be very many
                    continue
                begun, rows = True, batch
                for leave in leave_out:
                    rows = leave(contract.name, rows)
                checked = contract.check(rows)
                if writing:
                    writing.result()
                writing = writer.submit(write, checked)
            if writing:
                writing.result()
            contract.end(file)


def _ahead(frames: "Iterator[polars.DataFrame]") -> "Iterator[polars.DataFrame]":
    """Read the next batch while the one before is checked and written."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = reader.submit(next, frames, None)
            yield frame


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Most often first, and equal counts by their names: the same on every machine."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _counts(counts: Counter[str]) -> str:
    kinds = ", ".join(f"{marker} {count:,}" for marker, count in _ranked(counts)[:MOST_NAMED])
    return f"{counts.total():,} ({kinds})"


def _some(texts: list[str]) -> str:
    more = len(texts) - MOST_NAMED
    shown = ", ".join(texts[:MOST_NAMED])
    return f"{shown} and {more:,} more ({READING_FILE.as_posix()})" if more > 0 else shown
