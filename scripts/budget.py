"""Report how much of what is rendered a team reads, against the design's budgets; no limit.

Run as part of ``make check``; scripts/house.py limits the kit. Comments and docstrings count.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from rendering import SHOP, fast_rendering, files_of, profile, render

KIT = "tools/kit/"
FILES = {"default": 60, "poc": 40}
"""Files outside the kit, by profile."""
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
    own = {
        profile: [name for name in rendered if not name.startswith(KIT)]
        for profile, rendered in projects.items()
    }
    seeded = sum(lines_of(files[f"src/shop/{name}"]) for name in SEEDED)
    return [
        "Budgets (DESIGN section 6)",
        *(line(f"files outside the kit, {name}", len(own[name]), FILES[name]) for name in FILES),
        line("lines, seeded code (a newcomer's ten minutes)", seeded, SEEDED_LINES),
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
