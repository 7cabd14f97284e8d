"""The privacy policy: what may leave the restricted zone, in which form, and until when."""

import datetime
import fnmatch
from collections.abc import Iterator
from pathlib import Path

from mlops_kit.core.errors import NEGATIVE, MlopsError
from mlops_kit.core.settings import read_config
from mlops_kit.data.config import SOURCES_FILE, Column, Sources
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.kinds.headers import entity_of
from mlops_kit.privacy.detect.kinds.kind import Kind
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.gate.scan import UNREADABLE
from mlops_kit.privacy.policy.schema import (
    BEHIND,
    DATES,
    FORMS,
    NOT_PERSONAL,
    PARAMETERS,
    TEXTS,
    USUAL,
    WHOLE,
    Anonymity,
    ColumnPolicy,
    Privacy,
)

PRIVACY_FILE = Path("conf/privacy.yaml")
# Beside the sensitive kinds: race and origin, and the place that is one household's alone.
TELLING = ("nationality", "coordinates")
WHOLE_NAME = 0.7  # a name that is such a word, and not one that only contains it


def load_privacy(sources: Sources, path: Path = PRIVACY_FILE) -> Privacy:
    """Read the policy, give each column its action, and check that the parts fit.

    Raises
    ------
    MlopsError
        When a rule is there twice, names what is not declared, or has parameters that do not fit.
    """
    policy = read_config(path, Privacy)
    declared = {
        f"{name}.{column}": contract
        for name, table in sources.tables.items()
        for column, contract in table.columns.items()
    }
    for named in policy.columns:
        if named not in declared:
            raise MlopsError(
                f'{path.as_posix()} names "{named}", which {SOURCES_FILE.as_posix()} '
                "does not declare; correct the name or remove the line."
            )
    for name in policy.entities:
        _known_entity(f"entities.{name}", name)
    for one in policy.allow:
        if one.entity != UNREADABLE:
            _known_entity("allow", one.entity)
    rules = {name: _resolved(policy, name, rule) for name, rule in policy.columns.items()}
    policy = policy.model_copy(update={"columns": rules})
    for name, rule in rules.items():
        _check_rule(name, rule, declared[name], sources)
    entity = f"{sources.entity.table}.{sources.entity.column}"
    if entity not in rules:
        raise MlopsError(
            f"{path.as_posix()} must name {entity}: "
            "predictions are about it, so that it has to pass, as a token."
        )
    if rules[entity].action not in ("token", "encrypt", "keep"):
        raise _wrong(f"columns.{entity}", "predictions are about it: use action token")
    for table, wanted in policy.anonymity.items():
        _check_anonymity(policy, table, wanted)
    return policy


def domain_of(rule: ColumnPolicy, column: str) -> str:
    """Codes join only inside a domain: the named one, else the entity's, else the column's."""
    return rule.domain or ("" if rule.entity == NOT_PERSONAL else rule.entity) or column


def is_allowed(finding: Finding, policy: Privacy, today: datetime.date) -> bool:
    """Whether somebody accepts this finding today; places may hold the wildcards * and ?."""
    return any(today <= until for until in _acceptances(finding, policy))


def ended(finding: Finding, policy: Privacy, today: datetime.date) -> datetime.date | None:
    """Last day of an acceptance of this finding that is over."""
    return max((day for day in _acceptances(finding, policy) if day < today), default=None)


def check_expiry(policy: Privacy, today: datetime.date) -> None:
    """Close the gate when a column is kept beyond its day."""
    for name, rule in policy.columns.items():
        if rule.action == "keep" and rule.until is not None and rule.until < today:
            raise MlopsError(
                f"{PRIVACY_FILE.as_posix()} keeps {name} until {rule.until}, which is over; "
                "choose another action, or have its owner agree to a later day.",
                NEGATIVE,
            )


def undecided(policy: Privacy) -> list[str]:
    """Columns about which a person still has to decide."""
    return [name for name, rule in policy.columns.items() if rule.action == "undecided"]


def refuse_undecided(policy: Privacy) -> None:
    """Refuse a policy that is not complete: a column waits for the decision of a person."""
    if waiting := undecided(policy):
        more = f" and {len(waiting) - 3} more" if waiting[3:] else ""
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()} leaves {', '.join(waiting[:3])}{more} undecided; look at "
            "some values and name an action for each (drop, when in doubt)."
        )


def unnamed_text(policy: Privacy, sources: Sources) -> list[str]:
    """Columns that may hold text, which the sources declare and the policy does not name."""
    return [
        f"{name}.{column}"
        for name, table in sources.tables.items()
        for column, contract in table.columns.items()
        if contract.kind in TEXTS and f"{name}.{column}" not in policy.columns
    ]


def _acceptances(finding: Finding, policy: Privacy) -> Iterator[datetime.date]:
    for one in policy.allow:
        if one.entity == finding.entity and fnmatch.fnmatchcase(finding.place, one.place):
            yield one.until
    for name, rule in policy.columns.items():
        inside = finding.place == name or finding.place.startswith((f"{name}.", f"{name}["))
        known = rule.entity in (NOT_PERSONAL, finding.entity)
        if inside and known and rule.action == "keep" and rule.reason and rule.until:
            yield rule.until


def _resolved(policy: Privacy, name: str, rule: ColumnPolicy) -> ColumnPolicy:
    """Give a column that names only its entity the action of the entity."""
    if "action" in rule.model_fields_set:
        return rule
    if rule.entity in ("", NOT_PERSONAL):
        raise _wrong(f"columns.{name}", "it has no action: name one, or the entity that it is")
    entity = _known_entity(f"columns.{name}", rule.entity)
    if rule.entity in policy.entities:
        usual = policy.entities[rule.entity].model_dump(exclude_unset=True)
    elif entity.role == "free_text":
        usual = {"action": policy.defaults.free_text}
    else:
        usual = {"action": entity.action, **USUAL.get(rule.entity, {})}
    return ColumnPolicy.model_validate(usual | rule.model_dump(exclude_unset=True))


def _known_entity(place: str, entity: str) -> Kind:
    if entity not in KINDS:
        raise _wrong(place, f'"{entity}" is no entity; there are {", ".join(KINDS)}')
    return KINDS[entity]


def _check_rule(name: str, rule: ColumnPolicy, contract: Column, sources: Sources) -> None:
    place = f"columns.{name}"
    if rule.entity not in ("", NOT_PERSONAL):
        _known_entity(place, rule.entity)
    takes, types = PARAMETERS[rule.action]
    needs: tuple[str, ...] = ()
    what: str = rule.action
    if rule.action == "generalise":
        if rule.to is None:
            raise _wrong(place, f"generalise needs to: one of {', '.join(FORMS)}")
        what = f"generalise to {rule.to}"
        more, types, needs = FORMS[rule.to]
        takes = {"to"} | more
    given = rule.model_fields_set - {"entity", "action"}
    if strange := sorted(given - takes):
        # What an entity is told for all its columns may not fit the action of one of them.
        allowed = f"takes {', '.join(sorted(takes))}" if takes else "takes no parameter"
        raise _wrong(place, f"{strange[0]} does not belong to {what}, which {allowed}")
    for need in needs:
        if len(given & set(need.split("|"))) != 1:
            raise _wrong(place, f"{what} needs {' or '.join(need.split('|'))}")
    listed = contract.kind in WHOLE and rule.action not in ("keep", *BEHIND)
    if listed or (types is not None and contract.kind not in types):
        raise _wrong(place, f"{what} cannot treat a column of type {contract.kind}")
    if rule.edges != sorted(set(rule.edges)):
        raise _wrong(place, "edges must rise")
    if rule.to == "age_band" and (rule.width or 10) % 1:
        raise _wrong(place, "age_band needs whole years as width")
    if rule.to == "age_band" and contract.kind in DATES and rule.as_of is None:
        raise _wrong(place, "age_band of a date needs as_of: the day on which the age counts")
    if rule.action == "date_shift":
        table, _, column = name.partition(".")
        subject = rule.subject or sources.entity.column
        if subject == column or subject not in sources.tables[table].columns:
            raise _wrong(place, "date_shift needs subject: the column of its table that says whose")
    if rule.action == "keep":
        told = bool(rule.reason) + (rule.until is not None)
        asked = asks_for_a_reason(name, rule) or " of bytes" * (contract.kind == "binary")
        if told == 1 or (asked and told == 0):
            raise _wrong(
                place,
                f"this keep{asked} needs a reason and until, the day on which it ends",
            )


def asks_for_a_reason(name: str, rule: ColumnPolicy) -> str:
    """Say of what, when a person has to answer for a column that passes as it is."""
    if rule.entity == NOT_PERSONAL:
        return ""
    if kind := KINDS.get(rule.entity):
        asks = kind.role in ("identifier", "sensitive") or kind.entity in TELLING
        return f" of {kind.label}" if asks else ""
    # A name that only contains such words may be about a thing; identifiers show in the values.
    entity, likelihood = entity_of(name)
    if likelihood >= WHOLE_NAME and (KINDS[entity].role == "sensitive" or entity in TELLING):
        what = f"of what its name calls {KINDS[entity].label}"
        return f" {what} (entity: {NOT_PERSONAL} says that it is about no person)"
    return ""


def _check_anonymity(policy: Privacy, table: str, wanted: Anonymity) -> None:
    if wanted.l > 1 and not wanted.sensitive:
        raise _wrong(f"anonymity.{table}", "l needs sensitive: the columns that it is about")
    for column in [*wanted.quasi, *wanted.sensitive]:
        rule = policy.columns.get(f"{table}.{column}")
        if rule is None or rule.action in BEHIND:
            raise _wrong(f"anonymity.{table}", f"{column} does not leave the restricted zone")
    if twice := set(wanted.quasi) & set(wanted.sensitive):
        raise _wrong(f"anonymity.{table}", f"{min(twice)} is both quasi and sensitive")


def _wrong(place: str, what: str) -> MlopsError:
    return MlopsError(f"{PRIVACY_FILE.as_posix()}: {place}: {what}.")
