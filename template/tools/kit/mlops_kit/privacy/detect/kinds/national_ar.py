"""Numbers of Argentina: DNI, CUIT and CBU."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

AR_CUIT = Kind(
    entity="ar_cuit",
    role="identifier",
    label="Argentine CUIT or CUIL",
    action="token",
    safe_harbor="R",
    headers=(Header("cui[tl]", 0.9),),
    caption="CUIT",
    rules=(
        Rule(
            0.9,
            "#2:-_ #10,11",
            r"(?<![\w.+-])(?:2[0347]|3[034]|5[015])[- ]?\d{8}[- /]?\d(?![\w-])",
            check=check_digits.ar_cuit,
        ),
        Rule(
            0.8,
            "cui c",
            labels=r"cui[tl](?:/[tl])?<WHOSE>|c\.u\.i\.[tl]\.?",
            pattern=r"\d{2}[-. /]?\d{1,2}\.?\d{3}\.?\d{3}[-. /]?\d(?!\w)",
        ),
    ),
    shapes=(
        Shape(
            r"^(?:2[0347]|3[034]|5[015])[-. ]?\d{8}[-. /]?\d$",
            0.01,
            0.93,
            outline=r"^\d{2}[-. ]?\d{8}[-. /]?\d$",
            numeric=True,
            check=check_digits.ar_cuit,
        ),
    ),
    under_header=r"^\d{2}[- ]?\d{8}[- /]?\d$",
)

AR_CBU = Kind(
    entity="ar_cbu",
    role="identifier",
    label="Argentine bank account (CBU)",
    action="token",
    safe_harbor="J",
    headers=(Header("cbu|cvu", 0.9),),
    caption="CBU",
    rules=(
        Rule(0.95, "#8,22", r"(?<![\w.-])\d{8}[ -]?\d{14}(?![\w-])", check=check_digits.ar_cbu),
        Rule(0.8, "cbu cvu", labels="cbu|cvu", pattern=r"\d(?:[ -]?\d){21}(?!\w)"),
    ),
    shapes=(Shape(r"^\d{8}[ -]?\d{14}$", 0.01, 0.95, numeric=True, check=check_digits.ar_cbu),),
    under_header=r"^\d{22}$",
)

AR_DNI = Kind(
    entity="ar_dni",
    role="identifier",
    label="Argentine DNI",
    action="token",
    safe_harbor="R",
    headers=(
        Header(
            "dni|documento|nro_documento|num_documento|doc_?(?:number|nro|num)|document_number"
            "|cedula|national_id|identity(?:_number)?|libreta|id_card|nro_doc|numero_de_documento",
            0.9,
        ),
    ),
    caption="DNI",
    rules=(
        Rule(
            0.8,
            "dni d du doc lib céd ced nat ide le lc",
            labels=r"dni<WHOSE>|d\.n\.i\.?|documento(?: (?:nacional )?de identidad| nacional)?"
            "|libreta c[ií]vica|l[ec]|c[eé]dula(?: de identidad)?"
            "|national id(?:entity)?(?: card)?|identity (?:card|document)"
            r"|du(?=[ :.nº°]{1,4}\d{7,8}(?!\w))",
            pattern=r"\d{1,3}\.?\d{3}\.?\d{3}(?![\w-]|\.\d)",
        ),
        Rule(
            0.4,
            "#1,2:.",
            r"(?<![\w.,$€+-])(?<![$€] )(?<!otal )(?<!tivo )(?<!sivo )(?<!uesto )(?<!recio )"
            r"(?<!orte )(?<!lación )\d{1,2}\.\d{3}\.\d{3}(?![\w%€,-]|\.\d| ?[$€%]| en (?:19"
            r"|20)\d\d| (?i:(?:de )?(?:habitantes|unidades|pesos|personas|euros|d[oó]lares|usd|ars"
            r"|eur|k[gm]|m[2²]|casos|votos|gs|guaran[ií]es|bs|litros|toneladas)\b))",
        ),
    ),
    shapes=(Shape(r"^\d{1,2}\.\d{3}\.\d{3}$", 0.3, 0.6, numeric=True),),
    under_header=r"^(?:[A-Z]{1,3} ?)?\d{1,3}\.?\d{3}\.?\d{3}(?:-?[0-9A-Za-z])?$",
    like_amounts=True,
)

KINDS = (AR_CUIT, AR_CBU, AR_DNI)
