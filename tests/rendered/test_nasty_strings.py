"""Texts that break templates: quotes, backslashes, newlines, emoji, Jinja, Spanish, Chinese."""

import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendering import files_of, parse_text, render

ONE_LINE = {
    "double quotes": 'The "best" shop',
    "single quotes": "L'été d'O'Brien",
    "backslash": r"C:\temp\new \u0041 \"",
    "emoji": "Tienda 🛒 👩🏽‍💻 🇦🇷",
    "jinja": "{{ 7*7 }} {% raw %} {# gone? #} {%",
    "spanish": "¿Cuánto comprará el señor Ñandú?",
    "chinese": "电器商店推荐 shop",
    "yaml": "yes: [no, ~] # not a comment & *x !!python",
    "toml": "''' \"\"\" = [table]",
    "html": "<script>alert('x')</script> & </title>",
    "dollar": "${HOME} $(id) `id` %PATH% ${{ secrets.X }}",
}
MANY_LINES = {
    **ONE_LINE,
    "newlines": "first\n\n  second: 'x'\n---\nthird\n",
    "toml fence": 'a\n"""\n[project]\nname = "x"\n',
}


def check_project(project: Path, **expected: str) -> None:
    """Everything parses, and the answers come back as they were given."""
    for name, content in files_of(project).items():
        parse_text(name, content)
    stored = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert {key: stored[key] for key in expected} == expected
    tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("question", ["project_name", "owner"])
@pytest.mark.parametrize("text", ONE_LINE.values(), ids=ONE_LINE)
def test_one_line_of_any_text_survives(question: str, text: str, tmp_path: Path) -> None:
    project = render(tmp_path / "p", {"package_name": "shop", question: text})
    check_project(project, **{question: text})
    if question == "project_name":
        assert text in (project / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("question", ["business_metric", "description"])
@pytest.mark.parametrize("text", MANY_LINES.values(), ids=MANY_LINES)
def test_any_text_survives(question: str, text: str, tmp_path: Path) -> None:
    check_project(render(tmp_path / "p", {question: text}), **{question: text})


ORDINARY = st.characters(
    exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufffe\uffff"
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.text(ORDINARY, min_size=1, max_size=80).filter(
        lambda text: any(c.isalnum() for c in text)
    ),
    owner=st.text(ORDINARY, min_size=1, max_size=80).filter(lambda text: text.strip() != ""),
    metric=st.text(ORDINARY | st.just("\n"), min_size=1).filter(lambda text: text.strip() != ""),
)
def test_generated_texts_survive(
    name: str, owner: str, metric: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    answers = {"project_name": name, "owner": owner, "business_metric": metric}
    project = render(tmp_path_factory.mktemp("h") / "p", {"package_name": "shop", **answers})
    check_project(project, **answers)
