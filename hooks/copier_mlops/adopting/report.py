"""ADOPTION.md: what the adoption kept, added, merged and found different, and what to do next."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from copier_mlops.addresses import without_credentials
from copier_mlops.adopting.arrangements import requirements_of
from copier_mlops.adopting.builds import builds_what_it_finds, taken_at_top
from copier_mlops.adopting.evidence import Evidence
from copier_mlops.adopting.existing import MANIFESTS, PYTEST_TABLES, RUNNERS, Existing, decoded
from copier_mlops.adopting.fitting import ADDED, BESIDE, KEPT, LEFT, MERGED, Change
from copier_mlops.adopting.locking import Settled
from copier_mlops.errors import say
from copier_mlops.rendering.versions import File, Rendered
from copier_mlops.repository.project import KIT

REPORT, HEADING = "ADOPTION.md", "# Adoption"
GIVEN = "given"
BRANCH = "adopt-copier-mlops"
STRICTLY_READ = ("conf/sources.yaml", "conf/compare.yaml", "conf/privacy.yaml", "params.yaml")
CHECKERS = ("black", "flake8", "pylint", "mypy", "isort", "bandit", "pyright", "basedpyright")


@dataclass(frozen=True)
class Adoption:
    """What an adoption does, or did."""

    done_before: bool = False
    branch: str = BRANCH
    version: str = ""
    answers: dict[str, Evidence] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    run: str = "uv run"
    notes: list[str] = field(default_factory=list)
    unlocked: bool = False


def summary(adoption: Adoption, dry_run: bool) -> str:
    """Say in the terminal what was done, or would be."""
    if adoption.done_before:
        return f"Done before: this repository follows the template at {adoption.version}."
    counts = Counter(change.action for change in adoption.changes)
    lines = [f"{action}: {count}" for action, count in counts.items()]
    if dry_run:
        lines = [f"{q}: {_plain(e.answer)}  ({e.because})" for q, e in adoption.answers.items()]
        lines += [f"{key}: {value}" for key, value in adoption.facts.items()]
        for change in adoption.changes:
            lines.append(f"{change.action:<9} {change.path}  {change.why}".rstrip())
            lines += [f"{'':<9}   {what}" for what in change.differing]
        return "\n".join([*lines, *adoption.notes, "Nothing was written (--dry-run)."])
    names = (
        c.path for c in adoption.changes if c.file and c.file.content.startswith(HEADING.encode())
    )
    head = (
        f"Adopted at {adoption.version} on the branch {adoption.branch}; "
        f"read {next(names, REPORT)}."
    )
    return "\n".join([head, *lines, *adoption.notes, f"Next: {adoption.run} mlops doctor"])


def as_dict(adoption: Adoption, dry_run: bool) -> dict[str, Any]:
    """Return the same for a machine."""
    return {
        "done_before": adoption.done_before,
        "written": not (dry_run or adoption.done_before),
        "branch": adoption.branch,
        "version": adoption.version,
        "answers": {
            q: {"answer": e.answer, "because": e.because} for q, e in adoption.answers.items()
        },
        "facts": adoption.facts,
        "changes": [
            {"path": c.path, "action": c.action, "why": c.why, "differing": [*c.differing]}
            for c in adoption.changes
        ],
        "run": adoption.run,
        "notes": adoption.notes,
    }


def report(
    existing: Existing,
    changes: list[Change],
    settled: Settled,
    answers: Mapping[str, Evidence],
    facts: Mapping[str, str],
    version: str,
) -> str:
    """Write the report for a person, in Markdown."""
    package = answers["package_name"].answer
    added = [c.path for c in changes if c.action == ADDED]
    parts = [
        f"{HEADING}\n",
        f"This repository follows the template at {version} from here on. Everything below is "
        "one commit on a branch of its own; a second commit holds `.copier-answers.yml`, from "
        "which the next `copier-mlops update` starts. Delete this file when you have read it.\n",
        "## What to do next\n",
        *(
            f"{number}. {step}"
            for number, step in enumerate(_steps(existing, settled, package, added), 1)
        ),
        "",
        "## Answers, and why\n",
        "| question | answer | because |",
        "| --- | --- | --- |",
        *(f"| {q} | {_cell(e.answer)} | {_cell(e.because)} |" for q, e in answers.items()),
        "",
        "What no question asks: " + "; ".join(f"{k}: {_cell(v)}" for k, v in facts.items()) + ".\n",
        "## Differing: yours stays, the template has something else\n",
        *_bullets(f"`{c.path}`: {what}" for c in changes for what in c.differing),
        "## Merged: yours, with what only the template has\n",
        *_bullets(line for c in changes if c.action == MERGED for line in _merged(existing, c)),
        "## Kept as it is\n",
        "Every other file of yours that is not named here is untouched, too.\n",
        *_bullets(f"`{c.path}`: {c.why}" for c in changes if c.action == KEPT),
        "## Left out\n",
        *_bullets(f"`{c.path}`: {c.why}" for c in changes if c.action == LEFT),
        "## Added\n",
        *_bullets(_added(changes)),
    ]
    return "\n".join(parts)


def report_change(existing: Existing, text: str, why: str) -> Change:
    """Return the report as a file, under a name that nothing of theirs has."""
    names = (REPORT, *(f"{BRANCH}{n}.md" for n in ("", *map("-{}".format, range(2, 100)))))
    free = (n for n in names if n not in existing.entries and not existing.obstacle(n))
    content = without_credentials(text).encode("utf-8", "replace")
    return Change(next(free), ADDED, why, File(content))


def show(found: Mapping[str, Evidence], known: Mapping[str, str]) -> None:
    """Print what was inferred before each answer is asked for confirmation."""
    say("Found in the repository:")
    for question, evidence in found.items():
        say(f"  {question}: {evidence.answer}  ({evidence.because})")
    for name, value in known.items():
        say(f"  {name}: {value}")


def explained(
    rendered: Rendered, found: Mapping[str, Evidence], given: Mapping[str, Any]
) -> dict[str, Evidence]:
    """Return every final answer with why it is so."""
    answers = {}
    for question, answer in rendered.answers.items():
        known = found.get(question)
        if question in given:
            answers[question] = Evidence(answer, GIVEN)
        elif known and known.answer == answer:
            answers[question] = known
        else:
            because = "confirmed by a person" if known else "the template's default: please check"
            answers[question] = Evidence(answer, because)
    return answers


def environment_notes(settled: Settled) -> list[str]:
    """Return what a person must know about the environment, one sentence each."""
    notes = [settled.arrangement.note] if settled.arrangement.note else []
    return [*notes, settled.unlocked] if settled.unlocked else notes


def lost_lines(before: str, after: str) -> list[str]:
    """Return the lines that a merged file has no more, as often as they are missing."""
    missing = Counter(line.strip() for line in before.splitlines() if line.strip())
    missing.subtract(line.strip() for line in after.splitlines())
    return [line for line, count in missing.items() for _ in range(max(count, 0))]


def _steps(existing: Existing, settled: Settled, package: str, added: list[str]) -> list[str]:
    run = settled.arrangement.runs
    steps = list(environment_notes(settled))
    if settled.said and settled.arrangement.note:
        steps[0] += f" uv said: {_cell(settled.said)}"
    guide = "docs/bring-your-own-data.md"
    guide = f"{guide}{BESIDE}" if f"{guide}{BESIDE}" in added else guide
    # Their options may need a plugin of pytest that only their environment has.
    configured = "".join(existing.texts.get(n, "") for n in ("pyproject.toml", *PYTEST_TABLES))
    pytest = "pytest -o addopts=" if "addopts" in configured else "pytest"
    steps += [
        f"`{run} mlops doctor` looks at the set-up; `{run} mlops run` runs the pipeline on an "
        f"invented shop, until you write `src/{package}/features.py` for your own data "
        f"({guide}).",
        f"Run your own tests as before. The template's: `{run} {pytest} {KIT}tests`.",
    ]
    if f'{package}.*"' in settled.arrangement.files.get("pyproject.toml", ""):
        steps.append(
            "Your build looks for packages: `exclude` in [tool.setuptools.packages.find] leaves "
            f"`{package}` and what else is the template's out."
        )
    elif builds_what_it_finds(existing) and package not in existing.source_packages:
        taken = "` and `".join(taken_at_top(existing, package) or [package])
        steps.append(
            f"Your build takes the packages that it finds, and so `{taken}` too: exclude it in "
            "your build's configuration if you publish the package."
        )
    if settled.arrangement.mode != "apart" and (elsewhere := _not_read(existing)):
        steps.append(
            f"Nothing was taken over from {', '.join(elsewhere)}, so `{run}` may lack what your "
            "code imports: `uv add NAME` brings over one library at a time."
        )
    for name in STRICTLY_READ:
        if name in existing.entries and f"{name}{BESIDE}" in added:
            steps.append(
                f"`mlops` reads `{name}`, but what stands there is yours and means something else, "
                "so `mlops run` stops there, and `mlops doctor` may ask to correct it: to have the "
                f"pipeline, give yours another name and rename `{name}{BESIDE}`."
            )
    if "dvc.yaml" in existing.entries:
        steps.append(
            "`mlops run` runs your dvc.yaml. To have the template's stages too, take them over "
            f"from dvc.yaml{BESIDE}, with names and outputs that are not yours."
        )
    if existing.locks_groups:
        steps.append(
            "Your own tool and its lock work as before; uv only serves the template's command, "
            "with what [tool.uv] in pyproject.toml lists, and has a lock of its own."
        )
    if ".github/workflows/ci.yml" in added:
        steps.append(
            "The added workflow ci checks all Python with ruff and pyrefly: `uv run ruff check "
            "--fix` and `uv run ruff format` first, or delete its steps that you do not want."
        )
    if ".gitlab/mlops.yml" in added and ".gitlab-ci.yml" in existing.entries:
        steps.append(
            "Your .gitlab-ci.yml is as it was. To run the template's jobs too, include them: "
            "`include: [{local: .gitlab/mlops.yml}]`; they are in the stages test and deploy."
        )
    if tools := [tool for tool in CHECKERS if _checks(existing, tool)]:
        listed = " and ".join(filter(None, [", ".join(tools[:-1]), tools[-1]]))
        steps.append(
            f"Let {listed} leave `{KIT}` out: the template formats and checks it. "
            f"The few modules in `src/{package}/` are yours: fit them to your rules."
        )
    if beside := [name for name in added if name.endswith(BESIDE)]:
        steps.append(
            f"Compare and delete, one by one: {', '.join(f'`{name}`' for name in beside)}. "
            f"`git merge-file FILE /dev/null FILE{BESIDE}` puts both into FILE, with marks."
        )
    return [*steps, "Merge this branch when it pleases you; to undo it, delete the branch instead."]


def _not_read(existing: Existing) -> list[str]:
    """Return the manifests from which the environment takes nothing."""
    project = existing.pyproject.get("project")
    read = ["pyproject.toml", "setup.cfg", "setup.py"]
    known = {_distribution(line) for line in project.get("dependencies", [])} if project else set()
    asked = {_distribution(line) for line in requirements_of(existing)[0]}
    if project is None or asked <= known or "dependencies" in project.get("dynamic", []):
        read.append("requirements.txt")
    return sorted(n for n in existing.texts if MANIFESTS.fullmatch(n) and n not in read)


def _distribution(requirement: str) -> str:
    return canonicalize_name(re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0])


def _checks(existing: Existing, tool: str) -> bool:
    """Tell whether a tool is configured or run here."""
    file = re.compile(rf"\.?{tool}(rc|config\.json|\.ini|\.cfg|\.toml)?")
    return tool in existing.tools or any(
        file.fullmatch(name)
        or (RUNNERS.fullmatch(name) and re.search(rf"\b{tool}\b", existing.texts.get(name, "")))
        for name in existing.entries
    )


def _merged(existing: Existing, change: Change) -> list[str]:
    before = decoded(existing.bytes_of(change.path))[0]
    after = change.file.content.decode() if change.file else before
    lost = lost_lines(before, after)
    changed = "".join(f"\n  - this line changed: `{line}`" for line in lost)
    return [f"`{change.path}`: {change.why}{changed}"]


def _added(changes: list[Change]) -> list[str]:
    names = [c.path for c in changes if c.action == ADDED]
    own = [f"`{name}`" for name in names if not name.startswith(KIT)]
    return [f"`{KIT}`: {len(names) - len(own)} files, the template's code", *own]


def _bullets(lines: Any) -> list[str]:
    return [*([f"- {line}" for line in lines] or ["- nothing"]), ""]


def _plain(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split())


def _cell(value: Any) -> str:
    return _plain(value).replace("|", "\\|").replace("<", "&lt;")
