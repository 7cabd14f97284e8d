"""How conf/compare.yaml names a system, and where its predictions come from."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mlops_kit.core.settings import Section

Name = Annotated[str, Field(min_length=1)]


class Table(Section):
    """Stands in the table already; in the pipeline: baseline.py, model.py or the oracle."""

    kind: Literal["table"] = "table"
    name: Name


class Rules(Section):
    """A Python function of (rows) or (train, rows), by its dotted path."""

    kind: Literal["rules"]
    name: Name = "rules"
    function: str = Field(pattern=r"^\w+(\.\w+)+$")


class Logged(Section):
    """Decisions that the system logged, csv or parquet, one per id, or per id and time."""

    kind: Literal["logged"]
    name: Name = "logged"
    file: Path
    column: str
    id: str = "id"
    time: str | None = None


class Command(Section):
    """A program in any language: a JSON object per line in, a JSON value per line out."""

    kind: Literal["command"]
    name: Name = "command"
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout: float = Field(600, gt=0, allow_inf_nan=False)


class Sklearn(Section):
    """A fitted scikit-learn estimator in a skops file; `trusted` lists its foreign types."""

    kind: Literal["sklearn"]
    name: Name = "sklearn"
    file: Path
    trusted: tuple[str, ...] = ()


class Mlflow(Section):
    """A model of the registry by its alias; `model` unless it is this project's own."""

    kind: Literal["mlflow"]
    name: Name = "champion"
    alias: str = "champion"
    model: str | None = None


class Trivial(Section):
    """A predictor that anybody could make up: what a real system must at least beat.

    `season` is what seasonal_naive looks back, such as "12 months"; `k` items are recommended.
    """

    kind: Literal["trivial"]
    name: Name = "trivial"
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
    season: str | None = None
    k: int = Field(10, ge=1, le=1000)

    @model_validator(mode="after")
    def _has_a_season_where_it_needs_one(self) -> Self:
        if (self.strategy == "seasonal_naive") != (self.season is not None):
            raise ValueError("seasonal_naive needs `season`, and only it does")
        if self.season and not re.fullmatch(r"[1-9]\d* (days|weeks|months|years)", self.season):
            raise ValueError('a season looks like "12 months", "7 days", "52 weeks" or "1 years"')
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
