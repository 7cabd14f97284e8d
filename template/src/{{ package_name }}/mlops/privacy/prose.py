"""Rules for what stands in prose: dates, ages, postal codes, addresses, names, places, institutions."""

from .rules import PART, Rule, _after
from .words import COUNTRIES, DAYS, MONTHS, NUMBERS

_UP = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĘĚĞİĹĽŁŃŇŐŘŚŞŠŤŮŰŹŻŽ"
# A word that starts with a capital: "O'Brien", "García-Ripoll", "J.".
CAP = rf"(?:[{_UP}][^\W\d_]*(?:['’\-][^\W\d_]+)*|[{_UP}]\.)"
_JOIN = r"(?:de la|de los|de las|del|de|da|do|dos|van der|van den|van de|van|von|y|i|la|el|al|bin|ben|le|d['’])"
NAME = rf"{CAP}(?:\.?[ \t]{{1,2}}(?:{_JOIN}[ \t]+){{0,2}}{CAP}){{0,5}}"
_DATE_LABEL = (
    r"(?i:\b(?:dob|d\.o\.b\.?|birth ?date|date of birth|born(?: on| in)?|birthday|fecha de nac(?:imiento)?"
    r"|f\.? ?(?:de )?nac(?:imiento)?\.?|nacid[oa](?: el)?|naci[oó](?: el)?|fnac)"
    r"(?:[\s:=.()\-]|is|it['’]s|el|on|es|d[ií]a|the|was|estimated|aprox\w*){0,8})"
)
_YEAR = r"(?:1[89]|20)\d\d"
_NUMERIC = (
    "(?:"
    + "|".join(
        rf"{_YEAR}{sign}(?:1[0-2]|0?\d){sign}(?:3[01]|[12]\d|0?\d)(?!\d)"
        rf"|(?:3[01]|[12]\d|0?\d){sign}(?:3[01]|[12]\d|0?\d){sign}(?:{_YEAR}|\d\d)(?!\d)"
        for sign in ("-", "/", r"\.")
    )
    + ")"
)
_TIME = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_WORDED = (
    rf"(?:(?:(?:{DAYS})\.?,? )?(?:el )?(?:\d{{1,2}}(?:st|nd|rd|th|º)?|primero)(?: de| of)?[ \-/]?"
    rf"(?:{MONTHS})\b\.?(?:(?: del?| of|,)?(?: año)?[ \-/,]{{0,2}}(?:{_YEAR}|['’]?\d\d(?!\w)))?"
    rf"|(?:(?:{DAYS})\.?,? )?(?:{MONTHS})\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? (?:{_YEAR}))?(?!\d)"
    rf"|(?:{MONTHS})\.?(?: y (?:{MONTHS}))?(?: del?| of|,)?(?: año)?[ \-/]{{1,2}}(?:{_YEAR}|['’]?\d\d(?![\w%]))"
    rf"|(?:{_YEAR})-(?:{MONTHS})-\d\d?)"
)
_MONTH_HINTS = tuple(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "ene", "abr", "ago", "dic"])
_AGE_UNIT = r"(?:a[nñ]os?|mes(?:es)?|semanas?|d[ií]as?)"

DATES: tuple[Rule, ...] = (
    Rule(
        "birth_date",
        0.85,
        ("dob", "d.o.b", "birth", "born", "nac"),
        _DATE_LABEL + rf"(?P<v>(?<!\d){_NUMERIC}(?!\d)|(?i:{_WORDED})|{_YEAR}(?!\d))",
    ),
    Rule("date", 0.6, ("#",), rf"(?<![\w./\-:]){_NUMERIC}{_TIME}(?![\w]|[/\-.]\d)"),
    Rule("date", 0.6, _MONTH_HINTS, rf"(?i)(?<![\w]){_WORDED}(?!\w)"),
    Rule("date", 0.4, ("#",), rf"(?<![\w./\-])(?:0?[1-9]|1[0-2])[/-]{_YEAR}(?![\w/\-])"),
    Rule(
        "date",
        0.35,
        ("#",),
        r"(?i:\b(?:in|since|of|during|from|until|till|by|year|early|late|mid|summer|spring|autumn|fall|winter"
        r"|en|desde|hasta|durante|del?|año|años|el año|verano|otoño|invierno|primavera|entre|viena)"
        rf"[ :]{{1,2}}(?:el |del? |los |principios de |finales de |mediados de |the |late |early )?(?:año )?)"
        rf"(?P<v>(?:año )?{_YEAR})(?![\w/]|[.,:-]\d)",
    ),
    Rule("date", 0.3, ("año", "ano "), rf"(?i:(?P<v>\baños? (?:{_YEAR}|\d\d)))(?![\w/])"),
    Rule(
        "date",
        0.3,
        ("day", "lunes", "martes", "rcoles", "jueves", "viernes", "bado", "domingo"),
        rf"(?i)(?<!\w)(?:{DAYS})(?!\w)",
    ),
    Rule("date", 0.3, ("#",), rf"\b(?P<v>{_YEAR})(?= [A-Z]?[a-z]+an\b| film| movie| album| song)"),
)

AGES: tuple[Rule, ...] = (
    Rule(
        "age",
        0.6,
        ("year", "month", "y/o", "yo", "y.o"),
        r"(?i)(?<![\w.])(?P<v>\d{1,3})(?:[ -]?(?:years?|months?|weeks?|days?)[ -]olds?\b|[ -]?y/?\.?o\.?(?!\w)"
        r"|(?:[ -]?year[ -]old))",
    ),
    Rule(
        "age",
        0.6,
        ("age", "turn", "edad", "cumpl"),
        r"(?i:\b(?:aged?|ages|(?:turn(?:s|ed|ing)?)|age (?:is|of)|edad|cumpli[oó]|cumple)[\s:=]{1,3}(?:es |de |the )?)"
        rf"(?P<v>\d{{1,3}}(?![\w/%]|[.,]\d)(?:\s{{1,2}}{_AGE_UNIT})?|\d{{1,3}}{_AGE_UNIT})",
    ),
    Rule(
        "age",
        0.55,
        ("año", "ano", "mes", "semana", "día", "dia"),
        r"(?i:\b(?:de|con|los|las|tiene|edad:?|paciente|var[oó]n|mujer|hombre|niñ[oa],?|actual:|y|a|padres?|hij[oa]s?"
        r"|casi|unos|clínico:?),? )"
        rf"(?P<v>(?i:(?:\d{{1,3}}(?: y medio)?(?: ?[,y] ?\d{{1,2}})?|{NUMBERS})\s{{1,2}}{_AGE_UNIT}))(?!\w)"
        r"(?= de edad|,| con\b| que\b| sin\b| y\b|\.|$| de nac| acud| remit| diag| ingres| afec| es\b|\)|;| fum| presen| proc| natur| su\b)",
    ),
    Rule(
        "age",
        0.6,
        ("edad",),
        rf"(?i)(?P<v>(?:\d{{1,3}}|{NUMBERS}) {_AGE_UNIT})(?= (?:y medio )?de (?:edad|vida))",
    ),
    Rule(
        "age",
        0.45,
        ("he was", "she was", "'m", "’m", "i am", "when i", "tengo", "tenía"),
        r"(?i:\b(?:(?:s?he|i) was|i['’]m|i am|tengo|tenía)(?: (?:only|just|almost|nearly))? )"
        r"(?P<v>\d{1,2})(?=[\s,.;!?]|$)(?! ?(?:%|percent|min|hours?|km|miles|people|times|days))",
    ),
)

_ES_STREET = (
    r"(?:c/|c\.(?= )|calle|cl\.|avda?[./]?|avenida|av[./]{0,2}|paseo|p[ºo°]\.?|plaza|plza?\.?|pza?\.?|pl\.|carrer"
    r"|camino|cno\.?|ctra\.?|carretera|ronda|r[uú]a|traves[ií]a|urb(?:anizaci[oó]n|\.)|pasaje|pje\.?|bulevar|bv\.?"
    r"|blvd\.?|diagonal|ruta|autov[ií]a|glorieta|gran v[ií]a|cuesta|rambla|pol[ií]gono|barrio|barriada"
    r"|vialidad|calzada|calz\.|parque|passeig|avinguda|plaça|praza|estrada|kalea|alameda|jir[oó]n)"
)
_ES_TAIL = (
    r"(?:,?[ ]{0,2}(?:n[º°o.]{1,2} ?|num\.? ?|número |km\.? ?|nro\.? ?)?(?:\d{1,5}(?:[-–/.,]\d{1,4})?(?!\d)(?: ?[A-Za-z](?!\w))?"
    r"|s/?n\b\.?|s\.n\.))"
    r"(?:,? {0,2}-?(?:(?:piso|planta|puerta|esc(?:alera)?\.?|portal|dpto\.?|depto\.?|departamento|bloque|bajo|ático|[úu]nico|local|oficina"
    r"|of\.|int\.?|casa|mza\.?|lote|torre|dcha\.?|dch\.?|der\.?|izq(?:da|uierda)?\.?|derecha|pta\.?|entlo\.?)(?: ?\d{1,3}?[A-Za-zº°ª]?(?![\w]))?|\d{1,2} ?[º°ªo]?[- ]?[A-Z]?(?!\w)"
    r"|[A-Z](?![\w.])))*"
)
_EN_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter"
    r"|Way|Circle|Cir|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Close|Crescent|Cres|Grove|Gardens|Mews|Hill|Isle|Loop"
    r"|Path|Walk|Row|Alley|Plaza|Pike|Run|Point|Ridge|Park|Green)"
)
_UNIT = r"(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|Dept|Bldg|Building|Box|P\.? ?O\.? Box|Piso|Dpto)\.? ?#?"
# Words for "street" in other languages of Europe, glued to the name or beside it.
_EU_STREET = (
    rf"(?:[{_UP}][^\W\d_]*(?:straße|strasse|gasse|platz|weg|gatan|vägen|vej|gade|allé|straat|laan|plein|katu|tie|veien|utca)"
    r"|(?:Rue|Via|Viale|Piazza|Corso|Rua|Strada|ul\.|ulica|Quai|Place|Chemin|Allée|Cours|Largo|Travessa)"
    rf" (?:[dD](?:e|el|ella|es|u|i|o|a)s? )?(?:[lL]a )?{CAP}(?: {CAP}){{0,3}}"
    rf"|{CAP}(?: {CAP}){{0,2}} (?:utca|útja|u\.|út|tér|gata|vei|vegen|náměstí|cesta|ulica|sokak))"
)
_STREET_NAME = rf"{CAP}(?:[ ,]{{1,2}}(?:{_JOIN}[ ]){{0,2}}(?:{CAP}|\d{{1,2}}(?=[ ]de[ ]))){{0,6}}"

ADDRESSES: tuple[Rule, ...] = (
    Rule(
        "address",
        0.8,
        (
            "domicilio",
            "dirección",
            "direccion",
            "address",
            "lives at",
            "lives on",
            "vive en",
            "domiciliad",
        ),
        r"(?i:\b(?:domicilio|direcci[oó]n(?: postal)?|(?:home |street |postal |mailing |billing )?address|domiciliad[oa] en"
        r"|(?:lives|reside|living|vive|resides) (?:at|on|en))(?: (?:is|es|particular))?[ \t]{0,3}[:=]?[ \t]{1,24}|domicilio:)"
        r"(?P<v>(?=[^\n:@]{0,50}\d|[^\n:@]{2,40} s/n)[^\s:@][^\n:@]{3,100}?)(?=\.? *(?:\n|$)|\. [A-Z]|;|\t| {2,})",
    ),
    Rule(
        "address",
        0.75,
        (
            "c/",
            "c.",
            "calle",
            "av",
            "paseo",
            "pº",
            "po.",
            "plaza",
            "pza",
            "plz",
            "carrer",
            "camino",
            "cno",
            "ctra",
        )
        + (
            "carretera",
            "ronda",
            "rúa",
            "rua",
            "traves",
            "urb",
            "pasaje",
            "pje",
            "bulevar",
            "bv",
            "blvd",
            "diagonal",
        )
        + (
            "ruta",
            "gran v",
            "cuesta",
            "rambla",
            "barri",
            "polígono",
            "cl.",
            "pl.",
            "kalea",
            "alameda",
            "passeig",
        ),
        rf"(?<![\w])(?i:{_ES_STREET})[ ]{{0,2}}(?:(?:de la|de los|de las|del|de|la|el|los|las|l['’]|D\.|Dña\.) ?){{0,2}}{_STREET_NAME}{_ES_TAIL}",
    ),
    Rule(
        "address",
        0.75,
        ("#",),
        rf"(?<![\w$€.,])\d{{1,6}}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?(?:(?:{CAP}|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}"
        rf"{_EN_STREET}\b\.?(?:,? ?{_UNIT} ?[\w-]{{1,6}})?",
    ),
    Rule("address", 0.6, ("#",), rf"(?i:(?<!\w){_UNIT}) ?\d{{1,6}}[A-Za-z]?(?!\w)"),
    Rule(
        "address",
        0.65,
        ("#",),
        rf"(?<![\w])(?:\d{{1,4}},? )?{_EU_STREET},? \d{{1,5}}[A-Za-z]?(?!\w)|(?<!\w)\d{{1,5}},? {_EU_STREET}",
    ),
    Rule(
        "address",
        0.55,
        ("street",),
        rf"(?P<v>{CAP}(?: {CAP}){{0,3}}(?: \d{{1,5}})?) (?:street|Street|avenue|road)(?!\w)",
    ),
    Rule("postal_code", 0.6, ("#",), r"(?<![\w-])(?P<v>[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})(?!\w)"),
    Rule(
        "postal_code",
        0.55,
        ("#",),
        r"(?:, |\w\w )(?:A[KLPRZ]|C[AOT]|D[CE]|F[LM]|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOPST]|N[CDEHJMVY]"
        r"|O[HKR]|P[ARW]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|A[AEP])\.? (?P<v>\d{5}(?:-\d{4})?)(?!\w)",
    ),
    Rule(
        "postal_code",
        0.7,
        ("zip", "postal", "postcode", "cp", "c.p"),
        _after(
            r"zip(?: ?code)?|post(?:al)? ?code|c[oó]digo postal|c\.? ?p\.?",
            r"[A-Z]?\d{3,5}(?:[A-Z]{3}|[- ]\d{2,4}|[- ]?[A-Z]{2}(?!\w))?(?!\w)|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)",
            PART,
        ),
    ),
    Rule(
        "postal_code",
        0.5,
        ("#",),
        rf"(?<![\w/.,+-])(?<!\bnº )(?P<v>(?:E-|CP ?)?(?:0[1-9]|[1-4]\d|5[0-2])\d{{3}})(?=[ ,.\-–]{{1,3}}\(?{CAP})(?<!\d )",
    ),
    Rule("postal_code", 0.5, ("#",), r"(?<![\w-])(?P<v>[ABCDEFGHJ-NP-Z]\d{4}[A-Z]{3})(?!\w)"),
)

_TITLE = (
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Rev|Sr|Sra|Srta|Dra|Dña|Lic|Ing|Arq|Fr|Sir|Madam|Lady|Lord|Sgt|Capt|Don|Doña|Profesora?"
    r"|Doctora?|D\.ª|Hno|Hna|MR|MRS|MS|DR|DRA|SR|SRA)"
)

NAMES: tuple[Rule, ...] = (
    Rule(
        "name",
        0.8,
        (
            "mr",
            "ms",
            "miss",
            "dr",
            "prof",
            "rev",
            "sr",
            "dña",
            "lic",
            "ing",
            "don",
            "doñ",
            "doct",
            "sir",
            "d.ª",
            "arq",
        ),
        rf"(?<![\w]){_TITLE}\b[./ªa]{{0,3}}[ \t]{{0,2}}(?:{_TITLE}\.? )?(?P<v>{NAME})",
    ),
    Rule(
        "name",
        0.8,
        (
            "nombre",
            "apellido",
            "paciente",
            "médico",
            "medico",
            "name",
            "patient",
            "remitido",
            "firma",
            "responsable",
        )
        + (
            "signed",
            "autor",
            "author",
            "attn",
            "contact",
            "titular",
            "cliente",
            "customer",
            "physician",
            "doctor",
            "surname",
        ),
        r"(?:(?i:\b(?:nombres?(?: y apellidos?| completo)?|apellidos?(?: y nombres?)?|(?:first|last|full|middle|given|family|maiden|user|patient|patient['’]s|customer|client)? ?name"
        r"|surname|remitid[oa] por|firmado(?: por)?|firma|responsable(?: cl[ií]nico)?|signed(?: by)?|author|autora?|attn|titular"
        r"|attending|physician|referred by|beneficiario|contact(?:o)?|m[eé]dic[oa]|paciente|patient|cliente|customer|alumno|employee)"
        rf"[ \t]*[:=][ \t]*)(?:{_TITLE}\b[./ªa ]{{0,3}}[ \t]{{0,2}})?)(?P<v>{NAME})",
    ),
    Rule(
        "name",
        0.75,
        (
            "name",
            "called",
            "llam",
            "dear",
            "estimad",
            "querid",
            "hello",
            "hi ",
            "hola",
            "call me",
            "i'm",
            "i’m",
            "soy ",
            "saludos",
            "regards",
            "thanks",
        ),
        rf"(?i:\b(?:(?:my|his|her|their|the)(?: \w+)? names? (?:is|was)|named|called|(?:me|se) llam[oaó]|call me|dear|estimad[oa]|querid[oa]|hi|hello|hola"
        rf"|mi nombre es|atentamente|(?:best |kind )?regards|sincerely|saludos)[,:]?\s{{1,2}})(?P<v>{NAME})",
    ),
    Rule(
        "name",
        0.5,
        ("i'm ", "i am ", "soy ", "this is ", "i’m "),
        rf"(?:\b[Ii](?:['’]m| am)|\b[Ss]oy|[Tt]his is) (?P<v>{CAP}(?: {CAP}){{1,3}})",
    ),
)

PLACES: tuple[Rule, ...] = (
    Rule("location", 0.45, (), rf"(?<![\w])(?:{COUNTRIES})(?!\w)"),
    Rule(
        "location",
        0.5,
        (
            "país",
            "pais",
            "localidad",
            "provincia",
            "ciudad",
            "city",
            "country",
            "town",
            "state",
            "municipio",
            "población",
            "natural de",
            "residen",
        ),
        r"(?i:\b(?:pa[ií]s(?: de nacimiento| de origen)?|localidad(?: ?/ ?provincia)?|provincia|ciudad|city|country|town|state|municipio|poblaci[oó]n)\s*:[ \t]*|\b(?:natural de|residente en|ciudad de) )"
        rf"(?P<v>{CAP}(?:[ ]+(?:{_JOIN}[ ]+){{0,2}}{CAP}){{0,4}})",
    ),
    Rule(
        "location",
        0.4,
        ("#",),
        rf"(?<!\w)(?:0[1-9]|[1-4]\d|5[0-2])\d{{3}}[ ,.\-–]{{1,3}}(?P<v>{CAP}(?:[ ]+(?:{_JOIN}[ ]+){{0,2}}{CAP}){{0,3}})",
    ),
    Rule(
        "organisation",
        0.45,
        (
            "hospital",
            "universi",
            "facultad",
            "clínica",
            "clinica",
            "centro",
            "instituto",
            "complejo",
            "fundación",
            "consorcio",
            "college",
            "school",
            "institute",
        ),
        rf"(?<!\w)(?:(?:Complejo |Centro )?Hospital(?:ario|ari|es)?|Universi(?:dad|tat|dade)|Facultad|Facultat|Cl[ií]nica|Instituto|Institut|Fundaci[oó]n|Consorcio|Centro (?:de Salud|M[eé]dico)|Ambulatorio)"
        rf"(?:[ ]+(?:(?:{_JOIN})[ ]+){{0,2}}{CAP}){{1,7}}",
    ),
    Rule(
        "organisation",
        0.4,
        (" inc", " llc", " ltd", " plc", " gmbh", " corp", " s.a", " s.l", " and ", " company"),
        rf"(?<!\w)(?:[\w&'.-]*[{_UP}][\w&'.-]* ){{1,4}}(?:Inc|LLC|Ltd|PLC|GmbH|Corp|Corporation|S\.A|S\.L|S\.R\.L|Company|Group)\b\.?",
    ),
    Rule(
        "gender",
        0.45,
        ("sexo", "sex", "gender", "género"),
        _after(
            r"sexo|sex|gender|g[eé]nero",
            r"(?i:[HMFVX]|var[oó]n|mujer|hombre|male|female|masculino|femenino|niñ[oa])(?!\w)",
            PART,
        ),
    ),
    Rule(
        "gender",
        0.4,
        ("varón", "varon", "mujer", "hombre", "niñ", "male"),
        r"(?i)(?P<v>\b(?:var[oó]n|mujer|hombre|niñ[oa]|(?:fe)?male)\b)(?=,? (?:de|,)? ?(?:\w+ )?(?:\d|un\b|dos|tres)|\b)",
    ),
    Rule(
        "nationality",
        0.4,
        ("nacionalidad", "nationality", "ethnic", "origen "),
        r"(?i:\b(?:nacionalidad|nationality|ethnicity|de origen)[\s:]+(?:es |is )?)(?P<v>[^\W\d_]+)",
    ),
)
