"""The rendered workflow `release`, executed here with a stand-in for docker, green and red."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from acting import Execution, acted
from rendering import git
from running import Project, first_and_repetitions, new_project, replace

pytestmark = pytest.mark.xdist_group("release-workflow")
CHECK = ["Version", "Check the lock", "Install", "Tests", "Personal data"]
IMAGE = ["Where to", "What is in it", "Sign in", "New", "Build", "Try", "Push", "Install cosign"]
IMAGE += ["Sign", "Tell", "Keep what is in it"]
NO_TESTS = {"PYTEST_ADDOPTS": "--collect-only"}
DIGEST = "sha256:" + "5" * 64
# Writes down its words, and answers as the real one where the workflow reads an answer.
PROGRAM = f"""#!{sys.executable}
import json, os, shutil, sys
words = sys.argv
said = "" if sys.stdin.isatty() or "--password-stdin" not in words else sys.stdin.read().strip()
with open(os.environ["WORDS"], "a") as file:
    file.write(json.dumps([os.path.basename(words[0]), *words[1:], *([said] if said else [])]))
    file.write("\\n")
text = " ".join(words)
if text.endswith(os.environ.get("FAILS", "nothing fails")):
    sys.exit("denied")
if "imagetools inspect" in text:
    sys.exit(words[-1] != os.environ.get("EXISTS"))
if "--metadata-file" in words:
    with open(words[words.index("--metadata-file") + 1], "w") as file:
        json.dump({{"containerimage.digest": "{DIGEST}"}}, file)
if "--predicate" in words:
    # act works in a copy that it removes.
    shutil.copy(words[words.index("--predicate") + 1], os.environ["WORDS"] + ".sbom")
if "get-login-password" in words:
    print("of-one-hour")
"""


class Release:
    """A committed repository, and how a tag of it is released."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.words = folder / "words"
        programs = folder / "bin"
        programs.mkdir()
        for name in ("docker", "cosign", "aws", "az"):
            (programs / name).write_text(PROGRAM, encoding="utf-8")
            (programs / name).chmod(0o755)
        self.path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        (folder / "stubs").mkdir()

    def run(
        self, *options: str, ref: str = "refs/tags/v0.1.0", event: str = "push", on: str = "on",
        **environment: str,
    ) -> Execution:  # fmt: skip
        """Execute the workflow as a pushed tag would."""
        self.words.write_text("", encoding="utf-8")
        about = self.folder / "event.json"
        repository = {"full_name": "Shop/Shop-Recommender", "name": "Shop-Recommender"}
        about.write_text(json.dumps({"ref": ref, "repository": repository}), encoding="utf-8")
        chosen = {"PATH": self.path, "WORDS": str(self.words), **NO_TESTS, **environment}
        events = ("--eventpath", str(about), "--var", f"MLOPS_RELEASE={on}")
        return acted(
            self.project, "release", event, self.folder / "stubs", chosen, *events, *options
        )

    def said(self) -> list[list[str]]:
        """Return what the stand-ins were told."""
        return [json.loads(line) for line in self.words.read_text().splitlines()]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    project = new_project(tmp_path_factory.mktemp("release") / "project")
    return Release(project, tmp_path_factory.mktemp("outside"))


@pytest.fixture
def edited(release: Release) -> Project:
    """Restore what a test breaks."""
    git("reset", "--quiet", "--hard", cwd=release.project.path)
    git("clean", "--quiet", "-d", "--force", cwd=release.project.path)
    return release.project


def assert_red_at(execution: Execution, step: str, sentence: str) -> None:
    assert execution.failed == [step], execution.log
    assert execution.exit_code != 0 and sentence in execution.log, execution.log
    order = [*CHECK, *IMAGE]
    after = order[order.index(step) + 1 :]
    assert {execution.steps.get(name, "skipped") for name in after} <= {"skipped"}


def test_a_tagged_version_is_built_tried_pushed_and_signed(
    release: Release, edited: Project, figure: Callable[[str], None]
) -> None:
    execution = release.run(
        "--secret", "GITHUB_TOKEN=of-this-run", "--var", "MLOPS_IMAGE=registry.example.org/Shop"
    )
    assert execution.exit_code == 0, execution.log
    assert [execution.steps.get(name) for name in [*CHECK, *IMAGE]] == ["success"] * 16
    said = release.said()
    image = "registry.example.org/shop"
    (login,) = [words for words in said if words[1] == "login"]
    assert login[2] == "registry.example.org" and "of-this-run" in login[-1]
    commit = git("rev-parse", "HEAD", cwd=edited.path).strip()
    built, pushed = [words for words in said if words[1:3] == ["buildx", "build"]]
    assert "--load" in built and "--push" in pushed
    assert {"--provenance=mode=max", "--sbom=true", f"{image}:0.1.0"} <= set(pushed)
    assert f"REVISION={commit}" in pushed
    (tried,) = [words for words in said if words[1] == "run"]
    assert {"--read-only", "none", "ALL", "no-new-privileges"} <= set(tried)
    signed = [words[1:] for words in said if words[0] == "cosign" and words[1] != "version"]
    assert signed == [
        ["sign", "--yes", f"{image}@{DIGEST}"],
        ["attest", "--yes", "--type", "cyclonedx", "--predicate", "dist/sbom.cdx.json",
         f"{image}@{DIGEST}"],
    ]  # fmt: skip
    parts = json.loads((release.folder / "words.sbom").read_text(encoding="utf-8"))
    names = {part["name"] for part in parts["components"]}
    assert {"duckdb", "scikit-learn"} <= names and "pytest" not in names
    assert f"{image}@{DIGEST}" in execution.summary
    figure(f"release on the host: 16 steps green, {len(names)} components named")


def test_a_version_that_may_not_be_published_is_red_at_the_right_step(
    release: Release, edited: Project
) -> None:
    assert_red_at(
        release.run(ref="refs/tags/v0.2.0"), "Version", "v0.1.0 that pyproject.toml asks for"
    )
    assert_red_at(
        release.run(ref="refs/heads/main", event="workflow_dispatch"), "Version", "refs/heads/main"
    )


@pytest.mark.repetition
def test_what_fails_outside_is_red_at_its_step(release: Release, edited: Project) -> None:
    there = "registry.example.org/shop:0.1.0"
    to = ("--var", "MLOPS_IMAGE=registry.example.org/shop")
    assert_red_at(release.run(*to, EXISTS=there), "New", f"{there} exists already")
    assert not any("--push" in words for words in release.said())
    assert_red_at(release.run(*to, FAILS="mlops --help"), "Try", "denied")
    assert not any("--push" in words for words in release.said())
    signing = f"cosign sign --yes registry.example.org/shop@{DIGEST}"
    assert_red_at(release.run(*to, FAILS=signing), "Sign", "denied")


@pytest.mark.repetition
def test_a_failing_test_or_something_personal_is_red_before_anything_is_built(
    release: Release, edited: Project
) -> None:
    replace(edited.path / "tests/test_features.py", '["orders_90"] == 3', '["orders_90"] == 4')
    red = release.run(PYTEST_ADDOPTS="tests")
    assert_red_at(red, "Tests", "test_features_know_only_the_days_before")
    git("reset", "--quiet", "--hard", cwd=edited.path)
    (edited.path / "docs/notes.md").write_text("Ask ana.perez@example.com\n", encoding="utf-8")
    assert_red_at(release.run(), "Personal data", "docs/notes.md: e-mail address")
    assert release.said() == []


def test_a_tag_publishes_nothing_before_a_person_has_switched_it_on(
    release: Release, edited: Project
) -> None:
    """An update brings this file to repositories that tag for other reasons."""
    execution = release.run(on="")
    assert execution.exit_code == 0 and execution.steps == {}
    assert release.said() == []


@pytest.mark.parametrize(
    ("hosting", "variables", "program"),
    first_and_repetitions(
        ("aws", {"AWS_ROLE": "arn:aws:iam::1:role/r", "AWS_REGION": "eu-west-1"}, "aws"),
        ("gcp", {"GCP_IDENTITY_PROVIDER": "p", "GCP_SERVICE_ACCOUNT": "s"}, "docker"),
        (
            "azure",
            {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_SUBSCRIPTION_ID": "s"},
            "az",
        ),
    ),
)
def test_a_cloud_is_signed_in_to_by_identity_and_what_is_not_set_is_named(
    hosting: str, variables: dict[str, str], program: str, tmp_path: Path
) -> None:
    project = new_project(tmp_path / "p", {"hosting": hosting, "personal_data": "none"})
    (tmp_path / "outside").mkdir()
    release = Release(project, tmp_path / "outside")
    given = {"MLOPS_IMAGE": "123.registry.example.org/team/shop", **variables}
    options = [word for name, value in given.items() for word in ("--var", f"{name}={value}")]
    without = options[:-2]
    red = release.run(*without)
    assert_red_at(red, "Where to", f"The variable {list(given)[-1]} of the environment release")
    assert_red_at(release.run(*options[2:]), "Where to", "The variable MLOPS_IMAGE of")
    execution = release.run(*options)
    assert execution.exit_code == 0, execution.log
    said = release.said()
    assert any(words[0] == program and "login" in " ".join(words) for words in said)
    signed = [words[-1] for words in said if words[:2] == ["cosign", "sign"]]
    names = ["123.registry.example.org/team/shop", "123.registry.example.org/team/shop-tracking"]
    assert signed == [f"{name}@{DIGEST}" for name in names]
