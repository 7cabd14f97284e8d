"""Write the list of files that each profile renders, for tests/rendered/test_rendering.py.

Run as ``make filesets`` after adding or removing a file on purpose, and read the difference.
"""

import tempfile
from pathlib import Path

from rendering import PROFILES, ROOT, SHOP, fast_rendering, files_of, profile, render


def main() -> None:
    """Render every profile and write tests/rendered/filesets/<profile>.txt."""
    folder = ROOT / "tests" / "rendered" / "filesets"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, fast_rendering():
        for name in PROFILES:
            project = render(Path(scratch) / name, {**SHOP, **profile(name)})
            listing = "".join(f"{path}\n" for path in sorted(files_of(project)))
            (folder / f"{name}.txt").write_text(listing, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
