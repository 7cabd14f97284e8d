"""The alarms as the text of an issue: what, since when, why perhaps, and what to do."""

from typing import Any

MOST = 10


def issue_text(result: dict[str, Any]) -> str:
    """Write Markdown from what drift.json holds; names and counts, never a row."""
    model = result["model"]
    version = f" version {model['version']}" if model["version"] else ""
    lines = [
        f"`mlops monitor` saw {len(result['alarms'])} alarms as of {result['as_of']}, in "
        f"{result['rows']:,} rows that {model['name']}{version} scored in "
        f"{result['window_days']} days.",
        "",
        "| what | since | likely cause | value | limit |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in result["alarms"][:MOST]:
        key = one["key"].replace("|", "\\|")
        lines.append(
            f"| {key} | {one['since']} | {one['cause']} | {one['value']:.3g} | {one['limit']:.3g} |"
        )
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
