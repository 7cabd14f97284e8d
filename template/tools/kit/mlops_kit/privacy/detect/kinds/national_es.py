"""Numbers of Spain: NIF and NIE."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

ES_NIF = Kind(
    entity="es_nif",
    role="identifier",
    label="Spanish NIF",
    action="token",
    safe_harbor="R",
    headers=(Header("nif|nif_nie|cif_nif", 0.9),),
    caption="NIF",
    rules=(
        Rule(
            0.85,
            "#1,2:. #8",
            r"(?<![\w.-])(?:\d{8}|\d{1,2}\.\d{3}\.\d{3})[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z](?![\w-])",
            check=check_digits.es_nif,
        ),
        Rule(0.45, "#8", r"(?<![\w.-])\d{8}-?[A-HJ-NP-TV-Z](?![\w-])"),
        Rule(
            0.75,
            "nif n dni d",
            labels=r"(?:nif|dni|[nd]\.n?\.?i\.(?:[fe]\.)?)(?: ?/ ?(?:nif|nie|dni|cif))?<WHOSE>",
            pattern=r"(?:[XYZxyz]-?)?\d{1,2}\.?\d{3}\.?\d{3}[- ]?[A-Za-z](?!\w)",
        ),
    ),
    shapes=(
        Shape(
            r"^(?:\d{8}|\d{1,2}\.\d{3}\.\d{3}|[KLMklm]\d{7})[- ]?[A-Za-z]$",
            1 / 23,
            0.9,
            check=check_digits.es_nif,
        ),
    ),
    under_header=r"^(?:\d{7,8}|\d{1,2}\.\d{3}\.\d{3}|[A-Za-z]\d{7})[- ]?[A-Za-z\d]$",
)

ES_NIE = Kind(
    entity="es_nie",
    role="identifier",
    label="Spanish NIE",
    action="token",
    safe_harbor="R",
    headers=(Header("nie", 0.8),),
    caption="NIE",
    rules=(
        Rule(
            0.9,
            "x y z",
            r"(?<![\w.-])[XYZxyz][- ]?\d\.?\d{3}\.?\d{3}[- ]?[A-Za-z](?![\w-])",
            check=check_digits.es_nie,
        ),
        Rule(0.45, "x y z", r"(?<![\w.-])[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z](?![\w-])"),
        Rule(
            0.75,
            "nie n",
            labels=r"n\.?i\.?e\.?",
            pattern=r"[XYZxyz][- ]?\d{7,8}[- ]?[A-Za-z]?(?!\w)",
        ),
    ),
    shapes=(
        Shape(
            r"^[XYZxyz][- ]?\d\.?\d{3}\.?\d{3}[- ]?[A-Za-z]$",
            1 / 23,
            0.93,
            check=check_digits.es_nie,
        ),
    ),
    under_header=r"^[XYZxyz][- ]?\d{7}[- ]?[A-Za-z]$",
)

KINDS = (ES_NIF, ES_NIE)
