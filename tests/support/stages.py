"""Run the kit's commands on a rendered project without `uv run`, DVC and a fresh interpreter.

Most of a stage's time is importing scikit-learn, DuckDB and their like. A server process imports
them once, and each command is a fork of it with the project's folder and variables, so that no
command sees what another one has loaded of the team's code. The kit is the template's own, which
renders to the same bytes.
"""

import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from running import Project

FORKS = get_context("forkserver")
# Libraries alone: a module of ours would keep what it has read of one project for the next one.
LIBRARIES = ("duckdb", "pandas", "polars", "pyarrow.parquet", "pydantic", "scipy.stats", "skops.io")
FORKS.set_forkserver_preload([*LIBRARIES, "typer"])
# As `mlops run` sets it; the server reads it when it loads the first library with threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def command(project: Project, words: str) -> CompletedProcess[str]:
    """Run one command of `mlops`; the exit code and what it printed are the real ones."""
    with TemporaryDirectory() as folder:
        streams = (Path(folder) / "stdout", Path(folder) / "stderr")
        given = (words.split(), project.path, project.environment(), streams)
        fork = FORKS.Process(target=_main, args=given)
        fork.start()
        fork.join()
        said = [stream.read_text(encoding="utf-8") for stream in streams]
    assert fork.exitcode is not None
    return CompletedProcess(words, fork.exitcode, *said)


def _main(
    words: list[str], folder: Path, environment: dict[str, str], streams: tuple[Path, Path]
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["mlops", *words]
    with (
        streams[0].open("w", encoding="utf-8") as out,
        streams[1].open("w", encoding="utf-8") as err,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        from mlops_kit.cli import main

        main()
