"""Where labels that people gave stand, as params.yaml says it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mlops_kit.core.settings import Section
from mlops_kit.data.sampling.definition import Samples


class Labels(Section):
    """A table with a row for each label that somebody gave."""

    table: str
    """Table of the open zone."""
    item: str
    """Column of what was labelled."""
    by: str
    """Column of who labelled it."""
    label: str
    """Column of the label."""
    at: str | None = None
    """Column of when it was given; of several by one person the latest counts."""
    event: str | None = None
    """Column of when happened what the label is about: it says how late labels come."""
    scale: Literal["nominal", "ordinal", "interval"] = "nominal"
    """`nominal`: labels are the same or not; `ordinal`: they have an order; `interval`: they are
    numbers, and twice the distance is twice as far."""
    order: list[str] | None = Field(None, min_length=2)
    """Labels from the lowest to the highest, for `ordinal` words; numbers have theirs."""
    least: float | None = Field(None, gt=0, lt=1)
    """Krippendorff's alpha that is demanded: without it labels are described, not judged."""

    @model_validator(mode="after")
    def _fits_its_scale(self) -> Self:
        if self.order is not None and self.scale != "ordinal":
            raise ValueError(f"an order says nothing to the scale {self.scale}, only to ordinal")
        if self.order is not None and len(set(self.order)) < len(self.order):
            raise ValueError("order: a label stands in it twice")
        if self.event is not None and self.at is None:
            raise ValueError("how late labels come needs `at`, when each was given, too")
        return self


class Labelled(Samples, extra="ignore"):
    """What this room reads in params.yaml."""

    labels: dict[str, Labels] = {}
    """Labels by name: `mlops data labels NAME` says whether people agree about them."""
