"""What `model:` of params.yaml may hold: one setting by hand, and a search around it."""

import json
import math
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mlops_kit.core.settings import Section
from mlops_kit.core.words import counted

# More fits than that are hardly ever meant, and the best of them was mostly lucky.
MOST_SETTINGS = 1000
# Digits of a drawn number: few enough to write it down by hand.
DIGITS = 3

Setting = dict[str, Any]


class Range(Section):
    """Numbers to draw from; whole ones, when both ends are."""

    low: int | float
    """The smallest."""
    high: int | float
    """The largest."""
    scale: Literal["linear", "log"] = "linear"
    """`log` draws small and large numbers alike often: for rates and penalties."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low ({self.low:g}) must lie below high ({self.high:g})")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"a log scale needs low above 0 (it is {self.low:g})")
        return self

    def rvs(self, random_state: Any = None) -> int | float:
        """Draw one number, as scikit-learn's ParameterSampler asks for it."""
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        # A whole number takes the half on both sides of it, so that the ends are as likely.
        low, high = (self.low - 0.5, self.high + 0.5) if whole else (self.low, self.high)
        if self.scale == "log":
            low = max(low, self.low / 2)
            drawn = math.exp(random_state.uniform(math.log(low), math.log(high)))
        else:
            drawn = random_state.uniform(low, high)
        drawn = round(drawn) if whole else float(f"{drawn:.{DIGITS}g}")
        return min(max(drawn, self.low), self.high)


def _kind(value: Any) -> str:
    return "range" if isinstance(value, dict | Range) else "values"


# Told apart beforehand, so that a mistake is told of the one that is meant.
Values = Annotated[
    Annotated[list[Any], Tag("values")] | Annotated[Range, Tag("range")], Discriminator(_kind)
]


class Search(Section):
    """A search among settings, on training rows only; the holdout judges the chosen one alone."""

    method: Literal["grid", "random"]
    """`grid` tries every combination of the values, `random` draws `settings` of them."""
    space: dict[str, Values]
    """By name of `model:`, the values to try, or `{low, high, scale}` to draw from (random)."""
    settings: int | None = Field(None, ge=1, le=MOST_SETTINGS)
    """How many are drawn (random)."""
    folds: int = Field(3, ge=2, le=20)
    """Parts of the training rows that judge in turn; in time order when the split is by time."""

    @model_validator(mode="after")
    def _can_be_tried(self) -> Self:
        if not self.space:
            raise ValueError("space names nothing to try: give a name of `model:` a list of values")
        for name, values in self.space.items():
            if isinstance(values, list) and not values:
                raise ValueError(f"space.{name} has no values: give it some, or drop it")
        if self.method == "random":
            if self.settings is None:
                raise ValueError("the method random needs `settings`: how many to draw")
            return self
        if self.settings is not None:
            raise ValueError("the method grid tries all: drop `settings`, or write method: random")
        if drawn := [name for name, values in self.space.items() if isinstance(values, Range)]:
            raise ValueError(
                f"the method grid needs a list of values for {drawn[0]}; to draw from low to high "
                "write method: random"
            )
        lists = [values for values in self.space.values() if isinstance(values, list)]
        if (size := math.prod(map(len, lists))) > MOST_SETTINGS:
            raise ValueError(
                f"space makes {counted(size, 'setting')}, and at most {MOST_SETTINGS:,} are tried: "
                "name fewer values, or draw some with method: random"
            )
        return self


class Model(Section, extra="allow"):
    """What build() of model.py is called with, under the team's own names, and `search`."""

    search: Search | None = None
    """Tries other values of these names on training rows, and takes the best."""

    @property
    def written(self) -> Setting:
        """The setting as it stands in params.yaml."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _searches_what_it_has(self) -> Self:
        strange = [n for n in (self.search.space if self.search else ()) if n not in self.written]
        if strange:
            known = ", ".join(self.written) or "nothing"
            raise ValueError(
                f'search.space names "{strange[0]}", which `model:` does not have (it has {known}):'
                " write it there too, with the value to compare with"
            )
        return self

    def settings(self, seed: int) -> list[Setting]:
        """List the settings to try, each once: the written one, then those of the search.

        Random draws depend on `seed` alone. Fewer than asked for are there, where the space or
        chance gives a setting twice.
        """
        if self.search is None:
            return [self.written]
        from sklearn.model_selection import ParameterGrid, ParameterSampler

        space: Any = self.search.space
        if self.search.method == "grid":
            drawn = list(ParameterGrid(space))
        else:
            lists = [values for values in space.values() if isinstance(values, list)]
            most = math.prod(map(len, lists)) if len(lists) == len(space) else MOST_SETTINGS
            number = min(self.search.settings or 1, most)
            drawn = list(ParameterSampler(space, number, random_state=seed))
        found = [self.written, *(self.written | dict(each) for each in drawn)]
        once = {json.dumps(each, sort_keys=True, default=str): each for each in found}
        return list(once.values())
