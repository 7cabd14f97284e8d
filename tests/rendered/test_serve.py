"""A real server answers what the pipeline judged, follows promotions, and ends in peace."""

import signal
from dataclasses import replace as changed_copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from running import new_project, replace
from running_server import KEY, ready_to_serve, served
from stages import command, pipeline, registered

ANSWER = {"classification": "score", "regression": "prediction", "recommendation": "items"}
CASES: list[Any] = [("classification", True)] + [
    pytest.param(task, small, marks=pytest.mark.repetition)
    for small in (True, False)
    for task in ANSWER
    if (task, small) != ("classification", True)
]


@pytest.mark.parametrize(("task", "small"), CASES)
def test_what_is_served_was_judged_and_a_promotion_is_followed(
    task: str, small: bool, tmp_path: Path, figure: Any
) -> None:
    project = new_project(tmp_path / "shop", {"task": task, "serving": "both"})
    ready_to_serve(project, small)
    table = pl.read_parquet(project.path / "data/open/predictions.parquet")
    judged = table.filter(pl.col("system") == "candidate").sort("time", "id")
    known = pl.read_parquet(project.path / "data/restricted/tables/entities.parquet")
    times = judged["time"].unique().sort().to_list()
    command(project, f"snapshot --as-of {times[0]}").check_returncode()
    checked = 0
    with served(project) as server:
        assert server.ask("/predict", {"id": 1}, key="wrong")[0] == 401
        for moment in times:
            command(project, f"snapshot --as-of {moment}").check_returncode()
            rows = judged.filter(pl.col("time") == moment)
            ids = rows["id"].to_list()

            def is_of(moment: Any = moment, first: str = ids[0]) -> bool:
                status, said = server.ask("/predict", {"id": first})
                return status == 200 and said["as_of"].startswith(str(moment)[:10])

            server.wait_for(is_of)
            found = []
            for start in range(0, len(ids), 1000):
                asked = [{"id": one} for one in ids[start : start + 1000]]
                status, said = server.ask("/predict/batch", {"rows": asked})
                assert status == 200, said
                found += [one[ANSWER[task]] for one in said["rows"]]
            wanted = np.array(rows[ANSWER[task]].to_list(), float)
            assert np.abs(np.array(found, float) - wanted).max() <= 1e-12
            checked += len(ids)
        figure(f"{task}: {checked:,} rows through the server as the pipeline judged them")
        # The id behind a token is the same entity.
        # Of those whom features() has rows of: a customer who never bought has none.
        asked = [server.ask("/predict", {"id": int(one)}) for one in known["customer_id"][:50]]
        place = next(place for place, (status, _) in enumerate(asked) if status == 200)
        raw, said = int(known["customer_id"][place]), asked[place][1]
        assert server.ask("/predict", {"id": 10**9})[0] == (
            200 if task == "recommendation" else 404
        )
        if task == "recommendation":
            first = said["items"][0]
            _, without = server.ask("/predict", {"id": raw, "exclude": [first]})
            assert without["items"][:9] == said["items"][1:]
            assert len(without["items"]) == len(said["items"])
        params = project.path / "params.yaml"
        changed = {
            "classification": ("trees: 60", "trees: 30"),
            "regression": ("trees: 80", "trees: 30"),
            "recommendation": ("weight: 0.6", "weight: 0.3"),
        }[task]
        replace(params, *changed)
        pipeline(project)
        registered(project)
        server.wait_for(lambda: server.ask("/predict", {"id": raw})[1].get("version") == "2")
        assert "mlops_serve_requests_total" in server.ask("/metrics")[1]
        # In peace, and then by the signal itself, as whoever sent it expects.
        assert server.end() in {0, 128 + signal.SIGTERM}
    kept = pl.concat(
        [pl.read_parquet(file) for file in (project.path / "data/open/served").rglob("*.parquet")],
        how="diagonal_relaxed",
    )
    assert len(kept) >= checked
    assert set(kept["version"]) == {"1", "2"}
    if "segment" in kept.columns:
        assert kept["segment"].null_count() == 0
    assert not kept["id"].drop_nulls().str.contains(r"^\d+$").any()


@pytest.mark.repetition
@pytest.mark.parametrize("task", ANSWER)
def test_a_row_in_the_request_gets_what_predict_and_the_pipeline_say(
    task: str, tmp_path: Path, figure: Any
) -> None:
    project = new_project(tmp_path / "shop", {"task": task, "serving": "both"})
    ready_to_serve(project, small=False, features={"source": "request"})
    own = ["id", "time"]
    table = pl.read_parquet(project.path / "data/open/predictions.parquet")
    judged = table.filter(pl.col("system") == "candidate").select(*own, ANSWER[task]).sort(own)
    judged.select(own).write_parquet(project.path / "asked.parquet")
    command(project, "predict --input asked.parquet --output said.parquet").check_returncode()
    predicted = pl.read_parquet(project.path / "said.parquet").sort(own)
    rows = pl.read_parquet(project.path / "data/open/features.parquet")
    rows = judged.select(own).join(rows, on=own, how="left", maintain_order="left")
    with served(project) as server:
        shown = server.ask("/openapi.json")[1]["components"]["schemas"]["one_Features"]
        given = rows.select(list(shown["properties"])).to_dicts()
        found = []
        for start in range(0, len(given), 1000):
            asked = [{"features": row} for row in given[start : start + 1000]]
            status, said = server.ask("/predict/batch", {"rows": asked})
            assert status == 200, said
            found += [one[ANSWER[task]] for one in said["rows"]]
    wanted = np.array(judged[ANSWER[task]].to_list(), float)
    for other in (found, predicted[ANSWER[task]].to_list()):
        assert np.abs(np.array(other, float) - wanted).max() <= 1e-12
    figure(f"{task}: {len(wanted):,} rows in requests and by predict as the pipeline judged them")


def test_without_what_it_needs_it_says_so_and_ends(tmp_path: Path) -> None:
    project = new_project(tmp_path / "shop", {"serving": "online", "personal_data": "none"})
    keyed = changed_copy(project, extra={"MLOPS_SERVE_KEY": KEY})
    done = command(keyed, "serve")
    assert done.returncode == 3
    assert "no model is registered: run `uv run mlops run`" in done.stderr
    assert "Traceback" not in done.stderr
    done = command(project, "snapshot")
    assert done.returncode == 3
    assert "holds no tables: run `uv run mlops run`" in done.stderr
