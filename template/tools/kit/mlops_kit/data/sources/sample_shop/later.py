"""What may happen to the shop later: time stands still, habits change, or a feed breaks."""

import datetime

import numpy as np
import polars as pl

SELDOM = "occasional"
MOVED = 0.9  # of the orders of others, after habits changed
CENTS = 100


def until(tables: dict[str, pl.DataFrame], day: datetime.date) -> dict[str, pl.DataFrame]:
    """Leave out what happens after a day."""
    end = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(days=1)
    kept = pl.col("ordered_at") < end
    known = pl.col("signup_date") <= day
    return tables | {
        "orders": tables["orders"].filter(kept),
        "customers": tables["customers"].filter(known),
    }


def habits_changed(
    tables: dict[str, pl.DataFrame], day: datetime.date, seed: int
) -> dict[str, pl.DataFrame]:
    """Let those who seldom bought place most orders from a day on; the old favourites stay away.

    What people look like stays; what it says about their next order does not.
    """
    orders, customers = tables["orders"], tables["customers"]
    seldom = customers.filter(pl.col("segment") == SELDOM)["customer_id"].to_numpy()
    rng = np.random.Generator(np.random.PCG64(seed))
    ids = np.arange(int(orders["order_id"].max()) + 1)  # type: ignore[arg-type]
    moves = rng.random(ids.size) < MOVED
    buyers = seldom[np.floor(rng.random(ids.size) * seldom.size).astype(int)]
    order = orders["order_id"].to_numpy()
    later = (orders["ordered_at"].dt.date() >= day).to_numpy()
    changed = np.where(later & moves[order], buyers[order], orders["customer_id"].to_numpy())
    return tables | {"orders": orders.with_columns(customer_id=pl.Series(changed))}


def in_cents(tables: dict[str, pl.DataFrame], day: datetime.date) -> dict[str, pl.DataFrame]:
    """Let prices of orders arrive in cents from a day on."""
    later = pl.col("ordered_at").dt.date() >= day
    price = pl.when(later).then(pl.col("unit_price") * CENTS).otherwise(pl.col("unit_price"))
    return tables | {"orders": tables["orders"].with_columns(unit_price=price)}
