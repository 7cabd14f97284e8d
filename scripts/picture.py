"""Photograph the top of the demo's report for the README: docs/images/decision-report.png.

Run as ``make picture``, which runs the demo before. CHROMIUM names the browser, if it is called
otherwise.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "build" / "demo" / "reports" / "compare" / "report.html"
PICTURE = ROOT / "docs" / "images" / "decision-report.png"
SIZE = (1120, 1136)
COLOURS = 256


def main() -> None:
    """Let a browser draw the page, and keep few colours: it is fetched with every clone."""
    with tempfile.TemporaryDirectory() as scratch:
        drawn = Path(scratch) / "drawn.png"
        subprocess.run(
            [
                os.environ.get("CHROMIUM", "chromium"),
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                f"--window-size={SIZE[0]},{SIZE[1]}",
                f"--screenshot={drawn}",
                REPORT.as_uri(),
            ],
            check=True,
            capture_output=True,
        )
        PICTURE.parent.mkdir(exist_ok=True)
        Image.open(drawn).convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
