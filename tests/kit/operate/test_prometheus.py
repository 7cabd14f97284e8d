"""Rules and figures for Prometheus: read by its promtool, and each rule fires when it should."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlops_kit.operate.monitor.issue import prometheus_text
from rendering import ROOT
from serving import Start

pytestmark = pytest.mark.debian("promtool", "prometheus")
ROOM = ROOT / "template/tools/kit/mlops_kit/operate"
RULES = {name: ROOM / name / "rules.yml" for name in ("monitor", "serve")}
LOOK: dict[str, Any] = {
    "model": {"name": 'dev."shop"\\', "version": "1"},
    "rows": 10,
    "alarms": [{"check": "worse", "column": "auc\nof all", "cause": "concept"}],
    "columns": [{"column": "a", "index": 0.25}, {"column": "b", "index": None}],
}
MONITOR = 'mlops_monitor_{}{{model="m",check="{}",column="a",cause="concept"}}'
SERVE = 'mlops_serve_{}{{job="shop"{}}}'
# For each rule: series that make it fire, and series that do not; values of one minute each.
FIRES = {
    "MlopsMonitorAlarm": ({MONITOR.format("alarm", "drift"): "1x30"}, {}),
    "MlopsPerformanceWorse": (
        {MONITOR.format("alarm", "worse"): "1x30"},
        {MONITOR.format("alarm", "drift"): "1x30"},
    ),
    "MlopsMonitorDoesNotLook": (
        {'mlops_monitor_look_seconds{model="m"}': "-400000x30"},
        {'mlops_monitor_look_seconds{model="m"}': "-200000x30"},
    ),
    "MlopsMonitorMissing": ({}, {'mlops_monitor_look_seconds{model="m"}': "0x2000"}),
    "MlopsServeRefuses": (
        {SERVE.format("requests_total", ',status="200"'): "0+97x30",
         SERVE.format("requests_total", ',status="503"'): "0+3x30"},
        {SERVE.format("requests_total", ',status="200"'): "0+97x30",
         SERVE.format("requests_total", ',status="422"'): "0+3x30"},
    ),
    "MlopsServeFallsBack": (
        {SERVE.format("predictions_total", ',answered_by="model"'): "0+9x30",
         SERVE.format("predictions_total", ',answered_by="previous"'): "0+1x30"},
        {SERVE.format("predictions_total", ',answered_by="canary"'): "0+9x30"},
    ),
    "MlopsServeIsSlow": (
        {SERVE.format("seconds_bucket", ',le="0.5"'): "0+90x30",
         SERVE.format("seconds_bucket", ',le="1"'): "0+100x30",
         SERVE.format("seconds_bucket", ',le="+Inf"'): "0+100x30"},
        {SERVE.format("seconds_bucket", ',le="0.5"'): "0+100x30",
         SERVE.format("seconds_bucket", ',le="+Inf"'): "0+100x30"},
    ),
    "MlopsServeIsOutOfDate": (
        {SERVE.format("out_of_date", ""): "1x30"}, {SERVE.format("out_of_date", ""): "0 1 0x30"},
    ),
    "MlopsServeLosesItsLog": (
        {SERVE.format("log_dropped", ""): "0x20 5x10"}, {SERVE.format("log_dropped", ""): "5x30"},
    ),
}  # fmt: skip


def every_rule() -> list[tuple[str, dict[str, Any]]]:
    told = {name: yaml.safe_load(file.read_text("utf-8")) for name, file in RULES.items()}
    return [
        (name, rule) for name, one in told.items() for group in one["groups"]
        for rule in group["rules"]
    ]  # fmt: skip


def promtool(*words: str, given: str = "") -> str:
    """Run promtool; return what it found fault with."""
    done = subprocess.run(
        ["promtool", *words], input=given, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_every_rule_reads_figures_that_are_written(start: Start) -> None:
    one = start()
    one.ask({"id": 1}, {"id": 10**9})
    written = {"monitor": prometheus_text(LOOK, 0.0), "serve": one.get("/metrics").text}
    for name, rule in every_rule():
        used = set(re.findall(rf"mlops_{name}_\w+", rule["expr"]))
        assert used
        for figure in used:
            assert re.search(rf"^{figure}[{{ ]", written[name], re.MULTILINE), figure
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}
    for name, text in written.items():
        assert promtool("check", "metrics", given=text) == "", name


def test_the_rules_are_read_by_promtool() -> None:
    assert promtool("check", "rules", *map(str, RULES.values())) == ""


@pytest.mark.parametrize("alert", FIRES)
def test_a_rule_fires_when_it_should_and_not_otherwise(alert: str, tmp_path: Path) -> None:
    rule = next(rule for _, rule in every_rule() if rule["alert"] == alert)
    assert len(FIRES) == len(every_rule())
    last = "25h" if rule.get("for") == "1d" else "29m"
    tests = []
    for fires, series in zip((True, False), FIRES[alert], strict=True):
        given = [{"series": name, "values": values} for name, values in series.items()]
        wanted = [{"eval_time": last, "alertname": alert, "exp_alerts": []}]
        tests.append({"interval": "1m", "input_series": given, "alert_rule_test": wanted})
        file = tmp_path / "test.yml"
        told = {"rule_files": [str(file) for file in RULES.values()], "tests": [tests[-1]]}
        file.write_text(yaml.safe_dump(told), encoding="utf-8")
        said = promtool("test", "rules", str(file))
        # Nothing was expected: what it says is the alert, with its words filled in.
        assert ("got:[" in said) == fires, said
        assert "<no value>" not in said and "error" not in said.lower(), said
