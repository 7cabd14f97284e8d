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
# Types that pass whole or stay behind: nothing of them is changed.
WHOLE = ("integers", "list", "struct", "json", "binary")
# Types that may hold what people wrote.
TEXTS = ("string", "list", "struct", "json", "binary")
DATES = ("date", "datetime", "timestamp", "timestamptz")
NUMBERS = ("integer", "number", "decimal")
# What each action may be told, and which column types it can treat (None: all but WHOLE).
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
    """Where raw data lie."""
    open: Literal["data/open"] = "data/open"
    """Where protected data lie."""


class Defaults(Section):
    """What holds where the policy says nothing."""

    unknown_string_column: Literal["drop", "fail"] = "drop"
    """A text column without a line stays behind, or stops the run."""
    free_text: Literal["drop", "redact"] = "drop"
    """What happens to texts that people wrote."""
    names: Literal["auto", "rules", "model"] = "auto"
    """Who finds names in texts that are redacted: the rules and, where the group `ner` is
    installed, the language model (auto); the rules alone; or both, and nothing without it.
    """
    minimum_likelihood: float = Field(0.5, ge=0, le=1)
    """What looks this much like personal data closes the gate."""
    sample_rows: int = Field(10_000, ge=100)
    """Rows on which a column is judged; each value that is kept is searched anyway."""


class KeySource(Section):
    """Where the key is; without a source: the environment variable, else the file."""

    source: Literal["environment", "file", "command"] | None = None
    """Where it is read; null tries the variable `MLOPS_PRIVACY_KEY`, then the file."""
    path: Path | None = None
    """The file, for `file`."""
    command: list[str] = []
    """Program and arguments, for `command`; run without a shell, what it prints is the key."""
    ids: dict[str, str] = {}
    """The id that the key must have, by environment."""


class ColumnPolicy(Section):
    """What happens to one column on its way to the open zone."""

    entity: str = ""
    """What it is: a kind of personal data, or `none` after a person has looked."""
    action: Action | Undecided = "drop"
    """What happens to it; of a column, unless set, what the rule or the kind of its entity says."""
    domain: str = Field("", pattern="^[^:]*$")
    """Codes are equal, and tables join, inside a domain only (token, encrypt)."""
    last: int = Field(4, ge=0)
    """Characters that stay readable (mask)."""
    shape: bool = False
    """Show digits as # and all but common signs as * instead (mask)."""
    to: Literal["year", "month", "quarter", "age_band", "prefix", "band", "k_band"] | None = None
    """What it becomes (generalise)."""
    width: float | None = Field(None, gt=0)
    """Width of a band; of ages 10 unless set (age_band, band)."""
    edges: list[float] = []
    """Limits of the bands, instead of a width (band)."""
    characters: int = Field(3, ge=1)
    """Characters that stay (prefix)."""
    rare: list[str] = []
    """Prefixes where few people live: they become zeros (prefix)."""
    cap: int = Field(90, ge=1)
    """This age and more share one group (year, age_band)."""
    as_of: datetime.date | None = None
    """The day on which an age counts (year, age_band)."""
    k: int = Field(2, ge=2)
    """Fewest rows in a band (k_band)."""
    days: int = Field(30, ge=1, le=36_500)
    """A person's dates move by up to so many days (date_shift)."""
    subject: str = ""
    """The column of the person whose dates move together (date_shift)."""
    reason: str = ""
    """Why an identifier may be kept (keep)."""
    until: datetime.date | None = None
    """Last day on which it may be kept (keep)."""


class Anonymity(Section):
    """How many rows of a table must look alike, and what is done about those that do not."""

    quasi: list[str] = Field(min_length=1)
    """Columns that together could single somebody out."""
    sensitive: list[str] = []
    """Columns that must differ among rows that look alike."""
    k: int = Field(ge=2)
    """How many rows must look alike (k-anonymity)."""
    l: int = Field(1, ge=1)  # noqa: E741  (l-diversity is what the field calls it)
    """How many values a sensitive column must have among them (l-diversity)."""
    method: Literal["fail", "suppress", "generalise"] = "fail"
    """What is done about rows that do not: stop, leave them out, or generalise further."""
    max_suppressed: float = Field(0.05, ge=0, lt=1)
    """Largest share of the rows that may be left out."""


class Allowance(Section):
    """A finding that a person accepts, with the reason and the day on which that ends."""

    place: str
    """Table and column; `*` and `?` stand for any characters."""
    entity: str
    """The kind of personal data that was found."""
    reason: str = Field(min_length=1)
    """Why it is right."""
    until: datetime.date
    """Last day on which that counts."""


class Reidentify(Section):
    """Whether codes may be turned back, and the id of the second key that it takes."""

    enabled: bool = False
    """Whether it is allowed at all."""
    key_id: str = ""
    """Id of the second key."""


class Record(Section):
    """The record of processing (GDPR, article 30), for docs/privacy.md."""

    purpose: str = ""
    """What the data are used for."""
    legal_basis: str = ""
    """Why that is lawful."""
    owner: str = ""
    """Who answers for it."""
    contact: str = ""
    """How to reach them."""
    retention: str = ""
    """How long data are kept."""
    recipients: list[str] = []
    """Who else receives them."""


class Privacy(Section):
    """The whole of conf/privacy.yaml; a column that is not named stays behind."""

    zones: Zones = Zones()
    """The two zones."""
    record: Record = Record()
    """The record of processing."""
    defaults: Defaults = Defaults()
    """What holds for columns without a rule of their own, and how they are searched."""
    key: KeySource = KeySource()
    """The key that codes are made with."""
    entities: dict[str, ColumnPolicy] = {}
    """A rule for all columns of an entity that have none of their own, by entity."""
    columns: dict[str, ColumnPolicy]
    """The rule of each column, by `table.column`."""
    anonymity: dict[str, Anonymity] = {}
    """Tables in which nobody may stand out, by name."""
    allow: list[Allowance] = []
    """Findings in the open zone that a person accepts."""
    reidentify: Reidentify = Reidentify()
    """Whether codes may be turned back."""
