"""From prices and use to costs a month, and to the month from which on buying is cheaper."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.utc import today
from mlops_kit.core.words import counted
from mlops_kit.govern.costs.config import COSTS_FILE, EXAMPLE, Costs, Price, load_costs
from mlops_kit.govern.facts.read import Facts

HOURS = 730  # of a month: 8,760 hours of a year by 12
CHANGE = 0.2  # by which each price is moved
REPORT = Path("reports/costs.json")


class Used(NamedTuple):
    """Hours of a month, and where they are from."""

    training: float
    serving: float
    answers: float
    """Thousands."""
    sources: dict[str, str]


class Way(NamedTuple):
    """One way to run it: what is paid once, what each month, and for what."""

    upfront: float
    parts: dict[str, float]

    @property
    def monthly(self) -> float:
        """Return what is paid each month, without what is written off."""
        return sum(self.parts.values())


def break_even(upfront: float, monthly: float, other: float) -> float | None:
    """Return the month from which on buying has cost less; None where that never comes.

    Both have cost the same after n months when upfront + n * monthly = n * other.

    Parameters
    ----------
    upfront : float
        Paid once, at the start.
    monthly, other : float
        Paid each month when it is bought, and when it is rented.
    """
    saved = other - monthly
    return upfront / saved if saved > 0 else None


def _waiting(costs: Costs, used: Used) -> float:
    """Hours a month in which a rented machine serves, or waits for requests."""
    return max(HOURS if costs.usage.always_on else 0, used.serving)


def ways(costs: Costs, used: Used) -> dict[str, Way]:
    """Return each way that the file has prices for."""
    hour = costs.people.hour.price
    found: dict[str, Way] = {}
    if (buy := costs.buy) is not None:
        upfront = buy.machine.price * buy.machines
        power = buy.watts / 1000 * buy.pue * HOURS * buy.machines * buy.kwh.price
        upkeep = upfront * buy.upkeep_per_year / 12
        people = buy.people_hours * hour
        found["buy"] = Way(upfront, {"power": power, "upkeep": upkeep, "people": people})
    kept = _kept(costs)
    storage = sum(min(classes.values()) for classes in kept.values() if classes)
    if (rent := costs.rent) is not None:
        serving = _waiting(costs, used)
        machine = rent.machine_hour.price
        parts = {"training": used.training * machine, "serving": serving * machine}
        found["rent"] = Way(0, {**parts, "storage": storage, "people": rent.people_hours * hour})
    if (managed := costs.managed) is not None:
        parts = {
            "training": used.training * managed.training_hour.price,
            "serving": used.answers * managed.thousand_answers.price,
            "storage": storage,
            "people": managed.people_hours * hour,
        }
        found["managed"] = Way(0, parts)
    if (finished := costs.finished) is not None:
        parts = {
            "answers": used.answers * finished.thousand_answers.price,
            "people": finished.people_hours * hour,
        }
        found["finished"] = Way(0, parts)
    return found


def _kept(costs: Costs) -> dict[str, dict[str, float]]:
    """Return what each kept thing costs a month in each class of storage."""
    classes = costs.rent.storage if costs.rent else {}
    return {
        name: {
            label: one.gb * (price.gb_month.price + one.reads_per_month * price.gb_read.price)
            for label, price in classes.items()
        }
        for name, one in costs.usage.kept.items()
    }


def used_in_a_month(costs: Costs, seconds: float | None, milliseconds: float | None) -> Used:
    """Return the hours of a month, by what was measured where the file does not say.

    Parameters
    ----------
    seconds : float or None
        Of the last training.
    milliseconds : float or None
        Of one answer.

    Raises
    ------
    MlopsError
        When neither the file nor a measurement says it.
    """
    use, sources = costs.usage, {}
    hours = use.training_hours
    sources["training"] = f"{COSTS_FILE.as_posix()}: usage.training_hours"
    if hours is None and seconds is not None:
        hours = seconds / 3600
        sources["training"] = "models/registration.json: seconds"
    if hours is None:
        raise MlopsError(
            "How long a training takes was not measured yet: `uv run mlops run --force` measures "
            f"it, or write usage.training_hours in {COSTS_FILE.as_posix()}."
        )
    each = use.milliseconds
    sources["serving"] = f"{COSTS_FILE.as_posix()}: usage.milliseconds"
    if each is None and milliseconds is not None:
        each = milliseconds
        sources["serving"] = "reports/compare/decision.json: ops.p95_ms.estimate"
    if each is None and use.answers_per_month and not use.always_on:
        raise MlopsError(
            "How long an answer takes was not measured yet: set ops.p95_ms in conf/compare.yaml "
            f"and run `uv run mlops run`, or write usage.milliseconds in {COSTS_FILE.as_posix()}."
        )
    serving = use.answers_per_month * (each or 0) / 3_600_000
    training = use.trainings_per_month * hours
    return Used(training, serving, use.answers_per_month / 1000, sources)


def reckon(costs: Costs, used: Used) -> dict[str, Any]:
    """Return everything that the page tells, as reports/costs.json holds it.

    Returns
    -------
    dict
        `ways` (upfront, monthly, parts, total over `years`, per_thousand), `break_even` in months
        against each rented way, `storage`, `without_storage` (what is kept and has no price),
        `sensitivity`, `usage`, `examples`.

    Raises
    ------
    MlopsError
        When there is nothing to reckon, or less machines are bought than the work takes.
    """
    found = ways(costs, used)
    if not found:
        raise MlopsError(
            f"{COSTS_FILE.as_posix()} has no way of running it: write the prices of buy, rent, "
            "managed or finished."
        )
    busy, there = used.training + used.serving, HOURS * (costs.buy.machines if costs.buy else 0)
    if costs.buy and busy > there:
        raise MlopsError(
            f"{COSTS_FILE.as_posix()}: training and serving take {busy:,.0f} hours of a machine a "
            f"month, and {counted(costs.buy.machines, 'machine')} of buy.machines "
            f"{'has' if costs.buy.machines == 1 else 'have'} {there:,}: write more, or less use."
        )
    months = 12 * costs.years
    bought = found.get("buy")
    life = 12 * costs.buy.life_years if costs.buy else None
    told: dict[str, Any] = {}
    for name, way in found.items():
        # What wears out is bought again: whole machines, in proportion for a life that is not over.
        again = months / life if name == "buy" and life else 1
        total = way.upfront * max(again, 1) + months * way.monthly
        told[name] = {
            "upfront": way.upfront,
            "monthly": way.monthly,
            "parts": way.parts,
            "total": total,
            "per_thousand": total / months / used.answers if used.answers else None,
        }
    points = {}
    for name, way in found.items():
        if bought is None or name == "buy":
            continue
        month = break_even(bought.upfront, bought.monthly, way.monthly)
        within = month is not None and life is not None and month <= life
        points[name] = {"month": month, "within_life": within}
    return {
        "schema": 1,
        "currency": costs.currency,
        "years": costs.years,
        "usage": {
            "training_hours": used.training,
            "serving_hours": _waiting(costs, used),
            "thousand_answers": used.answers,
            "sources": used.sources,
        },
        "ways": told,
        "break_even": points,
        "storage": {
            name: {"classes": each, "cheapest": min(each, key=lambda one: each[one])}
            for name, each in _kept(costs).items()
            if each
        },
        "without_storage": [name for name, each in _kept(costs).items() if not each],
        "sensitivity": sorted(sensitivity(costs, used), key=lambda one: -one["swing"]),
        "examples": sorted(key for key, one in prices(costs) if one.source.startswith(EXAMPLE)),
        "oldest": min(one.date for _, one in prices(costs)).isoformat(),
    }


def prices(costs: Any, before: str = "") -> Iterator[tuple[str, Price]]:
    """Yield every price of the file with its key."""
    parts = costs.items() if isinstance(costs, Mapping) else iter(costs)
    for name, value in parts:
        key = f"{before}{name}"
        if isinstance(value, Price):
            yield key, value
        elif isinstance(value, Mapping) or hasattr(value, "model_copy"):
            yield from prices(value, f"{key}.")


def sensitivity(costs: Costs, used: Used) -> Iterator[dict[str, Any]]:
    """Yield what each price, a fifth cheaper and a fifth dearer, does to the difference a month.

    The difference is that of the cheapest rented way less what buying costs with what is written
    off; where nothing can be bought, the cheapest way's costs.
    """
    for key, one in prices(costs):
        if key.startswith("data."):
            continue
        low, high = (
            _difference(_with_price(costs, key, one.price * factor), used)
            for factor in (1 - CHANGE, 1 + CHANGE)
        )
        yield {"price": key, "low": low, "high": high, "swing": abs(high - low)}


def _difference(costs: Costs, used: Used) -> float:
    found = ways(costs, used)
    rented = [way.monthly for name, way in found.items() if name != "buy"]
    if costs.buy is None:
        return min(rented, default=0.0)
    bought = found["buy"].monthly + found["buy"].upfront / (12 * costs.buy.life_years)
    return min(rented) - bought if rented else bought


def _with_price(costs: Costs, key: str, price: float) -> Costs:
    content = costs.model_dump()
    part = content
    for name in key.split("."):
        part = part[name]
    part["price"] = price
    return Costs.model_validate(content)


def measured() -> tuple[float | None, float | None]:
    """Return the seconds of the last training and the milliseconds of an answer, if measured."""
    facts = Facts({})
    seconds = facts.at("models/registration.json", "seconds")
    milliseconds = facts.at("reports/compare/decision.json", "ops.p95_ms.estimate")
    return seconds, milliseconds


def reckoned() -> dict[str, Any]:
    """Read the file and the measurements, and return what they come to.

    Raises
    ------
    MlopsError
        When a price is of a day that is still to come.
    """
    costs = load_costs()
    for key, one in prices(costs):
        if one.date > today():
            raise MlopsError(
                f"{COSTS_FILE.as_posix()}: {key}.date is {one.date}, which is still to come: write "
                "the day on which the price was read."
            )
    return reckon(costs, used_in_a_month(costs, *measured()))
