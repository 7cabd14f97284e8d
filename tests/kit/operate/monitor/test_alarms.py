"""A year of days: what is alarmed, since when, and why perhaps; and what must stay quiet."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mlops_kit.operate.monitor.champion import Champion
from mlops_kit.operate.monitor.config import MonitorConfig, Persist
from mlops_kit.operate.monitor.judging import alarms
from mlops_kit.operate.monitor.judging.alarms import alarm_days, alarms_of
from mlops_kit.operate.monitor.judging.drift import alarmed, all_series
from mlops_kit.operate.monitor.judging.performance import Judged
from mlops_kit.operate.monitor.judging.windows import Column, Days, over, usual_rows
from mlops_kit.operate.monitor.monitor import Look, _result
from mlops_kit.operate.monitor.served import Served
from mlops_kit.train.checks.reference import coded, grid_of

CONFIG = MonitorConfig()
FIRST, SIZE, ROWS, AT = np.datetime64("2025-01-06"), 120, 100, 100
NAMES = [f"f{place}" for place in range(6)]


def drawn(rng: np.random.Generator, size: int = SIZE) -> dict[str, np.ndarray]:
    return {name: rng.normal(10, 2, (size, ROWS)) for name in NAMES}


def counted(values: dict[str, np.ndarray], rows: np.ndarray | None = None) -> tuple[Days, dict]:
    """Count days of values, and the summary of a training that looked alike."""
    import polars as pl

    rng = np.random.default_rng(99)
    size = len(next(iter(values.values())))
    days = Days(FIRST, np.full(size, float(ROWS)) if rows is None else rows)
    learned = {}
    for name, table in values.items():
        trained = pl.Series(rng.normal(10, 2, 5_000))
        grid = grid_of(trained)
        codes, _ = coded(trained, grid)
        cells = len(grid["edges"]) + 1
        counts = [np.bincount(codes, minlength=cells).tolist()]
        nothing = {"missing": [0], "strange": [0]}
        learned[name] = grid | nothing | {"months": ["2024-12"], "counts": counts}
        column = Column.empty(grid, size)
        for day, every in enumerate(table):
            one = every[: int(days.rows[day])]
            codes, strange = coded(pl.Series(one), grid)
            column.cells[day] = np.bincount(codes[codes >= 0], minlength=cells)
            column.missing[day] = (codes < 0).sum()
            column.outside[day] = strange.sum()
            column.total[day] = np.nansum(one)
        days.columns[name] = column
    return days, learned


def seen(days: Days, learned: dict, at: int = SIZE - 1) -> list[dict]:
    series, _ = all_series(days, learned, CONFIG)
    return alarms_of(series, days, learned, CONFIG, at)


def test_a_quiet_quarter_alarms_on_no_day() -> None:
    days, learned = counted(drawn(np.random.default_rng(1)))
    series, _ = all_series(days, learned, CONFIG)
    assert not any(alarm_days(one, days, CONFIG).any() for one in series)
    assert any(np.isfinite(one.value).sum() > 100 for one in series)


@pytest.mark.parametrize(
    ("change", "key", "cause"),
    [
        (lambda table: table * 100, "outside f2", "upstream"),
        (lambda table: np.where(np.arange(ROWS) % 4 == 0, np.nan, table), "missing f2", "upstream"),
        (lambda table: np.full_like(table, 10.0), "drift f2", "upstream"),
        (lambda table: table + 2, "drift f2", "upstream"),
    ],
)
def test_what_breaks_is_named_with_its_day_and_its_cause(change, key, cause) -> None:
    values = drawn(np.random.default_rng(2))
    values["f2"][AT:] = change(values["f2"][AT:])
    days, learned = counted(values)
    found = {one["key"]: one for one in seen(days, learned)}
    assert {one["column"] for one in found.values()} == {"f2"}
    assert found[key]["cause"] == cause
    assert {one["since"] for one in found.values()} == {str(FIRST + AT)}


def test_a_unit_is_recognised_and_a_constant_is() -> None:
    values = drawn(np.random.default_rng(3))
    values["f1"][AT:] *= 100
    values["f4"][AT:] = 10.0
    found = {one["key"]: one["sentence"] for one in seen(*counted(values))}
    assert "Its mean is 100 times that of training: another unit?" in found["drift f1"]
    assert "one value now" in found["drift f4"]


def test_many_columns_together_are_other_people() -> None:
    values = drawn(np.random.default_rng(4))
    for name in NAMES[:4]:
        values[name][AT:] += 2
    found = [one for one in seen(*counted(values)) if one["check"] == "drift"]
    assert len(found) == 4
    assert {one["cause"] for one in found} == {"population"}


def test_an_alarm_clears_when_the_shift_has_ended() -> None:
    values = drawn(np.random.default_rng(5))
    values["f0"][80:90] += 4
    days, learned = counted(values)
    assert seen(days, learned, 89)
    assert not seen(days, learned, 102)


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (lambda table: table * 100, {"outside f2", "drift f2"}),
        (lambda table: np.full_like(table, np.nan), {"missing f2"}),
        (lambda table: table + 2, {"drift f2"}),
    ],
)
def test_what_stays_broken_stays_an_alarm_until_it_is_mended(change, keys) -> None:
    values = drawn(np.random.default_rng(12), 300)
    values["f2"][80:250] = change(values["f2"][80:250])
    days, learned = counted(values)
    for at in (90, 120, 240):
        found = {one["key"]: one for one in seen(days, learned, at)}
        assert set(found) == keys
        assert {one["since"] for one in found.values()} == {str(FIRST + 80)}
    assert all("The weeks before are like it by now" in one["sentence"] for one in found.values())
    assert all(one["value"] >= one["limit"] for one in found.values())
    assert not seen(days, learned, 260)


def test_a_column_without_values_has_the_figures_of_this_window_and_of_no_earlier_one() -> None:
    values = drawn(np.random.default_rng(17))
    values["f2"][80:] = np.nan
    days, learned = counted(values)
    series, _ = all_series(days, learned, CONFIG)
    judged = Judged([], [], [])
    look = Look(days, series, [], judged, [], SIZE - 1, learned, CONFIG)
    project: Any = SimpleNamespace(project="p", business_metric="b")
    model = Champion("m", "1", learned, None, None, [])
    served = Served(days, None, [], {})
    found = _result(project, model, served, look, [], "quiet", CONFIG)["columns"]
    told = {one["column"]: (one["index"] is None, one["missing"]) for one in found}
    assert told == {name: (name == "f2", float(name == "f2")) for name in NAMES}


def test_a_mean_of_other_rows_is_called_no_unit() -> None:
    values = drawn(np.random.default_rng(13))
    for name in NAMES[:4]:
        values[name][AT:] *= 1.58
    found = [one for one in seen(*counted(values)) if one["check"] == "drift"]
    assert len(found) == 4
    assert not [one for one in found if "unit" in one["sentence"]]
    assert {one["cause"] for one in found} == {"population"}


def test_a_small_training_table_with_gaps_raises_no_alarm() -> None:
    values = drawn(np.random.default_rng(14), 40)
    values["f3"][np.random.default_rng(15).random(values["f3"].shape) < 0.3] = np.nan
    days, learned = counted(values)
    cells = len(learned["f3"]["edges"]) + 1
    learned["f3"] |= {"counts": [[100 // cells] * cells], "missing": [40]}
    series, _ = all_series(days, learned, CONFIG)
    assert not any(alarm_days(one, days, CONFIG).any() for one in series if one.check == "missing")
    values["f3"][20:] = np.nan
    days, _ = counted(values)
    assert [one["key"] for one in seen(days, learned, 39)] == ["missing f3"]


def test_a_wide_window_is_never_set_against_itself() -> None:
    values = drawn(np.random.default_rng(16))
    values["f1"][90:] += 1.5
    days, learned = counted(values)
    learned = {}
    config = CONFIG.model_copy(update={"window_days": 28})
    series, _ = all_series(days, learned, config)
    (one,) = [each for each in series if each.key == "drift f1"]
    # A reference that held the shifted days themselves would be nearer.
    alone = np.arange(SIZE) >= 118
    assert (one.value[alone] > 0.25).all()


def test_no_alarm_comes_of_few_rows() -> None:
    rows = np.zeros(SIZE)
    rows[::40] = 20
    values = drawn(np.random.default_rng(6))
    values["f0"][:] += 4
    days, learned = counted(values, rows)
    series, _ = all_series(days, learned, CONFIG)
    assert not np.isfinite([one.value for one in series if one.check == "drift"]).any()


def test_a_day_without_rows_is_seen_where_there_were_rows_each_day() -> None:
    rows = np.full(SIZE, float(ROWS))
    rows[AT:] = 0
    days, learned = counted(drawn(np.random.default_rng(7)), rows)
    assert "few" in {one["key"] for one in seen(days, learned, AT + 2)}
    assert not seen(days, learned, AT)


def test_weekdays_are_set_against_themselves() -> None:
    rows = np.where(np.arange(SIZE) % 7 < 5, 100.0, 5.0)
    days, learned = counted(drawn(np.random.default_rng(8)), rows)
    assert np.nanmin(rows / usual_rows(days, CONFIG)) == 1
    assert not seen(days, learned)


def test_one_odd_day_is_no_alarm_and_three_of_four_are() -> None:
    beyond = np.array([0, 1, 0, 1, 1, 0, 0, 0], bool)
    every = np.ones(8)
    assert alarmed(beyond, every, Persist()).tolist() == [False] * 4 + [True, False, False, False]
    # Batches of a month each share no rows: one is enough.
    rare = np.zeros(95)
    rare[[0, 31, 62, 93]] = 1
    beyond = np.zeros(95, bool)
    beyond[62] = True
    assert np.flatnonzero(alarmed(beyond, rare, Persist())).tolist() == list(range(62, 93))


def test_windows_add_up_the_days_before() -> None:
    counts = np.arange(1.0, 7.0)
    assert over(counts, 3).tolist() == [1, 3, 6, 9, 12, 15]
    assert over(counts, 2, 2).tolist() == [0, 0, 1, 3, 5, 7]


def test_an_input_that_moved_below_its_limit_is_named_and_not_called_still() -> None:
    cause = alarms._cause
    near, still = ("price", 0.18), ("price", 0.02)
    for check, otherwise in (("answers", "model"), ("worse", "concept")):
        named = cause({"check": check}, {}, 0, 11, {check}, near, [])
        assert "price moved most (index 0.18)" in named[1]
        assert "No input moved" not in named[1]
        found, said = cause({"check": check}, {}, 0, 11, {check}, still, ["month"])
        assert found == otherwise
        assert "No input moved, but for month, which is not tested:" in said
