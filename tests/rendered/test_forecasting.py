"""docs/forecasting.md, followed to the letter; and its files on a real series, figures by hand.

The real one is the weekly carbon dioxide at Mauna Loa of statsmodels (Keeling and Whorf 2004), with
its gaps.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import statsmodels.api
import yaml
from documents import blocks, do
from mlops_kit.compare.holdout.times import MOST_OVERLAPPING
from running import Project, new_project, replace
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error
from stages import command, pipeline, registered

pytestmark = pytest.mark.xdist_group("forecasting")
EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}


def page(project: Project) -> str:
    return (project.path / "docs" / "forecasting.md").read_text(encoding="utf-8")


def follow(project: Project) -> Project:
    """Do the steps of the page up to the run."""
    for block in blocks(page(project).split("\n## 5. ")[0]):
        do(project, block)
    return project


def decision(project: Project) -> dict[str, Any]:
    return json.loads((project.path / "reports/compare/decision.json").read_text("utf-8"))


def card(project: Project) -> dict[str, Any]:
    return json.loads((project.path / "models/model.json").read_text("utf-8"))


def predicted(project: Project, system: str) -> pd.DataFrame:
    """Return a system's forecasts, ordered by id, time and horizon."""
    table = pd.read_parquet(project.path / "data/open/predictions.parquet")
    table["time"] = pd.to_datetime(table["time"])
    chosen = table[table["system"] == system]
    return chosen.sort_values(["id", "time", "horizon"], ignore_index=True)


@pytest.fixture(scope="module")
def bakeries(tmp_path_factory: pytest.TempPathFactory) -> Project:
    answers = {"task": "regression", "personal_data": "none"}
    project = follow(new_project(tmp_path_factory.mktemp("forecast") / "project", answers))
    pipeline(project)
    return project


def carbon_dioxide() -> pd.DataFrame:
    loaded: Any = statsmodels.api.datasets.co2.load_pandas()
    series = loaded.data["co2"]
    return series.rename_axis("day").rename("loaves").dropna().reset_index()


@pytest.fixture(scope="module")
def weekly(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Take the files of the page, with a week as the step, on the real series."""
    answers = {"task": "regression", "personal_data": "none"}
    project = follow(new_project(tmp_path_factory.mktemp("weekly") / "project", answers))
    carbon_dioxide().assign(shop="Mauna Loa").to_csv(
        project.path / "data/raw/sales.csv", index=False
    )
    params = project.path / "params.yaml"
    for old, new in (
        ("horizons: 14", "horizons: 8"),
        ("step_days: 1", "step_days: 7"),
        ("season_days: 7", "season_days: 364"),
        ("history_days: 28 ", "history_days: 1092 "),
        ("cutoffs: 6", "cutoffs: 5"),
    ):
        replace(params, old, new)
    compare = project.path / "conf/compare.yaml"
    compare.write_text(compare.read_text("utf-8").replace("7 days", "52 weeks"), "utf-8")
    pipeline(project)
    return project


def lengths(project: Project) -> tuple[dict[str, Any], pd.Timedelta, pd.Timedelta]:
    """Return `features` of params.yaml, its step and its season."""
    params = yaml.safe_load((project.path / "params.yaml").read_text("utf-8"))["features"]
    step, season = (pd.Timedelta(days=params[f"{name}_days"]) for name in ("step", "season"))
    return params, step, season


def by_hand(project: Project) -> pd.DataFrame:
    """Make the page's rows from the csv alone: what came true, and the seasonal naive."""
    raw = pd.read_csv(project.path / "data/raw/sales.csv", parse_dates=["day"])
    params, step, season = lengths(project)
    values: dict[Any, Any] = {(row.shop, row.day): row.loaves for row in raw.itertuples()}
    first: Any = raw["day"].min()
    begin = first + pd.Timedelta(days=params["history_days"])
    rows = []
    for shop, day in values:
        for horizon in range(1, params["horizons"] + 1):
            ahead = day + (horizon - 1) * step
            if day < begin or (shop, ahead) not in values:
                continue
            before = ahead - season
            # Known when the step that it is of has ended, at `day` or earlier.
            while before + step > day or (shop, before) not in values:
                before -= season
            rows.append((shop, day, horizon, ahead, values[shop, ahead], values[shop, before]))
    names = ["id", "time", "horizon", "ahead", "y_true", "naive"]
    return pd.DataFrame(rows, columns=names).sort_values(["id", "time", "horizon"])


def scaled_by_hand(project: Project, rows: pd.DataFrame, cutoffs: list[pd.Timestamp]) -> np.ndarray:
    """Average the seasonal naive's errors on what was known at each cut-off, shape (n,)."""
    _, step, season = lengths(project)
    scale = np.full(len(rows), np.nan)
    for place, cutoff in enumerate(cutoffs):
        until = cutoffs[place + 1] if place + 1 < len(cutoffs) else pd.Timestamp.max
        window = ((rows["time"] >= cutoff) & (rows["time"] < until)).to_numpy()
        learned = rows[rows["ahead"] + step <= cutoff].drop_duplicates(["id", "ahead"])
        for shop, own in learned.groupby("id"):
            known = dict(zip(own["ahead"], own["y_true"], strict=True))
            pairs = ((day, day - season) for day in known if day - season in known)
            gaps = [abs(known[day] - known[before]) for day, before in pairs]
            scale[window & (rows["id"] == shop).to_numpy()] = np.mean(gaps)
    return scale


@pytest.mark.parametrize("name", ["bakeries", "weekly"])
def test_every_printed_figure_is_that_of_a_computation_by_hand(
    name: str, request: pytest.FixtureRequest, figure: Callable[[str], None]
) -> None:
    project: Project = request.getfixturevalue(name)
    decided, known = decision(project), card(project)
    cutoffs = [pd.Timestamp(each["cutoff"]) for each in known["cutoffs"]]
    rows = by_hand(project)
    held = (rows["time"] >= cutoffs[0]).to_numpy()
    candidate, naive = predicted(project, "candidate"), predicted(project, "last week")
    for column in ("id", "horizon", "y_true"):
        assert candidate[column].tolist() == rows[held][column].tolist()
    assert naive["prediction"].to_numpy() == pytest.approx(rows[held]["naive"].to_numpy(), **EXACT)
    scale = scaled_by_hand(project, rows, cutoffs)[held]
    assert candidate["mase_scale"].to_numpy() == pytest.approx(scale, **EXACT)
    truth = rows[held]["y_true"].to_numpy()
    for role, system in (("candidate", candidate), ("incumbent", naive)):
        value = np.mean(np.abs(system["prediction"].to_numpy() - truth) / scale)
        assert decided[role]["value"] == pytest.approx(value, **EXACT)
    wape = [
        mean_absolute_error(truth, system["prediction"]) / np.abs(truth).mean()
        for system in (candidate, naive)
    ]
    assert decided["guardrails"][0]["estimate"] == pytest.approx(wape[1] - wape[0], **EXACT)
    figure(f"{name}: {decided['decision']}, {decided['reasons'][0]}")


@pytest.mark.parametrize("name", ["bakeries", "weekly"])
def test_each_window_is_predicted_by_a_model_of_what_was_known_at_its_cut_off(
    name: str, request: pytest.FixtureRequest
) -> None:
    project: Project = request.getfixturevalue(name)
    known = card(project)
    _, step, _ = lengths(project)
    table = pd.read_parquet(project.path / "data/open/features.parquet")
    file = project.path / "models/model.skops"
    stored = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    forecasts = predicted(project, "candidate").set_index(["id", "time", "horizon"])["prediction"]
    time = pd.to_datetime(table["time"])
    matured = time + step * table["horizon"]
    cutoffs = [pd.Timestamp(each["cutoff"]) for each in known["cutoffs"]]
    for place, cutoff in enumerate(cutoffs):
        until = cutoffs[place + 1] if place + 1 < len(cutoffs) else pd.Timestamp.max
        window = table.assign(time=time)[(time >= cutoff) & (time < until)]
        train = table[matured <= cutoff]
        assert known["cutoffs"][place]["training_rows"] == len(train)
        assert known["cutoffs"][place]["holdout_rows"] == len(window)
        model = clone(stored).fit(train[known["features"]], train["y_true"])
        told = forecasts.loc[pd.MultiIndex.from_frame(window[["id", "time", "horizon"]])]
        found = model.predict(window[known["features"]])
        assert told.to_numpy() == pytest.approx(found, **EXACT)
        last = place + 1 == len(cutoffs)  # the one that is stored
        assert not last or stored.predict(window[known["features"]]) == pytest.approx(
            found, **EXACT
        )
        assert not last or known["training_rows"] == len(train)
    assert set(table["split"]) == {"train", "gap", "holdout"}


def test_the_bakeries_are_judged_by_horizon_and_the_model_wins(bakeries: Project) -> None:
    decided = decision(bakeries)
    assert decided["decision"] == "promote"
    slices = [each["name"] for each in decided["slices"]]
    assert slices == [f"horizon = {number}" for number in range(1, 15)]
    assert decided["primary"]["design"] == "two-way"
    report = (bakeries.path / "reports/compare/report.md").read_text("utf-8")
    assert "Fitted anew at 6 cut-offs (2024-02-11 to 2024-11-07)" in report
    assert "Each row says from when its outcome is known" in report


def test_one_real_series_is_judged_in_time_by_periods_that_horizons_hardly_overlap(
    weekly: Project,
) -> None:
    primary = decision(weekly)["primary"]
    assert primary["design"] == "time"
    assert primary["n_periods"] >= 16
    rows = predicted(weekly, "candidate")
    longest = (rows["known_at"] - rows["time"]).max()
    # Weeks stay weeks: eight of them are fewer than are merged.
    assert longest / pd.Timedelta(weeks=1) == 8 < MOST_OVERLAPPING
    assert primary["n_periods"] == rows["time"].nunique()


def test_the_registered_model_forecasts_each_horizon_as_it_was_judged(bakeries: Project) -> None:
    registered(bakeries)
    (bakeries.path / "shops.csv").write_text("shop\nSur\nCentro\nNobody\n", encoding="utf-8")
    for day in ("2024-12-12", "2025-01-01"):
        done = command(bakeries, f"predict --input shops.csv --as-of {day} --max-aside 0.4")
        assert done.returncode == 0, done.stderr
        scored = pd.read_parquet(bakeries.path / "data/open/scored/shops.parquet")
        assert scored["id"].tolist() == ["Sur"] * 14 + ["Centro"] * 14
        assert scored["horizon"].tolist() == [*range(1, 15)] * 2
        assert scored["prediction"].between(50, 400).all()
        keys = ["id", "time", "horizon"]
        scored["time"] = pd.to_datetime(scored["time"])
        both = scored.merge(predicted(bakeries, "candidate"), on=keys, suffixes=("", "_judged"))
        assert len(both) == (28 if day == "2024-12-12" else 0)
        assert both["prediction"].tolist() == both["prediction_judged"].tolist()
        record = json.loads(
            (bakeries.path / "data/open/scored/shops.predict.json").read_text("utf-8")
        )
        assert (record["rows"], sum(record["set_aside"].values())) == (28, 14)
        assert record["input"]["rows"] == 3


def test_a_champion_that_knows_what_it_would_be_judged_on_is_refused(bakeries: Project) -> None:
    registered(bakeries)
    file = bakeries.path / "conf/compare.yaml"
    before = file.read_text("utf-8")
    rule = "{kind: trivial, name: last week, strategy: seasonal_naive, season: 7 days}"
    replace(file, rule, "{kind: mlflow}")
    done = command(bakeries, "train")
    file.write_text(before, "utf-8")
    assert done.returncode == 3
    assert "learned from outcomes up to 2024-11-07T00:00:00, and the first" in done.stderr


@pytest.mark.repetition
def test_windows_may_be_slices_too(bakeries: Project) -> None:
    replace(bakeries.path / "conf/compare.yaml", "columns: [horizon]", "columns: [cutoff]")
    for words in ("train", "compare run"):
        command(bakeries, words).check_returncode()
    named = [each["name"] for each in decision(bakeries)["slices"]]
    assert named == [f"cutoff = {each['cutoff'][:10]}" for each in card(bakeries)["cutoffs"]]
