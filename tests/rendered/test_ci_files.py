"""What a repository gives its code host: every file, profile and answer, by linters and schemas."""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from processes import run
from rendering import PROFILES, SHOP, files_of, profile, render

HOSTS = ("github", "gitlab", "both")
PERSONAS = ("regular", "pedantic", "auditor")
GITLAB = [".gitlab-ci.yml", ".gitlab/mlops.yml"]
# What rendered files may say of the other host: locks and the kit are the same for all answers.
CONSTANT = re.compile(r"^(tools/kit/|uv\.lock$|\.copier-answers\.yml$|pyproject\.toml$)")


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Render each profile for each code host, and the default one without personal data."""
    folder = tmp_path_factory.mktemp("hosts")
    answers = {(name, ci): profile(name) for name, ci in product(PROFILES, HOSTS)}
    answers |= {("none", ci): {"personal_data": "none"} for ci in HOSTS}
    return {
        (name, ci): render(folder / f"{name}-{ci}", {**SHOP, **given, "ci": ci})
        for (name, ci), given in answers.items()
    }


def of_host(repositories: dict[tuple[str, str], Path], host: str) -> Iterator[Path]:
    """Yield the repositories of a host, each that differs in what the host reads once."""
    seen = set()
    for (_, ci), project in repositories.items():
        files = [
            file for name in (".github", ".gitlab") for file in sorted((project / name).rglob("*"))
        ]
        texts = tuple(file.read_bytes() for file in files if file.is_file())
        if ci in (host, "both") and texts not in seen:
            seen.add(texts)
            yield project


def passes(command: Sequence[str | Path], folder: Path) -> str:
    done = run(command, cwd=folder)
    assert done.returncode == 0, f"{folder.name}: {command[0]}: {done.stdout}{done.stderr}"
    return done.stdout


def workflows(project: Path) -> list[Path]:
    found = sorted((project / ".github" / "workflows").glob("*.yml"))
    assert found
    return found


def read(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def answers_of(project: Path) -> dict[str, Any]:
    return read(project / ".copier-answers.yml")


def jobs(project: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every job of every workflow."""
    for file in workflows(project):
        for name, job in read(file)["jobs"].items():
            yield f"{project.name}/{file.name}/{name}", job


def test_only_the_files_of_the_chosen_host_are_there(
    repositories: dict[tuple[str, str], Path],
) -> None:
    for (name, ci), project in repositories.items():
        files = set(files_of(project))
        assert any(file.startswith(".github/") for file in files) is (ci != "gitlab")
        assert any(file.startswith(".gitlab") for file in files) is (ci != "github")
        small = name == "poc"
        assert (".github/rulesets/main.json" in files) is (ci != "gitlab" and not small)
        assert (".gitlab/CODEOWNERS" in files) is (ci != "github" and not small)
        other = {"github": "gitlab", "gitlab": "github", "both": "(?!)"}[ci]
        telling = [
            file
            for file in files
            if not CONSTANT.match(file)
            and re.search(other, (project / file).read_text("utf-8", "replace"), re.IGNORECASE)
        ]
        if name == "none":
            hosts = [file for file in files if file.startswith((".git", "docs/delivery"))]
            texts = [(project / file).read_text("utf-8").lower() for file in hosts]
            assert not [text for text in texts if re.search(r"privacy|personal data", text)]
        # The drift job knows the short forms of addresses of both hosts.
        known = {".gitlab/mlops.yml", ".github/workflows/template.yml"}
        assert set(telling) - known == set(), (name, ci)


@pytest.mark.parametrize("persona", PERSONAS)
def test_no_workflow_leaves_a_finding_to_any_persona(
    repositories: dict[tuple[str, str], Path], persona: str
) -> None:
    for project in of_host(repositories, "github"):
        command = ["zizmor", "--offline", "--no-progress", "--persona", persona, ".github"]
        said = passes(command, project)
        assert "No findings to report" in said and "suppressed" not in said


def test_every_file_keeps_its_schema(repositories: dict[tuple[str, str], Path]) -> None:
    schema = ["check-jsonschema", "--builtin-schema"]
    for project in of_host(repositories, "github"):
        passes(["actionlint", *workflows(project)], project)
        passes([*schema, "vendor.github-workflows", *workflows(project)], project)
        passes([*schema, "vendor.dependabot", ".github/dependabot.yml"], project)
    for project in of_host(repositories, "gitlab"):
        command = [*schema, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *GITLAB]
        passes(command, project)


def test_a_slip_in_a_job_of_gitlab_would_be_found(
    repositories: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    text = (repositories["team", "gitlab"] / ".gitlab/mlops.yml").read_text("utf-8")
    bad = tmp_path / "bad.yml"
    bad.write_text(text.replace("    - uv sync\n", "    - {uv: sync}\n", 1), encoding="utf-8")
    done = run(["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", bad], tmp_path)
    assert done.returncode == 1


def scripts(project: Path) -> Iterator[tuple[str, str]]:
    """Yield what the jobs run: each `run:`, and each `script:` as one text."""
    if (project / ".github").is_dir():
        for name, job in jobs(project):
            for step in job["steps"]:
                if "run" in step:
                    assert "${{" not in step["run"], f"{name}: an expression inside a script"
                    yield name, f"#!/bin/bash\nset -eo pipefail\n{step['run']}"
    if (project / GITLAB[0]).is_file():
        for name, job in read(project / GITLAB[1]).items():
            if isinstance(job, dict) and "script" in job:
                yield name, "#!/bin/bash\nset -eo pipefail\n" + "\n".join(job["script"])


def test_every_script_passes_shellcheck(
    repositories: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    texts = {text for project in repositories.values() for _, text in scripts(project)}
    assert len(texts) > 20
    for number, text in enumerate(sorted(texts)):
        (tmp_path / f"{number}.sh").write_text(text, encoding="utf-8")
    passes(["shellcheck", "--severity", "style", *sorted(tmp_path.glob("*.sh"))], tmp_path)


def test_versions_and_switches_have_the_types_that_they_look_like(
    repositories: dict[tuple[str, str], Path],
) -> None:
    """3.10 without quotes is 3.1, and `on` without quotes is true."""

    def leaves(value: Any) -> Iterator[Any]:
        if isinstance(value, dict | list):
            for each in value.values() if isinstance(value, dict) else value:
                yield from leaves(each)
        else:
            yield value

    for project in repositories.values():
        files = [*(project / ".github").rglob("*.yml"), *(project / ".gitlab").rglob("*.yml")]
        for file in files:
            assert not [one for one in leaves(read(file)) if isinstance(one, float)], file
    matrix = read(repositories["team", "gitlab"] / GITLAB[1])["python"]["parallel"]["matrix"]
    ci = read(repositories["team", "github"] / ".github/workflows/ci.yml")["jobs"]["python"]
    listed = re.search(r"\[.*\]", ci["strategy"]["matrix"]["python"])
    assert listed and json.loads(listed[0]) == matrix[0]["UV_PYTHON"]


def test_each_job_asks_only_for_what_it_needs(
    repositories: dict[tuple[str, str], Path],
) -> None:
    may_write = {
        "ci.yml/comment": {"pull-requests"},
        "ci.yml/findings": {"security-events"},
        "monitor.yml/monitor": {"issues"},
        "release.yml/image": {"id-token"},
    }
    # Which sign in by their identity where data is kept in a cloud.
    reaching = {"train.yml/train", "promote.yml/promote", "monitor.yml/monitor"}
    for project in of_host(repositories, "github"):
        in_cloud = answers_of(project)["hosting"] != "on_premises"
        for name, job in jobs(project):
            written = {key for key, given in job["permissions"].items() if given == "write"}
            which = name.partition("/")[2]
            wanted = may_write.get(which, set()) | (
                {"id-token"} if in_cloud and which in reaching else set()
            )
            if which == "release.yml/image" and not in_cloud:
                wanted = wanted | {"packages"}
            assert written == wanted, name
            assert job["timeout-minutes"] <= 120
            assert "vars.MLOPS_RUNNER" in job["runs-on"]
            for step in job["steps"]:
                if str(step.get("uses", "")).startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False
        for file in workflows(project):
            content = read(file)
            assert content["permissions"] == {} and "concurrency" in content
            assert "pull_request_target" not in file.read_text(encoding="utf-8")


# Issues by their number, in a file; of jq it knows the title that is asked for.
GH = f"""#!{sys.executable}
import json, os, re, sys
store, words = os.environ["ISSUES"], sys.argv[1:]
issues = json.load(open(store)) if os.path.exists(store) else {{}}
if words[:2] == ["issue", "list"]:
    title = re.search(r'title == "([^"]*)"', words[-1])
    found = [n for n, one in issues.items() if one[1] == "open" and
             (title is None or one[0] == title[1])]
    print(*found[:1])
elif words[:2] == ["issue", "create"]:
    issues[str(len(issues) + 1)] = [words[words.index("--title") + 1], "open", 1]
elif words[:2] == ["issue", "comment"]:
    issues[words[2]][2] += 1
elif words[:2] == ["issue", "close"]:
    issues[words[2]][1] = "closed"
json.dump(issues, open(store, "w"))
"""


def test_an_alarm_of_one_environment_is_not_cleared_by_a_quiet_look_at_another(
    repositories: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    monitor = read(repositories["team", "github"] / ".github/workflows/monitor.yml")
    steps = {step["name"]: step.get("run", "") for step in monitor["jobs"]["monitor"]["steps"]}
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    issues = tmp_path / "issues.json"

    def look(step: str, environment: str) -> list[list[Any]]:
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        chosen = {"PATH": path, "MLOPS_ENV": environment, "ISSUES": str(issues)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps[step]]
        done = run(command, tmp_path, chosen)
        assert done.returncode == 0, done.stderr
        return list(json.loads(issues.read_text(encoding="utf-8")).values())

    assert look("Tell", "prod") == [["Drift in prod", "open", 1]]
    assert look("Clear", "staging") == [["Drift in prod", "open", 1]]
    assert look("Tell", "staging")[1:] == [["Drift in staging", "open", 1]]
    assert look("Tell", "prod")[0] == ["Drift in prod", "open", 2]
    assert look("Clear", "staging")[1] == ["Drift in staging", "closed", 1]
    assert look("Clear", "prod")[0] == ["Drift in prod", "closed", 2]


def test_a_proof_of_concept_has_one_small_job(repositories: dict[tuple[str, str], Path]) -> None:
    project = repositories["poc", "both"]
    names = {file.stem for file in workflows(project)}
    assert names == {"ci", "template"}
    assert set(read(project / ".github/workflows/ci.yml")["jobs"]) == {"ci"}
    found = {name for name in read(project / GITLAB[1]) if not name.startswith(".")}
    assert found == {"variables", "check", "template"}


# Of the REST API's page on rules: what a body must hold, and of what type.
PULL_REQUEST = {
    "required_approving_review_count": int,
    "require_code_owner_review": bool,
    "dismiss_stale_reviews_on_push": bool,
    "require_last_push_approval": bool,
    "required_review_thread_resolution": bool,
}


def test_the_rules_of_main_have_githubs_shape_and_name_a_job_that_is_there(
    repositories: dict[tuple[str, str], Path],
) -> None:
    project = repositories["team", "github"]
    rules = json.loads((project / ".github/rulesets/main.json").read_text(encoding="utf-8"))
    assert set(rules) == {
        "name", "target", "enforcement", "bypass_actors", "conditions", "rules"
    }  # fmt: skip
    assert (rules["target"], rules["enforcement"]) == ("branch", "active")
    assert rules["conditions"]["ref_name"] == {"include": ["~DEFAULT_BRANCH"], "exclude": []}
    by_type = {rule["type"]: rule.get("parameters") for rule in rules["rules"]}
    assert by_type.keys() == {
        "deletion", "non_fast_forward", "pull_request", "required_status_checks"
    }  # fmt: skip
    asked = by_type["pull_request"]
    assert {key: type(value) for key, value in asked.items()} == PULL_REQUEST
    checks = by_type["required_status_checks"]
    assert checks["strict_required_status_checks_policy"] is True
    contexts = [check["context"] for check in checks["required_status_checks"]]
    ci = read(project / ".github/workflows/ci.yml")
    names = {job["name"]: job for job in ci["jobs"].values()}
    assert contexts == ["All checks"] and set(contexts) <= set(names)
    # It waits for every job that checks, and runs also when one of them failed.
    needed = set(names["All checks"]["needs"])
    assert needed == set(ci["jobs"]) - {"checks", "comment", "findings", "audit"}
    assert "always()" in names["All checks"]["if"]
    page = (project / "docs/delivery.md").read_text(encoding="utf-8")
    assert 'rulesets" --input .github/rulesets/main.json' in page


def test_both_hosts_run_the_same_commands(repositories: dict[tuple[str, str], Path]) -> None:
    """A command that only one of them runs would be a check that nobody has on the other."""
    command = re.compile(
        r"uv run (?:pytest|pyrefly \w+|ruff \w+|mlops [a-z]+(?: [a-z]+)?)|uv audit"
    )

    def run_by(ci: str, *names: str) -> set[str]:
        project = repositories["team", ci]
        texts = [text for name, text in scripts(project) if name.split("/")[-1] in names]
        assert len(texts) >= len(names)
        return {found for text in texts for found in command.findall(text)}

    assert run_by("github", "ci", "python") == run_by("gitlab", "check", "python")
    assert run_by("github", "train") == run_by("gitlab", "train")
    assert run_by("github", "promote") == run_by("gitlab", "promote", "rollback")
    assert run_by("github", "audit") == run_by("gitlab", "audit")
