"""What a sample is: of which table, by which method and how large, as params.yaml says it."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section

PARAMS_FILE = Path("params.yaml")
METHODS = Literal[
    "hash",
    "random",
    "systematic",
    "stratified",
    "weighted",
    "reservoir",
    "quota",
    "judgement",
    "convenience",
    "snowball",
]
# By method: the keys that it needs, and those that it may have besides.
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "hash": ({"share"}, {"unit"}),
    "random": ({"size"}, {"unit"}),
    "systematic": ({"size", "order_by"}, {"unit"}),
    "stratified": ({"size", "by"}, {"unit", "allocation", "spread_of", "at_least"}),
    "weighted": ({"size", "weight"}, {"unit"}),
    "reservoir": ({"size"}, set()),
    "quota": ({"by", "quota"}, {"order_by", "reason"}),
    "judgement": ({"where", "reason"}, set()),
    "convenience": ({"size", "order_by", "reason"}, set()),
    "snowball": ({"edges", "start", "waves"}, {"most"}),
}


def check_name(part: str, name: str) -> None:
    """Refuse a name in a part of params.yaml of which no file can be named.

    Raises
    ------
    MlopsError
        As said.
    """
    if not name.replace("_", "a").replace("-", "a").isalnum():
        raise MlopsError(f'{part}: "{name}" is no name of a file: use letters, digits, _ and -.')


class Edges(Section):
    """A table whose rows join two ids each."""

    table: str
    """A table of the open zone."""
    of: str
    """Column of the one id."""
    to: str
    """Column of the other."""
    both_ways: bool = True
    """Does an edge lead back, too?"""


class Sample(Section):
    """One sample; which keys it needs depends on its method."""

    method: METHODS = "hash"
    """`hash`: each row by itself, by a code of its key, so that the same rows come whatever their
    order and however many follow; `random`: exactly `size` rows; `systematic`: every k-th in an
    order; `stratified`: so many of each stratum; `weighted`: the more likely the greater `weight`;
    `reservoir`: `random` in one pass over a file, with memory for the sample alone. Without known
    chances: `quota`, `judgement`, `convenience`, `snowball`."""
    table: str | None = None
    """Table of the open zone."""
    file: Path | None = None
    """For `reservoir`: a csv, parquet or JSON-lines file of any size, in place of a table."""
    seed: int | None = Field(None, ge=0)
    """Another number draws other rows; `seed` of params.yaml where none is given. Two samples with
    one seed hold the same rows as far as their sizes allow."""
    unit: str | None = None
    """Column of what is drawn whole, such as a customer with all orders; a row is drawn otherwise.
    """
    share: float | None = Field(None, gt=0, le=1)
    """Share of the rows or units, on average."""
    size: int | None = Field(None, ge=1)
    """Rows or units."""
    by: list[str] | None = Field(None, min_length=1)
    """Columns whose values make the strata, or the groups of quotas."""
    allocation: Literal["proportional", "equal", "optimal"] = "proportional"
    """How a size is divided among strata; `optimal` by their rows times the spread of `spread_of`
    (Neyman)."""
    spread_of: str | None = None
    """Column whose mean is to be estimated as well as it can be, for `optimal`."""
    at_least: int = Field(1, ge=0)
    """Rows of each stratum, where it has them."""
    weight: str | None = None
    """Column of numbers from 0 on: how likely a row is drawn, in proportion."""
    order_by: list[str] | None = Field(None, min_length=1)
    """Columns that say in which order rows are counted or taken."""
    quota: dict[str, Annotated[int, Field(ge=1)]] | None = Field(None, min_length=1)
    """Rows to take by the group's value; several columns of `by` with / between
    (and \\/ for a / in a value)."""
    where: str | None = None
    """SQL condition that a person chose."""
    reason: str | None = Field(None, min_length=10)
    """Why this choice, in words: there is no figure for it."""
    edges: Edges | None = None
    """Along what `snowball` goes from row to row."""
    start: str | None = None
    """SQL condition of the rows that `snowball` begins with."""
    waves: int | None = Field(None, ge=1, le=20)
    """How often it goes on to the neighbours."""
    most: int | None = Field(None, ge=1)
    """Neighbours of one row that are followed, at most."""

    @model_validator(mode="after")
    def _fits_its_method(self) -> Self:
        needed, allowed = KEYS[self.method]
        if (self.table is None) == (self.file is None):
            raise ValueError("name a `table`, or for reservoir a `file`")
        if self.file is not None and self.method != "reservoir":
            raise ValueError(f"a `file` is read by the method reservoir, not by {self.method}")
        given = {key for key in self.model_fields_set if getattr(self, key) is not None}
        given -= {"method", "table", "file", "seed"}
        if missing := sorted(needed - given):
            raise ValueError(f"the method {self.method} needs {' and '.join(missing)}")
        if more := sorted(given - needed - allowed):
            known = ", ".join(sorted(needed | allowed))
            raise ValueError(f"{more[0]} says nothing to the method {self.method}; it has {known}")
        if (self.allocation == "optimal") != (self.spread_of is not None):
            raise ValueError("the allocation optimal needs spread_of, and only it does")
        return self

    def said(self) -> dict[str, Any]:
        """What was asked, for the card."""
        return self.model_dump(mode="json", exclude_none=True, exclude_unset=True)


class Samples(Section, extra="ignore"):
    """What this room reads in params.yaml."""

    seed: int = Field(0, ge=0)
    """Of everything that is drawn by chance."""
    samples: dict[str, Sample] = {}
    """Samples by name: `mlops data sample NAME` draws one."""
