"""kinds.md: the kinds of personal data that are looked for, and what recognises each."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.entities import ENTITIES
from mlops_kit.privacy.detect.kinds.headers import HEADERS
from mlops_kit.privacy.detect.text import _rules

from pages.markdown import table

HEAD = """# Kinds of personal data

What `entity` of `conf/privacy.yaml` may name ([settings.md](settings.md)), and what the gate
looks for. `make reference` writes this page from `mlops_kit/privacy/detect/kinds/`.

- *Usual action*: what `mlops privacy propose` writes for a column of it.
- *Safe Harbor*: its letter in HIPAA's list, 45 CFR 164.514(b)(2)(i).
- *In texts*: rules know it by how it is written, or by a label beside it. *By header*: the name
  of a column, key or tag says it. What neither knows, a person declares.
- *Check*: what some of the rules prove of a value before they take it for this kind.
"""
KINDS = {
    "identifier": ("Identifiers", "Name a person alone."),
    "quasi_identifier": (
        "Quasi-identifiers",
        "Name a person together with others (Sweeney, 2002).",
    ),
    "sensitive": ("Sensitive attributes", "What nobody else should learn."),
    "free_text": ("Free text", "May hold any of them."),
}


def page() -> str:
    """Return the page: a table for each sort of personal data."""
    found = [HEAD]
    for kind, (title, about) in KINDS.items():
        rows = [
            (f"`{name}`", one.label, one.action, one.safe_harbor, *_recognised(name))
            for name, one in ENTITIES.items()
            if one.kind == kind
        ]
        head = ("entity", "is", "usual action", "Safe Harbor", "in texts", "by header", "check")
        found.append(f"## {title}\n\n{about}\n\n{table(head, rows)}")
    return "\n".join(found)


def _recognised(entity: str) -> tuple[str, str, str]:
    rules = [rule for rule in _rules() if rule.entity == entity]
    proofs = map(_proof, dict.fromkeys(rule.check for rule in rules if rule.check))
    header = any(entity == known for known, *_ in HEADERS)
    return "yes" if rules else "", "yes" if header else "", "; ".join(proofs)


def _proof(check: str) -> str:
    """Return what a check proves, from the sentence of its function."""
    text = getattr(check_digits, check).__doc__.partition("\n")[0]
    return text.removeprefix("Whether ").partition(";")[0].rstrip(".")
