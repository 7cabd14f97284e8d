"""The whole loop while a server answers: drift is seen, a model is trained anew, and wins or not.

The story is the one of `mlops demo`, by the commands that a person or a workflow runs, on the whole
sample shop; once with an approval that a person commits, once with `promotion.automatic`.
"""

import contextlib
import datetime
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from mlops_kit.operate.demo import demo
from running import Project, new_project, replace
from running_server import Callers, served

pytestmark = [pytest.mark.xdist_group("loop"), pytest.mark.repetition]
SEEN_WITHIN = datetime.timedelta(days=14)  # of the first outcome, as docs/monitoring.md promises


def story(project: Project, line: str) -> None:
    """Let happen what the demo lets happen: other facts in the sample, or rows to be scored."""
    start = "import datetime; from mlops_kit.operate.demo.demo import *; "
    start += "from mlops_kit.operate.demo import demo; "
    project.uv("python", "-c", start + line)


def scored(project: Project, name: str) -> None:
    """Score a span of the demo day by day, and take in the outcomes that came."""
    story(project, f"demo._asked({name!r}, demo.{name.upper()}); demo._outcomes({name!r})")
    project.mlops("predict", "--input", f"data/open/asked-{name}.parquet", "--max-aside", "0.5")
    project.mlops("feedback", f"data/open/outcomes-{name}.parquet")


def look(project: Project, day: datetime.date) -> dict[str, Any]:
    done = project.mlops("monitor", "--as-of", str(day), "--json", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == {"quiet": 0, "alarm": 1}[told["verdict"]], done.stderr
    return told


def approved(project: Project) -> None:
    """Approve the challenger, as somebody who may does it: by a commit of approvals alone."""
    project.commit("what changed")
    project.mlops("approve", "--to", "dev", "--reason", "read the report")
    project.commit("approve")


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize("ending", ["promoted", "kept"])
def test_from_drift_to_a_quiet_monitor_no_request_fails(
    tmp_path: Path, ending: str, automatic: bool, figure: Any
) -> None:
    project = new_project(tmp_path / "shop", {"serving": "both"})
    replace(project.path / "conf/serve.yaml", "max_age_hours: 36", "max_age_hours: null")
    with (project.path / "conf/serve.yaml").open("a", encoding="utf-8") as file:
        file.write("poll_seconds: 0.3\n")
    with (project.path / "conf/dev.yaml").open("a", encoding="utf-8") as file:
        file.write(f"promotion: {{approval: true, automatic: {str(automatic).lower()}}}\n")
    story(project, "demo._set(until=TRAINED)")
    project.commit("the first rows")
    project.mlops("run")
    approved(project)
    project.mlops("promote")
    project.mlops("snapshot", "--as-of", "2025-01-15")
    ids = pl.read_parquet(project.path / "data/open/predictions.parquet")["id"].unique()[:200]
    with served(project) as server, contextlib.ExitStack() as stack:
        # Some had not bought yet at that time.
        known = [id_ for id_ in ids if server.ask("/predict", {"id": id_})[0] == 200]
        assert len(known) > 20
        callers = stack.enter_context(Callers(server.port, known))
        field = demo.ENDINGS[ending][0]
        story(project, f"demo._set(until=ALL, {field}=SHIFT); demo._ingest()")
        scored(project, "quiet")
        assert look(project, demo.QUIET[1])["verdict"] == "quiet"
        scored(project, "drifted")
        # Nobody sees a shift of outcomes before they come; and features that remember sixty days
        # learn of other prices little by little.
        by = demo.SHIFT + datetime.timedelta(days=demo.HORIZON) + SEEN_WITHIN
        seen = look(project, by if ending == "promoted" else demo.DRIFTED[1])
        assert seen["verdict"] == "alarm"
        story(project, "demo._against_champion()")
        project.commit("against the champion")
        told = json.loads(project.mlops("run", "--reason", "drift", "--json").stdout)
        before = len(callers.answers)
        if ending == "kept":
            assert told["decision"] != "promote"
            refused = project.mlops("promote", "--reason", "drift", check=False)
            assert refused.returncode in (1, 2)
            assert f"Nothing is promoted: {told['decision']}" in refused.stderr
            story(project, "demo._set(until=ALL); demo._ingest()")
        else:
            assert told["decision"] == "promote", told
            if not automatic:
                refused = project.mlops("promote", "--reason", "drift", check=False)
                assert refused.returncode == 3
                assert "dev demands an approval" in refused.stderr
                approved(project)
            done = json.loads(project.mlops("promote", "--reason", "drift", "--json").stdout)
            assert done["champion"] == "2"
            assert (done["approved_by"] == "promotion.automatic") == automatic
            server.wait_for(lambda: callers.answers[-1][2]["version"] == "2", 60)
        scored(project, "after")
        after = look(project, demo.AFTER[1])
        assert after["verdict"] == "quiet", after["alarms"]
        assert sorted(after["cleared"]) == sorted(one["key"] for one in seen["alarms"])
        server.wait_for(lambda: len(callers.answers) > before)
        if ending == "promoted":
            done = json.loads(project.mlops("promote", "--rollback", "--json").stdout)
            assert (done["champion"], done["status"]) == ("1", "rolled back")
            server.wait_for(lambda: callers.answers[-1][2]["version"] == "1", 60)
    assert {status for status, _, _ in callers.answers} == {200}
    assert callers.lost == 0
    versions = [said["version"] for _, _, said in callers.answers]
    assert set(versions) == ({"1", "2"} if ending == "promoted" else {"1"})
    figure(f"{ending}, automatic {automatic}: {len(versions):,} requests, none failed")
