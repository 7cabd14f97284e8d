"""The reference is what the code says, and reads as a page for people."""

import re

import pytest
import reference
from mlops_kit.core.errors import EXIT_CODES
from pages.markdown import anchor

ROOT = reference.FOLDER.parents[1]
README = ROOT / "seeds" / "readme" / "en.md"
WRITTEN = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
PAGES = sorted(reference.PAGES)


def test_each_page_has_a_module_and_each_module_a_page() -> None:
    assert sorted(path.name for path in reference.FOLDER.iterdir()) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    """Stale: `make reference` writes it anew."""
    written = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_no_object_of_python(name: str) -> None:
    page = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"<class|<function|object at 0x|PosixPath|\bNone\b|partial\(", page)
    assert "| . |" not in page  # an option without help


def test_every_link_between_documents_leads_to_a_heading_that_is_there() -> None:
    lost = []
    for page in WRITTEN:
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
            file, _, place = target.partition("#")
            there = page.parent / file if file else page
            headings = (
                re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.M) if place else []
            )
            if not there.exists() or place not in {*map(anchor, headings), ""}:
                lost.append((page.name, target))
    assert not lost


def test_the_picture_of_a_decision_is_small() -> None:
    """`make picture` takes it again."""
    assert "(docs/images/decision-report.png)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "images" / "decision-report.png").stat().st_size < 200_000


def test_the_rendered_readme_tells_the_exit_codes_of_the_kit() -> None:
    rendered = README.read_text(encoding="utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in rendered
