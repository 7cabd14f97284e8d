"""What it costs to push and pull a version of data, beside plain DVC in the same run.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/data_remotes.py [--json]``.
A rendered repository whose remote, a folder, holds 1, 10 and 100 versions of a table of a megabyte,
the last of which is pushed and pulled into a fresh clone; and a folder of 1,000 small files. CPU
seconds of `mlops data push` and `pull`, as a schedule calls them for each version, and of DVC's
own; the smaller of two. What comes back is compared.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from measuring import cost_of, measured
from rendering import git, render

VERSIONS = (1, 10, 100)
SMALL_FILES = 1_000
MEGABYTE = 2**20
ENVIRONMENT = {**os.environ, "MLOPS_ENV": "dev"}
PROGRAMS = Path(sys.executable).parent
WAYS = {
    "mlops": {verb: [str(PROGRAMS / "mlops"), "data", verb] for verb in ("push", "pull")},
    "dvc": {verb: [str(PROGRAMS / "dvc"), verb, "--remote", "dev"] for verb in ("push", "pull")},
}


def run(folder: Path, *words: str) -> None:
    """Run a program in a repository."""
    done = subprocess.run(
        words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{words}: {done.stdout}{done.stderr}")


def moved(
    scratch: Path, way: str, files: dict[str, bytes], before: list[bytes]
) -> dict[str, float]:
    """Push a version to a remote that holds others, and pull it into a fresh clone."""
    folder = render(scratch / "shop", {"package_name": "shop"})
    (folder / "dvc.yaml").unlink()  # of stages that never ran
    git("init", "--quiet", cwd=folder)
    for content in before:  # as DVC lays them
        name = hashlib.md5(content, usedforsecurity=False).hexdigest()
        place = folder / ".dvc-remote/files/md5" / name[:2] / name[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    for name, content in files.items():
        file = folder / "results" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    run(folder, WAYS["dvc"]["push"][0], "add", "-q", "results")
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "a version", cwd=folder)
    words = WAYS[way]
    pushed = cost_of(lambda: run(folder, *words["push"])).cpu
    clone = scratch / "clone"
    git("clone", "--quiet", str(folder), str(clone), cwd=scratch)
    url = f"['remote \"dev\"']\n    url = {folder / '.dvc-remote'}\n"
    (clone / ".dvc/config.local").write_text(url, encoding="utf-8")
    pulled = cost_of(lambda: run(clone, *words["pull"])).cpu
    for name, content in files.items():
        if (clone / "results" / name).read_bytes() != content:
            raise AssertionError(f"{name} came back as something else")
    shutil.rmtree(scratch)
    return {"push": pushed, "pull": pulled}


def measure(scratch: Path) -> dict[str, Any]:
    """Measure each way on each size; versions share nothing."""
    drawn = random.Random(7)  # noqa: S311
    versions = [drawn.randbytes(MEGABYTE) for _ in range(max(VERSIONS))]
    sizes: dict[str, tuple[dict[str, bytes], list[bytes]]] = {
        f"version {count} of {count}": ({"table.bin": versions[count - 1]}, versions[: count - 1])
        for count in VERSIONS
    }
    many = {f"{number}.txt": f"row {number}\n".encode() for number in range(SMALL_FILES)}
    sizes[f"{SMALL_FILES:,} small files"] = (many, [])
    found: dict[str, Any] = {}
    for size, (files, before) in sizes.items():
        found[size] = {}
        for way in WAYS:
            took = [moved(scratch / way, way, files, before) for _ in range(2)]
            found[size][way] = {
                verb: round(min(one[verb] for one in took), 2) for verb in ("push", "pull")
            }
        print(size, found[size], file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Print the table, or JSON."""
    as_json, about, found = measured(__doc__ or "", measure)
    if as_json:
        print(json.dumps({"machine": about, "cpu_seconds": found}, indent=2))
        return
    print(about)
    print("| what | mlops push | dvc push | mlops pull | dvc pull | ratio push, pull |")
    print("|---|---|---|---|---|---|")
    for size, ways in found.items():
        ours, theirs = ways["mlops"], ways["dvc"]
        ratios = ", ".join(f"{ours[verb] / theirs[verb]:.2f}" for verb in ("push", "pull"))
        numbers = [ours["push"], theirs["push"], ours["pull"], theirs["pull"]]
        print(f"| {size} | " + " | ".join(f"{one:.1f}" for one in numbers) + f" | {ratios} |")


if __name__ == "__main__":
    main()
