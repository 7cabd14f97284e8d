"""What conf/compare.yaml may say: which systems are compared, on what, and how sure to be."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ..settings import Section
from .metrics import metric_named


class Primary(Section):
    """The one metric that decides, and the smallest gain in it that is worth a change."""

    metric: str
    direction: Literal["higher", "lower"] | None = None
    min_effect: float = Field(0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _is_known_and_points_the_right_way(self) -> Self:
        better = metric_named(self.metric).direction
        # A direction set the wrong way round would promote exactly the worse systems.
        if self.direction not in (None, better):
            raise ValueError(f"{self.metric} is better when {better}: drop `direction`")
        return self


class Inference(Section):
    """How much risk the decision may take: `alpha` is one-sided."""

    alpha: float = Field(0.05, gt=0, lt=0.5)


class CompareConfig(Section):
    """Which systems are compared and when the candidate wins.

    `case` is A (new functionality), B (rules are in force) or C (a model is in force). The names
    are values of the column `system` of the predictions.
    """

    case: Literal["A", "B", "C"]
    candidate: str = "candidate"
    incumbent: str = "baseline"
    oracle: str | None = None
    primary: Primary
    inference: Inference = Inference()

    @property
    def systems(self) -> dict[str, str]:
        """Role in the comparison -> name of the system, only the roles in use."""
        roles = {"candidate": self.candidate, "incumbent": self.incumbent, "oracle": self.oracle}
        return {role: name for role, name in roles.items() if name is not None}

    @model_validator(mode="after")
    def _are_different_systems(self) -> Self:
        if len(set(self.systems.values())) < len(self.systems):
            raise ValueError("candidate, incumbent and oracle must be different systems")
        return self
