"""What the gate found, in words, JSON, Markdown and SARIF: counts and places, never a value."""

from dataclasses import asdict, dataclass
from typing import Any

from mlops_kit.core.gate.sarif import Result, sarif
from mlops_kit.core.words import counted
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.gate.scan import UNREADABLE


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
        return f"clean: {counted(outcome.files, 'file')}{accepted}"
    found = counted(len(outcome.findings), "finding")
    return f"closed: {found} in {counted(outcome.files, 'file')}{accepted}"


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
    results = [
        Result(one.entity, sentence(one), _file(one), _line(one)) for one in outcome.findings
    ]
    return sarif("mlops privacy check", {one.rule: _label(one.rule) for one in results}, results)


def _label(entity: str) -> str:
    return "file that cannot be read" if entity == UNREADABLE else KINDS[entity].label


def _file(finding: Finding) -> str:
    return finding.place.partition(": ")[0].removesuffix(" (file name)")


def _line(finding: Finding) -> int:
    """Return the line, or 0 where the position is one of rows or inside of something."""
    return finding.position if finding.place == _file(finding) else 0
