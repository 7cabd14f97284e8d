"""Numbers by which other states and tax offices know a person."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

US_SSN = Kind(
    entity="us_ssn",
    role="identifier",
    label="US social security number",
    action="token",
    safe_harbor="G",
    headers=(Header("ssn|social_security(?:_number)?|itin", 0.9),),
    caption="SSN",
    rules=(
        Rule(0.85, "#3:-", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", check=check_digits.us_ssn),
        Rule(
            0.8,
            "ssn soc iti s tax ss",
            labels=r"ssn|s\.s\.n\.?|ss(?= ?(?:#|no\b|num))|social(?: sec(?:urity)?)?(?: (?:number"
            r"|no\.?|#))?|itin|taxpayer id",
            pattern=r"\d{3}[- ]?\d{2}[- ]?\d{4}(?![\w-])",
        ),
        Rule(0.45, "#3:-", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    ),
    shapes=(Shape(r"^\d{3}-\d{2}-\d{4}$", 0.25, 0.85, numeric=True, check=check_digits.us_ssn),),
    under_header=r"^(?:\d{3}[- ]?\d{2}[- ]?\d{4}|[\dX*]{3}-[\dX*]{2}-\d{4})$",
)

NATIONAL_ID = Kind(
    entity="national_id",
    role="identifier",
    label="national or tax number of another country",
    action="token",
    safe_harbor="R",
    headers=(
        Header(
            "curp|rfc|rut|cpf|clabe|nino|national_insurance(?:_number)?|utr|aadhaa?r|sin|tfn"
            "|tax_?(?:id|number|no)|taxpayer_?id|ein|steuer_?id|codice_fiscale|bsn|pesel|nir"
            "|person_?nummer|personnr|hetu|henkilotunnus|fodselsnummer|cpr(?:_?(?:nr|nummer))?|ahv|rijksregister\\w*"
            "|ppsn?",
            0.8,
        ),
    ),
    caption="social insurance",
    rules=(
        Rule(
            0.85,
            "A#",
            r"(?<!\w)(?:[A-Z]{6}\d{8}[HM]\d{3}|[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d"
            r"|[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z])(?!\w)",
        ),
        Rule(
            0.8,
            "A#",
            r"(?<![\w-])[A-ZÑ&]{3,4}\d{6}[A-Z\d]{2}[A\d](?![\w-])",
            check=check_digits.mx_rfc,
        ),
        Rule(
            0.75,
            "c ci cc ce ti t l le lc nui doc nº nro núm num car sop trá tra reg",
            labels=r"c\.? ?[ice]\.?|t\.? ?i\.?|l\.? ?[ec]\.?|nuip|soporte(?= [A-Z]{3}\d{6})"
            r"|tr[aá]mite (?:de |del )?dni|doc\.?(?= ?(?:n[º°ro]|[VEve]-?\d))|n(?:[º°]|ro"
            r"|[uú]m)\.? ?(?:de )?doc(?:umento)?\.?|carn[eé]t(?= \(?\d{6})"
            r"|registro civil(?= \d{8})",
            pattern=r"[A-Z]{3}\d{6}(?!\w)|(?:[VEJG][-. ]?)?\d{1,3}(?:\.\d{3}){2,3}(?:-\d)?(?!\w"
            r"|\.\d)|[VEJG]-?\d{6,9}(?:-\d)?(?!\w)|\d{6,8}-[\dA-Z](?!\w)|\d{7,8} (?:LP|CB"
            r"|SC|OR|PT|TJ|CH|BN?|PD)(?!\w)|\d{6,8}-\d[A-Z](?!\w)|\d{7,11}(?![\w@])",
        ),
        Rule(
            0.75,
            "ruc rnc rtn dim cdi cui ppt pep ptp nia nuh cia tip sip cus ife ide aut pre cre run",
            labels="(?-i:RUC|RNC|RTN|DIMEX|CDI|CUI|PPT|PEP|PTP|NIA|NUHSA|CIAL|SIP|CUSPP|IFE"
            r"|TIP(?= [A-Z]-\d)|RUN(?= [\d.]{7,10}-| \d{8}[\dK]))|ruc(?=[ :]{1,2}\d{8})"
            "|identidad|autogenerado|precaria(?= n)|credencial c[ií]vica",
            pattern=r"(?:[A-Z]{1,3} )?(?=(?:[A-Z./\-]{0,8}\d){4})[A-Z\d](?:[A-Z\d]"
            r"|[./\-](?=[A-Z\d])){4,20}(?![\w@])",
        ),
        Rule(
            0.55, "#3,4:-", r"(?<![\w.-])(?:\d{3}-\d{7}-\d|0[1-9]\d\d-(?:19|20)\d\d-\d{5})(?![\w-])"
        ),
        Rule(
            0.82,
            "v e j g",
            r"(?<![\w-])[VEJG]-(?:\d{8}-\d|\d{7,8}|\d{1,2}\.\d{3}\.\d{3}(?:-\d)?)(?![\w-])",
        ),
        Rule(
            0.8,
            "cif c rif r",
            labels=r"[cr]\.?i\.?f\.?(?: [a-z]{5,10})?",
            pattern=r"[A-Z]-?\d{2}\.?\d{3}\.?\d{2,3}-?[A-Z\d]?(?![\w-])",
        ),
        Rule(0.55, "#1,2:-", r"(?<![\w.-])\d{1,2}-\d-\d{6,8}-\d(?![\w-])"),
        Rule(
            0.85,
            "#1,2,3:.",
            r"(?<![\w.,-])(?:\d{3}\.\d{3}\.\d{3}-\d\d|\d{1,2}\.\d{3}\.\d{3}-[\dkK])(?![\w-])",
        ),
        Rule(
            0.8,
            "#1:_",
            r"(?<![\w.,+-])[12] \d\d \d\d (?:\d\d|2[AB]) \d{3} \d{3} ?\d\d(?![\w-])",
            check=check_digits.fr_nir,
        ),
        # Digits alone pass too often: words before them must say what they are.
        Rule(
            0.85,
            "séc sec nir",
            r"(?i:s[ée]curit[ée] sociale|nir)[^\d\n]{1,20}(?P<v>[12]\d{14})(?!\w)",
            check=check_digits.fr_nir,
        ),
        Rule(
            0.85,
            "#6,8:-+",
            r"(?<![\w.-])(?:19|20)?\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[-+]\d{4}(?![\w-])",
            check=check_digits.se_personnummer,
        ),
        Rule(
            0.85,
            "#6:-+A",
            r"(?<![\w.-])(?:[0-2]\d|3[01])(?:0[1-9]|1[0-2])\d\d[-+A]\d{3}[\dA-Y](?![\w-])",
            check=check_digits.fi_hetu,
        ),
        Rule(
            0.85,
            "fød fod per",
            r"(?i:(?:f[øo]dsels|person)n(?:umme)?r)(?:et)?[^\d\n]{1,20}(?P<v>\d{6} ?\d{5})(?!\w)",
            check=check_digits.no_fodselsnummer,
        ),
        Rule(
            0.85,
            "#2:.",
            r"(?<![\w.-])\d\d\.\d\d\.\d\d-\d{3}\.\d\d(?![\w-])",
            check=check_digits.be_nn,
        ),
        Rule(
            0.85,
            "#3:.",
            r"(?<![\w.-])756\.\d{4}\.\d{4}\.\d\d(?![\w-])",
            check=check_digits.ch_ahv,
        ),
        Rule(
            0.85,
            "pes",
            r"(?i:pesel)[^\d\n]{1,20}(?P<v>\d{11})(?!\w)",
            check=check_digits.pl_pesel,
        ),
        Rule(
            0.8, "rfc", labels="rfc", pattern=r"[A-Za-zÑñ&]{3,4}[ -]?\d{6}[ -]?[A-Za-z\d]{3}(?!\w)"
        ),
        Rule(
            0.8,
            "cur rut céd ced tar nit cpf cla nat ni nin utr uni aad pan sin soc tfn tax fis vot "
            "sev lic cou ssn ein tin ine dpi dui ste cod bsn pes nir pps kno red cic ocr idm iib "
            "car ing no nº núm",
            labels="(?:curp|rut)<WHOSE>|c[eé]dula<WHOSE>|tarjeta de identidad|cpf|clabe|ssn"
            r"|social security(?: (?:number|no\.?))?|national insurance|nino|utr"
            "|unique taxpayer reference|aadha?ar|social insurance|tfn|tax file"
            "|(?:tax(?:payer)?|fiscal)(?: (?:id|identification|reference))+|steuer-?(?:id"
            "|nummer)|c[oó]dice fiscale|bsn|pesel|nir|ppsn?|known travell?er|redress"
            "|voter id|sevis|licencia de armas|council tax|cic|ocr|idmex|clave de elector"
            r"|carn[eé]t? de extranjer[ií]a|ingresos brutos|iibb|(?:no\.|n[º°]"
            r"|n[uú]m\w*\.?) de pensi[oó]n|(?-i:PAN|SIN|TIN|EIN|NIT|NI|INE|DPI|DUI)",
            pattern=r"[A-Z]{0,6}[ -]?\d(?:[ ./-]?\d|[A-Z](?![a-z])){4,20}(?:[ -]?[A-Z\d](?!\w))?"
            r"(?![\w@])",
        ),
    ),
    shapes=(
        Shape(
            r"^(?:[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d|[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]"
            r"|\d{3}\.\d{3}\.\d{3}-\d\d|\d{1,2}\.\d{3}\.\d{3}-[\dkK])$",
            0.0,
            0.85,
        ),
    ),
    under_header=r"^[A-ZÑ&]{0,6}[ -]?\d(?:[ ./-]?[A-Za-z\d]){5,20}$",
)

KINDS = (US_SSN, NATIONAL_ID)
