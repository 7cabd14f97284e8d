"""axe-core, the rules of accessibility, run by a headless browser over a page that is a file."""

import html
import json
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "axe-core@4.14.1"
SERIOUS = ("serious", "critical")
# Our pages allow no script; their rule is left out of the copy that is looked at.
POLICY = re.compile(r'<meta http-equiv="?Content-Security-Policy"?[^>]*>')
RUN = """<script>{axe}</script><script>addEventListener("load", () =>
axe.run(document, {{resultTypes: ["violations"]}}).then(found => {{
  const told = document.createElement("pre");
  told.id = "told-by-axe";
  told.textContent = JSON.stringify(found.violations);
  document.body.append(told);
}}));</script>"""
TOLD = re.compile(r'<pre id="told-by-axe">(.*?)</pre>', re.DOTALL)
SCHEMES = {"dark": 0, "light": 1}
"""What Chromium's setting preferredColorScheme means."""


@cache
def rules() -> str:
    """Return the text of axe-core, from the registry of npm."""
    if shutil.which("npm") is None:
        pytest.skip("axe-core comes from the registry of npm, and there is no npm here")
    folder = Path(tempfile.mkdtemp(prefix="copier-mlops-axe-"))
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    file = folder / "node_modules/axe-core/axe.min.js"
    if done.returncode or not file.is_file():
        pytest.skip(f"{PACKAGE} cannot be installed here: {done.stderr.strip()[-300:]}")
    return file.read_text(encoding="utf-8")


def violations(page: Path, width: int = 1280, scheme: str = "light") -> list[dict[str, Any]]:
    """Return what axe-core finds in a page, as axe.run() tells it."""
    text = POLICY.sub("", page.read_text(encoding="utf-8"))
    before, end, after = text.rpartition("</body>")
    assert end, f"{page} has no body"
    # Beside the page, so that its styles and scripts are found.
    with (
        tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=page.parent, suffix=".html") as copy,
        tempfile.TemporaryDirectory() as profile,
    ):
        copy.write(f"{before}{RUN.format(axe=rules())}{end}{after}")
        copy.flush()
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
            f"--window-size={width},900",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
            "--virtual-time-budget=20000", "--dump-dom", Path(copy.name).resolve().as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    found = TOLD.search(done.stdout)
    assert found, f"axe-core said nothing about {page}: {done.stderr[-500:]}"
    told: list[dict[str, Any]] = json.loads(html.unescape(found[1]))
    return told


def serious(page: Path, width: int = 1280, scheme: str = "light") -> list[str]:
    """Return the serious findings in a page, each with its first places."""
    return [
        f"{page.name}, {scheme}, {width}: {one['id']}: {one['help']}: "
        + "; ".join(node["html"][:120] for node in one["nodes"][:3])
        for one in violations(page, width, scheme)
        if one["impact"] in SERIOUS
    ]
