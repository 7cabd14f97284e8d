"""docs/privacy.md: what is done with personal data, from the policy and the answers."""

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from mlops_kit.core.files import read_yaml, write_text
from mlops_kit.core.words import counted
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.policy.load import domain_of, load_privacy
from mlops_kit.privacy.policy.schema import BEHIND, NOT_PERSONAL, ColumnPolicy, Privacy

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENT = Path("docs/privacy.md")
ANSWERS = Path(".copier-answers.yml")
RULES = {"gdpr": "GDPR", "ley_25326": "Ley 25.326", "hipaa": "HIPAA"}
# 45 CFR 164.514(b)(2)(i), in our own words.
SAFE_HARBOR = {
    "A": "names",
    "B": "places smaller than a state; three digits of a postal code may stay where 20,000 live",
    "C": "all of a date but its year; ages over 89",
    "D": "telephone numbers",
    "E": "fax numbers",
    "F": "e-mail addresses",
    "G": "social security numbers",
    "H": "medical record numbers",
    "I": "health plan numbers",
    "J": "account numbers",
    "K": "certificate and licence numbers",
    "L": "vehicles: plates and serial numbers",
    "M": "devices: identifiers and serial numbers",
    "N": "web addresses",
    "O": "IP addresses",
    "P": "biometrics: fingerprints, voices",
    "Q": "full-face pictures and the like",
    "R": "any other number or code that is unique to a person",
}
SHARED_LETTERS = {"E": "phone", "Q": "biometric"}
RECORD = {
    "purpose": "purpose",
    "legal_basis": "legal basis",
    "owner": "data owner",
    "contact": "contact for people and authorities",
    "recipients": "who receives it",
    "retention": "how long it is kept",
}
NOT_SAID = "**not said yet**: write it under `record:` in conf/privacy.yaml"
DUTIES = {
    "gdpr": (
        "GDPR",
        "Article 30 asks for the record above; article 35 for an assessment of the consequences "
        "when the risk is high, and health data or systematic scoring of people often is. "
        "Tokens are pseudonyms (article 4(5)): the data stays personal.",
    ),
    "ley_25326": (
        "Ley 25.326 (Argentina)",
        "Databases are registered with the authority (AAIP, article 21). Sensitive data (articles "
        "2 and 7) may be kept for few reasons; article 11 asks for consent before data is passed "
        "on, unless it can no longer be told whose it is.",
    ),
    "hipaa": (
        "HIPAA: the 18 identifiers of Safe Harbor",
        "45 CFR 164.514(b)(2): de-identified when all of these are gone and nobody knows a way to "
        "tell who is meant. A code may stay only when it is not made from what is known of the "
        "person (164.514(c)); a token is made from an identifier with a key, so ask an expert.",
    ),
}


def write_document() -> Path:
    """Write docs/privacy.md and return its path."""
    write_text(DOCUMENT, document())
    return DOCUMENT


def staleness() -> str:
    """Say what is wrong with docs/privacy.md; nothing when it is up to date."""
    if not DOCUMENT.is_file():
        return f"{DOCUMENT.as_posix()} is not written yet"
    if DOCUMENT.read_text(encoding="utf-8") != document():
        return f"{DOCUMENT.as_posix()} differs from what conf/privacy.yaml says now"
    return ""


def document() -> str:
    """Return the text of docs/privacy.md; the same inputs give the same text."""
    answers = read_yaml(ANSWERS) if ANSWERS.is_file() else {}
    sources = load_sources()
    policy = load_privacy(sources)
    chosen = [name for name in RULES if name in answers.get("jurisdictions", [])]
    skeleton = Path(__file__).with_name("document.md").read_text(encoding="utf-8")
    fails = policy.defaults.unknown_string_column == "fail"
    return Template(skeleton).substitute(
        project=" ".join(str(answers.get("project_name", "this project")).split()),
        record=_record(policy, answers),
        jurisdictions=", ".join(RULES[name] for name in chosen) or "none",
        health={"phi": "yes", "pii": "no"}.get(str(answers.get("personal_data")), "not said"),
        unnamed=f"{'stops the run if it is text, and ' if fails else ''}stays behind",
        columns=_columns(policy, sources),
        anonymity=_anonymity(policy),
        allowed=_allowed(policy),
        obligations="\n\n".join(_duty(name, policy) for name in chosen),
    )


def _table(header: tuple[str, ...], rows: "Iterable[tuple[str, ...]]") -> str:
    def line(cells: "Iterable[str]") -> str:
        clean = (" ".join(each.split()).replace("|", "\\|") for each in cells)
        return f"| {' | '.join(clean)} |"

    return "\n".join([line(header), "|" + "---|" * len(header), *map(line, rows)])


def _record(policy: Privacy, answers: dict[str, Any]) -> str:
    said = policy.record.model_dump()
    fallback = {"owner": answers.get("owner"), "purpose": answers.get("description")}
    rows = []
    for key, label in RECORD.items():
        value = said.get(key) or fallback.get(key) or NOT_SAID
        rows.append((label, ", ".join(value) if isinstance(value, list) else str(value)))
    kinds = sorted({KINDS[e].label for e in _entities(policy)} | {"identifiers as codes"})
    rows.append(("kinds of data that leave the restricted zone", ", ".join(kinds)))
    rows.append(("security", "keyed codes (HMAC-SHA256), raw data on one machine, this check"))
    return _table(("what", "said"), rows)


def _entities(policy: Privacy) -> set[str]:
    return {
        rule.entity
        for rule in policy.columns.values()
        if rule.entity in KINDS and rule.action not in BEHIND
    }


def _columns(policy: Privacy, sources: Sources) -> str:
    rows = []
    for name, rule in policy.columns.items():
        entity = KINDS[rule.entity].label if rule.entity in KINDS else ""
        if rule.entity == NOT_PERSONAL:
            entity = "not personal"
        rows.append((f"`{name}`", entity, _action(rule, name)))
    behind = sum(len(table.columns) for table in sources.tables.values()) - len(policy.columns)
    return _table(("column", "what it is", "what happens"), rows) + (
        f"\n\nNot named, and so left behind: {behind} declared columns." if behind else ""
    )


def _action(rule: ColumnPolicy, name: str) -> str:
    column = name.partition(".")[2]
    words = {
        "drop": "stays behind",
        "undecided": "not decided yet; nothing runs before",
        "keep": "passes as it is",
        "token": f"keyed code in the domain {domain_of(rule, column)}",
        "encrypt": f"encrypted in the domain {domain_of(rule, column)}; the key turns it back",
        "mask": f"all but the last {counted(rule.last, 'character')} hidden",
        "redact": "what is personal in the text is cut out",
        "generalise": f"made coarser: {(rule.to or '').replace('_', ' ')}",
        "date_shift": f"moved by up to {counted(rule.days, 'day')}, each person by their own "
        "number",
    }
    until = f"; {rule.reason}, until {rule.until}" if rule.until else ""
    return words[rule.action] + until


def _anonymity(policy: Privacy) -> str:
    if not policy.anonymity:
        return "No table is checked for k-anonymity."
    rows = [
        (table, ", ".join(one.quasi), str(one.k), ", ".join(one.sensitive), str(one.l), one.method)
        for table, one in policy.anonymity.items()
    ]
    header = ("table", "quasi-identifiers", "k", "sensitive", "l", "otherwise")
    return _table(header, rows)


def _allowed(policy: Privacy) -> str:
    if not policy.allow:
        return "Nothing under `allow:` in conf/privacy.yaml. See also conf/privacy-baseline.json."
    rows = [(one.place, one.entity, one.reason, str(one.until)) for one in policy.allow]
    return _table(("place", "what", "why", "until"), rows)


def _duty(name: str, policy: Privacy) -> str:
    title, words = DUTIES[name]
    text = f"## {title}\n\n{words}"
    if name != "hipaa":
        return text
    rows = []
    for letter, identifier in SAFE_HARBOR.items():
        own = sorted(e for e, kind in KINDS.items() if kind.safe_harbor == letter)
        own += [SHARED_LETTERS[letter]] if letter in SHARED_LETTERS else []
        here = [
            f"`{column}`: {_action(rule, column)}"
            for column, rule in policy.columns.items()
            if rule.entity in own
        ]
        usual = sorted({KINDS[entity].action for entity in own})
        rows.append(
            (letter, identifier, ", ".join(own), ", ".join(usual), "; ".join(here) or "no column")
        )
    header = ("", "identifier", "entities", "usual action", "columns named in this policy")
    return f"{text}\n\n{_table(header, rows)}"
