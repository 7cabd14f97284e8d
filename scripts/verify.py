"""Run what is too long for continuous integration: repetitions, kills, simulations, benchmarks.

Run as ``make verify``, or select parts: ``make verify ONLY="calibration kills"``. Prints what each
part prints, then which failed.
"""

import os
import subprocess
import sys
import time

from rendering import ROOT

PYTEST = (sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider")
ANEW = (*PYTEST, "--hypothesis-profile", "drawn anew")
PARTS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "calibration": ((sys.executable, "benchmarks/calibration.py"), {}),
    "grid": ((sys.executable, "benchmarks/calibration.py", "--grid"), {}),
    "histories": ((sys.executable, "tests/support/histories.py", "200"), {}),
    "kills": (
        (*PYTEST, "tests/tool/test_adopt_kill.py", "tests/tool/test_update_kill.py"),
        {"ADOPT_KILLS": "20"},
    ),
    "races": ((*PYTEST, "tests/rendered/test_promote.py"), {"PROMOTION_RACES": "20"}),
    "properties": ((*ANEW, "-m", "hypothesis", "tests"), {}),
    "repetitions": ((*PYTEST, "-m", "repetition", "tests"), {}),
    "updates": ((*PYTEST, "tests/rendered/test_update_runs.py"), {"LIFECYCLE_ALL": "1"}),
    "raw-files": ((*ANEW, "tests/kit/data/test_round_trips.py"), {"READ_FILES": "10000"}),
    "leaks": ((sys.executable, "benchmarks/leak_checks.py"), {}),
    "independent-leaks": ((sys.executable, "benchmarks/leaks_independent_run.py"), {}),
    "leaks-of-pairs": ((sys.executable, "benchmarks/leaks_of_pairs.py"), {}),
    "monitoring": ((sys.executable, "benchmarks/monitoring_power.py"), {}),
    "monitor-speed": ((sys.executable, "benchmarks/monitor.py", "--peer", "--more"), {}),
    "serve-speed": ((sys.executable, "benchmarks/serve.py"), {}),
    "ingest-speed": ((sys.executable, "benchmarks/ingest.py"), {}),
    "sampling": ((sys.executable, "benchmarks/sampling.py"), {}),
    "own-data": ((sys.executable, "benchmarks/own_data.py", "1000000", "10000000"), {}),
    "speed": ((sys.executable, "benchmarks/compare_speed.py"), {}),
    "privacy-speed": ((sys.executable, "benchmarks/pii_speed.py"), {}),
    "protect-speed": ((sys.executable, "benchmarks/protect_speed.py"), {}),
    "accuracy": ((sys.executable, "benchmarks/pii_accuracy.py"), {}),
    "delivery": ((sys.executable, "benchmarks/delivery.py"), {}),
    "first-run": ((sys.executable, "benchmarks/first_run.py"), {}),
    "render": ((sys.executable, "benchmarks/render.py"), {}),
    "update-speed": ((sys.executable, "benchmarks/update.py"), {}),
}


def main() -> int:
    """Run the parts that were named, or all, and return how many failed."""
    wanted = os.environ.get("ONLY", "").split() or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"There is no part {unknown[0]}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 3
    failed = []
    for name in wanted:
        command, more = PARTS[name]
        print(f"== {name}", flush=True)
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **more}, check=False)
        print(f"== {name}: exit {done.returncode}, {time.monotonic() - started:.0f} s", flush=True)
        failed += [name] if done.returncode else []
    print(f"failed: {', '.join(failed)}" if failed else f"all {len(wanted)} parts passed")
    return min(len(failed), 1)


if __name__ == "__main__":
    sys.exit(main())
