"""A room: what a part of the kit brings to the commands, the doctor and the pipeline."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    import numpy
    import pandas
    import polars

    from mlops_kit.data.config import Sources

# In the order of the layers; one that was not asked for is not rendered.
NAMES = (
    *("data", "train", "privacy", "compare", "compare.manifest"),
    *("operate", "operate.serve", "govern"),
)

# From a table's name and some of its rows, as they came, those that may come in.
LeaveOut: TypeAlias = Callable[[str, "polars.DataFrame"], "polars.DataFrame"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and how to mend it."""

    name: str
    status: Literal["ok", "problem", "note"]
    message: str
    mend: str = ""


class Wanted(NamedTuple):
    """What a person asks of the first files of a table.

    Attributes
    ----------
    undecided : str or None
        Action of columns of which too little is known; None leaves them to a person.
    group, target, time : str or None
        Columns of the entity's table: whose rows stay together, what is predicted, and when a row
        is. What is needed is never left behind unasked.
    """

    undecided: str | None
    group: str | None = None
    target: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Draft:
    """What a room proposes for a table that was just described."""

    files: "Mapping[Path, str]" = field(default_factory=dict)
    """Texts of configuration files, by their paths."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """By table.column: why features cannot read it."""
    said: Sequence[str] = ()
    """What a person must do, a sentence each."""


@dataclass(frozen=True)
class Systems:
    """What stands beside the model just trained: other systems, asked about the same rows."""

    predictions: "Mapping[str, numpy.ndarray]" = field(default_factory=dict)
    """By name: (n,) scores or predictions, (n, n_classes) scores, or (n, k) items, best first."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """By name: SHA-256 of what made them."""
    columns: Sequence[str] = ()
    """Columns of the features that are kept with the predictions."""
    scale: "numpy.ndarray | None" = None
    """(n,) by what the errors of each row are divided, where a metric asks for it."""


def _no_systems(
    task: str,
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    seed: int,
    classes: Sequence[str | int] | None,
    known: "pandas.DataFrame | None",
) -> Systems:
    return Systems()


@dataclass(frozen=True)
class Yardstick:
    """What settings of the model are compared by."""

    name: str
    """The metric, as people know it."""
    direction: Literal["higher", "lower"]
    """Which values are better."""
    value: "Callable[[pandas.Series, numpy.ndarray], float]"
    """Judge answers, shape (n, ...), by the outcomes of the same rows, shape (n,)."""


def _no_yardstick(task: str, classes: Sequence[str | int] | None) -> Yardstick | None:
    return None


def _no_classes() -> Sequence[str | int] | None:
    return None


def _nobody(sources: "Sources") -> "LeaveOut":
    return lambda table, rows: rows


def _all_stay(sources: "Sources", table: str, file: Path) -> int:
    return 0


@dataclass(frozen=True)
class OpenIds:
    """How the entity's raw ids become those of the open zone, shape (n,) each."""

    made: "Callable[[polars.Series], polars.Series]"
    """From raw ids, typed as the contract has them."""
    is_one: "Callable[[polars.Series], polars.Series]"
    """Which texts are such ids already."""


def _as_they_are(sources: "Sources") -> OpenIds | None:
    return None


def _no_draft(sources: "Sources", folder: "Path", wanted: Wanted) -> Draft:
    return Draft()


def _nothing_read(sources: "Sources") -> Mapping[str, str]:
    return {}


def _none_left_out() -> Mapping[str, Mapping[str, int]]:
    return {}


def _no(finding: str) -> bool:
    return False


def _nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a room brings; each part does nothing unless the room says otherwise."""

    commands: Mapping[str, Callable[..., None]] = field(default_factory=dict)
    """By the words of the command line: `train`, or `data ingest` in the group `data`."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """What the help says about each group of commands."""
    alone: Mapping[str, Callable[..., None]] = field(default_factory=dict)
    """What a group does when it is called without a command of it; by its name."""
    start: Callable[[], None] = _nothing
    """Called before any command."""
    redact: Callable[[str], str] = str
    """Take out of a sentence what must not be shown."""
    examine: Callable[[], Iterable[Finding]] = tuple
    """What the doctor says about this room."""
    settings: Callable[[], Mapping[str, Callable[[], object]]] = dict
    """The room's own configuration files, and what reads each."""
    inputs: Callable[["Sources"], Mapping[str, str]] = _nothing_read
    """What is read from outside besides the tables; a change of it runs the data stage again."""
    before_ingest: "Callable[[Sources], LeaveOut]" = _nobody
    """Give what leaves out of a table, some rows at a time, what must not come in."""
    clean_file: "Callable[[Sources, str, Path], int]" = _all_stay
    """Take out of a raw file of a table what must not come in; return how many rows that were."""
    left_out: Callable[[], Mapping[str, Mapping[str, int]]] = _none_left_out
    """By table: why rows that keep their contract went no further in its last run, and how many."""
    raw_zone: Path | None = None
    """Where values as they came may lie for as long as a command takes."""
    classes: Callable[[], Sequence[str | int] | None] = _no_classes
    """The classes of the outcome in their order, where this room's configuration names them."""
    yardstick: Callable[[str, Sequence[str | int] | None], Yardstick | None] = _no_yardstick
    """Give what decides between models of a task: called with it and the classes, None for 0, 1."""
    systems: "Callable[[str, pandas.DataFrame, pandas.DataFrame, int, Any, Any], Systems]" = (
        _no_systems
    )
    """What else predicts the holdout: called with task, training rows, holdout rows, seed, the
    classes, None for 0 and 1, and all outcomes (id, known_at, y_true), None where it is not noted
    when each is known.
    """
    open_ids: Callable[["Sources"], OpenIds | None] = _as_they_are
    """Give what makes the entity's ids of the open zone; None where they pass as they are."""
    draft: "Callable[[Sources, Path, Wanted], Draft]" = _no_draft
    """Propose files for a table: called with its declaration, a folder that holds a sample of it as
    `<table>.parquet`, typed, and what a person asks of it."""
    vouches: Callable[[str], bool] = _no
    """Whether a person vouches for a finding, by its name, on the day of the run."""
    clean_up: Callable[[], None] = _nothing
    """Complete or clear away what a killed run has left."""


def rooms() -> Iterator[Room]:
    """Return the rooms that this repository was rendered with; their commands import light."""
    for name in NAMES:
        # Not every repository has every room; to look inside one that is not there is an error.
        if find_spec(f"mlops_kit.{name}") and find_spec(f"mlops_kit.{name}.commands"):
            room: Any = import_module(f"mlops_kit.{name}.commands").ROOM
            if not isinstance(room, Room):
                raise TypeError(f"mlops_kit.{name}.commands.ROOM is no Room")
            yield room


def raw_zone() -> Path:
    """Return where values as they came may lie for as long as a command takes."""
    return next((room.raw_zone for room in rooms() if room.raw_zone), Path("data"))
