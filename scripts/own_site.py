"""Build the template's own site: tour, guides, reference, documents and reports of the demo.

Run as ``make site``, after the demo: into build/site. Guides are those that the default answers
render; reports are what the demo's run wrote, as they stand.
"""

import os
import shutil
from pathlib import Path

from mlops_kit.govern.site.site import build_site
from rendering import ROOT

DEMO = ROOT / "build" / "demo"
STAGE = ROOT / "build" / "own-site"
OUTPUT = Path("site")
REPORTS = {
    "A decision": "reports/compare/report.html",
    "A profile": "reports/data/profile.html",
    "Drift": "reports/monitor/drift.html",
}


def stage() -> None:
    """Lay out what the site is made of."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy2(ROOT / name, STAGE / name)
    shutil.copytree(ROOT / "docs", STAGE / "docs")
    shutil.copytree(DEMO / "docs", STAGE / "guides")
    lines = [
        "# Gallery",
        "",
        "Reports of the sample shop, as the demo wrote them: light or dark, as your system is.",
        "",
    ]
    for title, name in REPORTS.items():
        report = DEMO / name
        if report.is_file():
            (STAGE / "reports").mkdir(exist_ok=True)
            shutil.copy2(report, STAGE / "reports" / report.name)
            lines.append(f"- [{title}](reports/{report.name})")
    (STAGE / "gallery.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Stage and build."""
    stage()
    os.chdir(STAGE)
    first = [Path("README.md"), Path("gallery.md")]
    rest = sorted(path.relative_to(STAGE) for path in STAGE.rglob("*.md"))
    pages = list(dict.fromkeys([*first, *(path.relative_to(Path()) for path in rest)]))
    extra = [
        path.relative_to(STAGE) for path in STAGE.rglob("*") if path.suffix in (".html", ".png")
    ]
    count = build_site("copier-mlops", "en", OUTPUT, pages, extra)
    print(f"{count} pages   {STAGE / OUTPUT / 'index.html'}")


if __name__ == "__main__":
    main()
