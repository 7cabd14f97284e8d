"""What conf/compare.yaml may ask of the candidate: the metric that decides, and what else holds."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops_kit.compare.metrics.registry import Metric, metric_named
from mlops_kit.core.settings import Section

Share = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Budget = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Columns = Annotated[tuple[str, ...], Field(min_length=1)]
Gain = Annotated[float, Field(ge=-1e15, le=1e15)]


class Judged(Section):
    """A metric by name, with the settings that only some metrics have."""

    metric: str
    """A metric by name, or one of your own."""
    quantile: Share | None = None
    """The quantile that is predicted (pinball)."""
    payoff: tuple[tuple[Gain, ...], ...] | None = None
    """Gain of each decision: rows are true classes, columns decisions (utility)."""

    def found(self, threshold: float | None = None) -> Metric:
        """Return the metric with its settings bound."""
        return metric_named(
            self.metric, quantile=self.quantile, payoff=self.payoff, threshold=threshold
        )

    @model_validator(mode="after")
    def _is_known_and_takes_its_settings(self) -> Self:
        taken = self.found().options
        for name in ("quantile", "payoff"):
            if getattr(self, name) is not None and name not in taken:
                raise ValueError(f"{self.metric} has no `{name}`: drop it")
        if self.payoff and any(len(row) != len(self.payoff) for row in self.payoff):
            raise ValueError("payoff needs a row and a column for every class")
        return self


class Primary(Judged):
    """The one metric that decides, and the smallest gain in it that is worth a change."""

    direction: Literal["higher", "lower"] | None = None
    """Which values are better; the metric knows, another one is refused."""
    test: Literal["superiority", "non_inferiority"] = "superiority"
    """Must it be better, or only not worse by more than `margin`?"""
    min_effect: Amount = 0.0
    """Smallest gain that is worth a change, in units of the metric."""
    margin: Budget | None = None
    """Largest loss that is accepted (non_inferiority)."""
    benefit: Literal["cost", "latency", "simplicity", "compliance"] | None = None
    """What makes up for it (non_inferiority)."""
    business_threshold: float | None = Field(None, allow_inf_nan=False)
    """Level that the candidate itself must reach to be of any use."""

    @model_validator(mode="after")
    def _points_the_right_way(self) -> Self:
        better = self.found().direction
        # A direction set the wrong way round would promote exactly the worse systems.
        if self.direction not in (None, better):
            raise ValueError(f"{self.metric} is better when {better}: drop `direction`")
        return self

    @model_validator(mode="after")
    def _says_what_its_test_needs(self) -> Self:
        if self.test == "superiority":
            if self.margin is not None or self.benefit is not None:
                raise ValueError("margin and benefit belong to `test: non_inferiority`")
        elif self.margin is None or self.benefit is None:
            raise ValueError("non_inferiority needs a margin and the benefit that makes up for it")
        elif self.min_effect > 0:
            raise ValueError("non_inferiority asks for no gain: drop min_effect")
        return self

    @property
    def needed(self) -> float:
        """What the gain must exceed, in units of the metric; negative for non-inferiority."""
        return self.min_effect if self.margin is None else -self.margin


class Guardrail(Judged):
    """A metric in which the candidate may be worse by less than `margin`, and no more."""

    margin: Amount
    """By how much the candidate may be worse."""


class Slices(Section):
    """Parts of the rows in which the primary metric may not be provably worse by over `margin`."""

    columns: Columns
    """Columns of the features; each value of each is a part. `y_true`: each class, judged by the
    share of its rows that is found.
    """
    margin: Amount = 0.0
    """By how much the primary metric may be worse there."""
    min_rows: int = Field(50, ge=2)
    """Smaller parts are not judged."""


class Fairness(Section):
    """People's attributes between whose groups the gap may not provably grow by over `margin`."""

    columns: Columns
    """Columns of people's attributes."""
    measures: tuple[Literal["demographic_parity", "equalised_odds"], ...] = (
        "demographic_parity",
        "equalised_odds",
    )
    """Gaps in the share that is picked, or in the shares of right and of wrong alarms."""
    margin: Amount = 0.0
    """By how much a gap may grow."""
    min_rows: int = Field(50, ge=2)
    """Smaller groups are not judged."""


class Flips(Section):
    """Largest share that the incumbent serves right and the candidate wrong.

    Right is the class at `data.threshold`, an error of at most `tolerance`, or a true item among
    the first `k`.
    """

    budget: Share
    """Largest share."""
    unit: Literal["row", "group"] = "row"
    """Share of the rows, or of the groups."""
    tolerance: Amount | None = None
    """Largest error that is right, in the unit of the target (numbers)."""
    k: int = Field(10, ge=1)
    """Items that are looked at (lists)."""


class Ops(Section):
    """Hard budgets of running the candidate; only what is set is measured and judged."""

    p95_ms: Budget | None = None
    """Milliseconds within which 95 % of the answers come."""
    slowdown: Budget | None = None
    """How many times as long as the incumbent it may take, at the 95th percentile."""
    size_mb: Budget | None = None
    """Size of the model's file, in megabytes."""
    memory_mb: Budget | None = None
    """Memory that the model holds, in megabytes."""
    cost_per_thousand: Budget | None = None
    """Cost of a thousand answers; needs `machine_per_hour`."""
    machine_per_hour: Budget | None = None
    """Price of the machine."""
    batch_rows: int = Field(1, ge=1)
    """Rows that are asked for at once."""
    rounds: int = Field(200, ge=20)
    """How often the time is taken."""

    @model_validator(mode="after")
    def _can_tell_the_cost(self) -> Self:
        if self.cost_per_thousand is not None and self.machine_per_hour is None:
            raise ValueError("cost_per_thousand needs machine_per_hour: the price of the machine")
        return self

    @property
    def budgets(self) -> dict[str, float]:
        """Name -> budget, only those that are set."""
        names = ("p95_ms", "slowdown", "size_mb", "memory_mb", "cost_per_thousand")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}
