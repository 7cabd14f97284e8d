"""The rule table: how each entity is written, what must stand beside it, and which check it passes.

Only the standard library is imported, and a pattern is compiled when a text first calls for it.
A likelihood of 0.5 and more (`LIKELY`) is meant to be acted on; below it lie years, weekdays,
towns and other things that are personal beside others only.
"""

import re
from functools import cache
from typing import NamedTuple

LIKELY = 0.5


class Rule(NamedTuple):
    """One way in which an entity is written.

    Attributes
    ----------
    hints : tuple of str
        The text, in lower case, must hold one of them; "#" stands for any digit, none for always.
    pattern : str
        Regular expression; its group `v`, if it has one, is what is personal.
    check : str
        Name of a function in `checksums` that must agree; empty if there is none.
    """

    entity: str
    likelihood: float
    hints: tuple[str, ...]
    pattern: str
    check: str = ""


# What people write between a label and its value: "MRN is: ", "NHC nº ", "account number (".
GAP = (
    r"[\s:=#.\-–\"'()]{0,8}(?:(?:is|es|was|of|number|num|no|nr|n[uú]mero|n[º°ª]|id|code|c[oó]digo"
    r"|del?|the|my|mi|actual|paciente|patient)\b[\s:=#.\-–\"'()º°]{1,6}){0,3}"
)
PART = r"[\s:=#.\-–\"'()]{0,8}"


def _after(labels: str, value: str, gap: str = GAP) -> str:
    return rf"(?i:(?<![^\W_])(?:{labels})(?![^\W\d_]){gap})(?P<v>{value})"


_CODE = r"(?=[A-Za-z./\-]{0,6}\d)[A-Za-z\d](?:[A-Za-z\d]|[./\-](?=[A-Za-z\d])){3,24}(?![\w@])"
_GROUPS = r"\d(?:[ .\-/]?\d){3,19}(?![\w@])"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"

IDENTIFIERS: tuple[Rule, ...] = (
    Rule(
        "email",
        0.98,
        ("@",),
        r"(?<![\w.+%'-])[\w+%][\w.+%'-]{0,63}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}"
        r"[^\W\d_]{2,24}(?!\w)",
    ),
    Rule("email", 0.95, ("%40",), r"[\w.+-]{1,64}%40(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?!\w)"),
    Rule(
        "email",
        0.8,
        ("(at)", "[at]", "(arroba)", "[arroba]", " at ", " arroba "),
        r"(?i)(?<![\w.])[\w.+-]{2,64} ?(?:[\[(](?:at|arroba)[\])]|(?:at|arroba)(?= \S+ (?:dot|punto) "
        r")) ?[\w-]{2,40}(?: ?(?:\.|[\[(](?:dot|punto)[\])]|dot|punto) ?[a-z]{2,12}){1,3}(?!\w)",
    ),
    Rule(
        "url", 0.8, ("://", "www."), r"(?i)\b(?:(?:https?|ftp)://|www\.)[^\s<>\"'`\])}|]+[\w/=&#]"
    ),
    Rule(
        "url",
        0.4,
        (".com", ".org", ".net", ".edu", ".gov", ".es", ".ar", ".co", ".uk", ".info"),
        r"(?i)(?<![@\w./-])(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.){1,5}"
        r"(?:com|org|net|edu|gob|gov|info|es|ar|uk|cl|mx|co)(?:/[^\s<>\"')\]]*[\w/])?(?![\w@-])",
    ),
    Rule("ip", 0.8, (".",), rf"(?<![\w.-]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w-]|\.\d)", "ip"),
    Rule(
        "ip",
        0.9,
        (":",),
        r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:|::)(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])",
        "ip",
    ),
    Rule(
        "mac",
        0.9,
        (":", "-", "."),
        r"(?<![\w:-])(?:(?:[\dA-Fa-f]{2}:){5}|(?:[\dA-Fa-f]{2}-){5})[\dA-Fa-f]{2}(?![\w:-])"
        r"|(?<![\w.])(?:[\dA-Fa-f]{4}\.){2}[\dA-Fa-f]{4}(?![\w.])",
    ),
    Rule("card", 0.9, ("#",), r"(?<![\w.,+-])\d(?:[ -]?\d){12,18}(?![\w-]|[.,]\d)", "card"),
    Rule(
        "card",
        0.75,
        ("card", "tarjeta", "cc", "visa", "amex", "credit", "crédito", "credito"),
        r"(?i:\b(?:cards?|tarjetas?|cc|visa|mastercard|amex|credit|cr[eé]dito)\b[^\d\n]{0,30})"
        r"(?P<v>\d(?:[ -]?\d){11,18})(?![\w-])",
    ),
    Rule(
        "iban",
        0.97,
        ("#",),
        r"(?i)(?<![\w-])[a-z]{2}\d{2}(?: ?[a-z\d]{4}){2,7}(?: ?[a-z\d]{1,4})?(?![\w-])",
        "iban",
    ),
    Rule(
        "iban",
        0.75,
        ("iban",),
        _after("iban", r"[A-Za-z]{2} ?\d{2}(?: ?[A-Za-z\d]{4}){2,7}(?: ?[A-Za-z\d]{1,3})?(?!\w)"),
    ),
    Rule(
        "ar_cuit",
        0.9,
        ("#",),
        r"(?<![\w.-])(?:2[03-7]|3[034]|5[015])[- ]?\d{8}[- /]?\d(?![\w-])",
        "ar_cuit",
    ),
    Rule(
        "ar_cuit",
        0.8,
        ("cuit", "cuil", "c.u.i"),
        _after(r"cui[tl]|c\.u\.i\.[tl]\.?", r"\d{2}[-. /]?\d{1,2}\.?\d{3}\.?\d{3}[-. /]?\d(?!\w)"),
    ),
    Rule("ar_cbu", 0.95, ("#",), r"(?<![\w.-])\d{8}[ -]?\d{14}(?![\w-])", "ar_cbu"),
    Rule("ar_cbu", 0.8, ("cbu", "cvu"), _after("cbu|cvu", r"\d(?:[ -]?\d){21}(?!\w)")),
    Rule(
        "account", 0.7, ("alias",), r"(?i:\balias(?: cbu)?[\s:=]{1,3})(?P<v>[\w-]+(?:\.[\w-]+){2})"
    ),
    Rule(
        "es_nif",
        0.85,
        ("#",),
        r"(?<![\w.-])(?:\d{8}|\d{1,2}\.\d{3}\.\d{3}|[KLMklm]\d{7})[- ]?"
        r"[A-HJ-NP-TV-Za-hj-np-tv-z](?![\w-])",
        "es_nif",
    ),
    Rule(
        "es_nif",
        0.75,
        ("nif", "n.i.f", "dni", "d.n.i", "nie"),
        _after(
            r"[nd]\.?[in]\.?[fie]\.?(?: ?/ ?[nd]\.?i\.?[fe]\.?)?",
            r"\d{1,2}\.?\d{3}\.?\d{3}[- ]?[A-Za-z](?!\w)",
        ),
    ),
    Rule("es_nie", 0.9, ("#",), r"(?i)(?<![\w.-])[xyz][- ]?\d{7}[- ]?[a-z](?![\w-])", "es_nie"),
    Rule(
        "es_nie", 0.75, ("nie", "n.i.e"), _after(r"n\.?i\.?e\.?", r"[XYZxyz][- ]?\d{7,8}[- ]?\w?")
    ),
    Rule(
        "ar_dni",
        0.8,
        ("dni", "d.n.i", "documento", "libreta", "cedula", "cédula", "identity"),
        _after(
            r"dni|d\.n\.i\.?|documento(?: (?:nacional )?de identidad| nacional)?|libreta c[ií]vica"
            r"|c[eé]dula(?: de identidad)?|national id(?:entity)?(?: card)?|identity (?:card|document)",
            r"\d{1,3}\.?\d{3}\.?\d{3}(?![\w-]|\.\d)",
        ),
    ),
    Rule("ar_dni", 0.4, ("#",), r"(?<![\w.,$€+-])(?<![$€] )\d{1,2}\.\d{3}\.\d{3}(?![\w%€,-]|\.\d)"),
    Rule(
        "us_ssn",
        0.85,
        ("-", "ssn", "social"),
        r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",
        "us_ssn",
    ),
    Rule(
        "us_ssn",
        0.8,
        ("ssn", "social sec", "itin", "s.s.n"),
        _after(
            r"ssn|s\.s\.n\.?|social sec(?:urity)?(?: (?:number|no\.?|#))?|itin|taxpayer id",
            r"\d{3}[- ]?\d{2}[- ]?\d{4}(?![\w-])",
        ),
    ),
    Rule("us_ssn", 0.45, ("-",), r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    Rule(
        "passport",
        0.8,
        ("passport", "pasaporte"),
        _after("passports?|pasaportes?", r"[A-Za-z]{0,3} ?\d{6,9}[A-Za-z]?(?!\w)"),
    ),
    Rule(
        "driver_licence",
        0.8,
        ("licen", "permiso de conducir", "conduc", "carnet", "dl"),
        _after(
            r"driv(?:er|ing)(?:['’]?s)? licen[cs]es?|licen[cs]e (?:number|no\.?|#)|dl(?= ?(?:no|num|#|:))"
            r"|licencia (?:nacional )?de conducir|(?:permiso|carn[eé]t?) de conduc\w+|registro de conducir",
            r"(?=[A-Za-z-]{0,5}\d)[A-Za-z\d](?:[ -]?[A-Za-z]{0,3}\d[A-Za-z]{0,2}){3,18}(?!\w)",
        ),
    ),
    Rule(
        "medical_record",
        0.8,
        (
            "nhc",
            "mrn",
            "medical",
            "record",
            "historia",
            "h.c",
            "hc",
            "cipa",
            "episod",
            "chart",
            "expedien",
        )
        + ("encounter", "visit", "accession", "icu", "n.h.c"),
        _after(
            r"n\.?h\.?c\.?|mrn|medical (?:record|file|chart|id)s?|(?:patient|chart|record|encounter"
            r"|accession|visit|case|episode) (?:number|no\.?|#|id)|(?:n[uú]mero de )?historia (?:cl[ií]nica"
            r"|m[eé]dica)|h\.?c\.?(?=[ :.#º°n]{1,4}\d)|cipa|n[uº°.]{1,2} ?(?:de )?historia"
            r"|episodio|expediente(?: (?:cl[ií]nico|m[eé]dico))?|icu ?(?:no|id)",
            r"(?:nhc-?|mrn-?)?" + _CODE,
        ),
    ),
    Rule(
        "health_plan",
        0.8,
        ("nass", "nuss", "naf", "afilia", "segur", "member", "polic", "póliza", "poliza", "plan")
        + ("beneficiar", "medicare", "medicaid", "insur", "obra social", "subscriber", "nhs", "cip")
        + ("group", "tsi", "tarjeta sanitaria", "mbi"),
        _after(
            r"nass|nuss|naf|n[º°.]? ?(?:de )?(?:la )?(?:seguridad social|afiliaci[oó]n|ss)|seguridad social"
            r"|(?:n[uú]mero de )?afiliad[oa]|(?:member|subscriber|beneficiary|policy|group|health plan"
            r"|insurance|plan)(?: (?:id|number|no\.?|#|policy))+|medica(?:re|id)(?: (?:id|number|beneficiary))*"
            r"|mbi|nhs|p[oó]liza|obra social|cip|tsi|tarjeta sanitaria",
            r"(?:\d{2}[ /\-]?\d{6,8}[ /\-]?\d{2}|" + _CODE + r"|\d{3}[ -]\d{3}[ -]\d{4})(?![\w@])",
        ),
    ),
    Rule("health_plan", 0.8, ("#",), r"(?<![\w-])\d{2}[ /-]\d{8}[ /-]\d{2}(?![\w-])", "es_nuss"),
    Rule(
        "licence",
        0.8,
        ("col", "matr", "m.n", "m.p", "mn", "mp", "npi", "dea", "licen", "certific"),
        _after(
            r"n[º°o.]? ?col\.?|n[uú]m(?:ero)?\.? (?:de )?col(?:egiad[oa])?\.?|colegiad[oa]|matr[ií]cula"
            r"(?: (?:nacional|provincial|profesional))?|m\.? ?[np]\.?(?=[ :.nº°]{0,4}\d)|npi|dea"
            r"|(?:medical|professional|nursing|license|licence|certificate)(?: (?:license|licence))?"
            r" (?:number|no\.?|#)",
            r"(?:\d{2}[ /-]\d{2}[ /-]\d{3,6}|\d{1,2}\.\d{3}|[A-Z]{0,3}-?\d[\d /-]{2,10}\d)(?!\w)",
        ),
    ),
    Rule(
        "account",
        0.7,
        ("account", "acct", "cuenta", "customer", "client", "iban", "swift", "routing", "sort code")
        + ("socio", "legajo", "employee", "empleado", "student", "usuario"),
        _after(
            r"(?:bank )?acc(?:oun)?t(?: (?:number|no\.?|#))?|(?:n[uú]mero de )?cuenta(?: (?:corriente"
            r"|bancaria|n[º°o.]))?|(?:customer|client|employee|student|member|user)(?: ?(?:id|number|no\.?|#))"
            r"|routing(?: number)?|sort code|(?:n[uú]mero|n[º°]|c[oó]digo) de (?:cliente|socio|empleado"
            r"|legajo|usuario)|legajo",
            r"(?=[A-Za-z./\-]{0,6}\d)" + _GROUPS[:-9] + r"(?![\w@])|" + _CODE,
        ),
    ),
    Rule(
        "account",
        0.85,
        ("0x", "bc1", "1", "3"),
        r"(?<!\w)(?:0x[0-9a-fA-F]{40}|bc1[02-9ac-hj-np-z]{25,60}"
        r"|(?=[13][a-zA-Z]*\d)(?=\w*[a-z])(?=\w*[A-Z])[13][1-9A-HJ-NP-Za-km-z]{25,34})(?!\w)",
    ),
    Rule(
        "plate",
        0.7,
        (
            "plate",
            "matr",
            "patente",
            "dominio",
            "placa",
            "registration",
            "vin",
            "chasis",
            "chassis",
        ),
        _after(
            r"(?:licen[cs]e |number )?plates?|matr[ií]cula|patente|dominio|placas?|registration"
            r"|vin|chasis|chassis",
            r"(?=[A-Z \-]{0,4}\d|[\d ]{1,5}[A-Z])[A-Z\d]{1,4}(?:[ -]?[A-Z\d]{2,4}){1,2}(?!\w)|"
            r"[A-HJ-NPR-Z\d]{17}(?!\w)",
        ),
    ),
    Rule("imei", 0.9, ("imei",), _after("imei", r"\d(?:[ -]?\d){13,15}(?!\w)")),
    Rule("imei", 0.45, ("#",), r"(?<![\w.,+-])\d{2}-?\d{6}-?\d{6}-?\d(?![\w-]|[.,]\d)", "imei"),
    Rule(
        "device_id",
        0.75,
        (
            "serial",
            "serie",
            "device",
            "udid",
            "dispositivo",
            "android",
            "idfa",
            "gaid",
            "imsi",
            "iccid",
        ),
        _after(
            r"serial(?: (?:number|no\.?|#))?|n[º°uú.]m?(?:ero)? de serie|(?:device|android|advertising) ?_?id"
            r"|udid|dispositivo|idfa|gaid|imsi|iccid",
            r"(?=[A-Za-z\-]{0,8}\d)[A-Za-z\d][A-Za-z\d-]{5,39}(?!\w)",
        ),
    ),
    Rule(
        "credential",
        0.8,
        ("passw", "pwd", "contraseña", "clave", "api_key", "api key", "apikey", "secret", "token"),
        _after(
            r"passw(?:ord|d)|pwd|contrase[nñ]a|clave|api[_ ]?key|secret(?:[_ ]key)?|token",
            r"(?=\S{0,40}[\d!#$%&*@^])[^\s,;\"'<>()\[\]{}]{6,128}",
            r"\s?(?:is|es|[:=])+[\s\"']{0,3}",
        ),
    ),
    Rule(
        "username",
        0.7,
        ("user", "usuario", "login", "nick", "handle"),
        _after(
            r"user ?_?names?|users?(?= ?[:=])|usuario(?= ?:)|nombre de usuario|login|nick(?:name)?|handle",
            r"@?[A-Za-z][\w.-]{2,31}(?![\w@])",
            r"\s?(?:(?:is|es)\s|[:=])[\s\"']{0,3}",
        ),
    ),
    Rule("username", 0.4, ("@",), r"(?<![\w@.])@[A-Za-z_]\w{2,30}(?![\w.@])"),
    Rule(
        "coordinates",
        0.8,
        (".", "°"),
        r"(?<![\w.])[-+]?[1-8]?\d\.\d{4,}°?,\s?[-+]?1?\d?\d\.\d{4,}°?(?![\w.])"
        r"|\d{1,2}° ?\d{1,2}['′] ?(?:\d{1,2}(?:\.\d+)?[\"″] ?)?[NSns],? ?\d{1,3}° ?\d{1,2}['′] ?"
        r"(?:\d{1,2}(?:\.\d+)?[\"″] ?)?[EWOewo]",
    ),
)

PHONES: tuple[Rule, ...] = (
    Rule(
        "phone",
        0.8,
        ("+",),
        r"(?<![\w+])\+ ?\d{1,3}[ .\-]{0,2}(?:\(0?\d{1,4}\)[ .\-]?)?\d(?:[ .\-/()]{0,2}\d){5,12}"
        r"(?: ?(?:x|ext\.?|int\.?) ?\d{1,6})?(?!\w)",
    ),
    Rule(
        "phone",
        0.8,
        ("#",),
        r"(?<![\w/.,-])00[1-9]\d{0,2}[ .\-]?(?:\(?\d{1,4}\)?[ .\-]?){2,5}\d(?: ?x ?\d{1,6})?(?![\w-])",
    ),
    Rule(
        "phone",
        0.7,
        ("(",),
        r"(?<![\w)])\(0?\d{2,5}\) ?\d{2,4}[ .\-]?\d{2,4}(?:[ .\-]?\d{2,4})?(?: ?(?:x|ext\.?) ?\d{1,6})?"
        r"(?![\w-])",
    ),
    Rule(
        "phone",
        0.65,
        ("-", ".", " "),
        r"(?<![\w./,$€#-])(?:1[ .\-])?[2-9]\d{2}([ .\-])\d{3}\1\d{4}(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w-])",
    ),
    Rule(
        "phone",
        0.75,
        ("tel", "tfn", "tlf", "phone", "fax", "cel", "móvil", "movil", "mobile", "call", "whatsapp")
        + ("llam", "contact", "desk", "office", "ring", "sms", "text", "answering", "reach", "dial")
        + ("messages", "number", "número", "interno"),
        _after(
            r"tel(?:[eé]fonos?|[eé]f|f|fs|efax)?|tel[eé]fono (?:m[oó]vil|fijo|de contacto)|tfno?s?|tlfn?o?"
            r"|(?:tele)?phones?(?: numbers?)?|fax|cel(?:ular|l)?|m[oó]vil|mobile|whatsapp|wsp|desk|office"
            r"|(?:call(?:ing)?|ring|text|dial|reach|contact)(?: (?:me|us|him|her|them|you))?"
            r"(?: back)?(?: (?:at|on|al))?|answering at|ll[aá]m\w+(?: al)?|contacto|messages (?:to|on|from)"
            r"|registered|(?:my|mi) (?:new |nuevo )?n[uú]m(?:ber|ero)",
            r"\+? ?\(?\d(?:[ .\-/()]{0,2}\d){5,14}(?: ?(?:x|ext\.?|int\.?|interno) ?\d{1,6})?(?![\w@])",
            r"(?:[\s:=.\-–\"'()]|n[º°o.]|(?<=\s)(?:is|es|at|al|on|en|de|to|a|or|y|el|un|su|number|n[uú]mero|contacto"
            r"|m[oó]vil|fijo|esposa|esposo|madre|padre|trabajo|casa|home|work)(?=[\s:]))*",
        ),
    ),
)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a rule's pattern when it is first needed."""
    return re.compile(pattern)
