"""Collect the answers that were given, and refuse those that Copier would silently ignore."""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from copier_mlops.errors import ToolError, no_yaml

# Copier takes any other text, such as `nope`, for yes.
YES_OR_NO = ("yes", "no", "y", "n", "true", "false", "t", "f", "on", "off", "1", "0")


def read_answers(path: Path) -> dict[str, Any]:
    """Read a YAML file of answers, without Copier's own entries (``_commit``, ...)."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ToolError(f"Cannot read the answers in {path}: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ToolError(f"{path} is not YAML: {no_yaml(error)}; mend it.") from error
    if not isinstance(content, dict):
        raise ToolError(f"{path} must hold answers, one 'question: answer' a line.")
    return {str(key): value for key, value in content.items() if not str(key).startswith("_")}


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """Turn ``["hosting=aws"]`` into ``{"hosting": "aws"}``, split at the first ``=``."""
    answers: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ToolError(f"Write -d as question=answer, for example -d stage=poc; got {pair!r}.")
        if key in answers:
            raise ToolError(f"The question {key} is answered twice with -d.")
        answers[key] = value
    return answers


def check_answers(
    questions: Mapping[str, dict[str, Any]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answers as Copier parses them; its validators judge the values.

    Parameters
    ----------
    questions : mapping
        The template's questions, by name, as in copier.yml.
    given : mapping
        The answers; a list may be text such as ``sample,files`` or ``[sample, files]``.

    Raises
    ------
    ToolError
        An unknown question, a computed one, or an answer of the wrong kind.
    """
    checked: dict[str, Any] = {}
    askable = [name for name, question in questions.items() if question.get("when") is not False]
    for name, answer in given.items():
        if name not in questions:
            near = difflib.get_close_matches(name, askable, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(askable)}."
            raise ToolError(f"The template has no question {name!r}; {hint}")
        if name not in askable:
            raise ToolError(f"{name} follows from the other answers and cannot be given.")
        wants_list = bool(questions[name].get("multiselect"))
        wrong = dict if wants_list else (dict, list)
        if answer is None or isinstance(answer, wrong):
            raise ToolError(f"The answer to {name} must be {'a list' if wants_list else 'text'}.")
        if questions[name].get("type") == "bool" and str(answer).lower() not in YES_OR_NO:
            raise ToolError(f"The answer to {name} must be yes or no; got {answer!r}.")
        is_csv = wants_list and isinstance(answer, str) and not answer.lstrip().startswith("[")
        checked[name] = [part.strip() for part in answer.split(",")] if is_csv else answer
    return checked


def refuse_unasked(hidden: Collection[str], given: Mapping[str, Any]) -> None:
    """Refuse an answer to a question that other answers switched off: it would be lost."""
    for name in sorted(set(hidden) & set(given)):
        raise ToolError(f"With these answers {name} is not asked; leave it out.")
