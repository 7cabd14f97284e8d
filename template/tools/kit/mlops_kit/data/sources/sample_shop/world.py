"""What the sample shop is made of: segments, products, tastes, seasons and sales events."""

from typing import NamedTuple

import numpy as np
import polars as pl

FIRST_DAY = np.datetime64("2024-01-01", "D")
DAYS = 731


class Segment(NamedTuple):
    """A kind of customer: its share, and how often, how much and how much more in a sale it buys.

    `rate` (orders), `basket` (lines beyond the first) and `eagerness` (factor of a sale's pull)
    are relative to the other segments.
    """

    share: float
    rate: float
    basket: float
    eagerness: float


class Category(NamedTuple):
    """Products of one kind; `swing` is the log-amplitude of the yearly wave, `peak` its month.

    Peaks are those of the southern hemisphere: heating in June, air conditioning in December.
    """

    nouns: tuple[str, ...]
    price: float
    swing: float
    peak: float


SPREAD = 0.3  # of the customers of one segment around its rate, on the log scale
FAVOURITE_CATEGORIES = (22.0, 9.0, 5.0)  # how much more often a line falls into each favourite
FAVOURITE_BRAND = 6.0

SEGMENTS = {
    "loyal": Segment(share=0.12, rate=10.0, basket=1.1, eagerness=0.8),
    "regular": Segment(share=0.28, rate=2.6, basket=1.0, eagerness=1.0),
    "occasional": Segment(share=0.40, rate=0.8, basket=0.8, eagerness=1.2),
    "bargain": Segment(share=0.15, rate=2.2, basket=0.9, eagerness=5.0),
    "business": Segment(share=0.05, rate=8.0, basket=2.0, eagerness=0.3),
}
CATEGORIES = {
    "refrigeration": Category(("Heladera", "Freezer"), 420, 0.5, 12.5),
    "air conditioning": Category(("Aire acondicionado", "Climatizador"), 360, 1.7, 12.5),
    "heating": Category(("Estufa", "Caloventor", "Calefactor"), 110, 1.7, 6.5),
    "washing": Category(("Lavarropas", "Secarropas"), 340, 0.1, 9.0),
    "cooking": Category(("Cocina", "Horno", "Anafe"), 260, 0.3, 6.0),
    "small kitchen": Category(("Licuadora", "Batidora", "Tostadora"), 70, 0.3, 10.0),
    "coffee": Category(("Cafetera", "Molinillo", "Pava eléctrica"), 90, 0.5, 6.5),
    "cleaning": Category(("Aspiradora", "Lustradora"), 130, 0.2, 10.0),
    "television": Category(("Televisor", "Barra de sonido"), 330, 0.5, 6.0),
    "personal care": Category(("Secador", "Afeitadora", "Plancha de pelo"), 60, 0.4, 12.0),
}
BRANDS = {  # name: price level
    "Nortal": 0.70,
    "Brisal": 0.80,
    "Cumelén": 0.90,
    "Lumbrera": 1.00,
    "Serranía": 1.10,
    "Tacuará": 1.20,
    "Vistamar": 1.40,
    "Alborada": 1.65,
}
TASTES = (  # favourite categories, favourite brands
    (("cooking", "small kitchen", "refrigeration"), ("Nortal", "Cumelén")),
    (("coffee", "small kitchen", "personal care"), ("Vistamar", "Alborada")),
    (("television", "air conditioning", "cleaning"), ("Lumbrera", "Tacuará")),
    (("washing", "cleaning", "heating"), ("Nortal", "Brisal")),
    (("air conditioning", "refrigeration", "washing"), ("Alborada", "Serranía")),
    (("heating", "coffee", "cooking"), ("Brisal", "Lumbrera")),
    (("personal care", "cleaning", "small kitchen"), ("Serranía", "Cumelén")),
    (("television", "cooking", "coffee"), ("Tacuará", "Vistamar")),
)
SALES = (  # first day, length in days, pull on orders, discount
    ("2024-05-13", 6, 2.0, 0.15),
    ("2024-10-13", 8, 1.0, 0.05),
    ("2024-11-04", 5, 2.5, 0.15),
    ("2024-11-29", 4, 2.0, 0.12),
    ("2024-12-10", 15, 1.0, 0.00),
    ("2025-05-12", 6, 2.0, 0.15),
    ("2025-10-12", 8, 1.0, 0.05),
    ("2025-11-03", 5, 2.5, 0.15),
    ("2025-11-28", 4, 2.0, 0.12),
    ("2025-12-10", 15, 1.0, 0.00),
)
WEEKDAY = np.array([1.05, 0.95, 0.95, 1.0, 1.15, 1.1, 0.8])  # Monday first


class World(NamedTuple):
    """The parameters that the oracle knows; C customers, G segments, K tastes, P products.

    Attributes
    ----------
    base : ndarray, shape (C,)
        Orders per day of each customer without excitement and season.
    joined : ndarray, shape (C,)
        Index of the day from which the customer may order; negative before the first day.
    segment, taste : ndarray, shape (C,)
        Index of the customer's segment and taste.
    season : ndarray, shape (G, DAYS)
        Multiplier of the order probability, 1 on average.
    discount : ndarray, shape (DAYS,)
        Share taken off every list price on that day.
    choice : ndarray, shape (K, months, P)
        Probability that a line of that month holds the product.
    price : ndarray, shape (P,)
        List price.
    """

    base: np.ndarray
    joined: np.ndarray
    segment: np.ndarray
    taste: np.ndarray
    season: np.ndarray
    discount: np.ndarray
    choice: np.ndarray
    price: np.ndarray


def build_world(
    rng: np.random.Generator, customers: int, products: int
) -> tuple[World, pl.DataFrame]:
    """Draw customers and products; `base` is still relative (the caller scales it).

    Parameters
    ----------
    rng : numpy.random.Generator
        Only its `random` method is used, whose stream NumPy keeps stable.
    customers, products : int
        How many of each.

    Returns
    -------
    World, polars.DataFrame
        The parameters, and the table of products.
    """
    category = np.arange(products) % len(CATEGORIES)
    brand = (rng.random(products) * len(BRANDS)).astype(np.int64)
    kinds, brand_names = list(CATEGORIES.values()), list(BRANDS)
    level = np.array([kind.price for kind in kinds])[category]
    level = (
        level * np.array(list(BRANDS.values()))[brand] * np.exp(0.5 * (rng.random(products) - 0.5))
    )
    price = np.round(level) - 0.01
    popularity = 1.0 / (6.0 + np.argsort(rng.random(products), kind="stable"))

    names = []
    for number, (c, b) in enumerate(zip(category.tolist(), brand.tolist(), strict=True)):
        nouns = kinds[c].nouns
        noun = nouns[number // len(kinds) % len(nouns)]
        names.append(f"{noun} {brand_names[b]} {100 + number}")
    catalogue = pl.DataFrame(
        {
            "product_id": np.arange(1, products + 1),
            "name": names,
            "category": np.array(list(CATEGORIES))[category].tolist(),
            "brand": [brand_names[b] for b in brand.tolist()],
            "price": price,
        }
    )
    groups = list(SEGMENTS.values())
    segment = _pick(rng, np.array([group.share for group in groups]), customers)
    spread = np.exp(SPREAD * 2.0 * (rng.random((3, customers)).sum(axis=0) - 1.5))
    age = rng.random(customers)  # six in ten were customers before the first day
    joined = np.where(age < 0.6, (age / 0.6 - 1.0) * 1800, (age - 0.6) / 0.4 * (DAYS - 30))
    world = World(
        base=np.array([group.rate for group in groups])[segment] * spread,
        joined=np.floor(joined).astype(np.int64),
        segment=segment,
        taste=_pick(rng, np.ones(len(TASTES)), customers),
        season=_season(),
        discount=_discount(),
        choice=_choice(category, brand, popularity),
        price=price,
    )
    return world, catalogue


def month_index() -> np.ndarray:
    """Return for each day the number of months since the first, shape (DAYS,)."""
    days = FIRST_DAY + np.arange(DAYS)
    return (days.astype("datetime64[M]") - FIRST_DAY.astype("datetime64[M]")).astype(np.int64)


def _pick(rng: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    edges = np.cumsum(weights / weights.sum())[:-1]
    return np.searchsorted(edges, rng.random(count), side="right")


def _season() -> np.ndarray:
    day = np.arange(DAYS)
    usual = WEEKDAY[day % 7] * (1.0 + 0.15 * np.cos(2 * np.pi * (day - 345) / 365.25))
    pull = np.zeros(DAYS)
    for first, length, strength, _ in SALES:
        start = int((np.datetime64(first, "D") - FIRST_DAY).astype(np.int64))
        pull[start : start + length] = strength
    eagerness = np.array([group.eagerness for group in SEGMENTS.values()])
    season = usual * (1.0 + eagerness[:, None] * pull)
    return season / season.mean(axis=1, keepdims=True)


def _discount() -> np.ndarray:
    discount = np.zeros(DAYS)
    for first, length, _, share in SALES:
        start = int((np.datetime64(first, "D") - FIRST_DAY).astype(np.int64))
        discount[start : start + length] = share
    return discount


def _choice(category: np.ndarray, brand: np.ndarray, popularity: np.ndarray) -> np.ndarray:
    categories, brands = list(CATEGORIES), list(BRANDS)
    likes = np.ones((len(TASTES), len(categories)))
    loyalty = np.ones((len(TASTES), len(brands)))
    for taste, (favourites, labels) in enumerate(TASTES):
        likes[taste, [categories.index(name) for name in favourites]] = FAVOURITE_CATEGORIES
        loyalty[taste, [brands.index(name) for name in labels]] = FAVOURITE_BRAND
    swing = np.array([kind.swing for kind in CATEGORIES.values()])
    peak = np.array([kind.peak for kind in CATEGORIES.values()])
    month = np.arange(month_index()[-1] + 1)[:, None] + 1.0
    wave = np.exp(swing * np.cos(2 * np.pi * (month - peak) / 12))
    weight = (
        popularity * likes[:, None, category] * loyalty[:, None, brand] * wave[None, :, category]
    )
    return weight / weight.sum(axis=2, keepdims=True)
