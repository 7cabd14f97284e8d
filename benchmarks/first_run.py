"""Measure what a newcomer waits for: render, install, first run, run again, tests.

Run with `PYTHONPATH=tests/support uv run --frozen python benchmarks/first_run.py [--json]`.

The first run is measured as a whole, in a fresh environment, as it is for a newcomer. What a stage
costs is measured a second time, in a second fresh environment: the commands of the stages one by
one, in their order, so that each pays for the modules that Python compiles for the first time as
it does in a first run; then once more with everything compiled. What the first run takes beyond its
stages (uv, DVC, git) is the difference of the two measurements.

The peer is the floor: the same functions called in one process, without DVC and MLflow.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import yaml
from measuring import Cost, cost_of, measured
from rendering import SHOP, git, tagged_template
from running import Project

GOALS = {"first run": ("cpu", 25), "nothing to do": ("wall", 3), "tests": ("cpu", 20)}
REGISTER = """
from mlops_kit.compare.decision_file import read
from mlops_kit.core.settings import load_settings
from mlops_kit.run import record
from mlops_kit.train.tracking import DECISION_FILE
record(load_settings(), read(DECISION_FILE))
"""
ONE_PROCESS = """
from pathlib import Path
from mlops_kit.compare.pipeline import compare
from mlops_kit.data.ingest import ingest
from mlops_kit.train.features import build_features
from mlops_kit.privacy.protect.stage import protect
from mlops_kit.core.settings import load_settings
from mlops_kit.train.stage import train_and_predict
settings = load_settings()
ingest(settings, Path("data/restricted/tables"), Path("data/restricted/quarantine"))
protect()
build_features(settings)
train_and_predict(settings)
compare(settings)
"""


def stages(project: Project) -> dict[str, Callable[[], object]]:
    """Return what runs each stage of dvc.yaml, and the registration that follows them."""
    pipeline = yaml.safe_load((project.path / "dvc.yaml").read_text(encoding="utf-8"))
    commands = {name: stage["cmd"].split() for name, stage in pipeline["stages"].items()}
    commands["register"] = ["python", "-c", REGISTER]
    return {
        name: lambda command=command: project.uv("--no-sync", *command)
        for name, command in commands.items()
    }


def fresh(project: Project, environment: Path) -> Project:
    """Return the same project without results, with an environment of its own to install."""
    git("clean", "-fdxq", cwd=project.path)
    # The second is what the command line sets: the floor, which is no command, gets it here.
    extra = {"UV_PROJECT_ENVIRONMENT": str(environment), "OMP_WAIT_POLICY": "PASSIVE"}
    return replace(project, extra=extra)


def measure(scratch: Path) -> tuple[dict[str, Cost], dict[str, dict[str, Cost]]]:
    """Measure in an empty folder: every step, and every stage the first time and warm."""
    template = tagged_template(scratch / "template")
    project = Project(scratch / "shop")
    answers = [part for key, value in SHOP.items() for part in ("-d", f"{key}={value}")]
    render = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", *answers]
    steps = {
        "render": cost_of(
            lambda: subprocess.run([*render, str(template), str(project.path)], check=True)
        )
    }
    git("init", "--quiet", cwd=project.path)
    project.commit("Start from the template")

    # This one fills uv's cache; the next is the one that counts.
    fresh(project, scratch / "filling").run("uv", "sync")
    first = fresh(project, scratch / "first")
    steps["install"] = cost_of(lambda: first.run("uv", "sync"))
    steps["first run"] = cost_of(lambda: first.mlops("run"))
    steps["nothing to do"] = cost_of(lambda: first.mlops("run"))
    steps["tests"] = cost_of(lambda: first.uv("pytest"))

    second = fresh(project, scratch / "second")
    second.run("uv", "sync")
    staged: dict[str, dict[str, Cost]] = {}
    for which in ("first", "warm"):
        for name, run in stages(second).items():
            staged.setdefault(name, {})[which] = cost_of(run)
        # Otherwise the same result would not be registered again.
        (second.path / "models/registration.json").unlink()
    steps["everything again"] = cost_of(lambda: second.mlops("run", "--force"))
    steps["floor"] = cost_of(lambda: second.uv("--no-sync", "python", "-c", ONE_PROCESS))
    return steps, staged


def table(steps: dict[str, Cost], staged: dict[str, dict[str, Cost]]) -> list[str]:
    """Return the lines that a person reads."""
    lines = [f"{'':<32}{'wall s':>8}{'CPU s':>8}   goal"]
    for name in ("render", "install", "first run", "nothing to do", "tests"):
        cost, met = steps[name], ""
        if name in GOALS:
            unit, goal = GOALS[name]
            met = "met" if getattr(cost, unit) <= goal else "MISSED"
            met = f"   <= {goal:g} s {unit}: {met}"
        lines.append(f"{name:<32}{cost.wall:8.1f}{cost.cpu:8.1f}{met}")
    lines += ["", f"{'CPU seconds by stage':<32}{'first':>8}{'warm':>8}"]
    rest = {"first": steps["first run"].cpu, "warm": steps["everything again"].cpu}
    for name, costs in staged.items():
        lines.append(f"  {name:<30}{costs['first'].cpu:8.1f}{costs['warm'].cpu:8.1f}")
        rest = {which: left - costs[which].cpu for which, left in rest.items()}
    lines.append(f"  {'the rest: uv, DVC, git':<30}{rest['first']:8.1f}{rest['warm']:8.1f}")
    floor, all_again = steps["floor"].cpu, steps["everything again"].cpu
    lines += [
        "",
        f"The floor, the same functions in one process: {floor:.1f} CPU s. As stages of DVC and "
        f"with MLflow: {all_again:.1f} CPU s, {all_again / floor:.1f} times the floor.",
    ]
    return lines


def main() -> None:
    """Measure in a temporary folder and print."""
    as_json, about, (steps, staged) = measured(__doc__ or "", measure)
    if as_json:
        figures = {
            "machine": about,
            "steps": {name: asdict(cost) for name, cost in steps.items()},
            "stages": {
                name: {which: asdict(cost) for which, cost in costs.items()}
                for name, costs in staged.items()
            },
        }
        print(json.dumps(figures, indent=2))
        return
    print("\n".join([about, "", *table(steps, staged)]))


if __name__ == "__main__":
    main()
