"""What conf/compare.yaml may say: which systems are compared, on what, and how sure to be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mlops_kit.compare.acknowledged import Acknowledged
from mlops_kit.compare.criteria import Fairness, Flips, Guardrail, Ops, Primary, Slices
from mlops_kit.compare.handover import Deprecation, Rollout
from mlops_kit.compare.systems.spec import Season, SystemSpec, Table
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section

# Among the columns of slices: each class by itself.
OUTCOME = "y_true"
COMPARE_FILE = Path("conf/compare.yaml")


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _of_columns(value: Any) -> Any:
    return {"columns": value} if isinstance(value, list) else value


Candidates = Annotated[tuple[SystemSpec, ...], BeforeValidator(_several), Field(min_length=1)]


class Data(Section):
    """Names of the table's columns, and what is known about the labels."""

    id: str = "id"
    """Column of the row's id."""
    y_true: str = "y_true"
    """Column of the outcome."""
    group: str = "group"
    """Column of the group: rows of one user, say, are alike."""
    time: str = "time"
    """Column of the time."""
    horizon: str = "horizon"
    """Column of the horizon, where one id and time has several: how many steps it looks ahead."""
    known_at: str = "known_at"
    """Column of the time from which the outcome is known: forecasts that overlap are alike."""
    season: Season | None = None
    """Season of the series, such as "7 days": mase divides by the errors of repeating it."""
    fold: str = "fold"
    """Column of the fold; read by the design folds only."""
    labels: Literal["all", "censored"] = "all"
    """`censored`: an outcome is known only where the rules in force acted."""
    classes: tuple[str | int, ...] | None = Field(None, min_length=2)
    """The labels when they are not 0, 1, ..., from the lowest to the highest where they have an
    order; of two, the second is the positive. A pipeline's are sorted unless they stand here.
    """
    copies: float = Field(0.02, ge=0, le=1)
    """Largest share of the holdout's rows that may stand in training too, equal in all features."""
    threshold: float | None = Field(None, allow_inf_nan=False)
    """Score from which a row counts as positive; null is one half of a probability."""

    @field_validator("classes", mode="before")
    @classmethod
    def _are_no_booleans(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and any(isinstance(each, bool) for each in value):
            raise ValueError(
                "YAML reads yes, no, on, off, true and false without quotes as booleans: write "
                'them in quotes, such as ["no", "yes"]'
            )
        return value

    @model_validator(mode="after")
    def _names_each_class_once(self) -> Self:
        if self.classes and len({str(each) for each in self.classes}) < len(self.classes):
            raise ValueError("classes name a label twice")
        return self


class Inference(Section):
    """How much risk the decision may take."""

    alpha: float = Field(0.05, ge=1e-6, lt=0.5)
    """One-sided risk of promoting a candidate that is no better, over all uses of one holdout."""
    power: float = Field(0.8, gt=0.5, lt=1)
    """Chance to see a real gain, for the rows that are asked for."""
    design: Literal["auto", "iid", "clustered", "time", "folds"] = "auto"
    """Which rows are alike: none (iid), those of a group (clustered), neighbours in time (time),
    or by fold (folds).
    """
    train_rows: int | None = Field(None, ge=1)
    """Rows that each model of the design folds has learned from."""
    unit: Literal["row", "group"] = "row"
    """Does each row count once, or each group?"""
    seed: int = Field(7, ge=0)
    """Of the bootstrap."""
    reuse: Literal["spend", "once", "free"] = "spend"
    """What another candidate on the same holdout costs: a smaller share of alpha (spend), it is
    not promoted (once), or nothing, and the report says so (free).
    """

    @model_validator(mode="after")
    def _knows_how_much_folds_share(self) -> Self:
        if (self.design == "folds") != (self.train_rows is not None):
            raise ValueError("the design folds needs train_rows, and only it does")
        return self


class CompareConfig(Section):
    """Which systems are compared and when the candidate wins."""

    case: Literal["A", "B", "C"]
    """A: new functionality; B: rules are in force; C: a model is in force, as it is whenever the
    incumbent is of the registry (kind: mlflow).
    """
    data: Data = Data()
    """Columns of the table, and what is known about the labels."""
    candidate: Candidates = (Table(name="candidate"),)
    """What wants to replace it; a list compares several."""
    incumbent: SystemSpec = Table(name="baseline")
    """What is in force."""
    oracle: SystemSpec | None = None
    """The best that anybody could do; only an invented sample knows it."""
    trivial: SystemSpec | None = None
    """What anybody could make up; it must be beaten too."""
    primary: Primary
    """The one metric that decides."""
    guardrails: tuple[Guardrail, ...] = ()
    """Metrics that may not be worse by more than a margin."""
    slices: Annotated[Slices | None, BeforeValidator(_of_columns)] = None
    """Parts of the rows that may not be harmed."""
    fairness: Annotated[Fairness | None, BeforeValidator(_of_columns)] = None
    """Gaps between groups of people that may not grow."""
    flips: Flips | None = None
    """Users served right until now and wrong from now on."""
    ops: Ops = Ops()
    """Budgets of running the candidate."""
    inference: Inference = Inference()
    """The risk of a wrong decision, and which rows are taken as alike."""
    acknowledged: Acknowledged = Acknowledged()
    """Findings that a person vouches for."""
    rollout: Rollout = Rollout()
    """How a promoted candidate reaches users."""
    deprecation: Deprecation = Deprecation()
    """How the incumbent leaves."""

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
    def is_scaled(self) -> bool:
        """Whether a metric divides by a scale of each row."""
        return any(each.found().scaled for each in (self.primary, *self.guardrails))

    @property
    def columns(self) -> list[str]:
        """Names of the columns that slices and fairness need besides the outcome."""
        parts = [part.columns for part in (self.slices, self.fairness) if part]
        return sorted(set(sum(parts, ())) - {OUTCOME})

    def with_classes(self, classes: Sequence[str | int] | None) -> Self:
        """Take the classes and their order from the model, which may know more than this file.

        Raises
        ------
        MlopsError
            When the model has learned them in another order, or when a metric needs an order and
            nobody declared one.
        """
        if classes is None:
            return self
        declared = self.data.classes
        if declared is not None and [*map(str, declared)] != [*map(str, classes)]:
            raise MlopsError(
                "models/model.json holds other classes than data.classes of conf/compare.yaml, or "
                "another order of them: run `uv run mlops run` to train on these."
            )
        ordered = [each.metric for each in (self.primary, *self.guardrails) if each.found().ordered]
        if ordered and declared is None and isinstance(classes[0], str):
            raise MlopsError(
                f"{ordered[0]} minds the order of the classes, and nobody said it: name them from "
                f"the lowest to the highest under data.classes in conf/compare.yaml."
            )
        data = self.data.model_copy(update={"classes": tuple(classes)})
        return self.model_copy(update={"data": data})

    @model_validator(mode="before")
    @classmethod
    def _has_a_model_in_force(cls, value: Any) -> Any:
        """Beside a champion no report speaks of the baseline that the project began with."""
        if isinstance(value, dict) and isinstance(incumbent := value.get("incumbent"), dict):
            return value | ({"case": "C"} if incumbent.get("kind") == "mlflow" else {})
        return value

    @model_validator(mode="after")
    def _are_different_systems(self) -> Self:
        if len(set(self.systems.values())) < len(self.systems):
            raise ValueError("candidate, incumbent, oracle and trivial must be different systems")
        return self

    @model_validator(mode="after")
    def _looks_at_parts_that_are_known_beforehand(self) -> Self:
        fair = self.fairness.columns if self.fairness else ()
        for name in (*self.columns, *fair):
            if name in (self.data.id, self.data.y_true, "id", OUTCOME, "system"):
                raise ValueError(f'slices and fairness cannot be of "{name}": drop it')
            if name in ("score", "scores", "prediction", "items"):
                raise ValueError(
                    f'"{name}" is a name of predictions: give the column of slices or fairness '
                    "another one"
                )
        of_classes = self.primary.found().column == "score"
        if self.slices and OUTCOME in self.slices.columns and not of_classes:
            raise ValueError(f'slices by "{OUTCOME}" are those of classes: drop it here')
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
