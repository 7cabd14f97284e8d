"""``kill -9`` at any moment of an adoption: ``--abort`` brings the exact former state back."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from copier_mlops.adopting.adopt import BRANCH, undo
from copier_mlops.errors import ToolError
from lifecycle import state_of
from rendering import ROOT, git
from shapes import build_shape

MOMENTS = 4
# Renders fast, and says when it begins to write, so that the moments fall where it matters.
ADOPT = """
import sys, time
from pathlib import Path
from rendering import fast_rendering
from copier_mlops.adopting import adopt
from copier_mlops.repository import snapshot
record = adopt.record_commits
def say(*arguments):
    print("begins", flush=True)
    record(*arguments)
adopt.record_commits = say
write = adopt.write
def slow(*arguments):
    time.sleep(0.003)
    write(*arguments)
adopt.write = slow
with fast_rendering():
    adopt.adopt(Path(sys.argv[1]), template=sys.argv[2], defaults=True, lock=False)
"""


def killed_after(folder: Path, template: Path, seconds: float) -> bool:
    """Start an adoption, kill it so long after its first write; return whether it still ran."""
    process = subprocess.Popen(
        [sys.executable, "-c", ADOPT, str(folder), str(template)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support")},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said = process.stdout.readline()
    assert said == b"begins\n", process.stderr.read().decode()
    time.sleep(seconds)
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    return running


def test_an_adoption_killed_at_any_moment_is_undone_exactly(template: Path, tmp_path: Path) -> None:
    folder = build_shape(tmp_path / "r", "dvc_project")
    top = tmp_path / "r"
    (top / ".git" / "info" / "exclude").write_text(".env\n/mine/\n", encoding="utf-8")
    (top / ".env").write_text("SECRET=1\n", encoding="utf-8")
    (top / "conf").mkdir()
    (top / "conf" / "dev.yaml").write_text("mine: 1\n", encoding="utf-8")
    before = state_of(top)
    seed = int(os.environ.get("ADOPT_KILL_SEED", "0"))
    moments = int(os.environ.get("ADOPT_KILLS", MOMENTS))
    choose = random.Random(seed)  # noqa: S311
    interrupted, number, takes = 0, 0, 1.2
    while interrupted < moments:
        number, moment = number + 1, choose.uniform(0, takes)
        if killed_after(folder, template, moment):
            interrupted += 1
        else:
            takes = moment  # at most: it was done before
        try:
            assert undo(folder) == []
        except ToolError as error:
            assert "no adopt to undo" in str(error)  # killed before the snapshot was valid
        assert state_of(top) == before, f"moment {number} of seed {seed}"
        assert git("branch", "--list", BRANCH, cwd=top) == ""
