"""What conf/costs.yaml says: prices, each with its day and source, and how much is used."""

import datetime
from pathlib import Path

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section, read_config

COSTS_FILE = Path("conf/costs.yaml")
EXAMPLE = "example"


class Price(Section):
    """An amount of money, the day on which it was true, and where it was read."""

    price: float = Field(ge=0, allow_inf_nan=False)
    """The amount, in the currency of the file."""
    date: datetime.date
    """Day on which it was true."""
    source: str = Field(min_length=1)
    """Where it was read; one that begins with "example" waits for yours."""


class Kept(Section):
    """Something that is kept: how much of it, and how often it is read."""

    gb: float = Field(ge=0, allow_inf_nan=False)
    """Gigabytes."""
    reads_per_month: float = Field(0, ge=0, allow_inf_nan=False)
    """How often all of it is read in a month."""


class Usage(Section):
    """How much is used in a month."""

    trainings_per_month: float = Field(4, ge=0, allow_inf_nan=False)
    """How often a model is trained."""
    training_hours: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Hours of one training; null takes what the last run measured."""
    answers_per_month: float = Field(0, ge=0, allow_inf_nan=False)
    """Answers that are given."""
    milliseconds: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Of one answer; null takes what the last comparison measured (ops of conf/compare.yaml)."""
    always_on: bool = False
    """Whether a machine waits for requests around the clock."""
    kept: dict[str, Kept] = {}
    """What is kept, by name."""


class People(Section):
    """The price of an hour of work on operation."""

    hour: Price
    """Of a person, with everything that comes with it."""


class Buy(Section):
    """Machines of your own (CapEx)."""

    machine: Price
    """One machine."""
    machines: int = Field(1, ge=1)
    """How many."""
    life_years: float = Field(4, gt=0, le=50)
    """Years over which it is written off."""
    watts: float = Field(300, ge=0, allow_inf_nan=False)
    """Power that one machine draws on average."""
    pue: float = Field(1.5, ge=1, le=10)
    """Power of the whole room by that of the machines (power usage effectiveness)."""
    kwh: Price
    """A kilowatt hour."""
    upkeep_per_year: float = Field(0.05, ge=0, le=1)
    """Repairs and contracts a year, as a share of the machines' price."""
    people_hours: float = Field(10, ge=0, allow_inf_nan=False)
    """Hours of people a month."""


class StorageClass(Section):
    """A class of storage."""

    gb_month: Price
    """A gigabyte for a month."""
    gb_read: Price
    """Reading a gigabyte once."""


class Rent(Section):
    """Rented machines (OpEx, IaaS)."""

    machine_hour: Price
    """A machine for an hour."""
    storage: dict[str, StorageClass] = {}
    """Classes of storage, by name."""
    people_hours: float = Field(4, ge=0, allow_inf_nan=False)
    """Hours of people a month."""


class Managed(Section):
    """A platform that trains and serves (OpEx, PaaS)."""

    training_hour: Price
    """An hour of training."""
    thousand_answers: Price
    """A thousand answers."""
    people_hours: float = Field(2, ge=0, allow_inf_nan=False)
    """Hours of people a month."""


class Finished(Section):
    """A finished model by its interface (OpEx, SaaS)."""

    thousand_answers: Price
    """A thousand answers."""
    people_hours: float = Field(1, ge=0, allow_inf_nan=False)
    """Hours of people a month."""


class Data(Section):
    """What more data costs."""

    per_row: Price
    """One more row with its outcome."""


class Costs(Section):
    """Prices and use; what is not there is not reckoned."""

    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    """ISO 4217."""
    years: float = Field(4, gt=0, le=50)
    """Years that are looked at."""
    usage: Usage = Usage()
    """How much is used."""
    people: People
    """Work on operation."""
    buy: Buy | None = None
    """Machines of your own."""
    rent: Rent | None = None
    """Rented machines."""
    managed: Managed | None = None
    """A platform."""
    finished: Finished | None = None
    """A finished model."""
    data: Data | None = None
    """More data."""


def load_costs() -> Costs:
    """Read conf/costs.yaml.

    Raises
    ------
    MlopsError
        When it is not there, or says what cannot be.
    """
    if not COSTS_FILE.is_file():
        raise MlopsError(
            f"{COSTS_FILE.as_posix()} is not there: `uv run mlops docs add costs` writes it, with "
            "examples of prices to be replaced by yours."
        )
    return read_config(COSTS_FILE, Costs)
