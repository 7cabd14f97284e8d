"""The rendered workflows `train` and `promote`, executed on this machine, green and red."""

import contextlib
import os
import secrets
import shutil
import sqlite3
from pathlib import Path

import pytest
from acting import Execution, acted
from rendering import ROOT, git
from running import Project, new_project, replace

pytestmark = pytest.mark.xdist_group("delivery-workflows")
KEY = secrets.token_hex(32)
DELIVERY = ["Fetch the bundle", "Bring it in", "Judge", "Report", "Promote"]


class Delivery:
    """A repository with a place for bundles and a registry that outlive a run of a workflow."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.bundle = folder / "model.bundle"
        self.stubs = folder / "stubs"
        self.stubs.mkdir()
        # What `gh run download` would fetch: the bundle that `train` kept.
        gh = folder / "bin" / "gh"
        gh.parent.mkdir()
        gh.write_text(
            f'#!/bin/sh\n[ "$3" = 7 ] || exit 1\nmkdir -p dist\ncp "{self.bundle}" dist/\n'
        )
        gh.chmod(0o755)

    def run(self, name: str, *options: str, env: str = "prod", key: str = KEY) -> Execution:
        """Execute a workflow by hand for one environment."""
        environment = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "MLOPS_TRACKING__URI": f"sqlite:///{self.folder / env}.db",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        chosen = ("--input", f"environment={env}", "--secret", f"MLOPS_PRIVACY_KEY={key}")
        return acted(
            self.project, name, "workflow_dispatch", self.stubs, environment, *chosen, *options
        )

    def promote(self, *options: str, key: str = KEY) -> Execution:
        """Execute `promote` with the bundle of run 7."""
        return self.run(
            "promote", "--input", "run=7", "--input", "reason=weekly", *options, key=key
        )


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """Build a bundle, and commit the approval of it."""
    project = new_project(tmp_path_factory.mktemp("delivery") / "project")
    made = Delivery(project, tmp_path_factory.mktemp("outside"))
    elsewhere = {"MLOPS_TRACKING__URI": f"sqlite:///{made.folder / 'dev'}.db"}
    built = Project(project.path, {**project.extra, **elsewhere})
    built.mlops("run")
    built.mlops("bundle", "export", "--output", str(made.bundle))
    project.commit("first run")  # an approval is a commit of its own
    built.mlops("approve", str(made.bundle), "--to", "prod", "--reason", "better")
    project.commit("approve")
    return made


@pytest.fixture
def edited(delivery: Delivery) -> Project:
    """Restore what a test breaks."""
    git("reset", "--quiet", "--hard", cwd=delivery.project.path)
    return delivery.project


def assert_red_at(execution: Execution, step: str, sentence: str) -> None:
    assert execution.failed == [step], execution.log
    assert execution.exit_code != 0 and sentence in execution.log, execution.log


def test_a_model_is_trained_and_sealed(delivery: Delivery) -> None:
    execution = delivery.run("train", env="dev", key="")  # as a secret that nobody has set
    assert execution.exit_code == 0, execution.log
    wanted = ["Ready", "Pull", "Run", "Report", "Push", "Seal", "Keep the bundle"]
    assert {name: execution.steps.get(name) for name in wanted} == dict.fromkeys(wanted, "success")
    assert "model.bundle" in execution.log and "auc" in execution.summary


def test_an_approved_model_becomes_champion_and_is_rolled_back(
    delivery: Delivery, edited: Project
) -> None:
    execution = delivery.promote()
    assert execution.exit_code == 0, execution.log
    assert [execution.steps.get(name) for name in DELIVERY] == ["success"] * 5
    assert "promoted: version 1 of prod.shop is champion" in execution.log
    back = delivery.promote("--input", "rollback=true")
    # The first champion has no one before it.
    assert_red_at(back, "Roll back", "there is nothing to roll back to")
    assert {back.steps.get(name, "skipped") for name in DELIVERY} == {"skipped"}


def test_a_bundle_that_was_changed_is_red_when_it_is_brought_in(
    delivery: Delivery, edited: Project
) -> None:
    whole = delivery.bundle.read_bytes()
    middle = len(whole) // 2
    delivery.bundle.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert_red_at(delivery.promote(), "Bring it in", "seal is broken")
    delivery.bundle.write_bytes(whole)


def test_without_an_approval_it_is_red_at_the_promotion(
    delivery: Delivery, edited: Project
) -> None:
    (delivery.folder / "prod.db").unlink(missing_ok=True)
    shutil.rmtree(edited.path / "approvals")
    edited.commit("no approval")
    assert_red_at(delivery.promote(), "Promote", "prod demands an approval")
    git("reset", "--quiet", "--hard", "HEAD~1", cwd=edited.path)


@pytest.mark.repetition
def test_without_a_key_or_a_gain_it_is_red_at_the_right_step(
    delivery: Delivery, edited: Project
) -> None:
    (delivery.folder / "prod.db").unlink(missing_ok=True)
    assert_red_at(delivery.promote(key=""), "Ready", "prod needs a key")
    replace(edited.path / "conf/compare.yaml", "min_effect: 0.15", "min_effect: 0.4")
    edited.commit("more is asked")
    assert_red_at(delivery.promote(), "Promote", "Nothing is promoted: reject")
    git("reset", "--quiet", "--hard", "HEAD~1", cwd=edited.path)


# What a registry does whose clock is behind, and one in which somebody else registers meanwhile.
OLD = (
    "model_versions BEGIN UPDATE model_versions SET creation_time = creation_time - 8640000000; END"
)
OTHER = (
    "model_version_tags WHEN NEW.key = 'model_sha256' BEGIN "
    "UPDATE model_version_tags SET value = 'x' WHERE key = NEW.key; END"
)


@pytest.mark.repetition
@pytest.mark.parametrize(
    ("happens", "sentence"),
    [
        (OLD, "the decision is 100 days old"),
        (OTHER, "is not the model that decision.json is about"),
    ],
)
def test_a_decision_that_is_old_or_about_another_model_is_red_at_promote(
    delivery: Delivery, edited: Project, happens: str, sentence: str
) -> None:
    registry = delivery.folder / "prod.db"
    shutil.copy(delivery.folder / "dev.db", registry)
    with contextlib.closing(sqlite3.connect(registry)) as connection, connection:
        connection.execute(f"CREATE TRIGGER changed AFTER INSERT ON {happens}")
    execution = delivery.promote()
    registry.unlink()
    assert_red_at(execution, "Promote", sentence)


SEEDED = """
import sys
sys.path.insert(0, {support!r})
import promotion_driver as driver
driver.name = lambda: "prod.shop"
driver.seed(champion=True)
driver.write_decision("d3")
print(driver.promoted())
"""


def test_a_champion_is_taken_back_for_the_one_before(
    delivery: Delivery, edited: Project, tmp_path: Path
) -> None:
    """The registry is one in which version 3 followed version 2, of models that are only names."""
    shutil.copytree(edited.path / "conf", tmp_path / "conf")
    script = SEEDED.format(support=str(ROOT / "tests" / "support"))
    elsewhere = {"MLOPS_TRACKING__REGISTRY_PREFIX": "prod", "UV_PROJECT": str(edited.path)}
    promoted = Project(tmp_path, {**edited.extra, **elsewhere}).uv("python", "-c", script)
    assert "'champion': '3'" in promoted.stdout, promoted.stdout
    registry = delivery.folder / "prod.db"
    kept = registry.read_bytes() if registry.is_file() else None
    shutil.copy(tmp_path / "mlflow.db", registry)
    options = ("--input", "rollback=true", "--input", "reason=complaints")
    execution = delivery.run("promote", *options)
    assert execution.exit_code == 0, execution.log
    assert execution.steps["Roll back"] == "success"
    assert "rolled back: version 2 of prod.shop is champion" in execution.log
    assert {execution.steps.get(name, "skipped") for name in DELIVERY} == {"skipped"}
    registry.unlink()
    if kept is not None:
        registry.write_bytes(kept)


@pytest.mark.repetition
def test_training_stops_before_anything_personal_is_pushed(
    delivery: Delivery, edited: Project
) -> None:
    (edited.path / "docs" / "notes.md").write_text("Ask ana.perez@example.com\n", encoding="utf-8")
    execution = delivery.run("train", env="dev")
    (edited.path / "docs" / "notes.md").unlink()
    assert_red_at(execution, "Personal data", "docs/notes.md: e-mail address")
    assert "Push" not in execution.steps and "Keep the bundle" not in execution.steps


@pytest.mark.repetition
def test_a_model_that_is_not_better_is_trained_and_not_sealed(
    delivery: Delivery, edited: Project
) -> None:
    replace(edited.path / "conf/compare.yaml", "min_effect: 0.15", "min_effect: 0.4")
    execution = delivery.run("train", env="dev")
    assert execution.exit_code == 0, execution.log
    assert execution.steps["Seal"] == "success" and "Keep the bundle" not in execution.steps


def test_an_environment_that_does_not_exist_is_red_before_anything_runs(
    delivery: Delivery, edited: Project
) -> None:
    execution = delivery.run("promote", "--input", "run=7", env="production")
    assert_red_at(execution, "Ready", 'MLOPS_ENV is "production"')
