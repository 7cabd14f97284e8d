"""Where a person lives: coordinates, addresses, postal codes, towns."""

from mlops_kit.privacy.detect.kinds import patterns
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape
from mlops_kit.privacy.detect.words import COUNTRIES

COUNTRIES_BEGIN = " ".join(sorted({country[:3].lower() for country in COUNTRIES.split("|")}))

COORDINATES = Kind(
    entity="coordinates",
    role="quasi_identifier",
    label="geographic coordinates",
    action="generalise",
    safe_harbor="B",
    headers=(
        Header(
            "lat(?:itude|itud)?|lon(?:g(?:itude|itud)?)?|lng|coord(?:inates|enadas)?"
            r"|geo(?:loc\w*)?|gps\w*",
            0.7,
        ),
    ),
    rules=(
        Rule(
            0.8,
            "#1,2:.°",
            r"(?<![\w.])\d{1,2}\.\d{4,}°?,\s?[-+]?1?\d?\d\.\d{4,}°?(?![\w.])"
            r"|\d{1,2}° ?\d{1,2}['′] ?(?:\d{1,2}(?:\.\d+)?[\"″] ?)?[NSns],? ?\d{1,3}° ?\d{1,2}['′]"
            r" ?(?:\d{1,2}(?:\.\d+)?[\"″] ?)?[EWOewo]",
        ),
    ),
    shapes=(Shape(r"^[-+]?[1-8]?\d\.\d{3,}, ?[-+]?1?\d?\d\.\d{3,}$", 0.0, 0.85),),
    under_header=r"^[-+]?\d{1,3}(?:[.,]\d+)?(?:, ?[-+]?\d{1,3}(?:\.\d+)?)?$",
)

ADDRESS = Kind(
    entity="address",
    role="identifier",
    label="postal address",
    action="drop",
    safe_harbor="B",
    headers=(
        Header(
            r"(?:home|street|postal|mailing|billing|shipping)?_?address(?:_?(?:line)?_?\d)?"
            r"|direccion(?:_\w+)?|domicilio|street(?:_name)?|calle|addr\d?",
            0.8,
        ),
    ),
    caption="home address",
    rules=(
        Rule(
            0.7,
            "cal dom dir add hom str pos mai bil liv res viv",
            "(?i:(?:domicilio(?: (?:real|legal|fiscal|particular|actual|laboral))?"
            "|direcci[oó]n(?: postal)?(?! (?:ip|mac|de correo|de e|email|web))"
            "|(?<!ip )(?<!mac )(?<!mail )(?:home |street |postal |mailing |billing )?address"
            "|calle(?=:)|domiciliad[oa] en|(?:lives|reside|living|vive|resides) (?:at|on"
            r"|en))(?: (?:is|es|particular))?(?:[ \t]{0,3}[:=][ \t]{0,24}"
            r"|[ \t]{1,24}))(?P<v>(?!\d+\.\d+\.|0x)(?=[^\n:@=;]{0,50}\d"
            r"|[^\n:@=;]{2,40} s/n)[\wº][^\n:@=(){}<>\[\]|\"]{3,100}?)(?=\.? *(?:\n|$)"
            r"|(?<=\d)\. [A-Z]|(?<=[^\W\d_]{6})\. [A-Z]|;|\t| {2,})",
        ),
        Rule(
            0.85,
            "c cal cl av avd ave pas pº po p pla plz pza pz pl car cam cno ctr ron rúa rua tra "
            "urb pje bul bv blv dia rut aut glo gra cue ram pol bar via cal avi pra est kal ala",
            "(?i:<ES_STREET>)[ ]{0,2}(?:(?:de la|de los|de las|del|de|la|el|los|las|d[ao]s?|l['’]"
            r"|D\.|Dña\.) ?){0,2}<STREET_NAME><NUMBER><FLAT>",
        ),
        Rule(
            0.6,
            "rut aut car ctr",
            r"(?i:ruta|autopista|carretera|ctra\.?|autov[ií]a) "
            r"(?:[A-Za-z]{1,3}-?)?\d{1,4},? [kK]m\.? ?\d+(?:[.,]\d+)?(?!\w)",
        ),
        Rule(
            0.75,
            "#1,2,3,4,5,6:_,abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            r"(?<![\w$€.,])\d{1,6}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?(?:(?:<CAP>"
            r"|\d{1,3}(?:st|nd|rd|th)) ){1,4}<EN_STREET>\b\.?(?:,? ?<ROOM> ?[\w-]{1,6})?<TOWN>?",
        ),
        Rule(
            0.75,
            "#1,2,3,4,5,6:^/",
            r"(?<![\w$€.,])\d{1,6}(?:/\d{1,4})? (?:<CAP> ){1,3}<EN_WIDE>\b"
            r"(?:,? ?<ROOM> ?[\w-]{1,6}<TOWN>?|<TOWN>)",
        ),
        Rule(
            0.45, "#3,4,5:^", r"(?<![\w$€.,])(?!<YEAR> )\d{3,5} (?:<CAP> ){1,3}<EN_WIDE>\b(?! \d)"
        ),
        Rule(
            0.6,
            "pea pri cir pro cer con and ret cal per cor",
            "(?:Peatonal|Privada|Circuito|Prolongaci[oó]n|Cerrada|Continuaci[oó]n|Andador|Retorno"
            "|Callej[oó]n|Perif[eé]rico|Corredor|Pasadizo) <STREET_NAME><NUMBER><FLAT>",
        ),
        Rule(
            0.85,
            "uni psc",
            r"(?i:(?:unit|psc) \d{3,4},? (?:box|p\.?o\.? box) \d{1,5}\s{1,2}[ADF]PO,? A[AEP]"
            r" \d{5})(?!\w)",
        ),
        Rule(
            0.6,
            "#1,2,3,4,5:^",
            r"(?<![\w$€.,])\d{1,5} <CAP>(?: <CAP>){0,3} \d{1,4}(?=[,\s]{1,4}<ROOM>)",
        ),
        Rule(
            0.4,
            "apt apa sui ste uni fla flo roo rm dep bld bui box p po pis dpt",
            r"(?i:<ROOM>) ?\d{1,6}[A-Za-z]?(?!\w)",
        ),
        Rule(
            0.65,
            "=straße =strasse =gasse =platz =weg =gatan =vägen =vej =gade =allé =straat =laan "
            "=plein =katu =veien =utca =útja =u. =út =tér =gata =vei =vegen =náměstí =cesta "
            "=ulica =sokak",
            r"<EU_STREET>,? \d{1,5}[A-Za-z]?(?!\w)",
        ),
        Rule(
            0.65,
            "rue via pia cor rua str ul uli qua pla che all cou lar tra",
            r"<EU_STREET>,? \d{1,5}[A-Za-z]?(?!\w)",
        ),
        Rule(0.65, "#1,2,3,4,5:^,", r"(?<!\w)\d{1,5},? <EU_STREET>"),
        Rule(
            0.55,
            "<#5",
            r"<STREET_NAME>,? (?:\d{1,4}|s/n\.?)(?=[ .,\-–]{1,4}(?:0[1-9]|[1-4]\d|5[0-2])\d{3} )",
        ),
        Rule(
            0.45,
            "=street =Street =avenue =road",
            r"(?P<v><CAP>(?: <CAP>){0,3}(?: \d{1,5})?) (?:street|Street|avenue|road)(?!\w)",
        ),
    ),
    under_header=r"^(?:\p{L}|\d)[^@\n]{4,120}$",
)

POSTAL_CODE = Kind(
    entity="postal_code",
    role="quasi_identifier",
    label="postal code",
    action="generalise",
    safe_harbor="B",
    headers=(Header("zip|zip_?code|post_?code|postal_?code|codigo_postal|cp|postal", 0.8),),
    rules=(
        Rule(0.6, "A#", r"(?<![\w-])[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)"),
        Rule(
            0.55,
            "ak al ar az ca co ct dc de fl fm ga gu hi ia id il in ks ky la ma md me mi mn mo mp "
            "ms mt nc nd ne nh nj nm nv ny oh ok or pa pr pw ri sc sd tn tx ut va vi vt wa wi wv "
            "wy aa ae ap",
            r"<STATE>\.? (?P<v>\d{5}(?:-\d{4})?)(?!\w)",
        ),
        Rule(0.5, COUNTRIES_BEGIN, r"<COUNTRY>,? (?P<v>\d{5})(?![\w-])"),
        Rule(
            0.7,
            "zip pos cód cod cp c",
            labels="zip(?: ?code)?(?: is)?|post(?:al)? ?code(?: is)?|c[oó]d(?:igo"
            r"|\.) postal(?: es)?|c\.? ?p\.?(?: fiscal)?",
            gap=patterns.SIGNS,
            pattern=r"[A-Z]?\d{3,7}(?:[A-Z]{3}|[- ]\d{2,4}|[- ]?[A-Z]{2}(?!\w))?(?!\w)"
            r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)|[A-Z]\d[A-Z] ?\d[A-Z]\d(?!\w)",
        ),
        Rule(
            0.5,
            "#5:_,.-–",
            r"(?<![\w/.,+-])(?<!\bnº )(?<!oleta )(?<!edido )(?<!actura )(?<!icket )(?<!SKU )"
            r"(?<!ef\. )(?<!ódigo )(?<!ote )(?<!úmero )(?<![$€] )(?:0[1-9]|[1-4]\d"
            r"|5[0-2])\d{3}(?=[ ,.\-–]{1,3}\(?(?=[<UP>](?:[^\W\d_]| [<UP>]|-[A-Za-z]{3}"
            r"|['’]))<CAP>)(?!-[A-Z\d]+-)",
        ),
        Rule(0.5, "#4,7", r"(?<=\d, )(?!<YEAR> )[1-9]\d{3}(?:\d{3})?(?= [<UP>][a-zà-ÿ]{3})"),
        Rule(0.6, "A#", r"(?<![\w-])[ABCEGHJ-NPR-TVXY]\d[A-Z] \d[A-Z]\d(?!\w)"),
        Rule(0.5, "A#", r"(?<![\w-])[ABCDEFGHJ-NP-Z]\d{4}[A-Z]{3}(?!\w)"),
        Rule(
            0.5,
            "A#",
            r"(?:(?<=[,;(] )|(?<=- )|(?<=\n)|(?<=\())[ABCDEFGHJ-NP-Z]\d{4}"
            "(?=[ ,-]{1,3}[<UP>][a-z])",
        ),
    ),
    under_header=r"^(?:\d{3,5}(?:-\d{3,4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
    r"|[A-Z]\d{4}[A-Z]{3}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2})$",
)

LOCATION = Kind(
    entity="location",
    role="quasi_identifier",
    label="town or region",
    action="generalise",
    safe_harbor="B",
    headers=(
        Header(
            "city|ciudad|town|localidad|municipio|provincia|province|county|state|region|barrio"
            "|neighbou?rhood|poblacion|place_of_birth|lugar_de_nacimiento|birthplace",
            0.7,
        ),
    ),
    rules=(
        Rule(0.45, COUNTRIES_BEGIN, r"<COUNTRY>(?!\w)"),
        Rule(
            0.5,
            "paí pai loc pro ciu cit cou tow sta mun pob nat res",
            "(?i:(?:pa[ií]s(?: de nacimiento| de origen)?|localidad(?: ?/ ?provincia)?|provincia"
            r"|ciudad|city|country|town|state|municipio|poblaci[oó]n)\s*:[ \t]*|(?:natural de"
            "|residente en|ciudad de) )(?P<v><PLACE>(?:, ?<PLACE>)?)",
        ),
        Rule(
            0.4,
            "#5:_,.-–",
            r"(?<!\w)(?:0[1-9]|[1-4]\d|5[0-2])\d{3}[ ,.\-–]{1,3}(?P<v><CAP>(?:[ ]+"
            "(?:<JOIN>[ ]+){0,2}<CAP>){0,3})",
        ),
    ),
)

KINDS = (COORDINATES, ADDRESS, POSTAL_CODE, LOCATION)
