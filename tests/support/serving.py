"""A small project with a snapshot and a real model, and its server in process."""

import asyncio
import datetime
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from club import use_features
from mlops_kit.core.settings import load_settings
from mlops_kit.operate.predict.scorer import Scorer
from mlops_kit.operate.serve import app as serving
from mlops_kit.operate.serve import snapshot, state
from mlops_kit.operate.serve.config import Serve
from mlops_kit.train import features as dataset
from mlops_kit.train.checks.skew import seen
from mlops_kit.train.tracking import quiet_mlflow

KEY = "a-key-that-nobody-guesses"
DAY = datetime.date(2025, 1, 20)
FEATURES = """
SELECT rows.id, rows.time, coalesce(sum(minutes), 0) AS minutes_before, any_value(age) AS age,
       any_value(CASE WHEN age % 3 = 0 THEN NULL WHEN age % 2 = 0 THEN 'even' ELSE 'odd' END)
       AS kind,
       extract(day FROM rows.time) AS day
FROM rows LEFT JOIN visits ON visits.member_id = id AND visits.day < rows.time
JOIN members ON members.member_id = id
GROUP BY rows.id, rows.time
"""
NAMES = ["minutes_before", "age", "kind", "day"]
TYPES = {"minutes_before": "DOUBLE", "age": "BIGINT", "kind": "VARCHAR", "day": "BIGINT"}


def learned(seed: int = 0) -> pd.DataFrame:
    """Rows like those of the club."""
    import numpy as np

    random = np.random.default_rng(seed)
    rows = 400
    kind = random.choice(np.array(["even", "odd", None], dtype=object), rows)
    return pd.DataFrame(
        {
            "minutes_before": random.uniform(0, 700, rows),
            "age": random.integers(20, 60, rows),
            "kind": pd.Series(kind, dtype="str"),
            "day": random.integers(1, 31, rows),
        }
    )


@cache
def estimator(task: str = "regression", seed: int = 0, classes: int = 2) -> Any:
    """Fit the seeded kind of model to invented outcomes."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    columns = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            make_column_selector(dtype_exclude="number"),  # type: ignore[arg-type]
        ),
        remainder="passthrough",
    )
    rows = learned(seed)
    amount = rows["minutes_before"] / 10 + rows["age"] + seed
    if task == "regression":
        trees = HistGradientBoostingRegressor(max_iter=15, random_state=0)
        return make_pipeline(columns, trees).fit(rows, amount)
    outcome = pd.qcut(amount, classes, labels=False)
    trees = HistGradientBoostingClassifier(max_iter=10, random_state=0)
    return make_pipeline(columns, trees).fit(rows, outcome)


def scorer_of(
    model: Any, number: str = "1", task: str = "regression", classes: list[Any] | None = None,
    **changed: Any,
) -> Scorer:  # fmt: skip
    """Make a version of the registry of an estimator."""
    with quiet_mlflow():
        from mlops_kit.train.registered import Registered
    rows = learned()
    training = {
        "keys": {"id": "BIGINT", "time": "DATE"},
        "types": TYPES,
        "features_sql": dataset.features_sha256(),
        "seen": seen(rows, NAMES),
    } | changed
    registered: Any = Registered()
    registered.estimator = model
    registered.config = {
        "task": task,
        "features": [[name, str(rows[name].dtype)] for name in NAMES],
        "training": training,
    } | ({"classes": classes} if classes else {})
    return Scorer("dev.club", number, "champion", f"d{number}", registered.config, registered)


def malformed(turn: int) -> bytes:
    """Make a body that is no request, or one of a wrong one; the same for the same number."""
    import numpy as np

    random = np.random.default_rng(turn)
    whole = json.dumps({"rows": [{"id": 7, "features": {"kind": "odd"}}]}).encode()
    kind = turn % 5
    if kind == 0:
        return bytes(random.integers(0, 256, random.integers(0, 200), dtype=np.uint8))
    if kind == 1:
        return whole[: random.integers(0, len(whole))]
    if kind == 2:
        broken = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            broken[place] = random.integers(0, 256)
        return bytes(broken)
    values = [None, True, [], {}, "x", -1, 1e308, 2**70, "\x00", [[[[1]]]], {"id": {}}]
    odd = values[random.integers(0, len(values))]
    if kind == 3:
        return json.dumps({"id": odd, "features": {"kind": odd}}).encode()
    return json.dumps({"rows": [{"id": 1, "features": odd}, odd]}).encode()


# What JSON may hold, or many take for JSON, and no feature of a request may be.
ODD = ["NaN", "Infinity", "-Infinity", "1e999", "-1e400", "1e308", "-1e101", "9" * 400, "null",
       "9" * 50_000, "true", '"7"', '"NaN"', "[]", "[1.0]", "{}", "0x10", "1_000", "1,5", "--1",
       "+1", ".5", "1.", "1e", "01", "-", "\u0661", "nan", "1" + "0" * 101,
       '"' + "9" * 20_000 + '"']  # fmt: skip


def odd_number(turn: int) -> str:
    """Give the text of what is no number of a request; the same for the same turn."""
    kind, number = turn % 3, turn // 3
    if kind == 1:
        return f"{'-' * (number % 2)}{number % 9 + 1}.{number}e{101 + number * 7 % 5000}"
    if kind == 2:
        return str(number % 9 + 1) * (102 + number * 11 % 3000)
    return ODD[number % len(ODD)]


class Registry:
    """Which version an alias names; what a test changes, a running server must notice."""

    def __init__(self, **aliases: Scorer) -> None:
        self.aliases = dict(aliases)
        self.down: Exception | None = None

    def number_of(self, settings: Any, alias: str) -> str:
        """Stand in for what asks MLflow."""
        from mlops_kit.core.errors import MlopsError

        if self.down is not None:
            raise self.down
        if alias not in self.aliases:
            raise MlopsError(f"dev.club has no version with the alias {alias}: promote one.")
        return self.aliases[alias].number

    def load(self, settings: Any, alias: str) -> Scorer:
        """Stand in for what loads a version."""
        return self.aliases[alias]


class Running:
    """A server in process, and a client of it."""

    def __init__(self, registry: Registry, config: Serve) -> None:
        self.registry, self.gate = registry, None
        self.gate = serving.application(load_settings(), config, registry.load)
        self.server = self.gate.app.state.server
        self.holder = self.server.holder

    def ask(self, *bodies: Any, path: str = "/predict", **more: Any) -> list[httpx.Response]:
        """Post bodies, all at once."""

        async def every() -> list[httpx.Response]:
            async with self.client() as client:
                sent = [
                    client.post(path, **({"json": body} if not isinstance(body, bytes) else
                                         {"content": body}), **more)
                    for body in bodies
                ]  # fmt: skip
                return await asyncio.gather(*sent)

        return asyncio.run(every())

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Get a page."""

        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.get(path, **more)

        return asyncio.run(one())

    def client(self) -> httpx.AsyncClient:
        """Return a client that has the key."""
        transport = httpx.ASGITransport(app=self.gate)  # type: ignore[arg-type]
        headers = {"authorization": f"Bearer {KEY}"}
        return httpx.AsyncClient(transport=transport, base_url="http://club", headers=headers)

    def stop(self) -> None:
        """Write what waits."""
        self.server.answering.close()
        self.server.log.close()
        if self.server.pairs is not None:
            self.server.pairs.close()


Start = Callable[..., Running]


def starter(club: Path, tables: Path, monkeypatch: Any) -> tuple[Start, list[Running]]:
    """Return a function that starts a server of the club, and what it started."""
    shutil.copytree(tables, club / "data/open/tables")
    use_features(monkeypatch, FEATURES)
    monkeypatch.setenv("MLOPS_SERVE_KEY", KEY)
    started: list[Running] = []

    def start(registry: Registry | None = None, made: bool = True, **changed: Any) -> Running:
        known = registry or Registry(champion=scorer_of(estimator()))
        monkeypatch.setattr(state, "number_of", known.number_of)
        monkeypatch.setattr(snapshot, "scorer", known.load)
        if made and changed.get("features", {}).get("source") != "request":
            snapshot.write(load_settings(), "champion", DAY.isoformat())
        settings = {"features": {"max_age_hours": None}, "log": {"flush_seconds": 0.05}} | changed
        started.append(Running(known, Serve.model_validate(settings)))
        return started[-1]

    return start, started
