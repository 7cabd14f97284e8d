"""Report the size of what is rendered against the design's budgets; a report, not a limit.

Run as part of ``make check``. Lines are counted as in the files, comments and docstrings included.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from rendering import SHOP, fast_rendering, files_of, profile, render

KIT = "tools/kit/"
FILES = {"default": 60, "poc": 40}
"""Files outside the kit, by profile."""
MANAGED_FILE = 300
SEEDED = ("features.py", "model.py", "baseline.py")
SEEDED_LINES = 200


def line(what: str, size: int, budget: int) -> str:
    """Return one line of the report."""
    over = "" if size <= budget else "   over"
    return f"  {what:<44} {size:>6} of {budget:>5}{over}"


def lines_of(content: bytes) -> int:
    """Count the lines of a file."""
    return content.count(b"\n")


def report(projects: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """Return the report's lines for the rendered profiles, each a mapping of path to content."""
    files = projects["default"]
    managed = {
        name: lines_of(content)
        for name, content in files.items()
        if name.startswith(KIT) and name.endswith(".py")
    }
    own = {
        profile: [name for name in rendered if not name.startswith(KIT)]
        for profile, rendered in projects.items()
    }
    seeded = sum(lines_of(files[f"src/shop/{name}"]) for name in SEEDED)
    long = {name: size for name, size in managed.items() if size > MANAGED_FILE}
    return [
        "Budgets (DESIGN sections 2 and 6)",
        *(line(f"files outside the kit, {name}", len(own[name]), FILES[name]) for name in FILES),
        line("lines, seeded code (a newcomer's ten minutes)", seeded, SEEDED_LINES),
        line("managed files over 300 lines", len(long), 0),
        *(line(f"  {name}", size, MANAGED_FILE) for name, size in sorted(long.items())),
    ]


def main() -> None:
    """Render the default and the PoC profile and print the report."""
    with tempfile.TemporaryDirectory() as scratch, fast_rendering():
        projects = {
            "default": files_of(render(Path(scratch) / "default", SHOP)),
            "poc": files_of(render(Path(scratch) / "poc", {**SHOP, **profile("poc")})),
        }
    print("\n".join(report(projects)))


if __name__ == "__main__":
    main()
