"""Compare our update with plain `copier update` on the same repository, and see how it grows.

Run with `PYTHONPATH=tests/support uv run --frozen python benchmarks/update.py [--json]`.

Both start the installed program in a repository rendered from the oldest release, with one edit of
a managed file, and go to the working tree; --no-lock leaves the package index out. Then the same
with 400 further managed files, of which the new version changes half. Each figure goes to stderr
as soon as it is measured, because a run takes minutes.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from lifecycle import NEXT, RELEASES, add_version, commit, repository, versioned_template
from measuring import Cost, cost_of, measured
from rendering import git

REPEATS = 3
PROGRAMS = Path(sys.executable).parent
OURS = ("copier-mlops", "update", "--no-lock")
PLAIN = ("copier", "update", "--defaults", "--quiet")
START, GROWN_START, GROWN_END = next(iter(RELEASES)), "80.0.0", "81.0.0"


def typical(command: tuple[str, ...], project: Path) -> Cost:
    """Update several times from the same state and return the run with the median CPU seconds."""
    costs = []
    for _ in range(REPEATS):
        git("reset", "--quiet", "--hard", cwd=project)
        git("clean", "--quiet", "-d", "--force", cwd=project)
        costs.append(cost_of(lambda: run(command, project)))
    return sorted(costs, key=lambda cost: cost.cpu)[REPEATS // 2]


def run(command: tuple[str, ...], project: Path) -> None:
    """Run a program of this environment in a project; 1 means conflicts."""
    program, *arguments = command
    environ = {"COPIER_SETTINGS_PATH": str(project.parent / "settings.yml")}
    done = subprocess.run(
        [PROGRAMS / program, *arguments],
        cwd=project,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr


def edited(project: Path) -> Path:
    """Edit a managed file, so that both have something to merge."""
    path = project / "dvc.yaml"
    path.write_text("# ours\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    commit(project)
    return project


def with_files(template: Path, many: int) -> None:
    """Add two versions with as many further managed files; the second changes every other one."""
    for version, word in ((GROWN_START, "first"), (GROWN_END, "second")):
        add_version(
            template,
            version,
            {
                f"template/more/file_{number}.txt": f"{word if number % 2 else 'same'}\n" * 50
                for number in range(many)
            },
        )


def measure(scratch: Path) -> dict[str, dict[str, float]]:
    """Measure both programs at two sizes."""
    (scratch / "settings.yml").write_text("{}\n", encoding="utf-8")
    figures = {}
    for name, many in (("as it is", 0), ("+ 400 files", 400)):
        template = versioned_template(scratch / f"template-{many}")
        if many:
            with_files(template, many)
        start = GROWN_START if many else START
        project = edited(repository(template, scratch / f"project-{many}", start, {}))
        files = len(git("ls-files", cwd=project).splitlines())
        for program, command in (("ours", OURS), ("plain copier", PLAIN)):
            figures[f"{name}, {program}"] = {"files": files, **asdict(typical(command, project))}
            print(name, program, figures[f"{name}, {program}"], file=sys.stderr, flush=True)
    return figures


def main() -> None:
    """Measure in a temporary folder and print."""
    as_json, about, figures = measured(__doc__ or "", measure)
    if as_json:
        print(json.dumps({"machine": about, "version": NEXT, **figures}, indent=2))
        return
    print(f"{about}\n\n{'':<28}{'files':>6}{'wall s':>8}{'CPU s':>8}{'ratio':>7}")
    for name, figure in figures.items():
        peer = figures[name.partition(",")[0] + ", plain copier"]
        ratio = figure["cpu"] / peer["cpu"]
        print(
            f"{name:<28}{figure['files']:6.0f}{figure['wall']:8.2f}{figure['cpu']:8.2f}{ratio:7.2f}"
        )
    print("\nratio: CPU seconds over those of plain copier update of the same repository")


if __name__ == "__main__":
    main()
