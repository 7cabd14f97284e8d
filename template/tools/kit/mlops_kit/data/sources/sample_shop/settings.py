"""What conf/sources.yaml may say of the invented shop."""

from datetime import date
from typing import Literal

from pydantic import Field

from mlops_kit.core.settings import Section


class Sample(Section):
    """The invented shop."""

    kind: Literal["sample"]
    customers: int = Field(5_000, ge=10)
    """Number of customers."""
    products: int = Field(300, ge=20)
    """Number of products."""
    order_lines: int = Field(60_000, ge=100)
    """Number of order lines."""
    seed: int = 7
    """Another number makes another shop."""
    until: date | None = None
    """Nothing after this day has happened yet."""
    habits_change: date | None = None
    """From this day on those who seldom bought buy most: what a drift looks like."""
    cents: date | None = None
    """From this day on prices arrive in cents: what a broken feed looks like."""
