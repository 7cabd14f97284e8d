"""The reference is what the code says, and reads as a page for people."""

import re

import pytest
import reference
from mlops_kit.core.errors import EXIT_CODES
from pages.markdown import anchor

README = reference.FOLDER.parents[1] / "template" / "README.md.jinja"
PAGES = sorted(reference.PAGES)


def test_each_page_has_a_module_and_each_module_a_page() -> None:
    assert sorted(path.name for path in reference.FOLDER.iterdir()) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    """Stale: `make reference` writes it anew."""
    written = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_no_object_of_python_and_its_links_lead_somewhere(name: str) -> None:
    page = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"<class|<function|object at 0x|PosixPath|\bNone\b|partial\(", page)
    assert "| . |" not in page  # an option without help
    headings = {anchor(heading) for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", page):
        file, _, place = target.partition("#")
        assert (reference.FOLDER / file).exists()
        assert file or place in headings


def test_the_rendered_readme_tells_the_exit_codes_of_the_kit() -> None:
    rendered = README.read_text(encoding="utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in rendered
