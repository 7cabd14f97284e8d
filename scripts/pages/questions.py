"""questions.md: what the template asks, from questions/*.yml."""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, UndefinedError

from pages.markdown import code, table

QUESTIONS = Path(__file__).resolve().parents[2] / "questions"
HEAD = """# Questions

What the template asks, in this order, and what is recorded without asking. `make reference`
writes this page from `questions/*.yml`. An answer is given at the prompt, with `-d
question=answer`, or in a file (`--answers`); [profiles](../../README.md#start-a-project) hold
several. Each choice is built; what was tried without a server is said in
[verification](../verification.md).
"""
ASKED = "## Asked\n\nAt most twelve; one that depends on another answer says when it is asked.\n"
RECORDED = "## Not asked\n\nWith their defaults, unless a profile or `-d` says otherwise.\n"


def page() -> str:
    """Return the page: a part for each question, those that are asked first."""
    questions: dict[str, dict[str, Any]] = {}
    for file in sorted(QUESTIONS.glob("*.yml")):
        questions |= yaml.safe_load(file.read_text(encoding="utf-8"))
    # `when: false` is computed from the others: nobody can answer it.
    known = {name: one for name, one in questions.items() if one.get("when") is not False}
    parts = {True: [ASKED], False: [RECORDED]}
    for name, one in known.items():
        parts[one.get("ask", True)].append(_part(name, one))
    return "\n".join([HEAD, *parts[True], *parts[False]])


def _part(name: str, one: dict[str, Any]) -> str:
    several = "Several may be chosen. " if one.get("multiselect") else ""
    when = f"Asked when {one['when'].strip('{ }')}. " if "when" in one else ""
    said = f"### {name}\n\n{one['help']}\n\n{when}{several}Default: {_default(one['default'])}.\n"
    if choices := one.get("choices"):
        said += "\n" + table(("answer", "means"), [(f"`{v}`", text) for text, v in choices.items()])
    return said


def _default(default: Any) -> str:
    """Show a default, and of one that needs other answers that it does."""
    if isinstance(default, list):
        return ", ".join(f"`{each}`" for each in default)
    if isinstance(default, bool):
        return code(default)
    try:
        environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - Markdown
        said = environment.from_string(default).render()
    except (UndefinedError, TypeError):  # another answer, or a file of macros
        return "made from other answers"
    return code(said).replace('"', "")
