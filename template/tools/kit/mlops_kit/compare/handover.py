"""What conf/compare.yaml may say about how a promoted candidate takes over from the incumbent."""

from typing import Self

from pydantic import Field, model_validator

from mlops_kit.core.settings import Section


class Rollout(Section):
    """How a promoted candidate reaches users: shadow days, then shares of the traffic in steps."""

    shadow_days: int = Field(14, ge=0)
    """Days on which it answers beside the incumbent and nobody sees it."""
    steps: tuple[float, ...] = (1, 5, 25, 50, 100)
    """Percentages of the users, growing to 100."""
    days_per_step: int = Field(3, ge=1)
    """Days at each step."""
    rollback: str = ""
    """When to go back, in words; without any, by the guardrails and budgets that are set."""

    @model_validator(mode="after")
    def _ends_with_everybody(self) -> Self:
        grows = sorted(set(self.steps)) == list(self.steps)
        if not grows or not self.steps or self.steps[0] <= 0 or self.steps[-1] != 100:
            raise ValueError("steps are growing percentages above 0 that end with 100")
        return self


class Deprecation(Section):
    """How the incumbent leaves: who must agree, and how long it stays ready to return."""

    keep_warm_days: int = Field(30, ge=0)
    """Days on which the incumbent stays ready to return."""
    consumers: tuple[str, ...] = ()
    """Who uses it and must agree."""
    fixed_thresholds: bool = False
    """Whether consumers compare scores with a threshold: the report then lists new ones."""
