"""The rendered workflow `ci`, checked by linters and executed on this machine, green and red.

`act` runs the steps on the host: no container engine and no marketplace. Each action is replaced
by a stub under its pinned commit, so that an action that nobody stubbed, or a moved pin, is red.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from acting import SETUP_UV, Execution, acted
from processes import interpreter, run
from rendering import git
from running import Project, new_project, replace

pytestmark = pytest.mark.xdist_group("workflows")
STEPS = [
    "Check out",
    "Install uv",
    "Check the lock",
    "Install",
    "Lint",
    "Format",
    "Types",
    "Secrets",
    "Workflows",
    "Tests",
    "Reviews",
    "Pipeline",
    "Personal data",
    "Report",
    "Keep the report",
    "Keep the findings",
]
# The tests step has its own case: elsewhere pytest only collects.
NO_TESTS = {"PYTEST_ADDOPTS": "--collect-only"}


Act = Callable[..., Execution]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a fresh render, committed."""
    return new_project(tmp_path_factory.mktemp("workflows") / "project")


@pytest.fixture
def edited(repository: Project) -> Iterator[Project]:
    """Give the repository to a test that breaks it, and restore it afterwards."""
    yield repository
    git("reset", "--quiet", "--hard", cwd=repository.path)
    git("clean", "--quiet", "-d", "--force", cwd=repository.path)


@pytest.fixture(scope="module")
def act(repository: Project, tmp_path_factory: pytest.TempPathFactory) -> Act:
    """Return a function that executes the workflow as a push to main would."""
    stubs = tmp_path_factory.mktemp("stubs")

    def execute(environment: Mapping[str, str] | None = None, *options: str) -> Execution:
        chosen = options if "--job" in options else ("--job", "ci", *options)
        event = "pull_request" if "--eventpath" in options else "push"
        return acted(repository, "ci", event, stubs, environment or {}, *chosen)

    return execute


def assert_red_at(execution: Execution, step: str) -> None:
    """Check that exactly this step failed, and that those after it did not run."""
    assert execution.failed == [step], execution.log
    assert execution.exit_code != 0
    # The findings are kept whatever happened.
    after = STEPS[STEPS.index(step) + 1 : -1]
    assert {execution.steps.get(name, "skipped") for name in after} == {"skipped"}


def test_a_fresh_render_is_green_and_shows_its_report(
    act: Act, figure: Callable[[str], None]
) -> None:
    execution = act()
    assert execution.exit_code == 0, execution.log
    assert execution.steps == dict.fromkeys(STEPS, "success")
    assert re.search(r"\d+ passed", execution.log)
    decided = re.search(r"decision +promote: [^\n]*", execution.log)
    assert decided
    assert "auc" in execution.summary
    assert "decision.json" in execution.log  # listed by the stand-in that keeps the report
    figure(f"rendered workflow on the host: {len(execution.steps)} steps green")


def test_a_stale_lock_is_red_at_the_lock(edited: Project, act: Act) -> None:
    replace(edited.path / "pyproject.toml", "dependencies = []", 'dependencies = ["idna>=3"]')
    assert_red_at(act(NO_TESTS), "Check the lock")


def test_an_unused_import_is_red_at_lint(edited: Project, act: Act) -> None:
    model = edited.path / "src" / "shop" / "model.py"
    replace(model, "from sklearn.base import", "import os\n\nfrom sklearn.base import")
    execution = act(NO_TESTS)
    assert_red_at(execution, "Lint")
    assert "F401" in execution.log


def test_a_crooked_line_is_red_at_the_format(edited: Project, act: Act) -> None:
    replace(
        edited.path / "src" / "shop" / "baseline.py", "np.full(len(rows),", "np.full( len(rows),"
    )
    assert_red_at(act(NO_TESTS), "Format")


def test_a_wrong_type_is_red_at_the_types(edited: Project, act: Act) -> None:
    features = edited.path / "src" / "shop" / "features.py"
    replace(features, "def target(params: dict) -> str:", "def target(params: dict) -> int:")
    execution = act(NO_TESTS)
    assert_red_at(execution, "Types")
    assert "bad-return" in execution.log


def test_a_broken_test_is_red_at_the_tests(edited: Project, act: Act) -> None:
    features = edited.path / "tests" / "test_features.py"
    replace(features, '["orders_90"] == 3', '["orders_90"] == 4')
    execution = act({"PYTEST_ADDOPTS": "tests"})
    assert_red_at(execution, "Tests")
    assert "test_features_know_only_the_days_before" in execution.log


@pytest.mark.repetition
def test_broken_sql_is_red_at_the_tests_and_would_be_red_at_the_pipeline(
    edited: Project, act: Act
) -> None:
    features = edited.path / "src" / "shop" / "features.py"
    replace(features, "min(age) AS days_since_last", "min(age_in_days) AS days_since_last")
    assert_red_at(act({"PYTEST_ADDOPTS": "tests"}), "Tests")
    execution = act(NO_TESTS)
    assert_red_at(execution, "Pipeline")
    assert "features.py: the SQL of features() fails" in execution.log


def test_what_only_the_pipeline_sees_is_red_at_the_pipeline(edited: Project, act: Act) -> None:
    replace(edited.path / "conf" / "compare.yaml", "incumbent: baseline", "incumbent: in_force")
    replace(edited.path / "conf" / "sources.yaml", "customers: 5000", "customers: 1000")
    replace(edited.path / "conf" / "sources.yaml", "order_lines: 60000", "order_lines: 12000")
    execution = act(NO_TESTS)
    assert_red_at(execution, "Pipeline")
    assert 'the pipeline makes no system "in_force"' in execution.log


@pytest.mark.repetition
def test_a_repository_variable_switches_the_pipeline_off_where_its_data_is_not(
    edited: Project, act: Act
) -> None:
    """As docs/bring-your-own-data.md says: checks and tests still run, and the rest is skipped."""
    document = (edited.path / "docs" / "bring-your-own-data.md").read_text(encoding="utf-8")
    assert "`MLOPS_PIPELINE` to `off`" in " ".join(document.split())
    charter = edited.path / "docs" / "charter.md"
    text = charter.read_text(encoding="utf-8")
    due = re.sub(r"Review by: \[.*?\]", "Review by: 2020-01-31", text)
    assert due != text
    charter.write_text(due, encoding="utf-8")
    execution = act(NO_TESTS, "--var", "MLOPS_PIPELINE=off")
    assert execution.exit_code == 0, execution.log
    assert "docs/charter.md" in execution.log and "was due on 2020-01-31" in execution.log
    ran = [name for name, result in execution.steps.items() if result == "success"]
    assert ran == [*STEPS[: STEPS.index("Pipeline")], "Personal data", "Keep the findings"]


def test_something_personal_in_a_document_is_red_before_anything_is_published(
    edited: Project, act: Act
) -> None:
    (edited.path / "docs" / "notes.md").write_text("Ask ana.perez@example.com\n", encoding="utf-8")
    execution = act(NO_TESTS, "--var", "MLOPS_PIPELINE=off")
    assert_red_at(execution, "Personal data")
    assert "docs/notes.md: e-mail address, first at line 1" in execution.log
    assert "perez" not in execution.log


def test_an_action_without_a_pin_is_refused(edited: Project, act: Act) -> None:
    """The bad case of the stubs: what is not mapped under its commit cannot run."""
    workflow = edited.path / ".github" / "workflows" / "ci.yml"
    text = workflow.read_text(encoding="utf-8")
    moved = re.sub(rf"{SETUP_UV}@[0-9a-f]{{40}}", f"{SETUP_UV}@{'0' * 40}", text)
    workflow.write_text(moved, encoding="utf-8", newline="\n")
    execution = act(NO_TESTS)
    assert execution.exit_code != 0
    assert "success" not in execution.steps.values()


def test_a_secret_is_red_before_anything_of_the_repository_runs(edited: Project, act: Act) -> None:
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    (edited.path / "notebooks" / "try.py").write_text(f'TOKEN = "{token}"\n', encoding="utf-8")
    execution = act(NO_TESTS)
    assert_red_at(execution, "Secrets")
    assert "notebooks/try.py: GitHub Token, first at line 1" in execution.log
    assert token not in execution.log
    assert "secrets.sarif" in execution.log  # kept, for code scanning


def test_a_workflow_that_lets_a_stranger_in_is_red_at_the_workflows(
    edited: Project, act: Act
) -> None:
    text = (edited.path / ".github/workflows/template.yml").read_text(encoding="utf-8")
    title = 'run: echo "${{ github.event.pull_request.title }}"'
    own = text.replace("uses: actions/checkout", f"{title}\n      - uses: actions/checkout", 1)
    own = own.partition("        with:\n")[0]
    (edited.path / ".github/workflows/own.yml").write_text(own, encoding="utf-8")
    execution = act(NO_TESTS)
    assert_red_at(execution, "Workflows")
    assert "template-injection" in execution.log


GH = """#!{python}
import json, pathlib, shutil, sys
calls = pathlib.Path(r"{folder}") / "calls.jsonl"
body = [a.partition("@")[2] for a in sys.argv if a.startswith("body=@")]
text = pathlib.Path(body[0]).read_text() if body else ""
with calls.open("a") as log:
    log.write(json.dumps([sys.argv[1:], text]) + "\\n")
if sys.argv[1:3] == ["run", "download"]:
    kept = pathlib.Path(r"{folder}") / sys.argv[sys.argv.index("--name") + 1]
    shutil.copytree(kept, sys.argv[sys.argv.index("--dir") + 1])
elif "--paginate" in sys.argv and (pathlib.Path(r"{folder}") / "written").exists():
    print(41)
if "POST" in sys.argv:
    (pathlib.Path(r"{folder}") / "written").touch()
"""
FORK, OWN = "else/shop", "shop/shop"


@pytest.fixture
def outside(tmp_path: Path, edited: Project) -> Path:
    """Stand in for GitHub: what `ci` has kept, a `gh`, and a workflow whose jobs wait for none."""
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(GH.replace("{python}", sys.executable).replace("{folder}", str(tmp_path)))
    gh.chmod(0o755)
    for name, file in (("compare-report", "report.md"), ("findings", "secrets.sarif")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("# Promote: auc is better\n")
    workflow = edited.path / ".github" / "workflows" / "ci.yml"
    text = workflow.read_text(encoding="utf-8").replace("    needs: ci\n", "")
    workflow.write_text(text, encoding="utf-8", newline="\n")
    return tmp_path


def from_pull_request(outside: Path, head: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables and the options of a pull request whose branch is in `head`."""
    event = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
    event |= {"repository": {"full_name": OWN}}
    file = outside / f"{head.replace('/', '-')}.json"
    file.write_text(json.dumps(event))
    path = f"{outside / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # The machine's own name of the repository: act asks git, and there is no remote here.
    return {"PATH": path, "GITHUB_REPOSITORY": OWN}, ("--eventpath", str(file))


def test_a_pull_request_has_one_comment_that_is_written_anew(
    outside: Path, edited: Project, act: Act
) -> None:
    environment, options = from_pull_request(outside, OWN)
    for _ in range(2):
        execution = act(environment, *options, "--job", "comment")
        assert execution.steps == {"Decision": "success"}, execution.log
    calls = [json.loads(line) for line in (outside / "calls.jsonl").read_text().splitlines()]
    written = [(call, text) for call, text in calls if "--method" in call]
    assert [call[call.index("--method") + 1] for call, _ in written] == ["POST", "PATCH"]
    assert written[0][0][-3] == f"repos/{OWN}/issues/7/comments"
    assert written[1][0][-3] == f"repos/{OWN}/issues/comments/41"
    assert {text for _, text in written} == {
        "<!-- mlops: the decision -->\n# Promote: auc is better\n"
    }


def test_a_fork_writes_nothing(outside: Path, act: Act) -> None:
    environment, options = from_pull_request(outside, FORK)
    for job in ("comment", "findings"):
        execution = act(environment, *options, "--job", job, "--var", "MLOPS_CODE_SCANNING=on")
        assert execution.steps == {} and execution.exit_code == 0, execution.log


def test_findings_are_shown_where_code_scanning_is_on(outside: Path, act: Act) -> None:
    environment, options = from_pull_request(outside, OWN)
    assert act(environment, *options, "--job", "findings").steps == {}
    execution = act(environment, *options, "--job", "findings", "--var", "MLOPS_CODE_SCANNING=on")
    assert execution.steps.get("Show them") == "success", execution.log
    assert "secrets.sarif" in execution.log


def test_all_checks_is_red_when_one_of_them_is(edited: Project, act: Act) -> None:
    workflow = edited.path / ".github" / "workflows" / "ci.yml"
    text = workflow.read_text(encoding="utf-8")
    results = "RESULTS: ${{ join(needs.*.result, ' ') }}"
    assert text.count(results) == 1
    text = text.replace("    needs: [ci, python]\n", "")
    for told, green in (("success success", True), ("success failure", False), ("skipped", False)):
        workflow.write_text(text.replace(results, f"RESULTS: {told}"), encoding="utf-8")
        execution = act(None, "--job", "checks")
        assert (execution.exit_code == 0) is green, execution.log


def test_the_schedule_asks_about_known_vulnerabilities_and_runs_nothing_else(
    repository: Project, tmp_path: Path
) -> None:
    """`uv audit` asks a service, so that a stand-in answers as it does when it finds one."""
    uv = tmp_path / "uv"
    real = shutil.which("uv")
    uv.write_text(
        f'#!/bin/sh\n[ "$1" = audit ] && echo "Found 1 known" && exit 1\nexec {real} "$@"\n'
    )
    uv.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    execution = acted(repository, "ci", "schedule", tmp_path, environment)
    assert execution.failed == ["Audit"], execution.log
    assert "Tests" not in execution.steps and "Found 1 known" in execution.log


@pytest.mark.repetition
def test_the_tests_pass_on_each_python(repository: Project, tmp_path: Path) -> None:
    """One environment for each, which `act` runs one after the other."""
    places = [str(Path(interpreter(f"3.{minor}")).parent) for minor in (11, 12, 13)]
    environment = {
        "UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv"),
        "PATH": os.pathsep.join([*places, os.environ["PATH"]]),
    }
    options = ("--job", "python", "--concurrent-jobs", "1")
    execution = acted(repository, "ci", "push", tmp_path, environment, *options)
    assert execution.exit_code == 0, execution.log
    assert len(re.findall(r"\d+ passed", execution.log)) == 3


def test_a_template_injection_would_be_found(edited: Project) -> None:
    workflow = edited.path / ".github" / "workflows" / "ci.yml"
    replace(
        workflow,
        "run: uv run ruff format --check",
        'run: echo "${{ github.event.pull_request.title }}"',
    )
    done = run(["zizmor", "--offline", "--no-progress", ".github"], cwd=edited.path)
    assert done.returncode != 0
    assert "template-injection" in done.stdout
