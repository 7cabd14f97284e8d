"""Dates, days of birth and ages."""

from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule

BIRTH_DATE = Kind(
    entity="birth_date",
    role="quasi_identifier",
    label="date of birth",
    action="generalise",
    safe_harbor="C",
    headers=(
        Header(
            r"birth_?(?:date|day)|date_of_birth|dob|fecha_(?:de_)?nac(?:imiento|to)?|f_?nac\w*"
            "|nacimiento|born|birth",
            0.9,
        ),
    ),
    caption="date of birth",
    rules=(
        Rule(
            0.85,
            "dob d bir dat bor fec f nac fna",
            r"(?i:(?:dob|d\.o\.b\.?|birth[ _]?date|date[ _]of[ _]birth|born(?: on| in)?|birthday"
            r"|fecha[ _](?:de[ _])?nac(?:imiento)?|f\.? ?(?:de )?nac(?:imiento)?\.?"
            r"|nacid[oa](?: el)?|naci[oó](?: el)?|fnac)\b(?:[\s:=.()\->]|is|it['’]s|el|en|año|on"
            r"|es|d[ií]a|the|was|aprox\w*){0,8})(?P<v>(?<!\d)<NUMERIC>|(?i:<DAY_MONTH>|<MONTH_DAY>"
            r"|<MONTH_YEAR>)|<YEAR>(?!\d)|(?:(?<=n el )|['’])\d\d(?![\w/.,-]))",
        ),
    ),
    under_header=r"^\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}(?:[T ].*)?$|^\d{8}$|^(?:19|20)\d\d$"
    r"|^\d{1,2} (?:de )?[a-zA-Z]+",
)

DATE = Kind(
    entity="date",
    role="quasi_identifier",
    label="date about a person",
    action="date_shift",
    safe_harbor="C",
    rules=(
        Rule(
            0.6,
            "#1,2,4:-/.",
            r"(?<![\w./\-])(?<!\d:)(?<!cód\. )(?<!código )(?<!art\. )<NUMERIC><TIME>(?![\w]"
            r"|[/\-.]\d)",
        ),
        Rule(
            0.6,
            "#1,2:_-/snrtº",
            r"(?<!\w)(?<!\d{4}, de )(?<!\d del )(?<!\d de )(?<!licación del )(?<!dición, )"
            r"(?<!unión de )(?<!unión del )(?<!unta del )(?<!sesión del )(?<!acta del )(?=\d\d?"
            r"(?:st|nd|rd|th|º)?[ \-/][A-Za-z])(?i:<DAY_MONTH>)(?!\w)",
        ),
        Rule(
            0.6,
            "pri un uno dos tre cua cin sei sie och nue die onc doc cat qui vei",
            r"(?i)(?:primero|veinti\w+|<IN_WORDS>(?: y un[oa]?)?) (?:d[ií]as? )?"
            r"(?:del mes )?de <MONTH>(?: (?:del? )?(?:año )?<YEAR_IN_WORDS>)?(?!\w)",
        ),
        Rule(0.6, "#4", r"(?i)(?<!\w)<YEAR>[ -]<MONTH>[ -]\d\d?(?!\w)"),
        Rule(
            0.6,
            "jan feb mar apr may jun jul aug sep oct nov dec ene abr ago dic set",
            r"(?<!\d de )(?<!\bla )(?i:<MONTH_DAY>|<MONTH_YEAR>)(?!\w)",
        ),
        Rule(
            0.6,
            "mon tue wed thu fri sat sun lun mar mié mie jue vie sáb sab dom",
            r"(?i)<WEEKDAY>,? (?:el )?(?:<DAY_MONTH>|<MONTH_DAY>)(?!\w)",
        ),
        Rule(
            0.4,
            "#1,2:-/",
            r"(?<![\w./\-])(?<!vto )(?<!vto\. )(?<!vto: )(?<!ad\. )(?<!ad\.: )(?<!ab\.: )"
            r"(?<!ref\.: )(?<!ote )(?<!dación )(?<!íodo )(?<!iodo )(?:0?[1-9]"
            r"|1[0-2])[/-]<YEAR>(?![\w/\-])",
        ),
        Rule(
            0.35,
            "#1,2:/-",
            r"(?:(?<=\b[Ee]l )|(?<=\bdía )|(?<=\b[Oo]n )|(?<=\bdel )|(?<=\bal )|(?<=\bpara )"
            r"|(?<=\bdesde )|(?<=\bhasta )|(?<=\bfecha )|(?<=\bfecha: ))<DAY>/<DAY>(?![\w/])"
            r"|(?<![\w./])<DAY>[/-]<DAY>(?= (?:a las )?\d{1,2}(?::\d\d| ?hs?\b))",
        ),
        Rule(
            0.35,
            "#4",
            r"(?<!\d de )(?:(?<=\bin )|(?<=\bsince )|(?<=\bof )|(?<=\bduring )|(?<=\bfrom )"
            r"|(?<=\bby )|(?<=\buntil )|(?<=\btill )|(?<=\byear )|(?<=\bearly )|(?<=\blate )"
            r"|(?<=\bmid )|(?<=\bsummer )|(?<=\bspring )|(?<=\bautumn )|(?<=\bfall )"
            r"|(?<=\bwinter )|(?<=\bIn )|(?<=\bSince )|(?<=\bDuring )|(?<=\bFrom )|(?<=\bBy )"
            r"|(?<=\bSummer )|(?<=\bSpring )|(?<=\ben )|(?<=\bdesde )|(?<=\bhasta )"
            r"|(?<=\bdurante )|(?<=\bde )|(?<=\bdel )|(?<=\baño )|(?<=\bel año )|(?<=\baño de )"
            r"|(?<=\bverano )|(?<=\botoño )|(?<=\binvierno )|(?<=\bprimavera )|(?<=\bentre )"
            r"|(?<=\bEn )|(?<=\bDesde )|(?<=\bEntre )|(?<=\bDurante ))<YEAR>(?![\w/]|[.,:-]\d)",
        ),
        Rule(
            0.3,
            "#4",
            r"(?:(?<=\d{4} y )|(?<=\d{4} a )|(?<=\d{4} and )|(?<=\d{4} to )|(?<=\b20\d\d-)"
            r"|(?<=\b19\d\d-))<YEAR>(?![\w/]|[.,:-]\d)",
        ),
        Rule(
            0.3,
            "jan feb mar apr jun jul aug sep oct nov dec ene abr may ago dic",
            r"(?<!\d de )(?:(?<=\bin )|(?<=\bsince )|(?<=\ben )|(?<=\bdesde )|(?<=\bhasta )"
            r"|(?<=\bde )|(?<=\bdel )|(?<=\bmid )|(?<=\bearly )|(?<=\blate )|(?<=\bIn )|(?<=\bEn )"
            r"|(?<=\bDesde )|(?<=\bmes de ))(?i:january|february|march|april|june|july|august"
            "|september|october|november|december|enero|febrero|marzo|abril|mayo|junio|julio"
            r"|agosto|septiembre|octubre|noviembre|diciembre)(?!\w)",
        ),
        Rule(0.3, "año", r"(?i)años? (?:<YEAR>|\d\d)(?![\w/])"),
        Rule(0.3, "mon tue wed thu fri sat sun", r"(?i)<WEEKDAY>(?!\w)"),
        Rule(0.3, "#4", r"(?<=\()<YEAR>(?=\))"),
        Rule(
            0.3,
            "#4",
            r"(?<![\w.,-])<YEAR>(?= [A-Z]?[a-z]+(?:an|ish|ch)\b| film| movie| album| song)",
        ),
    ),
)

AGE = Kind(
    entity="age",
    role="quasi_identifier",
    label="age",
    action="generalise",
    safe_harbor="C",
    headers=(Header("age|edad|age_years|anios|years_old", 0.7),),
    rules=(
        Rule(
            0.6,
            "#1,2,3:_-ymwdYMWD",
            r"(?<![\w.])(?P<v>\d{1,3})(?i:[ -]?(?:years?|months?|weeks?|days?)[ -](?:olds?"
            r"|of age)\b|[ -]?y[/.]?o\.?(?!\w))",
        ),
        Rule(
            0.6,
            "age tur eda cum",
            "(?i:(?:aged?|ages|turn(?:s|ed|ing)?|age (?:is|of)|edad|cumpli[oó]"
            r"|cumple)\b[\s:=]{1,3}(?:es |de |the )?)(?P<v>\d{1,3}(?![\w/%]"
            r"|[.,]\d)(?:\s{1,2}<UNIT>\b)?|\d{1,3}<UNIT>\b)",
        ),
        Rule(
            0.55,
            "#1,2 un una dos tre cua cin sei sie och nue die onc doc cat qui vei ses set och nov",
            r"(?:(?<=\bde )|(?<=\bDe )|(?<=\bcon )|(?<=\blos )|(?<=\blas )|(?<=\btiene )"
            r"|(?<=\bpaciente )|(?<=\bvarón )|(?<=\bVarón )|(?<=\bmujer )|(?<=\bMujer )"
            r"|(?<=\bhombre )|(?<=\bniño )|(?<=\bniña )|(?<=\by )|(?<=\ba )|(?<=\bhijo )"
            r"|(?<=\bhija )|(?<=\bhijos )|(?<=\bpadre )|(?<=\bmadre )|(?<=\bcasi )|(?<=\bunos )"
            r"|(?<=: )|(?<=\bniño, )|(?<=\bvarón, )|(?<=\bmujer, ))(?i:(?:\d{1,3}(?: y medio)?"
            r"(?: ?[,y] ?\d{1,2})?|<IN_WORDS>)\s{1,2}(?:a[nñ]os?|meses)(?!\w))(?= de edad|,| con\b"
            r"| que\b| sin\b| y\b|\.|$| de nac| acud| remit| diag| ingres| afec| es\b|\)|;| fum"
            r"| presen| proc| natur| su\b)",
        ),
        Rule(
            0.6,
            "pac muj var hom niñ señ chi jov anc lac beb ado her esp mad pad hij",
            "(?i:(?:paciente|mujer|var[oó]n|hombre|niñ[oa]|señora?|chic[oa]|joven|ancian[oa]"
            "|lactante|beb[eé]|adolescente|herman[oa]|espos[oa]|madre|padre|hij[oa])(?: (?!con|en"
            r"|tras|desde|por|que)[^\W\d_]+){0,2} de )(?P<v>\d{1,3} (?i:<UNIT>))(?!\w)",
        ),
        Rule(0.6, "#1,2,3", r"(?i)(?<!\w)\d{1,3}\s{1,2}<UNIT>(?= (?:y medio )?de (?:edad|vida))"),
        Rule(
            0.45,
            "i he she ten",
            "(?i:(?:s?he was|i['’]m|i am|i was|tengo|tenía)(?: (?:only|just|almost"
            r"|nearly))? )(?P<v>\d{1,2})(?=[\s,.;!?]|$)(?! ?(?:%|percent|min|hours?|km|miles"
            "|people|times|days))",
        ),
    ),
    under_header=r"^(?:1[01]\d|\d{1,2})(?:\.0)?(?: ?(?:years?|años?|y).*)?$",
)

KINDS = (BIRTH_DATE, DATE, AGE)
