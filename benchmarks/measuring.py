"""Wall and CPU seconds of this process together with the processes that it waits for."""

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """What something took; CPU seconds add up over all processes and cores."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """Return the CPU seconds used so far by this process and its finished descendants."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def cpu_of(session: int) -> float:
    """Add up the CPU seconds of a session's processes, finished children included."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(told[3]) == session:
            ticks += sum(map(int, told[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def cost_of(act: Callable[[], Any]) -> Cost:
    """Do it once and return its cost."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    act()
    return Cost(time.perf_counter() - wall, cpu_seconds() - cpu)


def machine() -> str:
    """Describe the machine in one line, without its name."""
    busy = f"load {os.getloadavg()[0]:.1f} at the start"
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {python}, {busy}"


def measured(description: str, measure: Callable[[Path], T]) -> tuple[bool, str, T]:
    """Measure in a temporary folder; return also whether --json was given and what ran it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory(prefix="measured-") as scratch:
        return arguments.json, about, measure(Path(scratch))
