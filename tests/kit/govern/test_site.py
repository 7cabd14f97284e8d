"""The site: charts are drawn from their text, links and anchors lead on, nothing is foreign."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from governed import project_at, write
from mlops_kit.core.errors import MlopsError
from mlops_kit.govern import documents
from mlops_kit.govern.facts.build import build
from mlops_kit.govern.site import site as building
from mlops_kit.govern.site.diagram import parse, ranks, svg
from rendering import ROOT

CHART = """
flowchart LR
  a[one: two] --> b[(a store)] -->|yes| c
  c -.->|again| a
  d --> c
"""


def test_a_chart_is_read_from_its_text() -> None:
    chart = parse(CHART)
    assert chart.nodes == {"a": "one: two", "b": "a store", "c": "c", "d": "d"}
    assert chart.stores == {"b"}
    assert [(one.source, one.target, one.words, one.dashed) for one in chart.edges] == [
        ("a", "b", "", False),
        ("b", "c", "yes", False),
        ("c", "a", "again", True),
        ("d", "c", "", False),
    ]
    # An arrow back moves nothing; what nothing leads to stands right above its target.
    assert ranks(chart) == {"a": 0, "b": 1, "c": 2, "d": 1}


def test_a_drawing_is_well_formed_named_and_in_the_page_s_colours() -> None:
    drawn = svg(CHART, "Data & <flows>")
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    assert root.get("aria-label") == "Data & <flows>"
    texts = [each.text for each in root.iter() if each.tag.endswith("}text")]
    assert {"one: two", "a store", "c", "d", "yes", "again"} == set(texts)
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn)) == {"none", "currentColor"}


def test_no_two_boxes_lie_over_one_another() -> None:
    text = "flowchart LR\n" + "\n".join(f"  a --> b{n}[{'word ' * 9}]" for n in range(4))
    boxes = [
        tuple(map(float, found))
        for found in re.findall(
            r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg(text, "x")
        )
    ]
    assert len(boxes) == 5
    for at, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[:at]:
            apart = x >= other_x + other_width or other_x >= x + width
            assert apart or y >= other_y + other_height or other_y >= y + height


@pytest.mark.parametrize(
    "text", ["pie", "flowchart LR\n  a{choice} --> b", "flowchart LR\n a => b"]
)
def test_what_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text.splitlines()[-1].strip())):
        svg(text, "x")


def test_every_chart_of_the_template_can_be_drawn() -> None:
    pages = [*(ROOT / "template").rglob("*.md"), *(ROOT / "template").rglob("*.md.jinja")]
    charts = [
        (page, re.sub(r"\{%.*?%\}\n?|\{\{.*?\}\}", "", found))
        for page in pages
        for found in building.FENCES.findall(page.read_text(encoding="utf-8"))
    ]
    assert len(charts) >= 3
    for page, chart in charts:
        assert "<svg" in svg(chart, page.name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built site of a project with every document."""
    folder = project_at(tmp_path_factory.mktemp("site"))
    write(folder / "README.md", "# Shop\n\n[Año](docs/own.md#año-nuevo) [x](docs/own.md)\n")
    own = "# Own\n\n## Año nuevo\n\n[back](../README.md) [code](../src/x.py), [table](#año-nuevo)\n"
    write(folder / "docs/own.md", own)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in documents.DOCUMENTS:
            documents.add(name)
        build()
        pages, pictures = building.project_pages()
        building.build_site("Shop", "en", Path("site"), pages, pictures)
    return folder / "site"


def foreign(text: str) -> list[str]:
    """Return what a browser fetches from elsewhere by itself: scripts, styles, pictures, frames."""
    fetched = r'<(?:script|img|iframe|source|link)[^>]*?(?:src|href)=["\']?([^"\' >]+)'
    return [one for one in re.findall(fetched, text) if re.match(r"(https?:)?//", one)]


def test_what_a_page_fetches_from_elsewhere_is_found() -> None:
    one = "<link rel=icon href=//a.org/x.png><script async src='https://a.org/y.js'></script>"
    assert foreign(one) == ["//a.org/x.png", "https://a.org/y.js"]
    assert foreign('<a href="https://a.org">x</a><img src="own.png">') == []


def test_every_link_of_a_built_site_leads_somewhere_and_nothing_is_foreign(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert {"index.html", "docs/charter.html", "docs/facts/governance.html"} <= {
        page.relative_to(site).as_posix() for page in pages
    }
    ids = {page: set(re.findall(r'\bid="?([^" >]+)', page.read_text("utf-8"))) for page in pages}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert foreign(text) == [], page
        if page.name == "404.html":
            continue
        for target in re.findall(r'<a [^>]*?href="?([^" >]+)', text):
            name, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:|//", target) or target in (".", ".."):
                continue
            file = (page.parent / name).resolve() if name else page.resolve()
            assert file.is_file(), (page, target)
            if anchor and file.suffix == ".html":
                assert anchor in ids[site / file.relative_to(site.resolve())], (page, target)
    own = (site / "docs/own.html").read_text(encoding="utf-8")
    assert 'id="año-nuevo"' in own or "id=año-nuevo" in own
    assert "code, " in re.sub("<[^>]+>", "", own), "of a file that is not there, the words stay"


def test_styles_name_nothing_foreign(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert styles
    for style in styles:
        foreign = r"(url\(|@import)\s*[\"']?(https?:)?//"
        assert not re.search(foreign, style.read_text("utf-8")), style


def test_charts_are_drawings_in_the_page(site: Path) -> None:
    page = (site / "docs/architecture.html").read_text(encoding="utf-8")
    assert "<svg" in page and "data/open" in page
    assert "flowchart LR" not in page


def test_a_folder_with_something_else_is_not_replaced(project: Path) -> None:
    write(project / "out/mine.txt", "mine")
    with pytest.raises(MlopsError, match="out holds something else than a site"):
        building.build_site("Shop", "en", Path("out"), [Path("README.md")])
    assert (project / "out/mine.txt").is_file()


def test_without_zensical_the_command_says_what_brings_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "find_spec", lambda _name: None)
    with pytest.raises(MlopsError, match="uv run --group docs mlops docs site"):
        building.build_site("Shop", "en", Path("site"), [])


def test_a_chart_that_cannot_be_drawn_is_named_by_its_page(project: Path) -> None:
    write(project / "README.md", "# A\n\n```mermaid\npie\n```\n")
    with pytest.raises(MlopsError, match=r"README.md: this line of a flow chart .*: no flow chart"):
        building.build_site("Shop", "en", Path("site"), [Path("README.md")])
