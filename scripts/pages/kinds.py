"""kinds.md: the kinds of personal data that are looked for, and what recognises each."""

from mlops_kit.privacy.detect.kinds.kind import Check, Kind
from mlops_kit.privacy.detect.kinds.registry import KINDS

from pages.markdown import table

HEAD = """# Kinds of personal data

What `entity` of `conf/privacy.yaml` may name ([settings.md](settings.md)), and what the gate looks
for. `make reference` writes this page from `mlops_kit/privacy/detect/kinds/`.

- *Usual action*: what `mlops privacy propose` writes for a column of it.
- *Safe Harbor*: its letter in HIPAA's list, 45 CFR 164.514(b)(2)(i).
- *In texts*: rules know it by how it is written, or by a label beside it. *By header*: the name
  of a column, key or tag says it. What neither knows, a person declares.
- *Check*: what some of the rules prove of a value before they take it for this kind.
"""
ROLES = {
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
    for role, (title, about) in ROLES.items():
        rows = [_row(kind) for kind in KINDS.values() if kind.role == role]
        head = ("entity", "is", "usual action", "Safe Harbor", "in texts", "by header", "check")
        found.append(f"## {title}\n\n{about}\n\n{table(head, rows)}")
    return "\n".join(found)


def _row(kind: Kind) -> tuple[str, ...]:
    checks = dict.fromkeys(rule.check for rule in (*kind.rules, *kind.shapes) if rule.check)
    return (
        f"`{kind.entity}`",
        kind.label,
        kind.action,
        kind.safe_harbor,
        "yes" if kind.rules else "",
        "yes" if kind.headers else "",
        "; ".join(map(_proof, checks)),
    )


def _proof(check: Check) -> str:
    """Return what a check proves, from the sentence of its function."""
    text = (check.__doc__ or "").partition("\n")[0]
    return text.removeprefix("Whether ").partition(";")[0].rstrip(".")
