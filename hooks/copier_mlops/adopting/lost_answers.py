"""Recognise a repository that came from the template and lost its answers file."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from copier_mlops.adopting.evidence import Evidence
from copier_mlops.adopting.existing import Existing
from copier_mlops.adopting.fitting import ADDED, Change
from copier_mlops.adopting.report import HEADING, Adoption, explained, report_change
from copier_mlops.rendering.versions import Rendered, Template, render, resolve
from copier_mlops.repository.project import ANSWERS_FILE, CODE, KIT, code_of

ENOUGH = 0.5  # below it, the code only shares names with the template


@dataclass(frozen=True)
class Nearest:
    """The version that is most like the repository, and how like it each version is."""

    rendered: Rendered
    scores: dict[str, float]


def managed_package(existing: Existing) -> str | None:
    """Return the team's package of a repository that holds the template's code, if it does."""
    if {f"{CODE}doctor.py", f"{CODE}cli.py"} <= existing.entries.keys():
        named = existing.tools.get("mlops", {}).get("package")
        seeds = (re.fullmatch(r"src/(\w+)/features\.py", name) for name in existing.entries)
        return named or next((match[1] for match in seeds if match), None)
    found = (re.fullmatch(r"src/(\w+)/mlops/doctor\.py", name) for name in existing.entries)
    packages = [match[1] for match in found if match]
    return next((p for p in packages if f"src/{p}/mlops/cli.py" in existing.entries), None)


def recover(existing: Existing, package: str) -> dict[str, Evidence]:
    """Read the answers from what the template once wrote for them."""
    base: Any = {}
    try:
        base = yaml.safe_load(existing.texts.get("conf/base.yaml", "")) or {}
    except yaml.YAMLError:
        base = {}
    code = code_of(existing.entries, package) or CODE
    found = {"package_name": Evidence(package, code)}
    keys = {"project": "project_name"} | {
        key: key for key in ("business_metric", "task", "functionality")
    }
    for key, question in keys.items():
        if isinstance(base, dict) and isinstance(base.get(key), str):
            found[question] = Evidence(base[key], f"conf/base.yaml {key}")
    production = "conf/prod.yaml" in existing.entries
    found["stage"] = Evidence(
        "production" if production else "poc", "conf/prod.yaml or its absence"
    )
    private = any(name.startswith(f"{code}privacy/") for name in existing.entries)
    because = f"{code}privacy/ or its absence"
    found["personal_data"] = Evidence("pii" if private else "none", because)
    if described := existing.declared("description"):
        found["description"] = Evidence(*described)
    return found


def adoption_again(
    template: Template,
    existing: Existing,
    found: Mapping[str, Evidence],
    given: Mapping[str, Any],
) -> Adoption | None:
    """Recognise a repository that was rendered once: only its answers file is written again."""
    answers = {question: evidence.answer for question, evidence in found.items()}
    best = nearest(template, existing, answers, given)
    if best is None:
        return None
    written = explained(best.rendered, found, given)
    scores = ", ".join(f"{version} {score:.2f}" for version, score in best.scores.items())
    note = f"It came from the template: its code is most like {best.rendered.name} ({scores})."
    lines = [
        f"{HEADING}\n\n{note} Only `.copier-answers.yml` was written again; correct an answer "
        "if it is wrong, then `copier-mlops update` brings it to today. Delete this file.\n",
        *(f"- {q}: {e.answer} ({e.because})" for q, e in written.items()),
        "",
    ]
    changes = [
        report_change(existing, "\n".join(lines), ""),
        Change(ANSWERS_FILE, ADDED, "", best.rendered.files[ANSWERS_FILE]),
    ]
    return Adoption(version=best.rendered.name, answers=written, changes=changes, notes=[note])


def nearest(
    template: Template, existing: Existing, answers: Mapping[str, Any], given: Mapping[str, Any]
) -> Nearest | None:
    """Render every version and return the one whose managed files share most lines.

    Returns
    -------
    Nearest or None
        None when no version is like it.
    """
    versions = template.versions or {"newest": resolve(template, None)}
    scores, found = {}, {}
    for version, commit in versions.items():
        found[version] = render(template, commit, answers, given=given)
        scores[version] = likeness(existing, found[version])
    best = max(scores, key=lambda version: scores[version])
    return Nearest(found[best], scores) if scores[best] >= ENOUGH else None


def likeness(existing: Existing, rendered: Rendered) -> float:
    """Return twice the common lines of the managed files over all their lines: 1 means equal."""
    package = rendered.answers.get("package_name", "")
    managed = [name for name in rendered.files if name not in rendered.seeded]
    code = (KIT, f"src/{package}/mlops/")
    theirs = [name for name in existing.texts if name.startswith(code)]
    common = total = 0
    for name in {*managed, *theirs}:
        lines = [
            Counter(text.splitlines())
            for text in (
                existing.texts.get(name, ""),
                rendered.files[name].content.decode("utf-8", "replace") if name in managed else "",
            )
        ]
        common += (lines[0] & lines[1]).total()
        total += lines[0].total() + lines[1].total()
    return 2 * common / total if total else 0.0
