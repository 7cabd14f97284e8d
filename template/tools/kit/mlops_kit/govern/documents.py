"""The documents that a team owns: which there are, and their first text from the answers.

Copier writes some of them when it renders, `mlops docs add` any other, both from the same pages: a
line under template/docs includes what this module renders.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml, write_texts
from mlops_kit.core.provenance import ANSWERS

PAGES = Path(__file__).with_name("pages")
LANGUAGES = ("en", "es")


class Document(NamedTuple):
    """A document: what it is for, and its files by the pages that they are made from."""

    about: str
    files: Mapping[Path, str]


ISSUES = ("data-change", "model-change", "incident", "ethics")


def _page(name: str) -> dict[Path, str]:
    return {Path(f"docs/{name}.md"): f"{name}.md"}


DOCUMENTS = {
    "charter": Document("problem, people, success, and when to stop", _page("charter")),
    "poc": Document("one question in a fixed time, and its verdict", _page("poc")),
    "requirements": Document("service levels, each with what measures it", _page("requirements")),
    "responsible-ai": Document("harm, and who answers for it", _page("responsible-ai")),
    "risks": Document("what may stop the project", _page("risks")),
    "architecture": Document("which part is where", _page("architecture")),
    "adr": Document(
        "what was decided first, what it costs, and when to look again",
        {Path("docs/adr/0001-first-decisions.md"): "first-decisions.md"},
    ),
    "runbook": Document("what to do when something is wrong", _page("runbook")),
    "onboarding": Document("the first day, by role", _page("onboarding")),
    "data-card": Document("what no file knows about the data", _page("data-card")),
    "model-card": Document("what no file knows about the model", _page("model-card")),
    "costs": Document(
        "what it costs, and why so",
        {**_page("costs"), Path("conf/costs.yaml"): "costs.yaml.txt"},
    ),
    "pretrained": Document(
        "a model that somebody else serves, asked once and judged",
        {**_page("pretrained"), Path("pipelines/pretrained/ask.py"): "ask.py"},
    ),
    "github": Document(
        "what pull requests and issues ask",
        {
            Path(".github/pull_request_template.md"): "forms/pull-request.md",
            **{Path(f".github/ISSUE_TEMPLATE/{n}.md"): f"forms/github-{n}.md" for n in ISSUES},
        },
    ),
    "gitlab": Document(
        "what merge requests and issues ask",
        {
            Path(".gitlab/merge_request_templates/Default.md"): "forms/pull-request.md",
            **{Path(f".gitlab/issue_templates/{n}.md"): f"forms/{n}.md" for n in ISSUES},
        },
    ),
    "governance": Document(
        "what laws and standards ask", {Path("conf/governance.yaml"): "governance.yaml"}
    ),
}
# Answers that are not stored where they were not asked, or older than their question.
NOT_STORED = {
    "jurisdictions": [],
    "infrastructure": [],
    "docs_language": "en",
    "ci": "github",
    "kit": "tools/kit",
    "ai_governance": False,
}


def answers() -> dict[str, Any]:
    """Return what this repository was rendered with.

    Raises
    ------
    MlopsError
        When the file of the answers is not there.
    """
    if not ANSWERS.is_file():
        raise MlopsError(
            f"{ANSWERS.as_posix()} does not exist here: documents are filled from it. Run this in "
            "the project's folder, or restore it with git."
        )
    return NOT_STORED | read_yaml(ANSWERS)


def language(given: Mapping[str, Any]) -> str:
    """Return the language of the documents; English where it is none of ours."""
    return given["docs_language"] if given["docs_language"] in LANGUAGES else "en"


def render(page: str, given: Mapping[str, Any], **more: Any) -> str:
    """Return a page filled from the answers, in their language where it has that one.

    Parameters
    ----------
    page : str
        Name under pages/en, and under pages/es where it is translated.
    given : mapping
        The answers.
    **more : Any
        What the page may call besides.
    """
    if page.endswith(".py"):  # code is copied as it stands
        return Path(__file__).with_name(page).read_text(encoding="utf-8")
    template = _environment(language(given)).get_template(page)
    return template.render({**given, "pages": "", **more})


@cache
def _environment(language: str) -> Environment:
    """Read pages as Copier does (`_envops` of copier.yml), a translated one before the English."""
    return Environment(
        loader=FileSystemLoader([PAGES / language, PAGES / "en"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown; pages escape what a person wrote
    )


def add(name: str) -> list[Path]:
    """Write a document's first text; its files are the team's from then on.

    Raises
    ------
    MlopsError
        When there is no such document, or one of its files is there already.
    """
    if name not in DOCUMENTS:
        known = ", ".join(DOCUMENTS)
        raise MlopsError(f"There is no document {name}; there are: {known}.")
    files = DOCUMENTS[name].files
    there = [path.as_posix() for path in files if path.exists()]
    if there:
        raise MlopsError(
            f"{', '.join(there)} is there already, and yours: move it away first to get the "
            "template's text again."
        )
    given = answers()
    write_texts({path: render(page, given) for path, page in files.items()})
    return list(files)
