"""`mlops docs site`: README and docs/ as a site, by zensical; no page asks for anything outside."""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_text
from mlops_kit.core.programs import said_by
from mlops_kit.govern.checking.links import ELSEWHERE, HEADING, LINK, headings
from mlops_kit.govern.checking.marks import lines_of
from mlops_kit.govern.site.diagram import svg

SOURCE = Path("build/site-source")
FENCES = re.compile(r"(?ms)^```mermaid\n(.*?)^```$")
# What the theme lacks: the open page's name dark enough to be read, and wide code and tables
# that are scrolled by the keys too.
READABLE = {
    "readable.css": ".md-nav__link--active { color: var(--md-default-fg-color) !important; }\n",
    "readable.js": """addEventListener("load", () =>
  document.querySelectorAll("pre > code, .md-typeset__scrollwrap").forEach(part => {
    part.tabIndex = 0;
  }));
""",
}
EXTENSIONS = """
[project.markdown_extensions]
attr_list = {}
md_in_html = {}
tables = {}
toc.permalink = true
pymdownx.highlight.pygments_lang_class = true
pymdownx.superfences = {}
"""
THEME = """
[project.theme]
language = "{language}"
font = false
features = ["navigation.sections", "navigation.top", "content.code.copy"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "{dark}"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "{light}"
"""
TOGGLES = {
    "en": {"dark": "Switch to dark", "light": "Switch to light"},
    "es": {"dark": "Ver en oscuro", "light": "Ver en claro"},
}


def build_site(
    name: str, language: str, output: Path, pages: Iterable[Path], extra: Iterable[Path] = ()
) -> int:
    """Build a site from Markdown files of the working directory, and return how many pages it has.

    Parameters
    ----------
    name : str
        Title of the site.
    language : str
        Of its menus: en or es.
    output : Path
        Folder that it is written to; what was in it is replaced.
    pages : iterable of Path
        Markdown files, relative; README.md is the first page.
    extra : iterable of Path
        Other files that pages link to, taken as they are.

    Raises
    ------
    MlopsError
        When zensical is not installed, or finds something wrong.
    """
    if find_spec("zensical") is None:
        raise MlopsError(
            "zensical is not installed here: `uv run --group docs mlops docs site` brings it."
        )
    if output.exists() and not (output / "search.json").is_file() and any(output.iterdir()):
        raise MlopsError(
            f"{output.as_posix()} holds something else than a site: name an empty folder, or none "
            "that exists."
        )
    shutil.rmtree(SOURCE, ignore_errors=True)
    there = list(dict.fromkeys(path for path in pages if path.is_file()))
    taken = {*there, *(path for path in extra if path.is_file())}
    for path in there:
        write_text(SOURCE / "pages" / _as_page(path), _page(path, taken))
    for path in taken - set(there):
        target = SOURCE / "pages" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    for file, text in READABLE.items():
        write_text(SOURCE / "pages" / file, text)
    write_text(SOURCE / "zensical.toml", _settings(name, language, there))
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = said_by(*command, "--config-file", str(SOURCE / "zensical.toml"))
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode or "Warning" in said or not (SOURCE / "site/index.html").is_file():
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        warned = [line for line in lines if "Warning" in line or "Error" in line] or lines
        raise MlopsError(f"zensical does not build the site: {' '.join(warned)[:600]}")
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(SOURCE / "site", output)
    return len(there)


def _as_page(path: Path) -> Path:
    return path.with_name("index.md") if path == Path("README.md") else path


def _settings(name: str, language: str, pages: list[Path]) -> str:
    groups: dict[str, list[str]] = {}
    for path in pages:
        title = _title(path).replace('"', "'")
        line = _entry(title, f'"{_as_page(path).as_posix()}"')
        groups.setdefault(path.parent.as_posix(), []).append(line)
    top = groups.pop(".", [])
    nav = [*top]
    for folder, lines in groups.items():
        nav.append(_entry(folder.removeprefix("docs/"), "[\n  " + ",\n  ".join(lines) + "\n]"))
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    head = f'[project]\nsite_name = "{quoted}"\ndocs_dir = "pages"\nsite_dir = "site"\n'
    head += 'extra_css = ["readable.css"]\nextra_javascript = ["readable.js"]\n'
    head += "use_directory_urls = false\nnav = [\n" + ",\n".join(nav) + "\n]\n"
    return head + THEME.format(language=language, **TOGGLES[language]) + EXTENSIONS


def _entry(name: str, value: str) -> str:
    """Return an inline table of TOML with one key."""
    return "{ " + f'"{name}" = {value}' + " }"


def _title(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := HEADING.match(line):
            return re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", found[1])
    return path.stem


def _page(path: Path, taken: set[Path]) -> str:
    """Return a page with charts drawn, headings named as code hosts do, and links that lead on."""
    text = FENCES.sub(lambda found: _drawn(path, found[1]), path.read_text(encoding="utf-8"))
    lines, anchors = text.splitlines(), headings(text)
    for number, line in lines_of(text):
        lines[number - 1] = LINK.sub(lambda found: _link(found, path, taken), line)
        if number in anchors:
            lines[number - 1] = lines[number - 1].rstrip() + " { #" + anchors[number] + " }"
    return "\n".join(lines) + "\n"


def _drawn(path: Path, text: str) -> str:
    try:
        return f"\n<figure>{svg(text, _title(path)).strip()}</figure>\n"
    except ValueError as error:
        raise MlopsError(
            f"{path.as_posix()}: this line of a flow chart cannot be drawn: {error}. Nodes are "
            "id[text] or id[(text)], arrows -->, -.-> and -->|text|."
        ) from error


def _link(found: re.Match[str], path: Path, taken: set[Path]) -> str:
    """Keep links between pages; of a file that the site does not have only the words stay."""
    whole, words, target = found[0], found[1], found[2]
    name, hash_, anchor = target.partition("#")
    if ELSEWHERE.match(target) or not name:
        return whole
    file = Path(os.path.normpath(path.parent / name))
    if file not in taken:
        return words
    moved = os.path.relpath(_as_page(file), path.parent).replace(os.sep, "/")
    return whole.replace(target, f"{moved}{hash_}{anchor}")


def project_pages() -> tuple[list[Path], list[Path]]:
    """Return the pages of this repository's site in their order, and the pictures beside them."""
    pages = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
    pages += sorted(path for path in Path("docs").rglob("*.md") if path not in pages)
    pages += [Path("infra/README.md"), Path("AGENTS.md"), Path("CHANGELOG.md")]
    pictures = [path for path in Path("docs").rglob("*") if path.suffix in (".svg", ".png")]
    return pages, pictures


def site_of_project(given: dict[str, Any], language: str, output: Path) -> int:
    """Build the site of this repository; see `build_site`."""
    pages, pictures = project_pages()
    return build_site(str(given["project_name"]), language, output, pages, pictures)
