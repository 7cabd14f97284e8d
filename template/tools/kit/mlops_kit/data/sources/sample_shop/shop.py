"""The sample data: two years of an invented home-appliance shop, and its oracle.

Every customer has a segment, which sets how often they buy, and a taste, which sets what. On day t
customer i places an order with probability (a self-exciting process: Hawkes 1971, in daily steps)

    p[i, t] = season[segment, t] * (base[i] + excitement[i, t])
    excitement[i, t + 1] = DECAY * excitement[i, t] + JUMP * (1 if i ordered on day t else 0)

An order has one line and a share of the remaining lines; a line's product is drawn with probability
proportional to popularity * category taste * brand taste * season of the category in that month.

As p is linear in the excitement, the future of a customer whose state is known has exact formulas,
and those are the oracle (`foresee`): no model that sees only the past can be better on average.
"""

import numpy as np
import polars as pl

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.sample_shop.people import people
from mlops_kit.data.sources.sample_shop.world import (
    DAYS,
    FIRST_DAY,
    SEGMENTS,
    World,
    build_world,
    month_index,
)

SNAPSHOTS = np.arange("2024-07", "2026-01", dtype="datetime64[M]").astype("datetime64[D]")
HORIZON = 30
DECAY = 0.965  # of a day's excitement that is left on the next day
JUMP = 0.016  # added to the daily rate by an order: 0.016 / (1 - 0.965) = 0.46 orders follow one
LINES_PER_ORDER = 2.0
MOST_LIKELY = 0.9  # no customer orders on a day with more certainty
SECOND_UNIT = 0.06  # share of lines with quantity 2
HOUR_EDGES = np.array([0, 8, 12, 17, 20, 23, 24]) * 3600.0  # seconds of a day
HOUR_SHARES = np.array([0.0, 0.04, 0.24, 0.51, 0.76, 0.97, 1.0])  # of the orders until then


def generate(
    customers: int = 5000, products: int = 300, order_lines: int = 60000, seed: int = 7
) -> dict[str, pl.DataFrame]:
    """Generate the shop; the same arguments give the same tables on every machine.

    Parameters
    ----------
    customers, products, order_lines : int
        Exact numbers of rows of the three tables.
    seed : int
        Seed of the one random generator (PCG64).

    Returns
    -------
    dict of str to polars.DataFrame
        `customers`, `products`, `orders` (one row per line, by time) and `oracle`. Prices are in
        US dollars. The oracle has a row for each first of a month from July 2024 to December 2025
        and each customer who had ordered before: `probability` of an order in the 30 days from
        `time`, expected `spend` in them, and the 10 `items` most likely in a line, best first.

    Raises
    ------
    MlopsError
        When the sizes cannot make a shop: fewer than 20 customers, 20 products or 200 lines, or
        fewer than 2 or more than 100 lines per customer.
    """
    if customers < 20 or products < 20 or order_lines < 200:
        raise MlopsError("The sample shop needs at least 20 customers, 20 products and 200 lines.")
    if not 2 * customers <= order_lines <= 100 * customers:
        raise MlopsError("The sample shop needs between 2 and 100 order lines per customer.")
    rng = np.random.Generator(np.random.PCG64(seed))
    world, catalogue = build_world(rng, customers, products)
    world = world._replace(base=world.base * _rate_scale(world, order_lines / LINES_PER_ORDER))
    days, buyers, states = _orders(rng, world)
    if not 0 < len(days) <= order_lines:
        raise MlopsError("The sample shop drew more orders than lines: ask for more order lines.")
    orders, extra_lines = _lines(rng, world, days, buyers, order_lines)
    first_order = np.full(customers, DAYS)
    np.minimum.at(first_order, buyers, days)
    return {
        "customers": _customers(rng, world),
        "products": catalogue,
        "orders": orders,
        "oracle": foresee(world, states, extra_lines, first_order),
    }


def foresee(
    world: World, states: np.ndarray, extra_lines: np.ndarray, first_order: np.ndarray
) -> pl.DataFrame:
    """Predict each snapshot's next 30 days from the true parameters.

    With x the excitement at the snapshot, s the season and b the base rate, the probability of no
    order is the product over k < 30 of 1 - s[k] * (b + x * DECAY**k), as without an order the
    excitement only decays. Expected orders follow m[k] = s[k] * (b + x[k]) with
    x[k + 1] = DECAY * x[k] + JUMP * m[k]; each is worth its expected lines times their mean value.

    Parameters
    ----------
    world : World
        Parameters of the generator.
    states : ndarray, shape (snapshots, C)
        Excitement of each customer at the start of the snapshot's day.
    extra_lines : ndarray, shape (G,)
        Expected lines of an order beyond the first, by segment.
    first_order : ndarray, shape (C,)
        Day index of the first order; DAYS when there is none.

    Returns
    -------
    polars.DataFrame
        The oracle table, by time and customer; rounded, so that no platform's last bit shows.
    """
    lines = 1.0 + extra_lines[world.segment]
    months = month_index()
    mean_price = (world.choice @ world.price) * (1.0 + SECOND_UNIT)
    parts = []
    for time, state in zip(SNAPSHOTS, states, strict=True):
        start = int((time - FIRST_DAY).astype(np.int64))
        known = np.flatnonzero(first_order < start)
        base, segment, taste = world.base[known], world.segment[known], world.taste[known]
        decaying, expected = state[known], state[known]
        none, spend = np.ones(len(known)), np.zeros(len(known))
        for day in range(start, start + HORIZON):
            season = world.season[segment, day]
            none *= 1.0 - np.minimum(season * (base + decaying), MOST_LIKELY)
            orders = season * (base + expected)
            decaying = DECAY * decaying
            expected = DECAY * expected + JUMP * orders
            worth = mean_price[:, months[day]] * (1.0 - world.discount[day])
            spend += orders * lines[known] * worth[taste]
        share = np.bincount(months[start : start + HORIZON], minlength=world.choice.shape[1])
        likely = np.einsum("kmp,m->kp", world.choice, share / HORIZON)
        best = 1 + np.argsort(-np.round(likely, 12), axis=1, kind="stable")[:, :10]
        parts.append(
            pl.DataFrame(
                {
                    "customer_id": known + 1,
                    "time": np.full(len(known), time),
                    "probability": np.round(1.0 - none, 6),
                    "spend": np.round(spend, 2),
                    "items": pl.Series(best.tolist(), dtype=pl.List(pl.Int64)).gather(taste),
                }
            )
        )
    return pl.concat(parts)


def _rate_scale(world: World, orders: float) -> float:
    """Find the factor of `base` that makes `orders` the expected total, which is linear in it."""
    excitement, total = np.zeros(len(world.base)), 0.0
    for day in range(DAYS):
        expected = world.season[world.segment, day] * (world.base + excitement)
        expected[world.joined > day] = 0.0
        total += expected.sum()
        excitement = DECAY * excitement + JUMP * expected
    return orders / total


def _orders(rng: np.random.Generator, world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run the process; return each order's day and customer, and the snapshots' excitement."""
    excitement = np.zeros(len(world.base))
    starts = set((SNAPSHOTS - FIRST_DAY).astype(np.int64).tolist())
    days, buyers, states = [], [], []
    for day in range(DAYS):
        if day in starts:
            states.append(excitement)
        rate = world.season[world.segment, day] * (world.base + excitement)
        ordered = rng.random(len(rate)) < np.minimum(rate, MOST_LIKELY)
        ordered &= world.joined <= day
        who = np.flatnonzero(ordered)
        days.append(np.full(len(who), day))
        buyers.append(who)
        excitement = DECAY * excitement + JUMP * ordered
    return np.concatenate(days), np.concatenate(buyers), np.stack(states)


def _lines(
    rng: np.random.Generator, world: World, days: np.ndarray, buyers: np.ndarray, order_lines: int
) -> tuple[pl.DataFrame, np.ndarray]:
    """Fill the orders; return the table and the expected extra lines of an order by segment."""
    baskets = np.array([group.basket for group in SEGMENTS.values()])
    weight = baskets[world.segment[buyers]]
    edges = np.cumsum(weight)
    extra = order_lines - len(days)
    chosen = np.searchsorted(edges, rng.random(extra) * edges[-1], side="right")
    second = np.floor(np.interp(rng.random(len(days)), HOUR_SHARES, HOUR_EDGES)).clip(max=86399)
    by_time = np.argsort(days * 86400 + second, kind="stable")
    order = np.sort(np.concatenate([np.arange(len(days)), np.argsort(by_time)[chosen]]))
    day, buyer, second = (column[by_time][order] for column in (days, buyers, second))

    # One search serves all draws: row r of the cumulated choices holds the numbers r to r + 1.
    cumulated = np.cumsum(world.choice, axis=2).reshape(-1, len(world.price))
    cumulated = cumulated / cumulated[:, -1:] + np.arange(len(cumulated))[:, None]
    row = world.taste[buyer] * world.choice.shape[1] + month_index()[day]
    product = np.searchsorted(cumulated.ravel(), row + rng.random(order_lines), side="right")
    product = np.minimum(product - row * len(world.price), len(world.price) - 1)

    moment = (FIRST_DAY + day).astype("datetime64[us]") + second.astype("timedelta64[s]")
    table = pl.DataFrame(
        {
            "line_id": np.arange(1, order_lines + 1),
            "order_id": order + 1,
            "customer_id": buyer + 1,
            "product_id": product + 1,
            "ordered_at": moment,
            "quantity": 1 + (rng.random(order_lines) < SECOND_UNIT).astype(np.int64),
            "unit_price": np.round(world.price[product] * (1.0 - world.discount[day]), 2),
        }
    )
    return table, extra * baskets / weight.sum()


def _customers(rng: np.random.Generator, world: World) -> pl.DataFrame:
    names = list(SEGMENTS)
    personal = people(rng, len(world.base))
    return pl.DataFrame(
        {
            "customer_id": np.arange(1, len(world.base) + 1),
            **personal,
            "segment": [names[index] for index in world.segment.tolist()],
            "signup_date": FIRST_DAY + world.joined,
        }
    )
