"""The rendered workflow `monitor`, executed on this machine: alarm, issue, retraining, and cleared.

`gh` is a stub that keeps issues in a file; what it is asked for is what GitHub's own would be.
"""

import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from acting import Execution, acted
from mlflow import MlflowClient
from running import Project, new_project, replace
from running_server import SMALL, WHOLE
from scored import DAYS, scored
from stages import pipeline, registered

pytestmark = pytest.mark.xdist_group("monitor-workflow")
FIRST = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=DAYS)
GH = """#!{python}
import json, pathlib, re, sys
file, words = pathlib.Path({file!r}), sys.argv[1:]
issues = json.loads(file.read_text())
told = dict(zip(words, words[1:]))
text = pathlib.Path(told["--body-file"]).read_text() if "--body-file" in told else ""
match words[:2]:
    case ["label", "create"]:
        assert words[2] == "drift" and "--force" in words
    case ["issue", "list"]:
        assert (told["--label"], told["--state"]) == ("drift", "open")
        (title,) = re.findall(r'select\\(.title == "(.*)"\\)', told["--jq"])
        found = [one["number"] for one in issues if one["open"] and one["title"] == title]
        print(*found[:1])
    case ["issue", "create"]:
        issues.append({{"number": len(issues) + 1, "open": True, "title": told["--title"],
                        "label": told["--label"], "texts": [text]}})
    case ["issue", "comment"]:
        issues[int(words[2]) - 1]["texts"].append(text)
    case ["issue", "close"]:
        issues[int(words[2]) - 1]["open"] = False
        issues[int(words[2]) - 1]["texts"].append(told["--comment"])
    case _:
        sys.exit("gh " + " ".join(words))
file.write_text(json.dumps(issues))
"""


class Watched:
    """A repository with a champion, what it scored, and its issues."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        (folder / "bin").mkdir()
        gh = folder / "bin/gh"
        file = str(folder / "issues.json")
        gh.write_text(GH.format(python=sys.executable, file=file), encoding="utf-8")
        gh.chmod(0o755)
        (folder / "stubs").mkdir()
        (folder / "issues.json").write_text("[]", encoding="utf-8")

    def run(self, name: str, event: str, *options: str) -> Execution:
        """Execute a workflow as an event would."""
        environment = {
            "MLOPS_TRACKING__URI": f"sqlite:///{self.folder / 'dev.db'}",
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        # What git ignores lies there too, as on a runner whose checkout cleans nothing away.
        options = ("--use-gitignore=false", *options)
        return acted(self.project, name, event, self.folder / "stubs", environment, *options)

    def look(self) -> Execution:
        """Execute `monitor` by hand."""
        return self.run("monitor", "workflow_dispatch", "--input", "environment=dev")

    def labelled(self, label: str, *options: str) -> Execution:
        """Execute `train` as an issue that got a label does."""
        event = self.folder / "event.json"
        told = {"action": "labeled", "label": {"name": label}, "issue": {"number": 1}}
        event.write_text(json.dumps(told), encoding="utf-8")
        return self.run("train", "issues", "--eventpath", str(event), *options)

    @property
    def issues(self) -> list[dict[str, Any]]:
        """Give what stands in the issues."""
        return json.loads((self.folder / "issues.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    project = new_project(tmp_path_factory.mktemp("watched") / "shop")
    replace(project.path / "conf/sources.yaml", WHOLE, SMALL)
    outside = tmp_path_factory.mktemp("outside")
    pipeline(project)
    elsewhere = {"MLOPS_TRACKING__URI": f"sqlite:///{outside / 'dev.db'}"}
    registered(Project(project.path, elsewhere))
    project.commit("first run")
    return Watched(project, outside)


def check_alarm(watched: Watched, looks: int) -> None:
    """Look once, which tells of an alarm, and read the one issue."""
    execution = watched.look()
    assert execution.exit_code == 0, execution.log
    assert execution.steps["Tell"] == "success" and "Clear" not in execution.steps
    (issue,) = watched.issues
    assert (issue["title"], issue["label"], issue["open"]) == ("Drift in dev", "drift", True)
    assert len(issue["texts"]) == looks
    assert "| drift recent_orders |" in issue["texts"][-1]
    assert "docs/monitoring.md#drift" in issue["texts"][-1]


def test_an_alarm_opens_an_issue_with_the_report(watched: Watched) -> None:
    scored(watched.project.path, FIRST)
    check_alarm(watched, 1)


@pytest.mark.repetition
def test_a_second_alarm_adds_to_it_its_label_retrains_and_it_is_closed_when_all_is_quiet(
    watched: Watched,
) -> None:
    project = watched.project
    scored(project.path, FIRST)
    if not watched.issues:
        check_alarm(watched, 1)
    check_alarm(watched, 2)
    # The label starts `train`, where the team has switched that on.
    assert "Run" not in watched.labelled("drift").steps
    assert "Run" not in watched.labelled("bug", "--var", "MLOPS_TRAIN=on").steps
    replace(project.path / "params.yaml", "trees: 60", "trees: 61")  # as newer rows would
    execution = watched.labelled("drift", "--var", "MLOPS_TRAIN=on")
    assert execution.exit_code == 0, execution.log
    assert execution.steps["Run"] == "success"
    client = MlflowClient(f"sqlite:///{watched.folder / 'dev.db'}")
    challenger = client.get_model_version_by_alias("dev.shop", "challenger")
    assert str(challenger.version) == "2" and challenger.run_id
    assert client.get_run(challenger.run_id).data.tags["reason"] == "drift"

    scored(project.path, FIRST, broken=False)
    execution = watched.look()
    assert execution.exit_code == 0, execution.log
    assert execution.steps.get("Clear") == "success", execution.log
    assert "Tell" not in execution.steps
    (issue,) = watched.issues
    assert not issue["open"] and "The alarm has cleared" in issue["texts"][-1]


def test_a_look_that_fails_is_red_and_opens_no_issue(watched: Watched) -> None:
    before = watched.issues
    damaged = watched.project.path / "data/open/served/damaged.parquet"
    damaged.write_bytes(b"PAR1 and no more")
    execution = watched.look()
    damaged.unlink()
    assert execution.failed == ["Look"] and execution.exit_code != 0, execution.log
    assert "damaged.parquet is no readable parquet" in execution.log
    assert watched.issues == before
