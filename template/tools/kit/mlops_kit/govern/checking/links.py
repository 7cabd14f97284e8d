"""Links of a Markdown document: do their files and headings exist?"""

import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from mlops_kit.govern.checking.marks import lines_of
from mlops_kit.govern.documents import PAGES
from mlops_kit.govern.facts.read import FACTS

# [words](target "title"); words may hold a pair of brackets, and a target one of round ones.
LINK = re.compile(
    r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(<?([^()\s<>]+(?:\([^()\s]*\))?)>?(?:\s+\"[^\"]*\")?\)"
)
HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*\s*$")
OWN_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
CODE = re.compile(r"`[^`]*`")


def dead_links(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and sentence of each link to a file or heading here that is not there.

    Addresses of the web are not asked.
    """
    for number, line in lines_of(text):
        for found in LINK.finditer(CODE.sub("`", line)):
            target = unquote(found[2])
            if ELSEWHERE.match(target):
                continue
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            if not file.exists():
                yield number, f"links to {target}, which {_why_not(file)}"
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                yield number, f"links to {target}, and {file.name} has no such heading"


def _why_not(file: Path) -> str:
    where = Path(os.path.normpath(file))
    if where.parent == FACTS and (PAGES / "en/facts" / where.name).is_file():
        return "`uv run mlops docs build` writes"
    return "is not there"


def anchors(file: Path) -> set[str]:
    """Return the names by which code hosts reach the headings of a Markdown file."""
    text = file.read_text(encoding="utf-8")
    own = {name for _, line in lines_of(text) for name in OWN_ANCHOR.findall(line)}
    return own | set(headings(text).values())


def headings(text: str) -> dict[int, str]:
    """Return the anchor of each heading by its line; one that repeats gets a number."""
    found: dict[int, str] = {}
    for number, line in lines_of(text):
        if heading := HEADING.match(line):
            slug = slug_of(heading[1])
            names = (slug if at == 0 else f"{slug}-{at}" for at in count())
            found[number] = next(name for name in names if name not in found.values())
    return found


def slug_of(heading: str) -> str:
    """Return the anchor of a heading: letters and digits, hyphens for spaces, in lower case."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
