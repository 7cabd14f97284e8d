"""What is served is what was judged, whoever asks, and whatever fails beside it."""

import asyncio
import datetime
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest
from club import replace, use_features
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside
from mlops_kit.core.settings import load_settings
from mlops_kit.core.zones import SERVED, SNAPSHOT
from mlops_kit.operate.experiments.shadow import Shadow, shadow
from mlops_kit.operate.serve import log as logs
from mlops_kit.operate.serve import served, snapshot
from mlops_kit.operate.serve.commands import serve
from mlops_kit.operate.serve.config import Serve
from mlops_kit.operate.serve.fast.plan import compiled
from mlops_kit.operate.serve.limits import KEY_FILE, keys_of
from mlops_kit.operate.serve.request.ids import Ids
from mlops_kit.operate.serve.served import Served, Texts
from mlops_kit.train.checks import membership
from mlops_kit.train.checks.reference import RARE, STRANGE, coded, grid_of
from mlops_kit.train.checks.skew import seen
from pydantic import Field
from running import first_and_repetitions
from serving import (
    DAY,
    FEATURES,
    KEY,
    NAMES,
    TYPES,
    Registry,
    Start,
    estimator,
    learned,
    malformed,
    scorer_of,
)

MEMBERS = range(40)
KINDS = [("regression", 2), ("classification", 2), ("classification", 3)]


class Slow:
    """An estimator that takes its time, or fails."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.seconds, self.error = seconds, error

    def predict(self, rows: Any) -> Any:
        """Answer 7, late."""
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return np.full(len(rows), 7.0)


class Lost:
    """An estimator that answers with what is no number."""

    def predict(self, rows: Any) -> Any:
        """Answer, shape (n,)."""
        return np.full(len(rows), np.nan)


class Ranks:
    """Recommend numbers from the age on; `k` of them."""

    def __init__(self, k: int = 3) -> None:
        self.k = k

    def predict(self, rows: Any) -> Any:
        """Recommend, shape (n, k)."""
        return np.array([[int(age) + place for place in range(self.k)] for age in
                         rows["age"].fillna(100)])  # fmt: skip


def of_each(task: str, classes: int) -> Registry:
    names = list(range(classes)) if classes > 2 else None
    model = estimator(task, classes=classes)
    return Registry(champion=scorer_of(model, task=task, classes=names))


def said(answer: dict[str, Any]) -> Any:
    if "scores" in answer:
        return list(answer["scores"].values())
    return answer.get("score", answer.get("prediction"))


@pytest.mark.parametrize(("task", "classes"), KINDS)
def test_single_rows_and_batches_get_what_mlops_predict_gives(
    start: Start, task: str, classes: int
) -> None:
    one = start(of_each(task, classes))
    model = one.holder.state.models["model"]
    assert model.path == "fast", model.why_plain
    rows = [one.holder.state.snapshot.row(member) for member in MEMBERS]
    wanted = model.plainly(rows)
    singles = one.ask(*({"id": member} for member in MEMBERS))
    assert [each.status_code for each in singles] == [200] * len(MEMBERS)
    (batch,) = one.ask({"rows": [{"id": member} for member in MEMBERS]}, path="/predict/batch")
    for found in ([each.json() for each in singles], batch.json()["rows"]):
        values = np.array([said(each) for each in found], float)
        assert np.abs(values - wanted).max() <= 1e-12
    assert singles[0].json() == singles[0].json() | {
        "version": "1", "answered_by": "model", "known": True, "stale": False,
        "as_of": "2025-01-20T00:00:00",
    }  # fmt: skip


@pytest.mark.parametrize(("task", "classes"), KINDS)
def test_a_plan_that_answers_otherwise_is_not_used_and_it_is_said(
    start: Start, task: str, classes: int, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    made = served.compiled

    def slightly(model: Any, config: Any) -> Any:
        plan = made(model, config)
        return lambda rows: plan(rows) + 3e-12 * np.maximum(1, np.abs(plan(rows)))

    monkeypatch.setattr(served, "compiled", slightly)
    one = start(of_each(task, classes))
    assert one.holder.state.models["model"].path == "plain"
    assert "takes the plain path: it answered otherwise than the model" in capsys.readouterr().err
    assert one.ask({"id": 3})[0].status_code == 200


def test_the_plan_is_four_times_as_fast_as_the_plain_path(start: Start, figure: Any) -> None:
    model = start().holder.state.models["model"]
    row = [[321.5, 31, "odd", 20]]

    def cpu(ask: Any) -> float:
        ask(row)
        begun = time.process_time()
        for _ in range(100):
            ask(row)
        return (time.process_time() - begun) / 100

    plain, fast = cpu(model.plainly), cpu(model.answers)
    figure(f"one row: plain {1 / plain:,.0f}, plan {1 / fast:,.0f} predictions per CPU second")
    assert fast * 4 < plain


BAD = {
    b"": "body",
    b"{": "body",
    b"[]": "body",
    b"null": "body",
    b'{"id": 1, "id2": 1}': "id2",
    b'{"id": "1"}': "id",
    b'{"id": 1.5}': "id",
    b'{"id": null}': "id",
    b'{"id": true}': "id",
    b'{"id": 99999999999999999999999}': "id",
    b'{"id": NaN}': "id",
    b'{"id": 1, "features": {"age": 30}}': "features.kind",
    b'{"id": 1, "features": {"kind": 3, "age": 30}}': "features.kind",
    b'{"id": 1, "features": {"kind": "odd", "age": 121}}': "features.age",
    b'{"id": 1, "features": {"kind": "odd", "age": null}}': "features.age",
    b'{"id": 1, "features": {"kind": "odd", "age": NaN}}': "features.age",
    b'{"id": 1, "features": {"kind": "odd", "age": 1e999}}': "features.age",
    b'{"id": 1, "features": {"kind": "\\ud800", "age": 30}}': "body",
    b"\xff\xfe": "body",
    b"[" * 100_000: "body",
}


def test_a_bad_request_is_told_its_field_and_none_of_its_values(start: Start) -> None:
    whole = learned().assign(kind="odd")
    version = scorer_of(estimator(), seen=seen(whole, NAMES))
    one = start(
        Registry(champion=version),
        features={"source": "both", "given": ["age", "kind"], "max_age_hours": None},
    )
    for body, answer in zip(BAD, one.ask(*BAD), strict=True):
        assert answer.status_code == 422, body
        told = answer.json()["detail"]
        assert BAD[body] in [each["field"] for each in told]
        assert all(each["reason"] for each in told)
        assert "odd" not in answer.text
    good = {"id": 1, "features": {"kind": "odd", "age": 30}}
    assert one.ask(good)[0].status_code == 200


def test_a_whole_number_is_one_however_json_writes_it(start: Start) -> None:
    one = start(features={"source": "both", "given": ["age"], "max_age_hours": None})
    bodies = (b'{"id": 7, "features": {"age": 30}}', b'{"id": 7.0, "features": {"age": 3e1}}')
    first, second = (answer.json() for answer in one.ask(*bodies))
    assert first["prediction"] == second["prediction"]
    halves = (b'{"id": 7.5, "features": {"age": 30}}', b'{"id": 7, "features": {"age": 30.5}}')
    assert [answer.status_code for answer in one.ask(*halves)] == [422, 422]


def test_contracts_say_what_a_feature_of_a_request_may_be(start: Start, club: Path) -> None:
    replace(club / "conf/sources.yaml", "age: {type: integer, minimum: 0, maximum: 120}",
            "age: {type: integer, nullable: true, allowed: [30, 40]}")  # fmt: skip
    one = start(features={"source": "both", "given": ["age"], "max_age_hours": None})
    for age, status in ((30, 200), (None, 200), (31, 422), ("30", 422)):
        assert one.ask({"id": 1, "features": {"age": age}})[0].status_code == status
    schema = one.get("/openapi.json").json()["components"]["schemas"]["one_Features"]
    assert schema["properties"]["age"]["anyOf"] == [{"enum": [30, 40], "type": "integer"},
                                                    {"type": "null"}]  # fmt: skip


def test_without_a_key_nothing_is_learnt(start: Start) -> None:
    one = start()
    answers = []
    for path in ("/predict", "/predict/batch", "/metrics", "/openapi.json", "/nothing"):
        for key in ("", "Bearer wrong", f"Bearer {KEY}x", f"Basic {KEY}"):
            answers.append(one.ask({"id": 1}, path=path, headers={"authorization": key})[0])
            answers.append(one.get(path, headers={"authorization": key}))
    assert {each.status_code for each in answers} == {401}
    assert len({each.text for each in answers}) == 1
    assert one.get("/health", headers={"authorization": ""}).json() == {"status": "ok"}
    assert one.get("/ready", headers={"authorization": ""}).json() == {"status": "ready"}
    assert one.ask({"id": 1}, headers={"authorization": "", "x-api-key": KEY})[0].is_success


def test_every_row_is_counted_by_who_answered_it(start: Start) -> None:
    one = start()
    one.ask({"rows": [{"id": member} for member in range(3)]}, path="/predict/batch")
    one.ask({"id": 1}, {"id": 2})
    told = one.get("/metrics").text
    assert 'mlops_serve_predictions_total{answered_by="model",version="1"} 5.0' in told
    assert 'mlops_serve_requests_total{status="200"} 3.0' in told


def test_keys_are_made_in_dev_alone_and_short_ones_refused(
    club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_SERVE_KEY", raising=False)
    (made,) = keys_of(Serve())
    assert KEY_FILE.stat().st_mode & 0o077 == 0
    assert keys_of(Serve()) == [made]
    KEY_FILE.unlink()
    (club / "conf/prod.yaml").write_text((club / "conf/dev.yaml").read_text())
    monkeypatch.setenv("MLOPS_ENV", "prod")
    with pytest.raises(MlopsError, match="There is no key"):
        keys_of(Serve())
    monkeypatch.setenv("MLOPS_SERVE_KEY", "short")
    with pytest.raises(MlopsError, match="has 5 characters"):
        keys_of(Serve())


def test_large_bodies_and_batches_are_refused(start: Start) -> None:
    one = start(limits={"body_bytes": 1000, "rows": 3})

    async def streamed() -> Any:
        async def parts() -> Any:
            for _ in range(50):
                yield b" " * 100

        async with one.client() as client:
            return await client.post("/predict", content=parts())

    assert asyncio.run(streamed()).status_code == 413
    assert one.ask(b" " * 1001)[0].status_code == 413
    (answer,) = one.ask({"rows": [{"id": 1}] * 4}, path="/predict/batch")
    assert answer.status_code == 413
    assert one.ask(b" " * (16 * 1000 + 1))[0].status_code == 413
    assert answer.json()["detail"] == [{"field": "rows", "reason": "more than 3 rows"}]


def test_a_body_that_does_not_come_is_not_waited_for(start: Start) -> None:
    one = start(limits={"body_seconds": 0.05})

    async def slowly() -> Any:
        async def parts() -> Any:
            yield b'{"id"'
            await asyncio.sleep(0.5)
            yield b": 1}"

        async with one.client() as client:
            return await client.post("/predict", content=parts())

    assert asyncio.run(slowly()).status_code == 408


def test_too_many_at_once_are_told_to_come_back(start: Start) -> None:
    one = start(Registry(champion=scorer_of(Slow(0.1))), limits={"concurrency": 3})
    answers = one.ask(*[{"id": 1}] * 10)
    refused = [each for each in answers if each.status_code == 429]
    assert len(refused) == 7
    assert all(int(each.headers["retry-after"]) > 0 for each in refused)
    assert one.ask({"id": 1})[0].is_success


def test_a_snapshot_of_the_future_is_stale_as_nobody_knows_its_age(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 24 * 365 * 100
    one = start(features={"max_age_hours": most})
    assert one.ask({"id": 1})[0].is_success
    made = one.server.holder.state.snapshot.facts["made"]
    monkeypatch.setattr(time, "time", lambda: made - 1800)  # another machine's clock
    assert one.ask({"id": 1})[0].is_success
    monkeypatch.setattr(time, "time", lambda: made - 24 * 3600)
    (stale,) = one.ask({"id": 1})
    assert stale.status_code == 503


def test_a_stale_snapshot_and_an_unknown_entity_are_told(start: Start) -> None:
    one = start(features={"max_age_hours": 36})
    (stale,) = one.ask({"id": 1})
    assert (stale.status_code, stale.json()["detail"][0]["field"]) == (503, "id")
    assert stale.headers["retry-after"]
    assert one.get("/ready").status_code == 503
    one = start(features={"max_age_hours": 36, "stale": "tell"})
    assert one.ask({"id": 1})[0].json()["stale"] is True
    (missing,) = one.ask({"id": 999})
    assert missing.status_code == 404
    assert missing.json()["detail"] == [
        {"field": "id", "reason": "is not in the snapshot of features"}
    ]


def test_a_new_entity_is_answered_from_what_is_true_of_everybody(start: Start) -> None:
    one = start(features={"new": "answer", "max_age_hours": None})
    assert one.holder.state.snapshot.facts["constant"] == {"day": 20}
    (answer,) = one.ask({"id": 999})
    assert answer.json()["known"] is False
    wanted = one.holder.state.models["model"].plainly([[None, None, None, 20]])
    assert answer.json()["prediction"] == pytest.approx(wanted[0], abs=1e-12)


def test_features_may_all_come_with_the_request(start: Start) -> None:
    one = start(made=False, features={"source": "request"})
    row = {"minutes_before": 100.25, "age": 33, "kind": None, "day": 4}
    found = one.ask({"features": row})[0].json()["prediction"]
    wanted = one.holder.state.models["model"].plainly([list(row.values())])
    assert found == pytest.approx(wanted[0], abs=1e-12)
    assert one.ask({"features": row | {"minutes_before": 1e300}})[0].status_code == 422
    assert one.ask({"id": 1})[0].status_code == 422


@pytest.mark.parametrize("swaps", first_and_repetitions(3, 10))
def test_a_promotion_is_followed_without_losing_a_request(start: Start, swaps: int) -> None:
    registry = Registry(champion=scorer_of(estimator()))
    one = start(registry)
    versions = [scorer_of(estimator(seed=seed), str(seed + 1)) for seed in range(4)]

    async def under_load() -> list[Any]:
        answers: list[Any] = []
        done = False

        async def ask(client: Any) -> None:
            while not done:
                answers.append(await client.post("/predict", json={"id": len(answers) % 40}))
                await asyncio.sleep(0)  # without sockets nothing else lets others on

        async with one.client() as client:
            asking = [asyncio.create_task(ask(client)) for _ in range(2)]
            for turn in range(swaps):
                registry.aliases["champion"] = versions[(turn + 1) % 4]
                assert await one.holder.refresh()
                await asyncio.sleep(0.02)
            done = True
            await asyncio.gather(*asking)
        return answers

    answers = asyncio.run(under_load())
    assert {each.status_code for each in answers} == {200}
    assert {each.json()["version"] for each in answers} >= {"1", "2", "3"}
    assert one.holder.swaps == swaps
    last = {each.json()["version"]: each.json()["prediction"] for each in one.ask({"id": 5})}
    row = [one.holder.state.snapshot.row(5)]
    number = one.holder.state.models["model"].number
    wanted = estimator(seed=int(number) - 1).predict(one.holder.state.models["model"].frame(row))
    assert last == {number: pytest.approx(wanted[0], abs=1e-12)}


def test_what_cannot_be_followed_leaves_the_old_model_in_force(start: Start, capsys: Any) -> None:
    registry = Registry(champion=scorer_of(estimator()))
    one = start(registry)
    before = one.ask({"id": 1})[0].json()["prediction"]

    def stays(sentence: str) -> None:
        assert not asyncio.run(one.holder.refresh())
        assert sentence in one.holder.problem
        assert sentence in capsys.readouterr().err
        assert one.ask({"id": 1})[0].json()["prediction"] == before
        assert "mlops_serve_out_of_date 1.0" in one.get("/metrics").text

    registry.down = MlopsError("MLflow at tracking.uri (http://u:secret@x) refuses: no")
    stays("MLflow at tracking.uri (http://x) refuses: no")
    registry.down = None
    registry.aliases["champion"] = scorer_of(estimator(seed=1), "2", features_sql="another")
    stays("The snapshot holds other features than version 2 learned from")

    def refuses(settings: Any, alias: str) -> Any:
        raise MlopsError("models/model.skops asks for os.system: do not use it.")

    one.holder._load = refuses
    stays("asks for os.system")
    one.holder._load = registry.load
    registry.aliases["champion"] = scorer_of(estimator(seed=1), "2")
    assert asyncio.run(one.holder.refresh())
    assert one.holder.problem == ""
    assert one.ask({"id": 1})[0].json()["version"] == "2"


def test_a_new_snapshot_is_followed_and_a_damaged_one_is_not(start: Start) -> None:
    one = start()
    before = one.ask({"id": 1})[0].json()
    snapshot.write(load_settings(), "champion", "2025-01-25")
    assert asyncio.run(one.holder.refresh())
    after = one.ask({"id": 1})[0].json()
    assert (before["as_of"][:10], after["as_of"][:10]) == ("2025-01-20", "2025-01-25")
    with written_beside(SNAPSHOT) as beside:
        beside.write_bytes(b"SQLite format 3\x00 and nothing more")
    assert not asyncio.run(one.holder.refresh())
    assert "no snapshot, or damaged" in one.holder.problem
    assert one.ask({"id": 1})[0].json()["prediction"] == after["prediction"]


@pytest.mark.parametrize("why", ["raises", "is late", "is no number"])
def test_the_version_before_answers_when_the_model_does_not(start: Start, why: str) -> None:
    broken = {
        "raises": Slow(error=ValueError("secret")),
        "is late": Slow(1.0),
        "is no number": Lost(),
    }[why]
    registry = Registry(champion=scorer_of(broken, "2"), previous=scorer_of(estimator()))
    one = start(registry, limits={"seconds": 0.2})
    answers = one.ask(*[{"id": member} for member in range(3)])
    assert {each.status_code for each in answers} == {200}
    assert {(each.json()["answered_by"], each.json()["version"]) for each in answers} == {
        ("previous", "1")
    }
    assert "secret" not in answers[0].text
    # After some failures the model rests, and nobody waits for it.
    one.ask(*[{"id": 1}] * 5)
    begun = time.perf_counter()
    assert one.ask({"id": 1})[0].is_success
    assert time.perf_counter() - begun < 0.2


def test_nobody_is_told_a_wrong_answer_when_none_can_be_given(start: Start) -> None:
    one = start(Registry(champion=scorer_of(Slow(error=ValueError("x")))))
    (answer,) = one.ask({"id": 1})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "prediction" not in answer.text


def test_rules_answer_when_the_model_does_not(
    start: Start, club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (club / "rulebook.py").write_text("def decide(rows):\n    return rows['age'] * 2.0\n")
    monkeypatch.syspath_prepend(str(club))
    (club / "conf/compare.yaml").write_text(
        "case: B\ncandidate: candidate\n"
        "incumbent: {kind: rules, name: rules, function: rulebook.decide}\n"
        "primary: {metric: mae, min_effect: 1}\n"
    )
    learned().assign(split="train", y_true=1.0).to_parquet(club / "data/open/features.parquet")
    one = start(Registry(champion=scorer_of(Slow(error=ValueError("x")))), fall_back=["rules"])
    answer = one.ask({"id": 5})[0].json()
    assert (answer["answered_by"], answer["prediction"]) == ("rules", 50.0)


def test_a_canary_answers_its_share_and_always_the_same_entities(start: Start) -> None:
    registry = Registry(
        champion=scorer_of(estimator()), challenger=scorer_of(estimator(seed=1), "2")
    )
    one = start(registry, canary={"weight": 0.3})
    bodies = [{"id": member} for member in MEMBERS]
    first = [each.json()["answered_by"] for each in one.ask(*bodies)]
    (batch,) = one.ask({"rows": bodies}, path="/predict/batch")
    assert [each["answered_by"] for each in batch.json()["rows"]] == first
    assert [each.json()["answered_by"] for each in one.ask(*bodies)] == first
    assert 4 <= first.count("canary") <= 20
    drawn = [logs.sampled(member, 0.3, "canary") for member in range(20_000)]
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.02)
    assert one.ask(*bodies)[first.index("canary")].json()["version"] == "2"


def test_a_shadow_feeds_compare_shadow_and_nobody_sees_it(start: Start) -> None:
    registry = Registry(champion=scorer_of(estimator()), challenger=scorer_of(estimator(), "2"))
    one = start(registry, shadow={})
    answers = one.ask(*[{"id": member} for member in MEMBERS])
    assert {each.json()["version"] for each in answers} == {"1"}
    one.stop()
    code, result = shadow(logs.SHADOW, Shadow(max_disagreement=0.2))
    assert (result["n_requests"], result["agreement"], code) == (40, 1.0, 0)


def parts(folder: Path = SERVED) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(file) for file in folder.rglob("*.parquet"))


def test_the_log_holds_what_was_answered_with_the_features(start: Start) -> None:
    one = start(features={"source": "both", "given": ["kind"], "max_age_hours": None})
    given = {"id": 7, "features": {"kind": "ana@example.org"}}
    (answer,) = one.ask(given, headers={"x-request-id": "mine-1"})
    one.ask({"id": 7, "features": {"kind": "odd"}})
    one.stop()
    kept = parts().sort("served_at")
    assert kept["request_id"][0] == answer.json()["request_id"] == "mine-1"
    assert kept["prediction"][0] == answer.json()["prediction"]
    row = one.holder.state.snapshot.row(7)
    assert kept["minutes_before"].to_list() == [row[0], row[0]]
    # What training never saw may be anything: it is not kept, and no missing value either.
    assert kept["kind"].to_list() == [STRANGE, "odd"]
    assert kept["features_sha256"].n_unique() == 2
    assert kept["version"].to_list() == ["1", "1"]
    assert kept["time"].dt.date().to_list() == [DAY, DAY]
    assert kept.schema["age"] == pl.Int64
    assert set(NAMES) <= set(kept.columns)


def test_of_very_many_texts_the_log_has_the_usual_ones_and_which_are_new() -> None:
    known = Texts(frozenset(["usual"]), membership.kept(["usual", "rare"]), many=True)
    told = ["usual", "rare", "ana@example.org", None, ["rare", "usual", "new"], "of the snapshot"]
    own = [True] * 5 + [False]
    said = logs.without_strange(told, own, known)
    assert said == ["usual", RARE, STRANGE, None, [RARE, "usual", STRANGE], "of the snapshot"]
    for text in (STRANGE, RARE):
        grid = grid_of(pl.Series(["usual"] * 60 + [f"text {place}" for place in range(60)]))
        assert coded(pl.Series([text]), grid)[1].tolist() == [text == STRANGE]


def test_the_log_never_fails_a_request_and_goes_on_when_there_is_room(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    one = start(log={"flush_seconds": 0.02, "most_waiting": 10})
    full = True
    write = logs.written_beside

    def refused(path: Path) -> Any:
        if full:
            raise OSError(28, "No space left on device", str(path))
        return write(path)

    monkeypatch.setattr(logs, "written_beside", refused)
    assert {each.status_code for each in one.ask(*[{"id": 3}] * 12)} == {200}
    time.sleep(0.2)
    assert "The disk is full" in capsys.readouterr().err
    assert "mlops_serve_log_dropped 2.0" in one.get("/metrics").text
    full = False
    one.stop()
    assert len(parts()) == 10


def test_old_days_of_the_log_go_unless_the_clock_jumps(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def on(day: str) -> set[str]:
        """Answer once on a day; return the days that are kept."""
        monkeypatch.setattr(logs, "today", lambda: datetime.date.fromisoformat(day))
        one = start()
        one.ask({"id": 1})
        one.stop()
        return {place.name.removeprefix("day=") for place in SERVED.glob("day=*")}

    assert on("2025-01-01") == {"2025-01-01"}
    assert on("2025-01-20") == {"2025-01-01", "2025-01-20"}
    assert on("2035-01-01") == {"2025-01-01", "2025-01-20", "2035-01-01"}
    assert "2 days of the log: too old by this machine's clock" in capsys.readouterr().err
    assert "2025-01-01" in on("2025-02-01")  # back: it has jumped, too
    assert on("2025-02-02") == {"2025-01-20", "2025-02-01", "2025-02-02", "2035-01-01"}


def test_recommendations_leave_out_what_is_excluded(start: Start) -> None:
    version = scorer_of(Ranks(), task="recommendation")
    one = start(Registry(champion=version), features={"new": "answer", "max_age_hours": None})
    assert one.ask({"id": 10})[0].json()["items"] == [30, 31, 32]
    assert one.ask({"id": 10, "exclude": [31, 33]})[0].json()["items"] == [30, 32, 34]
    assert one.ask({"id": 999})[0].json()["items"] == [100, 101, 102]
    assert one.ask({"id": 10, "exclude": "31"})[0].status_code == 422


def test_a_snapshot_is_there_whole_or_not_at_all(start: Start, monkeypatch: Any) -> None:
    start()
    before = SNAPSHOT.read_bytes()

    def killed(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshot, "_constant", killed)
    with pytest.raises(KeyboardInterrupt):
        snapshot.write(load_settings(), "champion", "2025-01-25")
    assert SNAPSHOT.read_bytes() == before
    assert [file.name for file in Path("data/open").glob("*snapshot*")] == ["snapshot.sqlite"]


def test_a_snapshot_of_other_features_is_refused_by_name(start: Start) -> None:
    known = Registry(champion=scorer_of(estimator(), types=TYPES | {"age": "DOUBLE"}))
    with pytest.raises(MlopsError, match='"age" is of type BIGINT'):
        start(known)


def test_forecasts_are_asked_for_by_horizon(start: Start, monkeypatch: Any) -> None:
    one = start()
    assert one.ask({"id": 1, "horizon": 1})[0].status_code == 422


@pytest.mark.parametrize("bodies", first_and_repetitions(200, 10_000))
def test_malformed_bodies_are_refused_and_it_keeps_serving(start: Start, bodies: int) -> None:
    one = start(features={"source": "both", "given": ["kind"], "max_age_hours": None},
                limits={"concurrency": 1000})  # fmt: skip
    found: dict[int, int] = {}
    for path in ("/predict", "/predict/batch"):
        for begun in range(0, bodies // 2, 100):
            for answer in one.ask(*(malformed(begun + turn) for turn in range(100)), path=path):
                found[answer.status_code] = found.get(answer.status_code, 0) + 1
    assert set(found) <= {200, 404, 413, 422}
    assert found[422] > bodies * 0.7
    assert one.ask({"id": 7, "features": {"kind": "odd"}})[0].is_success


@pytest.mark.repetition
def test_schemathesis_finds_no_unexpected_answer(start: Start) -> None:
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.specs.openapi.checks import ignored_auth

    one = start(features={"source": "both", "given": ["kind", "age"], "max_age_hours": None})
    schema = schemathesis.openapi.from_asgi(
        "/openapi.json", one.gate, headers={"authorization": f"Bearer {KEY}"}
    )

    for found in schema.get_all_operations():
        operation = cast(Any, found).ok()

        @settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def asked(case: Any) -> None:
            # Its own requests without a key carry the one given here: another test asks without.
            case.call_and_validate(
                headers={"authorization": f"Bearer {KEY}"}, excluded_checks=[ignored_auth]
            )

        asked()


def test_many_texts_are_asked_about_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    texts = [f"text {place}" for place in range(700)]
    rows = learned().head(40)
    rows = pd.concat([rows] * 18, ignore_index=True).head(700).assign(kind=texts)
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encoder, ["kind"]), remainder="passthrough")
    model = make_pipeline(columns, LinearRegression())
    amounts = np.arange(700.0)
    model.fit(rows[NAMES].fillna(0), amounts)
    asked: list[int] = []
    transform = OneHotEncoder.transform

    def counted(self: Any, frame: Any) -> Any:
        asked.append(len(frame))
        return transform(self, frame)

    monkeypatch.setattr(OneHotEncoder, "transform", counted)
    names = [[name, str(rows[name].dtype)] for name in NAMES]
    plan = compiled(model, {"task": "regression", "features": names})
    assert len(asked) <= 5
    row = rows[NAMES].fillna(0).astype(object).to_numpy().tolist()
    assert np.allclose(plan(row), model.predict(rows[NAMES].fillna(0)), rtol=1e-12, atol=1e-9)


def test_a_model_that_no_plan_is_known_for_says_why(start: Start) -> None:
    model = Served(scorer_of(Ranks(), task="recommendation"), fast=True)
    assert model.path == "plain"
    assert "Ranks" in model.why_plain


def test_the_example_of_the_interface_is_answered(start: Start) -> None:
    one = start(features={"source": "both", "given": ["kind"], "max_age_hours": None})
    for path in ("/predict", "/predict/batch"):
        content = one.get("/openapi.json").json()["paths"][path]["post"]["requestBody"]["content"]
        (answer,) = one.ask(content["application/json"]["example"], path=path)
        assert answer.status_code == 200, answer.text


def test_the_example_of_ids_that_are_texts_is_one(start: Start) -> None:
    one = start()
    text = Ids(Annotated[str, Field()], str, people=False)
    reader = one.holder.state.reader
    reader._ids, reader.snapshot = text, cast(Any, SimpleNamespace(any_id=lambda: "a b"))
    assert reader._example_id() == "a b"
    # Of people none is shown, in whichever form ids may come.
    reader._ids = Ids(Annotated[str, Field()], str)
    assert reader._example_id() == "17"
    reader._ids = Ids(Annotated[int, Field()] | Annotated[str, Field()], str)
    assert reader._example_id() == 17


def test_a_port_that_is_taken_is_refused_before_anything_says_that_it_answers(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    start()
    Path("conf/serve.yaml").write_text("{}\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(MlopsError, match=rf"Port {port} at 127\.0\.0\.1 is taken"):
            serve(port=port)
    assert "http://" not in capsys.readouterr().err


def test_events_with_times_of_their_own_are_told_to_come_with_the_request(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    own = FEATURES.replace("JOIN members ON", "JOIN members ON rows.time < DATE '1990-01-01' AND")
    use_features(monkeypatch, own)
    with pytest.raises(MlopsError, match="source: request"):
        snapshot.write(load_settings(), "champion", DAY.isoformat())


def test_an_address_that_others_reach_needs_a_key_wherever_it_is_said(club: Path) -> None:
    file = club / "conf/serve.yaml"
    file.write_text("require_key: false\n")
    refused = r"at 192\.0\.2\.1 others can ask: leave require_key"
    with pytest.raises(MlopsError, match=refused):
        serve(host="192.0.2.1")
    file.write_text("require_key: false\nhost: 192.0.2.1\n")
    with pytest.raises(MlopsError, match=refused):
        serve()
