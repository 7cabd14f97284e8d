"""How conf/compare.yaml names a system, and where its predictions come from."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mlops_kit.core.settings import Section

Name = Annotated[str, Field(min_length=1)]
UNITS = "minutes|hours|days|weeks|months|years"


def _is_a_season(value: str) -> str:
    if not re.fullmatch(rf"[1-9]\d* ({UNITS})", value):
        raise ValueError(
            'a season looks like "12 months", "7 days", "24 hours", "52 weeks" or "1 years"'
        )
    return value


Season = Annotated[str, AfterValidator(_is_a_season)]


class Table(Section):
    """Stands in the table already; in the pipeline: baseline.py, model.py or the oracle.

    A plain text is the name of one.
    """

    kind: Literal["table"] = "table"
    name: Name
    """Value of the column `system`, or column of a wide table."""


class Rules(Section):
    """A Python function of (rows) or (train, rows), by its dotted path."""

    kind: Literal["rules"]
    name: Name = "rules"
    """Name in the reports."""
    function: str = Field(pattern=r"^\w+(\.\w+)+$")
    """Dotted path, such as `shop.rules.decide`."""


class Logged(Section):
    """Decisions that the system logged, csv or parquet, one per id, or per id and time."""

    kind: Literal["logged"]
    name: Name = "logged"
    """Name in the reports."""
    file: Path
    """The log."""
    column: str
    """Column of the decision."""
    id: str = "id"
    """Column of the row's id."""
    time: str | None = None
    """Column of the row's time, where an id stands several times."""
    horizon: str | None = None
    """Column of the row's horizon, where an id and time stands several times."""


class Command(Section):
    """A program in any language: a JSON object per line in, a JSON value per line out."""

    kind: Literal["command"]
    name: Name = "command"
    """Name in the reports."""
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """Program and arguments."""
    timeout: float = Field(600, gt=0, allow_inf_nan=False)
    """Seconds that it may take."""


class Sklearn(Section):
    """A fitted scikit-learn estimator in a skops file."""

    kind: Literal["sklearn"]
    name: Name = "sklearn"
    """Name in the reports."""
    file: Path
    """The skops file."""
    trusted: tuple[str, ...] = ()
    """Types of other libraries that it may hold."""


class Mlflow(Section):
    """A model of the registry by its alias."""

    kind: Literal["mlflow"]
    name: Name = "champion"
    """Name in the reports."""
    alias: str = "champion"
    """Which version: its alias."""
    model: str | None = None
    """Name in the registry; null is this project's own."""


class Trivial(Section):
    """A predictor that anybody could make up: what a real system must at least beat."""

    kind: Literal["trivial"]
    name: Name = "trivial"
    """Name in the reports."""
    strategy: Literal[
        "majority",
        "prior",
        "mean",
        "median",
        "last_value",
        "seasonal_naive",
        "popularity",
        "random",
    ]
    """What it predicts."""
    season: Season | None = None
    """What seasonal_naive looks back, such as "12 months"."""
    k: int = Field(10, ge=1, le=1000)
    """Items that are recommended."""

    @model_validator(mode="after")
    def _has_a_season_where_it_needs_one(self) -> Self:
        if (self.strategy == "seasonal_naive") != (self.season is not None):
            raise ValueError("seasonal_naive needs `season`, and only it does")
        return self


def _named(value: Any) -> Any:
    """Take a plain text as the name of a system that stands in the table."""
    return {"kind": "table", "name": value} if isinstance(value, str) else value


SystemSpec = Annotated[
    Annotated[
        Table | Rules | Logged | Command | Sklearn | Mlflow | Trivial, Field(discriminator="kind")
    ],
    BeforeValidator(_named),
]
