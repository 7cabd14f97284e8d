"""What a repository says about the template's questions, each answer with where it says so."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from copier_mlops.adopting.builds import apart_because
from copier_mlops.adopting.existing import GENERIC, MANIFESTS, Existing
from copier_mlops.adopting.signs import (
    CLASSIFICATION,
    CLASSIFIERS,
    CONTAINERS,
    DATA_FILES,
    HOSTING,
    LEARNERS,
    LICENSES,
    MODEL_FILES,
    OTHER_CI,
    READMES,
    RECOMMENDERS,
    RECOMMENDING,
    REGRESSION,
    REGRESSORS,
    REMOTES,
    SERVERS,
    SOURCES,
    checking,
    code_files,
    declared_license,
    first_file,
    first_in_code,
    told,
    uses,
)
from copier_mlops.git import ask_git

# What a template or `uv init` wrote there, and headings of a part: neither names the project.
PLACEHOLDER = re.compile(
    r"(?i)(your |my )?project([ _-]?(name|title|template))?|title|read ?me"
    r"|add your description here|(table of )?contents|introduction|overview|about|description"
    r"|requirements|publications?"
    r"|(getting|quick) ?start(ed)?|set-?up|install(ation|ing)?|usage|how to (run|use)( it)?"
)
ASSUMED = "assumed: nothing in the repository says otherwise"


@dataclass(frozen=True)
class Evidence:
    """An inferred answer, and why."""

    answer: Any
    because: str


def infer(existing: Existing) -> dict[str, Evidence]:
    """Infer the answers to the template's questions; what nothing says keeps its default.

    Returns
    -------
    dict
        By question. Every answer is one that the template accepts.
    """
    found: dict[str, Evidence] = {
        "project_name": _title(existing),
        "package_name": propose_package(existing),
        "functionality": _functionality(existing),
        "task": _task(existing),
        "stage": _stage(existing),
        "data_sources": _data_sources(existing),
        "hosting": _hosting(existing),
        "serving": _serving(existing),
        "personal_data": Evidence("pii", f"{ASSUMED}; the safe side"),
        "owner": _owner(existing),
        "license": _license(existing),
    }
    if ".gitlab-ci.yml" in existing.entries:
        also = any(name.startswith(".github/workflows/") for name in existing.entries)
        found["ci"] = Evidence("both" if also else "gitlab", "you have `.gitlab-ci.yml`")
    if found["stage"].answer != "poc":
        # How it is deployed is its own business, and files of ours would only half fit it.
        why = f"{ASSUMED}; answer image, compose or kubernetes for files in infra/"
        found["infrastructure"] = Evidence([], why)
    described = existing.declared("description")
    if described and not PLACEHOLDER.fullmatch(described[0].rstrip(".")):
        found["description"] = Evidence(_plain(described[0], 300), described[1])
    return found


def facts(existing: Existing) -> dict[str, str]:
    """Return what no question asks for, but a person wants to see before they agree."""
    # GitHub looks for them at the top only.
    listed = ask_git("ls-files", "--full-name", ":/.github/workflows", cwd=existing.repo.folder)
    workflows, entries = (listed or "").splitlines(), existing.entries
    backend = existing.pyproject.get("build-system", {}).get("build-backend")
    locks = [n for n in ("uv.lock", "poetry.lock", "Pipfile.lock") if n in existing.entries]
    tests = len(existing.own_tests)
    manifests = sorted(name for name in existing.texts if MANIFESTS.fullmatch(name))
    return {
        "python": existing.python or "not declared",
        "dependencies": ", ".join(manifests + locks) or "none declared",
        "build": backend or ("setup.py or setup.cfg" if existing.is_legacy else "none"),
        "tests": f"{tests} test file{'s' if tests != 1 else ''}",
        "ci": ", ".join(workflows + [n for n in entries if re.search(OTHER_CI, n)]) or "none",
        "dvc": ", ".join(name for name in existing.entries if name.endswith("dvc.yaml")) or "none",
    }


def propose_package(existing: Existing) -> Evidence:
    """Propose where the template's code goes: into a package below src/, or beside all others.

    Nothing of the team's may be shadowed: a package at the root, a module or a folder of that name,
    or the modules that the template seeds.
    """
    seeds = ("mlops", "features", "model", "baseline")
    project = existing.pyproject.get("project", {})
    described = bool(project) and "build-system" in existing.pyproject
    described = described and "scripts" not in project.get("dynamic", [])
    managed = existing.tools.get("uv", {}).get("package") is not False and not existing.locks_groups
    managed = managed and not apart_because(existing)
    for package in existing.source_packages if described and managed else []:
        taken = any(
            name.startswith((f"src/{package}/{seed}.py", f"src/{package}/{seed}/"))
            for name in existing.entries
            for seed in seeds
        )
        if not taken and package == _slug(existing.name):
            return Evidence(package, f"src/{package}/ is its package")
    return package_beside(existing)


def package_beside(existing: Existing) -> Evidence:
    """Propose a package of its own for the template's code, whose name nothing has yet."""
    name = existing.name if existing.name not in GENERIC else existing.folder_name
    package = f"{_slug(name).removesuffix('_ml')[:34].rstrip('_') or 'project'}_ml"
    while any(
        name == f"{folder}{package}.py" or name.startswith(f"{folder}{package}/")
        for name in existing.entries
        for folder in ("", "src/")
    ):
        package += "ops" if package.endswith("_ml") else "x"
    return Evidence(package, f"beside what is there; from the name {name}")


def _title(existing: Existing) -> Evidence:
    for name in READMES:
        lines = existing.texts.get(name, "").splitlines()
        quoted = _quoted(lines[:40])
        for number, line in enumerate(lines[:40], 1):
            if number in quoted:
                continue
            underlined = number < len(lines) and re.fullmatch(r"(=+|-+)\s*", lines[number])
            if line.startswith("# ") or (underlined and line.strip()):
                title = _plain(line.removeprefix("# "), 80)
                if PLACEHOLDER.fullmatch(title.rstrip(":.")):
                    break
                if re.search(r"[^\W_]", title):
                    return Evidence(title, f"{name} line {number}")
    declared = existing.declared("name")
    if declared and declared[0].lower() not in GENERIC:
        return Evidence(_plain(declared[0], 80), declared[1])
    which = "folder" if existing.folder_name == existing.repo.folder.name else "folder above"
    return Evidence(_plain(existing.folder_name, 80) or "Project", f"the name of the {which}")


def _quoted(lines: list[str]) -> set[int]:
    """Return the numbers of the lines of front matter and of fenced code, which are no headings."""
    found, closing = set(), None
    for number, line in enumerate(lines, 1):
        fence = re.match(r" {0,3}(```+|~~~+)", line)
        opening = fence[1] if fence else "---" if number == 1 and line.rstrip() == "---" else None
        if closing:
            found.add(number)
            closing = None if line.strip() == closing else closing
        elif opening:
            found.add(number)
            closing = opening
    return found


def _functionality(existing: Existing) -> Evidence:
    if artefact := first_file(existing, MODEL_FILES):
        return Evidence("existing_model", artefact)
    if place := first_in_code(existing, r"\.fit\(") or uses(existing, LEARNERS):
        return Evidence("existing_model", place)
    if rules := first_file(existing, r"(^|/)\w*(rules?|heuristics?)(_\w+)?\.(py|ya?ml|sql)$"):
        return Evidence("existing_rules", rules)
    return Evidence("new", ASSUMED)


def _task(existing: Existing) -> Evidence:
    if place := uses(existing, RECOMMENDERS):
        return Evidence("recommendation", place)
    if place := told(existing, RECOMMENDING):
        return Evidence("recommendation", place)
    counts = {
        task: sum(len(re.findall(pattern, text)) for _, text in code_files(existing))
        for task, pattern in (("regression", REGRESSORS), ("classification", CLASSIFIERS))
    }
    if not any(counts.values()):
        for task, words in (("regression", REGRESSION), ("classification", CLASSIFICATION)):
            if place := told(existing, words):
                return Evidence(task, place)
        return Evidence("classification", ASSUMED)
    best = "regression" if counts["regression"] > counts["classification"] else "classification"
    pattern = REGRESSORS if best == "regression" else CLASSIFIERS
    return Evidence(best, f"{first_in_code(existing, pattern)} ({counts[best]} such places)")


def _stage(existing: Existing) -> Evidence:
    place = first_file(existing, CONTAINERS) or (
        None if existing.repo.prefix else checking(existing)
    )
    if place := place or (existing.own_tests[0] if existing.own_tests else None):
        return Evidence("production", place)
    return Evidence("poc", "no tests, no workflow that checks code, no container")


def _data_sources(existing: Existing) -> Evidence:
    answers, because = ["sample"], ["sample: runs at once"]
    if place := first_file(existing, DATA_FILES) or first_in_code(
        existing, r"\bread_(csv|parquet|json)\("
    ):
        answers.append("files")
        because.append(f"files: {place}")
    for source, modules in SOURCES.items():
        named = first_in_code(existing, r"[\"']dynamodb[\"']") if source == "dynamodb" else None
        if place := uses(existing, modules) or named:
            answers.append(source)
            because.append(f"{source}: {place}")
    return Evidence(answers, "; ".join(because))


def _hosting(existing: Existing) -> Evidence:
    remotes = existing.texts.get(".dvc/config", "")
    # Others speak the protocol of S3 too, and need the same libraries.
    endpoint = re.search(r"^\s*endpointurl\s*=\s*(\S+)", remotes, re.MULTILINE)
    elsewhere = endpoint is not None and "amazonaws.com" not in endpoint[1]
    for cloud, scheme in REMOTES.items():
        if elsewhere and cloud == "aws":
            continue
        if re.search(rf"^\s*url\s*=\s*{scheme}://", remotes, re.MULTILINE):
            return Evidence(cloud, f"the DVC remote {scheme}:// in .dvc/config")
    libraries = HOSTING | {"aws": "sagemaker"} if elsewhere else HOSTING
    for cloud, modules in libraries.items():
        if place := uses(existing, modules):
            return Evidence(cloud, place)
    return Evidence("on_premises", ASSUMED)


def _serving(existing: Existing) -> Evidence:
    if place := uses(existing, SERVERS):
        return Evidence("online", place)
    return Evidence("batch", ASSUMED)


def _owner(existing: Existing) -> Evidence:
    for name in (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"):
        if match := re.search(r"^\*\s+(\S+)", existing.texts.get(name, ""), re.MULTILINE):
            return Evidence(_plain(match[1], 80), name)
    log = ask_git("log", "-500", "--format=%aN", "--", ".", cwd=existing.repo.folder) or ""
    counted = Counter(_plain(line, 80) for line in log.splitlines() if line.strip())
    if counted:
        name, commits = counted.most_common(1)[0]
        return Evidence(name or "Data science team", f"{commits} of {counted.total()} commits")
    return Evidence("Data science team", ASSUMED)


def _license(existing: Existing) -> Evidence:
    for name in existing.entries:
        if re.fullmatch(r"(LICEN[CS]E|COPYING)([-.].*)?", name, re.IGNORECASE):
            text = existing.texts.get(name, "")
            if re.search(r"Apache License\s+Version 2\.0", text):
                return Evidence("Apache-2.0", name)
            if "Permission is hereby granted, free of charge" in text:
                return Evidence("MIT", name)
            return Evidence("proprietary", f"{name} is none of those that the template knows")
    if declared := declared_license(existing):
        said, place = declared
        for known, pattern in LICENSES.items():
            if re.search(pattern, said):
                return Evidence(known, place)
        what = _plain(said, 80)
        return Evidence("proprietary", f"{place}: the template does not know {what}")
    return Evidence("proprietary", "no licence file")


def _plain(text: str, longest: int) -> str:
    """Return one line of a text without markup that the template's questions would refuse."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|<[^>]*>|[`*]", r"\1", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest].strip()


def _slug(name: str) -> str:
    # Accents go, their letters stay.
    decomposed = unicodedata.normalize("NFKD", PurePosixPath(name).name.lower())
    ascii_name = decomposed.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name).lstrip("_0123456789").rstrip("_")
