"""What patterns of rules are made of: macros, gaps behind a label, and bounds."""

import re
from collections.abc import Iterable

from mlops_kit.privacy.detect.words import COUNTRIES, DAYS, MONTHS, NUMBERS

# What people write between a label and its value: "MRN is: ", "NHC nº ", "account number (".
ANY = (
    r"[\s:=#.,\-–\"'()_]{0,8}(?:(?:(?:is|es|was|of|number|n[uú]m|nro?|no|n[uú]mero|id|code|c[oó]digo"
    r"|del?|the|my|mi|el|la|actual|paciente|patient)\b|n\.?[º°ª])[\s:=#.\-–\"'()º°_]{1,6}){0,3}"
)
SIGNS = r"[\s:=#.\-–\"'()]{0,8}"
SAID = r"[\"']?\s?(?:(?:is|es)\s|[:=]){1,2}[\s\"']{0,3}"
CALL = (
    r"(?:[\s:=.\-–\"'_]|\((?!0?\d{1,5}\))|n[º°o.]|(?<=[\s_])(?:is|es|at|al|on|en|de|to|a"
    r"|or|y|el|un|su|number"
    r"|n[uú]mero|contacto|m[oó]vil|fijo|espos[oa]|madre|padre|trabajo|casa|home|work|mam[aá]|pap[aá]"
    r"|tutora?|particular|laboral|oficina|(?:emer|ur)gencias?|personal|celular|cel|nuevo|nro|[1-4]"
    r"|la|mi)(?=[\s:)])){0,80}"
)
# A label can be the name of a tag, or stand in a cell of a table.
CELL = r"(?:>|\s?\||[:.]?</\w{1,9}>\s{0,9}<\w[^<>]{0,60}>)?"

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
_UP = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĘĚĞİĹĽŁŃŇŐŘŚŞŠŤŮŰŹŻŽ"
MACROS = {
    # Three digits or more among letters and signs, as records and accounts are numbered.
    "CODE": r"(?=(?:[A-Za-z./\-]{0,6}\d){3})[A-Za-z\d](?:[A-Za-z\d]|[./\-](?=[A-Za-z\d])){3,24}"
    r"(?![\w@])",
    # What can follow "00".
    "COUNTRY_CODE": r"(?:[17](?=[ .\-(])|1(?=[2-9]\d{9}(?!\d))|2[07]|2[1-69]\d|3[0-469]|3[578]\d"
    r"|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[7-9]\d|8[1246]|85\d|9[0-58]|9[679]\d)",
    "OCTET": r"(?:25[0-5]|2[0-4]\d|1?\d?\d)",
    "INSURER": r"(?:osde|pami|ioma|galeno|swiss medical|adeslas|sanitas|asisa|muface|dkv|isfas"
    r"|mugeju|omint|medif[eé]|medicus|osecac|dosuba|apross|osep|casmu|essalud|sis)",
    # "DNI del titular", "RUT emisor".
    "WHOSE": r"(?: (?:del? (?:la |el |los )?)?[^\W\d_]{3,14}){0,2}",
    # "cliente nº", "socio núm.": the word alone is no label.
    "NUMBERED": r"(?: ?(?:n[º°]|n\.[º°]|nro\b|n[uú]m(?:ero)?\b|#|id\b))",
    "EXT": r"(?:[ ,;]{0,2}(?i:x|ext(?:n|ensi[oó]n)?|int(?:erno)?|anexo)[.: =]{0,2}\d{1,6})?",
    # Also with an IPv4 address inside, the name of an interface, or the length of a prefix.
    "IP_SIX": r"(?:[\dA-Fa-f]{1,4}:|::)(?:[\dA-Fa-f]{0,4}:){0,6}"
    r"(?:<OCTET>(?:\.<OCTET>){3}|[\dA-Fa-f]{0,4})(?:%[\w.-]{1,16})?(?:/\d{1,3})?",
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
    "UP": _UP,
    # A word that starts with a capital: "O'Brien", "García-Ripoll", "J.".
    # Capitals inside a word are of code, but in "McKay", "DiMaggio" and "GARCÍA".
    "CAP": rf"(?:(?:(?:Ma?c|D[eiu]|L[ae])?[{_UP}](?:(?![{_UP}])[^\W\d_])*|[{_UP}]+)(?!\w)"
    rf"(?:['’\-](?!s\b)[^\W\d_]+)*|[{_UP}]\.)",
    # Words that end a name, because an institution, a street or another label begins.
    "OTHER": r"(?:Servicio|Unidad|Departamento|Hospital\w*|Cl[ií]nic[ao]|Complejo|Fundaci[oó]n"
    r"|Instituto|Centro|Universi\w+|Facultad|Consorcio|Residente|Calle|C(?=/)|Avda|Av|Avenida"
    r"|Paseo|Plaza|Pza|Pz|Carrer|Carretera|Ctra|Camino|Urb|Edificio|Apartado|Pº|E-?mail|Correo"
    r"|Tel\w*|Tfno?|Fax|NºCol|Nº|Fecha|Edad|Sexo|DNI|NHC|I|The|This|Mrs?|Ms|Dra?|Sra?|Srta|Street"
    r"|Road|Avenue|Department|University|Var[oó]n|Mujer|Hombre|Niñ[oa]|Male|Female|College|Phone"
    r"|Address|Date|MD|PhD)",
    "WORD": r"(?!<OTHER>(?!\w))<CAP>",
    "JOIN": r"(?:de la|de los|de las|del|de|da|do|dos|van der|van den|van de|van|von|y|i|la|el|al"
    r"|bin|ben|le|d['’])",
    "NAME": r"<WORD>(?:[ \t]{1,2}(?:<JOIN>[ \t]+){0,2}<WORD>){0,5}",
    "TITLE": r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Rev|Sr|Sra|Srta|Dra|Dña|Lic|Ing|Arq|Sir|Madam|Lady"
    r"|Lord|(?:dra?|sra?|srta|mrs?|prof)(?=\.)|Sgt|Capt|Don|Doña|Profesora?|Doctora?|D\.ª|Hno|Hna"
    r"|MR|MRS|MS|DR|DRA|SR|SRA)",
    "ES_STREET": r"(?:c/|c\.(?= )|calle|cl\.|avda?[./]?|avenida|av[./]{0,2}|paseo|p[ºo°]\.?|plaza"
    r"|plza?\.?|pza?\.?|pl\.|carrer|camino|cno\.?|ctra\.?|carretera|ronda|r[uú]a|traves[ií]a"
    r"|urb(?:anizaci[oó]n|\.)|pasaje|pje\.?|bulevar|bv\.?|blvd\.?|diagonal|ruta|autov[ií]a"
    r"|glorieta|gran v[ií]a|cuesta|rambla|pol[ií]gono|barrio|barriada|vialidad|calzada|passeig"
    r"|avinguda|plaça|praza|estrada|kalea|alameda)",
    "STREET_NAME": r"(?:\d{1,2} de )?<CAP>(?:[ ,]{1,2}(?:<JOIN>[ ]){0,2}"
    r"(?:<CAP>|\d{1,2}(?=[ ]de[ ]))){0,6}",
    "NUMBER": r"(?:(?:,[ ]{0,2}|[ ]{1,2})(?:n[º°o.]{1,2} ?|num\.? ?|número |km\.? ?"
    r"|nro\.? ?)?(?:\d{1,5}(?:[-–/.,]\d{1,4})?(?!\d)(?: ?[A-Za-z](?!\w))?|s/?n\b\.?|s\.n\.))",
    "FLAT": r"(?:,? {0,2}-?(?:(?:piso|planta|puerta|esc(?:alera)?\.?|portal|dpto\.?|depto\.?"
    r"|departamento|bloque|bajo|ático|[uú]nico|local|oficina|of\.|int\.?|casa|mza\.?|lote|torre"
    r"|dcha\.?|dch\.?|der\.?|izq(?:da|uierda)?\.?|derecha|pta\.?"
    r"|entlo\.?)(?: ?\d{1,3}?[A-Za-zº°ª]?(?!\w))?|\d{1,2} ?[º°ªo]?[- ]?[A-Z]?(?!\w)"
    r"|[A-Z](?![\w.])))*",
    "EN_STREET": r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place"
    r"|Pl|Square|Sq|Terrace|Ter|Way|Circle|Cir|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Close|Crescent"
    r"|Cres|Grove|Gardens|Mews|Hill|Isle|Loop|Path|Walk|Row|Alley|Plaza|Pike|Run|Point|Ridge|Park"
    r"|Green)",
    # Words that end a street's name, and much else: they count with a room or a town behind them.
    "EN_WIDE": r"(?:Bay|Beach|Bend|Bluff|Branch|Bridge|Brook|Bypass|Chase|Cliff|Common|Corner"
    r"|Course|Cove|Creek|Crest|Crossing|Dale|Estate|Expressway|Falls|Ferry|Field|Ford|Forest|Fork"
    r"|Garden|Gateway|Glen|Harbor|Haven|Height|Hollow|Inlet|Island|Junction|Key|Knoll|Lake"
    r"|Landing|Lodge|Manor|Meadow|Mill|Mount|Mountain|Oval|Parade|Pass|Passage|Pine|Plain|Port"
    r"|Prairie|Ranch|River|Route|Shore|Spring|Spur|Station|Stream|Summit|Track|Trace|Turnpike"
    r"|Union|Vale|Valley|View|Village|Ville|Vista|Wall|Well|<EN_STREET>)s?",
    "TOWN": r"(?:,?[ \n]{1,2}[<UP>][^\W\d_]+(?: [<UP>][^\W\d_]+){0,2},? (?:[A-Z]{2,3},? )?(?:"
    r"\d{4,5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w))",
    "ROOM": r"(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Rm|Dept|Bldg|Building|Box"
    r"|P\.? ?O\.? Box|Piso|Dpto)\.? ?#?",
    # Words for "street" in other languages of Europe, grown together with the name or beside it.
    "EU_STREET": r"(?:[<UP>][^\W\d_]*(?:straße|strasse|gasse|platz|weg|gatan|vägen|vej|gade|allé"
    r"|straat|laan|plein|katu|tie|veien|utca)|(?:Rue|Via|Viale|Piazza|Corso|Rua|Strada|Ul|Ulica"
    r"|Quai|Place|Chemin|Allée|Cours|Largo|Travessa)\.? (?:[dD](?:e|el|ella|es|u|i|o"
    r"|a)s? )?(?:[lL]a )?<CAP>(?: <CAP>){0,3}|<CAP>(?: <CAP>){0,2} (?:utca|útja|u\.|út|tér|gata"
    r"|vei|vegen|náměstí|cesta|ulica|sokak))",
    "STATE": r"(?:A[KLPRZ]|C[AOT]|D[CE]|F[LM]|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOPST]|N[CDEHJMVY]"
    r"|O[HKR]|P[ARW]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|A[AEP])",
    "COUNTRY": f"(?:{COUNTRIES})",
    "PLACE": r"<CAP>(?:[ ]+(?:<JOIN>[ ]+){0,2}<CAP>){0,4}",
}

# A `*` or `+` of a pattern means at most so many characters: what a rule does at one place of a
# text is bounded, however long the text is.
MOST_REPEATS = 60
_UNBOUNDED = re.compile(
    r"(?P<keep>\\.|\[\^?(?:\\.|[^\]\\])+\]|\(\?|\?[+?]?|\{\d*,\d+\}[+?]?|\{\d+\}[+?]?)"
    r"|(?P<star>\*)|(?P<plus>\+)|\{(?P<least>\d+),\}"
)
_NAME = re.compile(r"<(?<!\?P<)([A-Za-z_]\w*)>")
_DEEPEST = 20


def macros_in(pattern: str) -> list[str]:
    """Return the name of each `<NAME>` in a pattern.

    Raises
    ------
    ValueError
        If one of them is no macro.
    """
    names = list(dict.fromkeys(_NAME.findall(pattern)))
    for name in names:
        if name not in MACROS:
            raise ValueError(unknown("macro", name, MACROS))
    return names


def written_out(pattern: str) -> str:
    """Replace each `<NAME>` by its macro, and bound what may be repeated without end.

    Raises
    ------
    ValueError
        If a `<NAME>` is no macro, or macros contain each other.
    """
    for _ in range(_DEEPEST):
        names = macros_in(pattern)
        if not names:
            return _UNBOUNDED.sub(_bounded, pattern)
        for name in names:
            pattern = pattern.replace(f"<{name}>", MACROS[name])
    raise ValueError("macros contain each other without end")


def _bounded(match: re.Match[str]) -> str:
    if match["keep"]:
        return match["keep"]
    least = 0 if match["star"] else 1 if match["plus"] else int(match["least"])
    return "{" + f"{least},{MOST_REPEATS}" + "}"


def labelled(labels: str, gap: str, value: str) -> str:
    """Return the pattern of a value, its group `v`, behind one of the labels and a gap."""
    # Keys of settings join their words by underscores: "account_number".
    labels = re.sub(r"\[[^\]]*\]| ", lambda m: "[ _]" if m[0] == " " else m[0], labels)
    return rf"(?i:(?:{labels})(?![^\W\d_]){CELL}{gap})(?P<v>{value})"


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Say that a word is unknown, and which known one is nearest."""
    from difflib import get_close_matches  # the hook does without, where nothing is wrong

    near = get_close_matches(word, list(known), 1)
    return f"{word!r} is no {what}" + (f"; did you mean {near[0]!r}?" if near else "")
