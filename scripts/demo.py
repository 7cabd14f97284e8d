"""Render a repository with the default answers into build/demo and run its pipeline.

Run as ``make demo``. Exits with what ``mlops run`` exits with, and prints what it prints: the
decision, the primary metric with its interval, and where the report is.
"""

import os
import shutil
import subprocess
import sys

from rendering import ROOT, copy_working_tree, git, render

BUILD = ROOT / "build"


def main() -> None:
    """Render, then run the pipeline as a newcomer would."""
    for name in ("demo", "demo-template"):
        shutil.rmtree(BUILD / name, ignore_errors=True)
    # A copy that stays, because the rendered repository remembers where it came from.
    template = copy_working_tree(BUILD / "demo-template")
    project = render(BUILD / "demo", template=template)
    # Its own git repository: build/ lies inside this one, which ignores it.
    git("init", "--quiet", cwd=project)
    # These two belong to this script's own environment and would disturb the demo's.
    ours = {"VIRTUAL_ENV", "PYTHONPATH"}
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    print(f"Rendered into {project}; running uv run mlops run there", file=sys.stderr, flush=True)
    command = ["uv", "run", "mlops", "run"]
    sys.exit(subprocess.run(command, cwd=project, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
