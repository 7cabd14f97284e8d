"""What conf/costs.yaml says: prices, each with its day and source, and how much is used."""

import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section, read_config

COSTS_FILE = Path("conf/costs.yaml")
EXAMPLE = "example"


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"a number is asked for, not {str(value).lower()}")  # noqa: TRY004 - pydantic's
    return value


def _three_letters(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError(f'three capital letters are asked for (ISO 4217), as EUR, not "{code}"')
    return code


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(_number)]


class Price(Section):
    """An amount of money, the day on which it was true, and where it was read."""

    @model_validator(mode="before")
    @classmethod
    def _has_day_and_source(cls, content: Any) -> Any:
        if not isinstance(content, dict | Price):
            raise ValueError(  # noqa: TRY004 - pydantic's
                "a price needs its day and source, as {price: 45, date: 2026-01-31, source: offer}"
            )
        for key in content if isinstance(content, dict) else ():
            if not isinstance(key, str):
                raise ValueError(f"{key} is no key: a comma ends a value, write 4200 and not 4,200")
        return content

    price: Amount
    """The amount, in the currency of the file."""
    date: datetime.date
    """Day on which it was true."""
    source: str = Field(min_length=1)
    """Where it was read; one that begins with "example" waits for yours."""


class Kept(Section):
    """Something that is kept: how much of it, and how often it is read."""

    gb: Amount
    """Gigabytes."""
    reads_per_month: Amount = 0
    """How often all of it is read in a month."""


class Usage(Section):
    """How much is used in a month."""

    trainings_per_month: Amount = 4
    """How often a model is trained."""
    training_hours: Amount | None = None
    """Hours of one training; null takes what the last run measured."""
    answers_per_month: Amount = 0
    """Answers that are given."""
    milliseconds: Amount | None = None
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
    watts: Amount = 300
    """Power that one machine draws on average."""
    pue: float = Field(1.5, ge=1, le=10)
    """Power of the whole room by that of the machines (power usage effectiveness)."""
    kwh: Price
    """A kilowatt hour."""
    upkeep_per_year: float = Field(0.05, ge=0, le=1)
    """Repairs and contracts a year, as a share of the machines' price."""
    people_hours: Amount = 10
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
    people_hours: Amount = 4
    """Hours of people a month."""


class Managed(Section):
    """A platform that trains and serves (OpEx, PaaS)."""

    training_hour: Price
    """An hour of training."""
    thousand_answers: Price
    """A thousand answers."""
    people_hours: Amount = 2
    """Hours of people a month."""


class Finished(Section):
    """A finished model by its interface (OpEx, SaaS)."""

    thousand_answers: Price
    """A thousand answers."""
    people_hours: Amount = 1
    """Hours of people a month."""


class Data(Section):
    """What more data costs."""

    per_row: Price
    """One more row with its outcome."""


class Costs(Section):
    """Prices and use; what is not there is not reckoned."""

    currency: Annotated[str, AfterValidator(_three_letters)] = "EUR"
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
