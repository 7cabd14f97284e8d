"""What conf/privacy.yaml may say."""

import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mlops_kit.core.settings import Section
from mlops_kit.privacy.detect.kinds.kind import Action

# What a proposal writes where a person has to look; nothing runs before they have decided.
Undecided = Literal["undecided"]
NOT_PERSONAL = "none"  # the entity of a column that a person has looked at
BEHIND = ("drop", "undecided")  # what leaves nothing of a column in the open zone
DATES = ("date", "datetime")
NUMBERS = ("integer", "number")
# What each action may be told, and which column types it can treat (None: all but lists).
PARAMETERS: dict[Action | Undecided, tuple[set[str], tuple[str, ...] | None]] = {
    "undecided": (set(), None),
    "drop": (set(), None),
    "keep": ({"reason", "until"}, None),
    "token": ({"domain"}, None),
    "encrypt": ({"domain"}, None),
    "mask": ({"last", "shape"}, ("string", "integer")),
    "redact": (set(), ("string",)),
    "generalise": ({"to", "width", "edges", "characters", "rare", "cap", "as_of", "k"}, None),
    "date_shift": ({"days", "subject"}, DATES),
}
# The same for each form of generalise, with what it needs; two names with | are a choice.
FORMS: dict[str, tuple[set[str], tuple[str, ...], tuple[str, ...]]] = {
    "year": ({"cap", "as_of"}, DATES, ()),
    "month": (set(), DATES, ()),
    "quarter": (set(), DATES, ()),
    "age_band": ({"width", "cap", "as_of"}, (*NUMBERS, *DATES), ()),
    "prefix": ({"characters", "rare"}, ("string", "integer"), ("characters",)),
    "band": ({"width", "edges"}, NUMBERS, ("width|edges",)),
    "k_band": ({"k"}, (*NUMBERS, *DATES), ("k",)),
}
# Parameters of an entity whose action needs some, when the policy names only the entity.
USUAL: dict[str, dict[str, Any]] = {
    "birth_date": {"to": "year"},
    "age": {"to": "age_band"},
    "postal_code": {"to": "prefix", "characters": 3},
    "coordinates": {"to": "band", "width": 0.1},
    "date": {"days": 30},
}


class Zones(Section):
    """The two zones; dvc.yaml names the same folders."""

    restricted: Literal["data/restricted"] = "data/restricted"
    open: Literal["data/open"] = "data/open"


class Defaults(Section):
    """What holds where the policy says nothing."""

    unknown_string_column: Literal["drop", "fail"] = "drop"
    free_text: Literal["drop", "redact"] = "drop"
    # Who finds names in texts that are redacted: the rules and, where the group `ner` is
    # installed, the language model (auto); the rules alone; or both, and nothing without it.
    names: Literal["auto", "rules", "model"] = "auto"
    minimum_likelihood: float = Field(0.5, ge=0, le=1)
    sample_rows: int = Field(10_000, ge=100)


class KeySource(Section):
    """Where the key is; without a source: the environment variable, else the file."""

    source: Literal["environment", "file", "command"] | None = None
    path: Path | None = None
    command: list[str] = []
    ids: dict[str, str] = {}


class ColumnPolicy(Section):
    """What happens to one column on its way to the open zone."""

    entity: str = ""
    action: Action | Undecided = "drop"
    domain: str = Field("", pattern="^[^:]*$")
    last: int = Field(4, ge=0)
    shape: bool = False
    to: Literal["year", "month", "quarter", "age_band", "prefix", "band", "k_band"] | None = None
    width: float | None = Field(None, gt=0)
    edges: list[float] = []
    characters: int = Field(3, ge=1)
    rare: list[str] = []
    cap: int = Field(90, ge=1)
    as_of: datetime.date | None = None
    k: int = Field(2, ge=2)
    days: int = Field(30, ge=1, le=36_500)
    subject: str = ""
    reason: str = ""
    until: datetime.date | None = None


class Anonymity(Section):
    """How many rows of a table must look alike, and what is done about those that do not."""

    quasi: list[str] = Field(min_length=1)
    sensitive: list[str] = []
    k: int = Field(ge=2)
    l: int = Field(1, ge=1)  # noqa: E741  (l-diversity is what the field calls it)
    method: Literal["fail", "suppress", "generalise"] = "fail"
    max_suppressed: float = Field(0.05, ge=0, lt=1)


class Allowance(Section):
    """A finding that a person accepts, with the reason and the day on which that ends."""

    place: str
    entity: str
    reason: str = Field(min_length=1)
    until: datetime.date


class Reidentify(Section):
    """Whether codes may be turned back, and the id of the second key that it takes."""

    enabled: bool = False
    key_id: str = ""


class Record(Section):
    """The record of processing (GDPR, article 30), for docs/privacy.md."""

    purpose: str = ""
    legal_basis: str = ""
    owner: str = ""
    contact: str = ""
    retention: str = ""
    recipients: list[str] = []


class Privacy(Section):
    """The whole of conf/privacy.yaml; a column that is not named stays behind."""

    zones: Zones = Zones()
    record: Record = Record()
    defaults: Defaults = Defaults()
    key: KeySource = KeySource()
    entities: dict[str, ColumnPolicy] = {}
    columns: dict[str, ColumnPolicy]
    anonymity: dict[str, Anonymity] = {}
    allow: list[Allowance] = []
    reidentify: Reidentify = Reidentify()
