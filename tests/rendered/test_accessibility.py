"""Pages can be read without a mouse and with poor sight: no serious finding of axe-core."""

import json
from pathlib import Path

import pytest
from axe import serious
from rendering import SHOP
from running import Project, new_project

pytestmark = [
    pytest.mark.debian("chromium", "chromium"),
    pytest.mark.xdist_group("accessibility"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project in Spanish whose demo has run, with its pages and its site."""
    answers = {**SHOP, "docs_language": "es", "ai_governance": True}
    made = new_project(tmp_path_factory.mktemp("pages") / "shop", answers)
    made.mlops("run")
    made.mlops("data", "profile")
    made.mlops("docs", "build")
    made.mlops("docs", "brief")
    made.mlops("demo")
    made.uv("--group", "docs", "mlops", "docs", "site")
    return made


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reports_and_pages_have_no_serious_finding(
    project: Project, scheme: str, width: int
) -> None:
    found = sorted((project.path / "reports").rglob("*.html"))
    # Beside them lies the copy of the project in which the demo ran.
    pages = [page for page in found if "tools" not in page.relative_to(project.path).parts]
    names = {page.name for page in pages}
    assert {"report.html", "profile.html", "brief.html"} <= names and any(
        "drift" in name for name in names
    )
    assert [told for page in pages for told in serious(page, width, scheme)] == []


def test_the_project_s_site_has_no_serious_finding(project: Project) -> None:
    pages = sorted((project.path / "site").rglob("*.html"))
    assert len(pages) > 20
    assert [told for page in pages for told in serious(page)] == []


def test_a_page_with_a_fault_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    faults = '<p style="color:#999;background:#fff">pale</p><img src="x.png"><input>'
    page.write_text(f"<!doctype html><html><body>{faults}</body></html>", encoding="utf-8")
    told = json.dumps(serious(page))
    for rule in ("color-contrast", "image-alt", "label", "html-has-lang"):
        assert rule in told
