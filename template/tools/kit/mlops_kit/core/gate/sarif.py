"""SARIF 2.1.0 (OASIS, 2020), as far as code scanning reads it: what, where, what to do.

Of a rule code scanning demands id, both descriptions and help; of a result a message and a file
with a first line. Nothing is fingerprinted: a fingerprint of a short value tells the value.
"""

import hashlib
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Result(NamedTuple):
    """One finding: the id of its rule, a sentence, a file from here, and a line or 0."""

    rule: str
    sentence: str
    file: str
    line: int


def sarif(tool: str, rules: Mapping[str, str], results: Sequence[Result]) -> dict[str, Any]:
    """Return the log of one tool.

    Parameters
    ----------
    rules : mapping of str to str
        What each rule finds, by its id; only those that found something are written.
    """
    used = sorted({one.rule for one in results})
    driver = {"name": tool, "rules": [_rule(name, rules[name]) for name in used]}
    found = [
        {
            "ruleId": one.rule,
            "ruleIndex": used.index(one.rule),
            "level": "error",
            "message": {"text": one.sentence},
            "locations": [{"physicalLocation": _location(one)}],
        }
        for one in results
    ]
    run = {"tool": {"driver": driver}, "results": found}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, label: str) -> dict[str, Any]:
    text = {"text": label}
    advice = {"text": "The message of each finding says what to do."}
    return {"id": name, "shortDescription": text, "fullDescription": text, "help": advice}


def _location(one: Result) -> dict[str, Any]:
    # Without a line it is the file as a whole, which code scanning shows at its first.
    place: dict[str, Any] = {"artifactLocation": {"uri": urllib.parse.quote(one.file)}}
    place["region"] = {"startLine": max(one.line, 1)}
    return place


def code_quality(log: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the findings of a log as GitLab's report of code quality, which merge requests show.

    The fingerprint that GitLab demands is made of rule, file and sentence, which hold no value.
    """
    found = []
    for run in log["runs"]:
        for one in run["results"]:
            place = one["locations"][0]["physicalLocation"]
            file = urllib.parse.unquote(place["artifactLocation"]["uri"])
            sentence = one["message"]["text"]
            known = "\0".join((one["ruleId"], file, sentence))
            found.append(
                {
                    "description": sentence,
                    "check_name": one["ruleId"],
                    "fingerprint": hashlib.sha256(known.encode()).hexdigest(),
                    "severity": "blocker",
                    "location": {"path": file, "lines": {"begin": place["region"]["startLine"]}},
                }
            )
    return found


def text_of(content: Any) -> str:
    """Return indented JSON that ends with a line."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
