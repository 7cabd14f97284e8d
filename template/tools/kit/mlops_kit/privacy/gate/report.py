"""What the gate found, in words, JSON, Markdown and SARIF: counts and places, never a value."""

import json
import urllib.parse
from dataclasses import asdict, dataclass
from typing import Any

from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.gate.scan import UNREADABLE

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check looked at, what closes the gate, and who looked for names in prose."""

    files: int
    findings: list[Finding]
    accepted: int = 0
    names: str = "by rules alone"


def sentence(finding: Finding) -> str:
    """Return one sentence: what, where, how many, and what to do."""
    if finding.entity == UNREADABLE:
        return f"{finding.place} {finding.why}."
    entity = KINDS[finding.entity]
    many = f" × {finding.count}" if finding.count > 1 else ""
    first = f", first at {_unit(finding)} {finding.position}" if finding.position else ""
    why = f" ({finding.why})" if finding.why else ""
    return f"{finding.place}: {entity.label}{many}{first}{why}; {advice(finding)}."


def _unit(finding: Finding) -> str:
    return "row" if ": column" in finding.place or ", column" in finding.place else "line"


def advice(finding: Finding) -> str:
    """Say what a person does next about a finding."""
    if "(file name)" in finding.place:
        return "rename the file"
    if ", output" in finding.place:
        return "clear this output of the notebook before it is committed"
    if finding.place.startswith("data/"):
        return "protect or drop it in conf/privacy.yaml, then run `uv run mlops run`"
    return "remove it, or accept it with a reason and an end in conf/privacy-baseline.json"


def summary(outcome: Outcome) -> str:
    """Return one line about the whole check."""
    accepted = f", {outcome.accepted} accepted" if outcome.accepted else ""
    if not outcome.findings:
        return f"clean: {outcome.files} files{accepted}"
    return f"closed: {len(outcome.findings)} findings in {outcome.files} files{accepted}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return what a machine reads."""
    return {
        "schema": 1,
        "clean": not outcome.findings,
        "files": outcome.files,
        "accepted": outcome.accepted,
        "names": outcome.names,
        "findings": [
            {**asdict(finding), "message": sentence(finding)} for finding in outcome.findings
        ],
    }


def as_markdown(outcome: Outcome) -> str:
    """Return what a person reads."""
    lines = ["# Personal data where there should be none", "", summary(outcome) + ".", ""]
    if outcome.findings:
        lines += ["| place | what | how many | first | what to do |", "|---|---|---|---|---|"]
    for one in outcome.findings:
        what = one.why if one.entity == UNREADABLE else KINDS[one.entity].label
        first = f"{_unit(one)} {one.position}" if one.position else ""
        cells = (one.place, what, str(one.count), first, advice(one))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines).rstrip() + "\n"


def as_sarif(outcome: Outcome) -> dict[str, Any]:
    """Return SARIF 2.1.0 (OASIS, 2020) for code scanning."""
    used = sorted({finding.entity for finding in outcome.findings})
    rules = [{"id": name, "shortDescription": {"text": _label(name)}} for name in used]
    driver = {"name": "mlops privacy check", "rules": rules}
    results = [
        {
            "ruleId": finding.entity,
            "ruleIndex": used.index(finding.entity),
            "level": "error",
            "message": {"text": sentence(finding)},
            "locations": [{"physicalLocation": _location(finding)}],
        }
        for finding in outcome.findings
    ]
    run = {"tool": {"driver": driver}, "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _label(entity: str) -> str:
    return "file that cannot be read" if entity == UNREADABLE else KINDS[entity].label


def _location(finding: Finding) -> dict[str, Any]:
    file = finding.place.partition(": ")[0].removesuffix(" (file name)")
    place: dict[str, Any] = {"artifactLocation": {"uri": urllib.parse.quote(file)}}
    if finding.position and finding.place == file:
        place["region"] = {"startLine": finding.position}
    return place


def json_text(content: dict[str, Any]) -> str:
    """Return indented JSON that ends with a line."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
