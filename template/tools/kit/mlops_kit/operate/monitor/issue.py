"""What was seen for other readers: the text of an issue, and figures for Prometheus."""

from typing import Any

from mlops_kit.compare.report.language.say import readable
from mlops_kit.core.words import counted

MOST = 10


def issue_text(result: dict[str, Any]) -> str:
    """Write Markdown from what drift.json holds; names and counts, never a row."""
    model = result["model"]
    version = f" version {model['version']}" if model["version"] else ""
    lines = [
        f"`mlops monitor` saw {counted(len(result['alarms']), 'alarm')} as of "
        f"{result['as_of']}, in {counted(result['rows'], 'row')} that {model['name']}{version} "
        f"scored in {counted(result['window_days'], 'day')}.",
        "",
        "| what | since | likely cause | value | limit |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in result["alarms"][:MOST]:
        key = one["key"].replace("|", "\\|")
        value, limit = (readable(f"{one[each]:.3g}") for each in ("value", "limit"))
        lines.append(f"| {key} | {one['since']} | {one['cause']} | {value} | {limit} |")
    lines.append("")
    for one in result["alarms"][:MOST]:
        lines += [f"- **{one['key']}** {one['sentence']} {one['do']} ({one['runbook']})"]
    if len(result["alarms"]) > MOST:
        lines.append(f"- and {len(result['alarms']) - MOST} more in the report")
    lines += [
        "",
        "The report is `reports/monitor/drift.html` of that run. The causes are guesses from what "
        "else moved.",
        "",
    ]
    return "\n".join(lines)


def prometheus_text(result: dict[str, Any], now: float) -> str:
    """Write figures as Prometheus reads them from a file (text exposition format 0.0.4).

    Parameters
    ----------
    now : float
        Seconds since the epoch.
    """
    model = f'model="{_escaped(result["model"]["name"])}"'
    lines = [
        "# HELP mlops_monitor_look_seconds When the monitor last looked.",
        "# TYPE mlops_monitor_look_seconds gauge",
        _line("look_seconds", [model], f"{now:.0f}"),
        "# HELP mlops_monitor_rows Rows of the last window.",
        "# TYPE mlops_monitor_rows gauge",
        _line("rows", [model], result["rows"]),
        "# HELP mlops_monitor_alarms Alarms of the last look.",
        "# TYPE mlops_monitor_alarms gauge",
        _line("alarms", [model], len(result["alarms"])),
        "# HELP mlops_monitor_alarm One for each alarm of the last look.",
        "# TYPE mlops_monitor_alarm gauge",
    ]
    for one in result["alarms"]:
        labels = {key: one[key] for key in ("check", "column", "cause")}
        told = [f'{key}="{_escaped(text)}"' for key, text in labels.items()]
        lines.append(_line("alarm", [model, *told], 1))
    lines += [
        "# HELP mlops_monitor_index Drift of a column, less its noise.",
        "# TYPE mlops_monitor_index gauge",
    ]
    for one in result["columns"]:
        if one["index"] is not None:
            column = _escaped(one["column"])
            lines.append(_line("index", [model, f'column="{column}"'], f"{one['index']:.6g}"))
    return "\n".join(lines) + "\n"


def _line(name: str, labels: list[str], value: object) -> str:
    return "mlops_monitor_" + name + "{" + ",".join(labels) + "}" + f" {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
