"""The rendered workflow `ci`, checked by linters and executed on this machine, green and red.

`act` runs the steps on the host: no container engine and no marketplace. Each action is replaced
by a stub under its pinned commit, so that an action that nobody stubbed, or a moved pin, is red.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import pytest
from acting import SETUP_UV, Execution, acted
from processes import run
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
    "Tests",
    "Pipeline",
    "Personal data",
    "Report",
    "Keep the report",
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
        return acted(repository, "ci", "push", stubs, environment or {}, *options)

    return execute


def assert_red_at(execution: Execution, step: str) -> None:
    """Check that exactly this step failed, and that those after it did not run."""
    assert execution.failed == [step], execution.log
    assert execution.exit_code != 0
    after = STEPS[STEPS.index(step) + 1 :]
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


def test_a_repository_variable_switches_the_pipeline_off_where_its_data_is_not(
    edited: Project, act: Act
) -> None:
    """As docs/bring-your-own-data.md says: checks and tests still run, and the rest is skipped."""
    document = (edited.path / "docs" / "bring-your-own-data.md").read_text(encoding="utf-8")
    assert "`MLOPS_PIPELINE` to `off`" in " ".join(document.split())
    execution = act(NO_TESTS, "--var", "MLOPS_PIPELINE=off")
    assert execution.exit_code == 0, execution.log
    ran = [name for name, result in execution.steps.items() if result == "success"]
    assert ran == [*STEPS[: STEPS.index("Pipeline")], "Personal data"]


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


@pytest.mark.parametrize("persona", ["regular", "pedantic", "auditor"])
def test_the_workflow_leaves_no_finding_to_any_persona(repository: Project, persona: str) -> None:
    command = ["zizmor", "--offline", "--no-progress", "--persona", persona, ".github"]
    done = run(command, cwd=repository.path)
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout
    assert "suppressed" not in done.stdout


def test_the_files_of_github_keep_their_schemas(repository: Project) -> None:
    schema = ["check-jsonschema", "--builtin-schema"]
    workflow = ".github/workflows/ci.yml"
    for command in (
        ["actionlint", workflow],
        [*schema, "vendor.github-workflows", workflow],
        [*schema, "vendor.dependabot", ".github/dependabot.yml"],
    ):
        done = run(command, cwd=repository.path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_template_injection_would_be_found(edited: Project) -> None:
    workflow = edited.path / ".github" / "workflows" / "ci.yml"
    replace(workflow, "run: uv sync", 'run: echo "${{ github.event.pull_request.title }}"')
    done = run(["zizmor", "--offline", "--no-progress", ".github"], cwd=edited.path)
    assert done.returncode != 0
    assert "template-injection" in done.stdout
