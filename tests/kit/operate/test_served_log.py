"""What the server and `mlops predict` log is of one form, and `mlops monitor` counts both."""

import datetime
import errno
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
from club import use_features
from mlops_kit.core.settings import load_settings
from mlops_kit.core.zones import SERVED
from mlops_kit.operate.monitor.config import MonitorConfig
from mlops_kit.operate.monitor.judging.drift import all_series
from mlops_kit.operate.monitor.served import count_served
from mlops_kit.operate.predict import logged, predict
from mlops_kit.operate.serve import log as logs
from mlops_kit.operate.serve.config import Log
from mlops_kit.train.checks.reference import ANSWER, summary
from serving import DAY, FEATURES, NAMES, TYPES, Registry, Start, estimator, learned, scorer_of

# What the server alone knows of a row.
OF_REQUESTS = {"request_id", "row", "answered_by", "features_sha256", "milliseconds", "known",
               "stale"}  # fmt: skip


def parts() -> list[Path]:
    return sorted(SERVED.rglob("*.parquet"))


def counted(version: str | None = "1") -> Any:
    rows = learned().assign(y_true=1.0)
    answers = estimator().predict(rows[NAMES])
    return count_served(summary(rows, NAMES, rows, answers), None, version)


def scored(monkeypatch: pytest.MonkeyPatch, version: Any, members: range) -> Path:
    """Score members by `mlops predict`, and return its part of the log."""
    before = set(parts())
    monkeypatch.setattr(predict, "scorer", lambda settings, alias: version)
    given = Path("asked.csv")
    pl.DataFrame({"member_id": members}).write_csv(given)
    predict.predict(load_settings(), given, as_of=DAY.isoformat())
    (part,) = set(parts()) - before
    return part


@pytest.mark.parametrize(("task", "classes"), [("regression", 2), ("classification", 2),
                                               ("classification", 3)])  # fmt: skip
def test_both_logs_have_the_same_columns_and_types_and_the_monitor_counts_both(
    start: Start, monkeypatch: pytest.MonkeyPatch, task: str, classes: int
) -> None:
    names = list(range(classes)) if classes > 2 else None
    version = scorer_of(estimator(task, classes=classes), task=task, classes=names)
    one = start(Registry(champion=version))
    (answer,) = one.ask({"rows": [{"id": member} for member in range(5)]}, path="/predict/batch")
    assert answer.is_success
    one.stop()
    (online,) = parts()
    batch = scored(monkeypatch, version, range(5, 12))
    served = {field.name: field.type for field in pyarrow.parquet.read_schema(online)}
    of_predict = {field.name: field.type for field in pyarrow.parquet.read_schema(batch)}
    assert {name: served.pop(name) for name in of_predict} == of_predict
    assert set(served) == OF_REQUESTS
    if task == "regression":
        found = counted()
        assert not found.notes
        assert (found.days.first, found.days.rows.tolist()) == (np.datetime64(DAY), [12])
        for name in NAMES:
            column = found.days.columns[name]
            empty = 4 if name == "kind" else 0
            assert (column.cells.sum(), column.missing.sum()) == (12 - empty, empty)
        assert found.days.columns[ANSWER].cells.sum() == 12


@pytest.mark.parametrize("log", [{"sample": 0.5}, {"features": False}])
def test_rows_whose_features_are_not_logged_are_not_counted_as_rows_without_them(
    start: Start, log: dict[str, Any]
) -> None:
    one = start(log=log)
    one.ask(*({"id": member} for member in range(40)))
    one.stop()
    shown = sum(logs.sampled(member, log.get("sample", 0), "log") for member in range(40))
    column = counted().days.columns["age"]
    assert (column.cells.sum(), column.missing.sum()) == (shown, 0)
    found = counted()
    assert found.days.rows.tolist() == [40]
    assert found.days.columns[ANSWER].cells.sum() == 40
    assert not found.notes


def test_a_column_that_another_version_does_not_read_is_not_missing_in_its_rows(
    club: Path,
) -> None:
    rows = learned().assign(y_true=1.0)
    answers = estimator().predict(rows[NAMES])
    for number, names in (("1", [name for name in NAMES if name != "age"]), ("2", NAMES)):
        table = pl.from_pandas(rows[names].head(30)).with_columns(
            id=pl.int_range(30), version=pl.lit(number), prediction=pl.Series(answers[:30]),
            served_at=pl.lit(datetime.datetime(2026, 1, 5, 7)),
        )  # fmt: skip
        SERVED.mkdir(parents=True, exist_ok=True)
        table.write_parquet(SERVED / f"{number}.parquet")
    for version, missing in (("2", 0), ("1", 30)):
        found = count_served(summary(rows, NAMES, rows, answers), None, version)
        column = found.days.columns["age"]
        assert (column.cells.sum(), column.missing.sum()) == (30, missing)
        assert bool(found.notes) == bool(missing)
    config = MonitorConfig(min_rows=20)
    found = count_served(summary(rows, NAMES, rows, answers), None, "2")
    found.days.columns["age"].missing[:] = 30
    found.days.columns["age"].cells[:] = 0
    series, _ = all_series(found.days, summary(rows, NAMES, rows, answers), config)
    (one,) = [each for each in series if each.key == "missing age"]
    # Of the 30 rows whose ages the log could have, not of all 60.
    assert one.details["share"].tolist() == [1.0]


def test_what_the_server_clears_away_stays_counted_and_what_is_rewritten_does_not(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        then.setattr(logs, "today", lambda: datetime.date(2020, 1, 1))
        one = start()
        one.ask({"rows": [{"id": 1}, {"id": 2}]}, path="/predict/batch")
        one.stop()
    assert counted().days.rows.sum() == 2
    (part,) = parts()
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(part).slice(0, 1), part)
    assert counted().days.rows.sum() == 1
    (SERVED / logs.LOOKED).write_text("2020-02-09\n")
    with monkeypatch.context() as then:
        then.setattr(logs, "today", lambda: datetime.date(2020, 2, 10))
        other = start()
        other.ask({"id": 3})
        other.stop()
    assert not part.parent.exists()
    assert counted().days.rows.sum() == 2


def test_a_feature_with_a_name_of_the_log_does_not_stand_for_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_features(monkeypatch, FEATURES.replace("AS age", "AS version"))
    rows = learned().rename(columns={"age": "version"})
    types = {("version" if name == "age" else name): kind for name, kind in TYPES.items()}

    class Constant:
        def predict(self, frame: Any) -> Any:
            return np.full(len(frame), 1.5)

    from mlops_kit.train.checks.skew import seen

    version = scorer_of(Constant(), types=types, seen=seen(rows, list(types)))
    version.config["features"] = [[name, str(rows[name].dtype)] for name in types]
    start(Registry(champion=version))
    part = scored(monkeypatch, version, range(3))
    assert pl.read_parquet(part)["version"].to_list() == ["1"] * 3


def test_lines_that_fit_no_table_are_counted_and_do_not_hold_up_the_others(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    one = start()
    made = logs.served_table
    broken = True

    def sometimes(shape: Any, requests: Any) -> Any:
        if broken:
            raise TypeError("no such column")
        return made(shape, requests)

    one.server.log._table = sometimes
    one.ask({"id": 1})
    time.sleep(0.3)
    broken = False
    one.ask({"id": 2})
    one.stop()
    assert [pl.read_parquet(part)["id"].to_list() for part in parts()] == [[2]]
    assert one.server.log.dropped == 1
    assert "lost of the log: 1 line: TypeError: no such column" in capsys.readouterr().err


def test_a_log_of_fewer_rows_than_were_scored_says_so(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    start()
    keep = logged.keep_log
    monkeypatch.setattr(predict, "keep_log", lambda parts, name, version, most:
                        keep(parts, name, version, 10))  # fmt: skip
    part = scored(monkeypatch, scorer_of(estimator()), range(40))
    rows = len(pl.read_parquet(part))
    assert 0 < rows < 30
    assert f"{rows} of 40 scored rows are logged for `mlops monitor`" in capsys.readouterr().err


def test_many_lines_are_written_before_their_time_and_a_full_disk_is_not_asked_more_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    refusals: list[int] = []
    full = False

    def write(self: Any, table: Any) -> None:
        (refusals if full else written).append(table.num_rows)
        if full:
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(logs.Kept, "_write", write)
    told = Log(flush_seconds=1_000)
    kept = logs.Kept(told, tmp_path, lambda shape, rows: pl.DataFrame({"row": rows}).to_arrow())

    def put(lines: int) -> None:
        for number in range(lines):
            kept.put("shape", 1, number)

    def soon(holds: Any) -> None:
        until = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < until
            time.sleep(0.01)

    put(logs.MOST_LINES - 1)
    time.sleep(0.3)
    assert written == []
    put(1)
    soon(lambda: written and not kept._lines)
    full = True
    put(2 * logs.MOST_LINES)
    soon(lambda: refusals)
    time.sleep(0.3)
    assert (refusals, kept.failures, kept.dropped) == ([logs.MOST_LINES], 1, 0)
    full = False
    kept.close()
    assert written == [logs.MOST_LINES] * 3
