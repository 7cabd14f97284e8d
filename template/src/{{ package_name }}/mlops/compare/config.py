"""What conf/compare.yaml may say: which systems are compared, on what, and how sure to be."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ..settings import Section
from .acknowledged import Acknowledged
from .handover import Deprecation, Rollout
from .metrics import Metric, metric_named
from .systems import SystemSpec, Table

Share = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Budget = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Columns = Annotated[tuple[str, ...], Field(min_length=1)]
Gain = Annotated[float, Field(ge=-1e15, le=1e15)]


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _of_columns(value: Any) -> Any:
    return {"columns": value} if isinstance(value, list) else value


Candidates = Annotated[tuple[SystemSpec, ...], BeforeValidator(_several), Field(min_length=1)]


class Data(Section):
    """Names of the table's columns, and what is known about the labels.

    `labels: censored` says that an outcome is known only where the rules in force acted.
    `threshold` is the score from which a row counts as positive; one half of a probability unless
    set. `classes` are the labels when they are not 0, 1, ...; of two, the second is the positive.
    `fold` is read by the design folds only.
    """

    id: str = "id"
    y_true: str = "y_true"
    group: str = "group"
    time: str = "time"
    fold: str = "fold"
    labels: Literal["all", "censored"] = "all"
    classes: tuple[str | int, ...] | None = Field(None, min_length=2)
    threshold: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _names_each_class_once(self) -> Self:
        if self.classes and len({str(each) for each in self.classes}) < len(self.classes):
            raise ValueError("classes name a label twice")
        return self


class Judged(Section):
    """A metric by name, with the settings that only some metrics have."""

    metric: str
    quantile: Share | None = None
    payoff: tuple[tuple[Gain, ...], ...] | None = None

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
    """The one metric that decides, and the smallest gain in it that is worth a change.

    `business_threshold` is what the candidate itself must reach to be of any use.
    """

    direction: Literal["higher", "lower"] | None = None
    test: Literal["superiority", "non_inferiority"] = "superiority"
    min_effect: Amount = 0.0
    margin: Budget | None = None
    benefit: Literal["cost", "latency", "simplicity", "compliance"] | None = None
    business_threshold: float | None = Field(None, allow_inf_nan=False)

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


class Slices(Section):
    """Parts of the rows in which the primary metric may not be provably worse by over `margin`."""

    columns: Columns
    margin: Amount = 0.0
    min_rows: int = Field(50, ge=2)


class Fairness(Section):
    """People's attributes between whose groups the gap may not provably grow by over `margin`."""

    columns: Columns
    measures: tuple[Literal["demographic_parity", "equalised_odds"], ...] = (
        "demographic_parity",
        "equalised_odds",
    )
    margin: Amount = 0.0
    min_rows: int = Field(50, ge=2)


class Flips(Section):
    """Largest share of rows or groups that the incumbent serves right and the candidate wrong.

    Right is the class at `data.threshold`, an error of at most `tolerance`, or a true item among
    the first `k`.
    """

    budget: Share
    unit: Literal["row", "group"] = "row"
    tolerance: Amount | None = None
    k: int = Field(10, ge=1)


class Ops(Section):
    """Hard budgets of running the candidate; only what is set is measured and judged."""

    p95_ms: Budget | None = None
    slowdown: Budget | None = None
    size_mb: Budget | None = None
    memory_mb: Budget | None = None
    cost_per_thousand: Budget | None = None
    machine_per_hour: Budget | None = None
    batch_rows: int = Field(1, ge=1)
    rounds: int = Field(200, ge=20)

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


class Inference(Section):
    """How much risk the decision may take: `alpha` is one-sided and covers all uses together.

    `reuse` says what another candidate on the same holdout costs: `spend` gives it a smaller
    share of alpha, `once` refuses to promote it, `free` forgets (and the report says so).
    `train_rows` is how many rows each model of the design folds has learned from.
    """

    alpha: float = Field(0.05, ge=1e-6, lt=0.5)
    power: float = Field(0.8, gt=0.5, lt=1)
    design: Literal["auto", "iid", "clustered", "time", "folds"] = "auto"
    train_rows: int | None = Field(None, ge=1)
    unit: Literal["row", "group"] = "row"
    seed: int = Field(7, ge=0)
    reuse: Literal["spend", "once", "free"] = "spend"

    @model_validator(mode="after")
    def _knows_how_much_folds_share(self) -> Self:
        if (self.design == "folds") != (self.train_rows is not None):
            raise ValueError("the design folds needs train_rows, and only it does")
        return self


class CompareConfig(Section):
    """Which systems are compared and when the candidate wins.

    `case` is A (new functionality), B (rules are in force) or C (a model is in force). The names
    are values of the column `system` of the predictions, or columns of a wide table.
    """

    case: Literal["A", "B", "C"]
    data: Data = Data()
    candidate: Candidates = (Table(name="candidate"),)
    incumbent: SystemSpec = Table(name="baseline")
    oracle: SystemSpec | None = None
    trivial: SystemSpec | None = None
    primary: Primary
    guardrails: tuple[Guardrail, ...] = ()
    slices: Annotated[Slices | None, BeforeValidator(_of_columns)] = None
    fairness: Annotated[Fairness | None, BeforeValidator(_of_columns)] = None
    flips: Flips | None = None
    ops: Ops = Ops()
    inference: Inference = Inference()
    acknowledged: Acknowledged = Acknowledged()
    rollout: Rollout = Rollout()
    deprecation: Deprecation = Deprecation()

    @property
    def systems(self) -> dict[str, str]:
        """Role in the comparison -> name of the system, only the roles in use.

        The roles are candidate, incumbent, oracle and trivial; further candidates on the same
        holdout are "candidate 2" and so on.
        """
        names = {
            "candidate" if place == 0 else f"candidate {place + 1}": system.name
            for place, system in enumerate(self.candidate)
        }
        for role in ("incumbent", "oracle", "trivial"):
            if (system := getattr(self, role)) is not None:
                names[role] = system.name
        return names

    @property
    def columns(self) -> list[str]:
        """Names of the columns that slices and fairness need."""
        parts = [part.columns for part in (self.slices, self.fairness) if part]
        return sorted(set(sum(parts, ())))

    @model_validator(mode="after")
    def _are_different_systems(self) -> Self:
        if len(set(self.systems.values())) < len(self.systems):
            raise ValueError("candidate, incumbent, oracle and trivial must be different systems")
        return self

    @model_validator(mode="after")
    def _looks_at_parts_that_are_known_beforehand(self) -> Self:
        for name in self.columns:
            if name in (self.data.id, self.data.y_true, "id", "y_true", "system"):
                raise ValueError(f'slices and fairness cannot be of "{name}": drop it')
        return self

    @model_validator(mode="after")
    def _fits_the_kind_of_prediction(self) -> Self:
        kind = self.primary.found().column
        for guardrail in self.guardrails:
            if guardrail.found().column != kind:
                raise ValueError(
                    f"guardrail {guardrail.metric} needs another column than "
                    f"{self.primary.metric}: both must judge the same predictions"
                )
        if self.fairness and kind != "score":
            raise ValueError("fairness compares decisions of a classification: drop it here")
        if self.flips and kind == "prediction" and self.flips.tolerance is None:
            raise ValueError(
                "flips of a regression need `tolerance`: the largest error that is right"
            )
        return self
