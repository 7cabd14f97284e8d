"""What conf/monitor.yaml says: from when on a difference is worth an alarm."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mlops_kit.core.settings import Section, read_config

MONITOR_FILE = Path("conf/monitor.yaml")


class Persist(Section):
    """Against flapping: on how many of the last days a limit must be passed."""

    days: int = Field(3, ge=1)
    """Days on which it is passed."""
    of: int = Field(4, ge=1)
    """Among so many."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.days > self.of:
            raise ValueError("persist.days are more than persist.of: no alarm could ever be given")
        return self


class MonitorConfig(Section):
    """Limits of the monitor; each has a default, so that the file may be missing."""

    window_days: int = Field(7, ge=1)
    """Days of rows that are judged together; whole weeks weigh each weekday alike."""
    recent_days: int = Field(56, ge=7)
    """Days of the recent past that a window is set against."""
    gap_days: int = Field(14, ge=1)
    """The last days of that past are left out: what began in them must not become normal."""
    min_rows: int = Field(200, ge=2)
    """Fewer rows of a window, or of what it is set against, say nothing."""
    persist: Persist = Persist()
    """Against flapping."""
    chance: float = Field(0.001, gt=0, lt=0.5)
    """Chance of a false finding a day, over all columns (Holm), that an alarm stays below."""
    drift: float = Field(0.25, gt=0)
    """Population stability index of a feature, less its noise."""
    answers: float = Field(0.25, gt=0)
    """The same of what the model answers."""
    outcome: float = Field(0.15, gt=0)
    """The same of the outcomes that arrive."""
    missing: float = Field(0.05, gt=0, lt=1)
    """Share of missing values above what was usual."""
    outside: float = Field(0.15, gt=0, lt=1)
    """Share of values that training never saw above what was usual."""
    few: float = Field(0.5, gt=0, lt=1)
    """Rows of a day as a share of the usual ones of its weekday, from below."""
    many: float = Field(3.0, gt=1)
    """The same from above."""
    silent_days: int = Field(3, ge=1)
    """Days without any row, or twice the longest pause so far where that is more."""
    worse: float = Field(0.15, gt=0, lt=1)
    """By what share of its value the primary metric may be worse than when it was judged."""
    calibration: float = Field(3.0, gt=1)
    """Ratio of what was foretold and what came, or of the other way round."""
    gap: float = Field(0.2, gt=0, lt=1)
    """By what share of its value a group may fall behind all rows, beyond what it did before."""
    labels_after_days: int = Field(0, ge=0)
    """Rows younger than this are not judged by their outcomes, which are not all there yet."""
    keep_days: int = Field(400, ge=30)
    """Days that logged rows are kept; their summaries stay."""
    log_rows: int = Field(1_000_000, ge=1_000)
    """Most rows of one scoring that are logged; of more a sample by id, and the log says so."""
    columns: dict[str, float] = {}
    """Limits of single columns in place of `drift`."""
    slices: tuple[str, ...] = ()
    """Features by which performance is looked at, besides those of conf/compare.yaml."""


def load_monitor() -> MonitorConfig:
    """Read conf/monitor.yaml; the defaults where there is none."""
    if not MONITOR_FILE.is_file():
        return MonitorConfig()
    return read_config(MONITOR_FILE, MonitorConfig)
