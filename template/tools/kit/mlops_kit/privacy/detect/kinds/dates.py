"""Rules of dates, birth dates and ages."""

from mlops_kit.privacy.detect.kinds.rule_table import MACROS, read_table
from mlops_kit.privacy.detect.words import DAYS, MONTHS, NUMBERS

_YEAR = r"(?:1[89]|20)\d\d"
_DAY, _MONTH = r"(?:3[01]|[12]\d|0?\d)", r"(?:1[0-2]|0?\d)"
_NUMERIC = "|".join(
    rf"{_YEAR}{sign}{_MONTH}{sign}{_DAY}(?!\d)|{_DAY}{sign}{_DAY}{sign}(?:{_YEAR}|\d\d)(?!\d)"
    for sign in ("-", "//?")
)
# Versions have points too: a day with points has two digits, or its year four.
_NUMERIC += (
    rf"|{_DAY}[-/. ](?:II?I?|I?VI?I?I?|I?X|XII?)[-/. ]{_YEAR}(?!\d)"
    rf"|{_DAY}\.{_MONTH}\.{_YEAR}(?!\d)|{_YEAR}\.{_MONTH}\.{_DAY}(?!\d)"
    r"|(?:3[01]|[12]\d|0\d)\.(?:1[0-2]|0\d)\.\d\d(?!\d)"
)
DATE_MACROS = {
    **MACROS,
    "YEAR": _YEAR,
    "DAY": _DAY,
    "MONTH": f"(?:{MONTHS})",
    "WEEKDAY": f"(?:{DAYS})",
    "NUMERIC": f"(?:{_NUMERIC})",
    "TIME": r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",
    "IN_WORDS": f"(?:{NUMBERS})",
    "UNIT": r"(?:a[nñ]os?|mes(?:es)?|semanas?|d[ií]as?)",
    # "12 de mayo de 1990", "12th of May", "mayo del 2003", "diciembre-03".
    "DAY_MONTH": r"(?:\d{1,2}(?:, \d{1,2}){0,3} (?:y|al?) (?:el )?(?=\d))?"
    r"(?:\d{1,2}(?:st|nd|rd|th|º)?|primero)(?: day)?(?: de"
    r"| of)?[ \-/]?<MONTH>\b\.?(?:(?: del?| of|,)?(?: año)?[ \-/,]{0,2}(?:<YEAR>"
    r"|['’]?\d\d(?!\w|:\d| ?hs?\b)))?",
    # As deeds and sentences write it.
    "YEAR_IN_WORDS": r"(?:mil (?:ocho|nove)cientos|dos mil)(?: <IN_WORDS>(?: y <IN_WORDS>)?"
    r"| veinti\w+)?",
    "MONTH_DAY": r"<MONTH>\.? \d{1,2}(?:st|nd|rd|th)?(?!\d)(?:,? <YEAR>)?(?!\d)",
    "MONTH_YEAR": r"<MONTH>\.?(?: y <MONTH>)?(?: del?| of|,)?(?: año)?[ \-/]{1,2}(?:<YEAR>"
    r"|['’]?\d\d(?![\w%]))",
}

_DATES = r"""
birth_date 0.85 dob d bir dat bor fec f nac fna
    (?i:(?:dob|d\.o\.b\.?|birth[ _]?date|date[ _]of[ _]birth|born(?: on| in)?|birthday|fecha[ _]
    (?:de[ _])?nac
    (?:imiento)?
    |f\.? ?(?:de )?nac(?:imiento)?\.?|nacid[oa](?: el)?|naci[oó](?: el)?|fnac)\b
    (?:[\s:=.()\->]|is|it['’]s|el|en|año|on|es|d[ií]a|the|was|aprox\w*){0,8})
    (?P<v>(?<!\d)<NUMERIC>|(?i:<DAY_MONTH>|<MONTH_DAY>|<MONTH_YEAR>)|<YEAR>(?!\d)|(?:(?<=n el )
    |['’])\d\d(?![\w/.,-]))
date 0.6 #1,2,4:-/.
    (?<![\w./\-])(?<!\d:)(?<!cód\. )(?<!código )(?<!art\. )<NUMERIC><TIME>(?![\w]|[/\-.]\d)
date 0.6 #1,2:_-/snrtº
    (?<!\w)(?<!\d{4}, de )(?<!\d del )(?<!\d de )(?<!licación del )(?<!dición, )(?<!unión de )
    (?<!unión del )(?<!unta del )(?<!sesión del )(?<!acta del )
    (?=\d\d?(?:st|nd|rd|th|º)?[ \-/][A-Za-z])(?i:<DAY_MONTH>)(?!\w)
date 0.6 pri un uno dos tre cua cin sei sie och nue die onc doc cat qui vei
    (?i)(?:primero|veinti\w+|<IN_WORDS>(?: y un[oa]?)?) (?:d[ií]as? )?(?:del mes )?de <MONTH>
    (?: (?:del? )?(?:año )?<YEAR_IN_WORDS>)?(?!\w)
date 0.6 #4
    (?i)(?<!\w)<YEAR>[ -]<MONTH>[ -]\d\d?(?!\w)
date 0.6 jan feb mar apr may jun jul aug sep oct nov dec ene abr ago dic set
    (?<!\d de )(?<!\bla )(?i:<MONTH_DAY>|<MONTH_YEAR>)(?!\w)
date 0.6 mon tue wed thu fri sat sun lun mar mié mie jue vie sáb sab dom
    (?i)<WEEKDAY>,? (?:el )?(?:<DAY_MONTH>|<MONTH_DAY>)(?!\w)
date 0.4 #1,2:-/
    (?<![\w./\-])(?<!vto )(?<!vto\. )(?<!vto: )(?<!ad\. )(?<!ad\.: )(?<!ab\.: )(?<!ref\.: )
    (?<!ote )(?<!dación )(?<!íodo )(?<!iodo )(?:0?[1-9]|1[0-2])[/-]<YEAR>(?![\w/\-])
date 0.35 #1,2:/-
    (?:(?<=\b[Ee]l )|(?<=\bdía )|(?<=\b[Oo]n )|(?<=\bdel )|(?<=\bal )|(?<=\bpara )|(?<=\bdesde )
    |(?<=\bhasta )|(?<=\bfecha )|(?<=\bfecha: ))<DAY>/<DAY>(?![\w/])
    |(?<![\w./])<DAY>[/-]<DAY>(?= (?:a las )?\d{1,2}(?::\d\d| ?hs?\b))
date 0.35 #4
    (?<!\d de )(?:(?<=\bin )|(?<=\bsince )|(?<=\bof )|(?<=\bduring )|(?<=\bfrom )|(?<=\bby )|
    (?<=\buntil )|(?<=\btill )|(?<=\byear )|(?<=\bearly )|(?<=\blate )|(?<=\bmid )|
    (?<=\bsummer )|(?<=\bspring )|(?<=\bautumn )|(?<=\bfall )|(?<=\bwinter )|(?<=\bIn )|
    (?<=\bSince )|(?<=\bDuring )|(?<=\bFrom )|(?<=\bBy )|(?<=\bSummer )|(?<=\bSpring )|
    (?<=\ben )|(?<=\bdesde )|(?<=\bhasta )|(?<=\bdurante )|(?<=\bde )|(?<=\bdel )|(?<=\baño )|
    (?<=\bel año )|(?<=\baño de )|(?<=\bverano )|(?<=\botoño )|(?<=\binvierno )|
    (?<=\bprimavera )|(?<=\bentre )|(?<=\bEn )|(?<=\bDesde )|(?<=\bEntre )|(?<=\bDurante ))
    <YEAR>(?![\w/]|[.,:-]\d)
date 0.3 #4
    (?:(?<=\d{4} y )|(?<=\d{4} a )|(?<=\d{4} and )|(?<=\d{4} to )|(?<=\b20\d\d-)
    |(?<=\b19\d\d-))<YEAR>(?![\w/]
    |[.,:-]\d)
date 0.3 jan feb mar apr jun jul aug sep oct nov dec ene abr may ago dic
    (?<!\d de )
    (?:(?<=\bin )|(?<=\bsince )|(?<=\ben )|(?<=\bdesde )|(?<=\bhasta )|(?<=\bde )|(?<=\bdel )|
    (?<=\bmid )|(?<=\bearly )|(?<=\blate )|(?<=\bIn )|(?<=\bEn )|(?<=\bDesde )|(?<=\bmes de ))
    (?i:january|february|march|april|june|july|august|september|october|november|december|enero
    |febrero
    |marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)(?!\w)
date 0.3 año
    (?i)años? (?:<YEAR>|\d\d)(?![\w/])
date 0.3 mon tue wed thu fri sat sun
    (?i)<WEEKDAY>(?!\w)
date 0.3 #4
    (?<=\()<YEAR>(?=\))
date 0.3 #4
    (?<![\w.,-])<YEAR>(?= [A-Z]?[a-z]+(?:an|ish|ch)\b| film| movie| album| song)
age 0.6 #1,2,3:_-ymwdYMWD
    (?<![\w.])(?P<v>\d{1,3})(?i:[ -]?(?:years?|months?|weeks?|days?)[ -](?:olds?|of age)\b
    |[ -]?y[/.]?o\.?
    (?!\w))
age 0.6 age tur eda cum
    (?i:(?:aged?|ages|turn(?:s|ed|ing)?|age (?:is|of)|edad|cumpli[oó]|cumple)\b[\s:=]{1,3}
    (?:es |de |the )?)
    (?P<v>\d{1,3}(?![\w/%]|[.,]\d)(?:\s{1,2}<UNIT>\b)?|\d{1,3}<UNIT>\b)
age 0.55 #1,2 un una dos tre cua cin sei sie och nue die onc doc cat qui vei ses
    & set och nov
    (?:(?<=\bde )|(?<=\bDe )|(?<=\bcon )|(?<=\blos )|(?<=\blas )|(?<=\btiene )|
    (?<=\bpaciente )|(?<=\bvarón )|(?<=\bVarón )|(?<=\bmujer )|(?<=\bMujer )|(?<=\bhombre )|
    (?<=\bniño )|(?<=\bniña )|(?<=\by )|(?<=\ba )|(?<=\bhijo )|(?<=\bhija )|(?<=\bhijos )|
    (?<=\bpadre )|(?<=\bmadre )|(?<=\bcasi )|(?<=\bunos )|(?<=: )|(?<=\bniño, )|
    (?<=\bvarón, )|(?<=\bmujer, ))
    (?i:(?:\d{1,3}(?: y medio)?(?: ?[,y] ?\d{1,2})?|<IN_WORDS>)\s{1,2}(?:a[nñ]os?|meses)(?!\w))
    (?= de edad|,| con\b| que\b| sin\b| y\b|\.|$| de nac| acud| remit| diag| ingres| afec| es\b|\)
    |;| fum
    | presen| proc| natur| su\b)
age 0.6 pac muj var hom niñ señ chi jov anc lac beb ado her esp mad pad hij
    (?i:(?:paciente|mujer|var[oó]n|hombre|niñ[oa]|señora?|chic[oa]|joven|ancian[oa]|lactante|beb[eé]
    |adolescente|herman[oa]|espos[oa]|madre|padre|hij[oa])
    (?: (?!con|en|tras|desde|por|que)[^\W\d_]+){0,2} de )(?P<v>\d{1,3} (?i:<UNIT>))(?!\w)
age 0.6 #1,2,3
    (?i)(?<!\w)\d{1,3}\s{1,2}<UNIT>(?= (?:y medio )?de (?:edad|vida))
age 0.45 i he she ten
    (?i:(?:s?he was|i['’]m|i am|i was|tengo|tenía)(?: (?:only|just|almost|nearly))? )
    (?P<v>\d{1,2})(?=[\s,.;!?]|$)(?! ?(?:%|percent|min|hours?|km|miles|people|times|days))
"""
DATES = read_table("DATES", _DATES, DATE_MACROS)
