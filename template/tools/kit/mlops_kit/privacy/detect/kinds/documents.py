"""Documents that a person carries or hangs on a wall."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

LICENCE = Kind(
    entity="licence",
    role="identifier",
    label="professional licence or certificate",
    action="token",
    safe_harbor="K",
    headers=(
        Header(
            "npi|dea|colegiado|num_colegiado|matricula_(?:profesional|nacional|provincial)"
            "|licen[cs]e_?(?:no|number|id)?|certificate_?(?:no|number)",
            0.7,
        ),
    ),
    caption="colegiado",
    rules=(
        Rule(
            0.8,
            "nºc col mat m mn mp npi dea med pro nur lic cer n núm num nº no nro céd ced tar t "
            "cmp rne =NºCol",
            labels=r"n[º°o.]{0,2} ?col\.?|n[uú]m(?:ero)?\.? (?:de )?col(?:egiad[oa])?\.?"
            r"|n[º°o.]{0,2} (?:de )?colegiad[oa]|colegiad[oa]|col\.(?= ?n?[º°]? ?\d)"
            "|matr[ií]cula(?: (?:nacional|provincial|profesional))?"
            r"|m\.? ?[np]\.?(?=[ :.nº°]{0,4}\d)|(?:c[eé]d(?:ula|\.)|tarjeta) prof\w*\.?"
            r"|t\. ?p\.|licencia (?:de )?(?:caza|pesca|tr[aá]nsito|federativa|deportiva"
            r"|n[aá]utica)|(?-i:CMP|RNE)(?= (?:n[º°.]? ?)?\d{4,6})|colegiatura|npi|dea"
            "|(?:medical|professional|nursing|license|licence|certificate)(?: (?:license"
            r"|licence))? (?:number|no\.?|#)",
            pattern=r"(?:\d{2}[ /-]\d{2}[ /-]\d{3,6}|\d{1,3}\.\d{3}"
            r"|[A-Z]{0,3}-?\d[\d /-]{2,10}\d)(?!\w| [A-Z]{2,3}\b)",
        ),
    ),
    shapes=(Shape(r"^[12]\d{9}$", 0.1, 0.75, numeric=True, check=check_digits.us_npi),),
    under_header=r"^[A-Za-z.]{0,4}[- ]?\d[\d /.-]{2,12}$",
)

PASSPORT = Kind(
    entity="passport",
    role="identifier",
    label="passport number",
    action="token",
    safe_harbor="R",
    headers=(Header("(?:passport|pasaporte)(?:_?(?:number|no|num|nro|numero|id))?", 0.9),),
    caption="passport",
    rules=(
        Rule(
            0.8,
            "pas doc",
            labels=r"passports?|pasaportes?(?: [^\W\d_]{4,12})?|(?<!arta )document(?:o|(?= (?:no"
            r"|num)))(?=[\s:=nº°.o]{1,6}[A-Z]{1,3}\d{6})",
            pattern=r"(?:[A-Za-z]{0,3} ?\d{6,9}[A-Za-z]?|(?=(?:[A-Z]*\d){3})[A-Z\d]{7,9})(?!\w)",
        ),
    ),
    under_header=r"^[A-Za-z]{0,3}[- ]?\d{5,9}[A-Za-z]?$",
)

DRIVER_LICENCE = Kind(
    entity="driver_licence",
    role="identifier",
    label="driver licence number",
    action="token",
    safe_harbor="K",
    headers=(
        Header(
            r"driv(?:er|ing)s?_?licen[cs]e(?:_?(?:number|no|num|id))?|licencia_(?:de_)?conduc\w+"
            "|registro_conducir|dl_?(?:no|number)",
            0.9,
        ),
    ),
    caption="driver license",
    rules=(
        Rule(
            0.86,
            "dri lic dl per car reg bre",
            labels=r"driv(?:er|ing)(?:['’]?s)? licen[cs]es?|licen[cs]e (?:number|no\.?|#)"
            "|dl(?= ?(?:no|num|#|:))|(?:licencia|permiso|carn[eé]t?|registro"
            r"|lic\.)(?: (?:nacional|federal))?(?: (?:de|para))?(?: (?:la"
            r"|el))? (?:conduc\w+|mane[jg]\w+)|brevete"
            r"|licencia(?: federal)?(?= [A-Z]{0,3}\d{8,10}(?!\w))",
            pattern=r"(?=[A-Za-z-]{0,5}\d)[A-Za-z\d](?:[ -]?[A-Za-z]{0,4}\d[A-Za-z]{0,2}){3,18}"
            r"(?!\w)|[A-Z9]{5} ?\d{6} ?[A-Z\d]{5}(?!\w)",
        ),
    ),
    under_header=r"^[A-Za-z\d](?:[ -]?[A-Za-z\d]){4,19}$",
)

KINDS = (LICENCE, PASSPORT, DRIVER_LICENCE)
