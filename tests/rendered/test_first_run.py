"""A newcomer's first quarter of an hour, with the network cut off: render, run, test, look around.

Rendering goes through the real `copier` command from a tagged template, with nothing on standard
input. What follows runs in a network namespace of its own, so that whatever is not in uv's cache
or in the repository would be missed.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from listening import free_port, gives, listening
from processes import run
from rendering import PROFILES, ROOT, files_of, git
from running import Project, first_and_repetitions, without_network

pytestmark = pytest.mark.xdist_group("first-run")
SOCKET = "import socket; socket.create_connection(('{host}', {port}), timeout=5)"


def copier(template: Path, destination: Path, *options: str, uvx: bool = False) -> None:
    """Render as a person would on the command line; a question would meet a closed stdin."""
    tool = ["uvx", "--offline", f"copier@{version('copier')}"] if uvx else ["copier"]
    done = run_without_stdin(
        [*tool, "copy", "--defaults", *options, str(template), str(destination)], template
    )
    assert done.returncode == 0, done.stderr
    assert "trust" not in done.stdout + done.stderr


def run_without_stdin(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "PATH": tools},
            stdin=nothing,
            capture_output=True,
            text=True,
            check=False,
        )


@dataclass(frozen=True)
class FirstRun:
    """A repository after its first two commands, and what these printed."""

    project: Project
    package: str
    printed: str
    tests: str

    @property
    def decision(self) -> dict[str, Any]:
        """The content of decision.json."""
        file = self.project.path / "reports" / "compare" / "decision.json"
        return json.loads(file.read_text(encoding="utf-8"))

    def offline(self, *command: str) -> str:
        """Run a command through `uv run` without a network; it must exit 0."""
        return self.project.run(*without_network("uv", "run", *command)).stdout

    def python(self, program: str, folder: str = ".") -> str:
        """Run a Python program in a process of its own, in a folder of the repository."""
        runner = ["uv", "run", "--directory", folder, "python", "-c", program]
        return self.project.run(*without_network(*runner)).stdout


def first_run(project: Project) -> FirstRun:
    """Commit what was rendered, fill uv's cache, then run the two commands without a network."""
    git("init", "--quiet", cwd=project.path)
    project.commit("Start from the template")
    project.run("uv", "sync")
    offline = [project.run(*without_network("uv", "run", *two)) for two in COMMANDS]
    answers = yaml.safe_load((project.path / ".copier-answers.yml").read_text(encoding="utf-8"))
    return FirstRun(project, answers["package_name"], offline[0].stdout, offline[1].stdout)


COMMANDS = (["mlops", "run"], ["pytest"])


@pytest.fixture(scope="module")
def newcomer(template: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """Take the default answers, with an environment of its own and no variable set for uv."""
    destination = tmp_path_factory.mktemp("first") / "shop-recsys"
    copier(template, destination)
    project = Newcomer(destination)
    return first_run(project)


class Newcomer(Project):
    """A repository used as a newcomer would: uv's own choices, a .venv inside."""

    def environment(self) -> dict[str, str]:
        """Leave out what the tests set to be cheap."""
        chosen = super().environment()
        return {k: v for k, v in chosen.items() if k not in ("UV_PROJECT_ENVIRONMENT", "UV_FROZEN")}


@pytest.fixture(scope="module")
def recommender(template: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """Take the proof of concept's profile with a recommendation, whose model is a class of ours."""
    destination = tmp_path_factory.mktemp("recommender") / "project"
    profile = str(ROOT / "profiles" / "poc.yml")
    copier(template, destination, "--data-file", profile, "--data", "task=recommendation")
    return first_run(Project(destination))


def expect(first: FirstRun, metric: str) -> None:
    """Check what a person sees after the two commands, against the files that were written."""
    decided, printed = first.decision, first.printed
    primary = decided["primary"]
    assert primary["metric"] == metric
    assert decided["decision"] == "promote"
    assert f"decision   {decided['decision']}: {decided['reasons'][0]}" in printed
    interval = f"[{primary['lower']:.4f}, {primary['upper']:.4f}]"
    values = f"{decided['candidate']['value']:.4f} against {decided['incumbent']['value']:.4f}"
    assert f"{values}, better by {primary['estimate']:.4f} {interval}" in printed
    assert 0 < primary["lower"] < primary["estimate"] < primary["upper"]
    (report,) = [line.split()[1] for line in printed.splitlines() if line.startswith("report")]
    assert "<svg" in (html := (first.project.path / report).read_text(encoding="utf-8")) or (
        "data:image/png" in html
    )
    assert f"dev.{first.package} version 1 (registered as challenger; decision: promote)" in printed
    assert " passed" in first.tests and " failed" not in first.tests


def test_the_network_is_really_off_where_the_first_run_happens() -> None:
    """The bad case of this module: a server that answers outside is out of reach inside."""
    import socket

    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104  (reached from here only)
        port = server.getsockname()[1]
        attempt = [sys.executable, "-c", SOCKET.format(host="127.0.0.1", port=port)]
        assert subprocess.run(attempt, capture_output=True, check=False).returncode == 0
        inside = subprocess.run(
            without_network(*attempt), capture_output=True, text=True, check=False
        )
    assert inside.returncode != 0
    assert "Network is unreachable" in inside.stderr or "refused" in inside.stderr


def test_the_default_answers_run_at_once_offline(
    newcomer: FirstRun, figure: Callable[[str], None]
) -> None:
    expect(newcomer, "auc")
    assert (newcomer.project.path / ".venv").is_dir()
    figure(f"first run offline: {newcomer.printed.splitlines()[1]}")


def test_the_first_run_changes_only_the_two_records_that_belong_into_git(
    newcomer: FirstRun,
) -> None:
    listed = git("status", "--porcelain", "--untracked-files=all", cwd=newcomer.project.path)
    assert sorted(listed.splitlines()) == [
        "?? data/holdouts.json",
        "?? data/inputs.json",
        "?? data/systems.json",
        "?? dvc.lock",
    ]


def test_a_second_run_does_nothing(newcomer: FirstRun) -> None:
    folder = newcomer.project.path
    watched = [
        *folder.glob("data/open/**/*.parquet"),
        *folder.glob("models/*"),
        *folder.glob("reports/**/*.*"),
        folder / "mlflow.db",
        folder / "dvc.lock",
    ]
    assert len(watched) > 10
    before = {path: path.stat().st_mtime_ns for path in watched}
    again = newcomer.project.run(*without_network("uv", "run", "mlops", "run"))
    known = newcomer.printed.replace(
        "registered as challenger; decision: promote", "registered before"
    )
    assert again.stdout == known != newcomer.printed
    assert "train" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in watched} == before
    assert "Data and pipelines are up to date." in newcomer.offline("dvc", "status")


REGISTERED = """
import json, sys
import mlflow
import numpy as np
import pandas as pd

mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
name = "dev.{package}"
versions = client.search_model_versions(f"name='{{name}}'")
challenger = client.get_model_version_by_alias(name, "challenger")
model = mlflow.pyfunc.load_model(f"models:/{{name}}@challenger")
features = pd.read_parquet("data/open/features.parquet")
holdout = features[features["split"] == "holdout"]
table = pd.read_parquet("data/open/predictions.parquet")
table = table[table["system"] == "candidate"].reset_index(drop=True)
keys = [key for key in ("id", "time") if key in table]
assert (table[keys].to_numpy() == holdout[keys].to_numpy()).all()
columns = model.metadata.get_input_schema().input_names()
rows = holdout[columns]
answered = np.asarray(model.predict(rows))
judged = table["score"].to_numpy() if "score" in table else np.stack(table["items"])
same = np.array_equal(answered, judged)
print(json.dumps({{
    "versions": len(versions), "aliases": challenger.aliases, "rows": len(rows), "same": bool(same),
    "tags": challenger.tags,
    "metrics": client.get_run(challenger.run_id).data.metrics,
}}))
"""


@pytest.mark.parametrize("which", first_and_repetitions("newcomer", "recommender"))
def test_the_registered_model_loads_in_another_process_and_predicts_the_same(
    which: str, request: pytest.FixtureRequest, figure: Callable[[str], None]
) -> None:
    first: FirstRun = request.getfixturevalue(which)
    found = json.loads(first.python(REGISTERED.format(package=first.package)).splitlines()[-1])
    assert found["versions"] == 1
    assert found["aliases"] == ["challenger"]
    assert found["same"] is True
    primary = first.decision["primary"]
    assert found["rows"] == primary["n_rows"]
    assert found["metrics"]["difference"] == primary["estimate"]
    assert found["tags"]["model_sha256"] == first.decision["candidate"]["digest"]
    figure(f"registered model: {found['rows']} predictions identical to those that were judged")


@pytest.mark.parametrize("which", first_and_repetitions("newcomer", "recommender"))
def test_every_command_of_the_page_for_agents_runs(
    which: str, request: pytest.FixtureRequest
) -> None:
    first: FirstRun = request.getfixturevalue(which)
    page = (first.project.path / "AGENTS.md").read_text(encoding="utf-8")
    assert page.count("\n") < 60
    (block,) = re.findall(r"```\n(.*?)```", page, flags=re.DOTALL)
    commands = [line.split() for line in block.splitlines()]
    assert ["uv", "run", "mlops", "compare", "check"] in commands
    for command in commands:
        assert command[:2] == ["uv", "run"]
        first.offline(*command[2:])


def test_a_recommender_is_a_class_of_this_project_and_runs_as_a_proof_of_concept(
    recommender: FirstRun,
) -> None:
    expect(recommender, "ndcg_at_10")


@pytest.mark.parametrize("which", first_and_repetitions("newcomer", "recommender"))
def test_the_notebook_runs_where_it_lies_and_was_committed_clean(
    which: str, request: pytest.FixtureRequest
) -> None:
    first: FirstRun = request.getfixturevalue(which)
    file = first.project.path / "notebooks" / "start.ipynb"
    notebook = json.loads(file.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    cells = ["".join(cell["source"]) for cell in code]
    assert "load" in cells[0]
    drawn = "import matplotlib.pyplot as plt; print(len(features), len(plt.gca().patches))"
    program = "\n".join(["import matplotlib", "matplotlib.use('Agg')", *cells, drawn])
    rows, bars = first.python(program, "notebooks").split()
    assert int(rows) > first.decision["primary"]["n_rows"]
    assert int(bars) >= 2


def test_a_table_that_is_not_there_is_named_with_those_that_are(newcomer: FirstRun) -> None:
    ask = "from mlops_kit import load; load('feature')"
    runner = ["uv", "run", "--directory", "notebooks", "python", "-c", ask]
    done = newcomer.project.run(*runner, check=False)
    assert done.returncode != 0
    assert "features" in done.stderr and "predictions" in done.stderr


@pytest.mark.parametrize("name", first_and_repetitions("regulated", "cloud"))
def test_every_profile_runs_at_once_offline(name: str, template: Path, tmp_path: Path) -> None:
    """The proof of concept is the recommender above; the next test accounts for the team."""
    assert {"poc", "team", "regulated", "cloud"} == set(PROFILES)
    copier(template, tmp_path / "p", "--data-file", str(ROOT / "profiles" / f"{name}.yml"))
    expect(first_run(Project(tmp_path / "p")), "auc")


def test_the_profile_of_a_team_is_the_default_answers(template: Path, tmp_path: Path) -> None:
    profile = str(ROOT / "profiles" / "team.yml")
    copier(template, tmp_path / "team" / "p", "--data-file", profile)
    copier(template, tmp_path / "default" / "p")
    team, default = (files_of(tmp_path / name / "p") for name in ("team", "default"))
    # The same answers; those that were given come first.
    answers = [yaml.safe_load(files.pop(".copier-answers.yml")) for files in (team, default)]
    assert answers[0] == answers[1]
    assert team == default


@pytest.mark.repetition
def test_uvx_renders_the_same_as_the_copier_command(template: Path, tmp_path: Path) -> None:
    cached = run_without_stdin(
        ["uvx", "--offline", f"copier@{version('copier')}", "--version"], tmp_path
    )
    if cached.returncode != 0:
        # Once with a network; the render itself is offline.
        run(["uvx", f"copier@{version('copier')}", "--version"], cwd=tmp_path)
    for destination, uvx in ((tmp_path / "a" / "p", True), (tmp_path / "b" / "p", False)):
        copier(template, destination, uvx=uvx)
    compared = run(["git", "diff", "--no-index", "a/p", "b/p"], cwd=tmp_path)
    assert compared.stdout == ""
    assert (tmp_path / "a" / "p" / "uv.lock").is_file()


@pytest.fixture
def committed(newcomer: FirstRun) -> Iterator[FirstRun]:
    """Commit the two records, as the newcomer is told."""
    newcomer.project.commit("Record the first run")
    yield newcomer
    git("reset", "--quiet", "--soft", "HEAD~1", cwd=newcomer.project.path)
    git("reset", "--quiet", cwd=newcomer.project.path)


def test_no_record_that_a_first_run_leaves_for_git_looks_like_a_secret(
    committed: FirstRun,
) -> None:
    """Else the hook and CI would stop everybody's first commit of a result."""
    assert committed.offline("mlops", "secrets").startswith("clean: ")


def test_doctor_finds_a_committed_first_run_in_order(committed: FirstRun) -> None:
    listed = json.loads(committed.offline("mlops", "doctor", "--json"))
    assert {one["name"]: one["message"] for one in listed if one["status"] == "problem"} == {}
    assert {"python", "packages", "settings", "git", "lock", "index", "template"} <= {
        one["name"] for one in listed
    }


def test_ui_serves_the_runs_on_this_machine_only(newcomer: FirstRun) -> None:
    """It needs the group `ui`, which a first run does not install: the only step with a network."""
    project, port = newcomer.project, free_port()
    project.run("uv", "sync", "--frozen", "--group", "ui")
    log = project.path / "ui.log"
    command = ["uv", "run", "--group", "ui", "mlops", "ui", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    health = gives(f"{address}/health", b"OK")
    with listening(command, project.path, health, log, project.environment(), 120):
        page = urllib.request.urlopen(address, timeout=30).read().decode()
        assert "<title>MLflow</title>" in page
        request = urllib.request.Request(  # noqa: S310
            f"{address}/api/2.0/mlflow/registered-models/get?name=dev.{newcomer.package}"
        )
        answer = json.load(urllib.request.urlopen(request, timeout=30))  # noqa: S310
        assert answer["registered_model"]["aliases"] == [{"alias": "challenger", "version": "1"}]
        assert f"{address} (stop with Ctrl-C)" in log.read_text(encoding="utf-8")
        found = run(["ss", "--listening", "--tcp", "--numeric"], cwd=project.path)
        if found.returncode == 0:
            (line,) = [line for line in found.stdout.splitlines() if f":{port} " in line]
            assert f"127.0.0.1:{port}" in line
    log.unlink()
