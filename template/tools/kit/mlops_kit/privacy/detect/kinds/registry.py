"""All kinds of personal data, in the order of their families.

Where two rules are equally sure of the same words, or two shapes of the same values, the first of
them counts: families that know more exactly what they see stand before those that know less.
"""

from mlops_kit.privacy.detect.kinds import (
    contact,
    dates,
    devices,
    documents,
    health,
    national_ar,
    national_es,
    national_other,
    payment,
    people,
    places,
    secrets,
    vehicles,
)
from mlops_kit.privacy.detect.kinds.kind import Kind

FAMILIES = (
    health,
    documents,
    payment,
    vehicles,
    devices,
    secrets,
    contact,
    national_ar,
    national_es,
    national_other,
    dates,
    places,
    people,
)


def by_entity(kinds: list[Kind]) -> dict[str, Kind]:
    """Return kinds by their entity.

    Raises
    ------
    ValueError
        If two have the same.
    """
    found: dict[str, Kind] = {}
    for kind in kinds:
        if found.setdefault(kind.entity, kind) is not kind:
            raise ValueError(f"Two kinds have the entity {kind.entity!r}.")
    return found


KINDS = by_entity([kind for family in FAMILIES for kind in family.KINDS])
RULES = tuple((kind.entity, rule) for kind in KINDS.values() for rule in kind.rules)
SHAPES = tuple((kind.entity, shape) for kind in KINDS.values() for shape in kind.shapes)
