"""Cards, bank accounts, and the numbers by which a business knows a customer."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

CARD = Kind(
    entity="card",
    role="identifier",
    label="payment card number",
    action="drop",
    safe_harbor="J",
    headers=(
        Header(
            "cards?|card_?(?:number|no|num)|credit_card|cc|cc_?(?:number|num)|tarjeta|pan"
            "|num_tarjeta|ccn",
            0.7,
        ),
    ),
    caption="card number",
    rules=(
        Rule(
            0.9,
            "#4,13,14,15,16,17,18,19",
            r"(?<![\w.,+-])(?:\d(?:[ -]?\d){12,18}|(?<!\d/)\d{4}([./_])(?:(?:\d{4}\1){2}\d{4}"
            r"(?:\1\d{3})?|\d{6}\1\d{4,5})(?!\1\d))(?![\w-]|[.,]\d)",
            check=check_digits.card,
        ),
        Rule(
            0.75,
            "car tar cc vis mas ame cre cré deb",
            "(?i:(?:cards?|tarjetas?|tarj|cc|visa|mastercard|amex|credit|(?<!ota de )cr[eé]dito"
            r"|debit|d[eé]bito)\b[^\d\n]{0,30})(?P<v>\d(?:[ -]?\d){11,18})(?![\w-])",
        ),
    ),
    shapes=(
        Shape(
            r"^\d(?:[ -]?\d){12,18}$|^\d{4}[./_](?:(?:\d{4}[./_]){2}\d{4}(?:[./_]\d{3})?"
            r"|\d{6}[./_]\d{4,5})$",
            0.02,
            0.93,
            numeric=True,
            check=check_digits.card,
        ),
    ),
    under_header=r"^[\d*xX](?:[ -]?[\d*xX]){11,18}$",
)

IBAN = Kind(
    entity="iban",
    role="identifier",
    label="bank account (IBAN)",
    action="token",
    safe_harbor="J",
    headers=(Header("iban", 0.9),),
    caption="IBAN",
    rules=(
        Rule(
            0.97,
            "A#",
            r"(?<![\w-])(?:[A-Z]{2}\d{2}(?:[ .-]?[A-Z\d]{4}){2,7}(?:[ .-]?[A-Z\d]{1,3})?"
            r"|[a-z]{2}\d{2}[a-z\d]{11,30})(?![\w-])",
            check=check_digits.iban,
        ),
        Rule(
            0.75,
            "iba cue acc",
            labels="iban|cuenta|acc(?:oun)?t",
            pattern=r"(?:[A-Z]{2} ?\d{2}(?:[ -]?[A-Z\d]{4}){2,7}(?:[ -]?[A-Z\d]{1,3})?"
            r"|[a-z]{2}\d{2}[a-z\d]{11,30})(?!\w)",
        ),
    ),
    shapes=(
        Shape(
            r"^[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,4})?$",
            1 / 97,
            0.97,
            check=check_digits.iban,
        ),
    ),
    under_header=r"^[A-Za-z]{2}\d{2}[ A-Za-z0-9]{10,40}$",
)

ACCOUNT = Kind(
    entity="account",
    role="identifier",
    label="account or customer number",
    action="token",
    safe_harbor="J",
    headers=(
        Header(
            r"account|account_?(?:number|no|num)|acct\w*|cuenta|nro_cuenta|numero_cuenta"
            r"|bank_account|swift|bic|routing\w*|sort_code|legajo|employee_id|id_empleado"
            "|student_id",
            0.7,
        ),
    ),
    caption="account number",
    rules=(
        Rule(
            0.7,
            "cbu cvu",
            r"(?i:c[bv]u\W[^\n]{0,60}\balias\W{1,3})(?P<v>[a-z\d]+(?:[.-][a-z\d]+){1,3})(?![\w.(])",
        ),
        Rule(
            0.7,
            "ali mío mio",
            r"(?i:(?:alias|m[ií]o(?= es ))(?: (?:del? |en )?[a-zé]{2,12}){0,2}(?:\s?[:=]\s?| es:? "
            r"| ))(?P<v>[^\W_][\w-]+(?:\.[\w-]+){2,3})(?![\w(.])",
        ),
        Rule(
            0.7,
            "nº ban acc cue cus cli emp stu mem use rou sor n nú núm num cód cod leg nro con sin "
            "cla pay bad nóm cta caj soc abo sus alu usu aso id cci nis c cré pré mat ase pac ser "
            "aho sum ca loa mor",
            labels=r"(?:bank )?acc(?:oun)?t(?: (?:number|no\.?|#))?"
            r"|(?:n[uú]m(?:ero)?\.? de )?(?:cuenta|cta\.?"
            r"|caja de ahorros?)(?: (?:de )?(?:corriente|cte\.?|bancaria|vista|ahorros?"
            "|n[º°o.]|cliente|n[oó]mina|detracciones|sueldo|cargo|abono|origen"
            "|destino))?(?: (?-i:[A-Z])[A-Za-zé]+){0,2}(?: (?:soles|d[oó]lares|pesos"
            r"|euros))?|(?:cuenta|cta\.?) c[ac] ?\$?|c\.?c[ci]\.?(?=[ :.nº°]{1,4}\d{2})"
            "|(?:client[ea]|soci[oa]|abonad[oa]|suscriptora?|alumn[oa]|emplead[oa]"
            "|usuari[oa]|asociad[oa])<NUMBERED>|id (?:de )?(?:cliente|usuario|paciente"
            "|emplead[oa])|nis|(?:customer|client|employee|student|member|user)(?: ?(?:id"
            r"|number|no\.?|#)|(?= [A-Z]{1,3}-?\d{3}))|(?:cliente|customer|client"
            r"|user)(?==)|contrato(?: (?:del? )?[^\W\d_]{3,12}(?= n)| (?-i:[A-Z])\w+)?"
            r"|leg\.|(?-i:CA)(?= ?\$? ?\d[\d/-]{5})|cr[eé]dito(?: [^\W\d_]{4,12}){0,3}"
            r"(?=[ :.nº°]{1,5}\d{8})|(?:soci[oa]|client[ea]|abonad[oa]|asegurad[oa]"
            "|emplead[oa]|paciente)(?: (?-i:[A-Z])[a-z]+)?"
            r"(?=[ :]{1,2}[A-Z]{0,3}\d?-?\d{5})|(?:alumn[oa]|estudiante) c[oó]digo"
            r"|matr[ií]cula (?:escolar|universitaria)|ahorros?(?= \d)"
            r"|suministro(?=[ :.nº°]{1,5}\d{5})|servicio(?= \d{3} \d{3} \d{3})"
            r"|siniestro(?: (?-i:[A-Z])\w+)?|payroll|badge|n[oó]mina|(?:loan"
            r"|mortgage) (?:number|no\.?|#)|claim (?:number|no\.?|id|#)"
            r"|routing(?: number)?|sort code|(?:n[uú]mero|n[º°]|nro\.?"
            "|c[oó]digo) de (?:cliente|socio|empleado|legajo|usuario)|legajo(?: personal"
            "| [uú]nico)?",
            pattern=r"(?=[A-Za-z./\-]{0,6}\d)\d(?:[ .\-/]?\d){3,19}(?![\w@]|,\d)|<CODE>(?!,\d)",
        ),
        Rule(
            0.85,
            "=0x =bc1",
            r"(?<!\w)(?:0x[0-9a-fA-F]{40}|bc1(?![0-9a-f]+\b)[02-9ac-hj-np-z]{25,60})(?!\w)",
        ),
        Rule(
            0.7,
            "#1",
            r"(?<![\w/+=-])(?=[13][a-zA-Z]*\d)(?=\w*[a-z])"
            r"(?=\w*[A-Z])[13][1-9A-HJ-NP-Za-km-z]{25,34}(?![\w/+=-])",
        ),
        Rule(0.6, "#20", r"(?<![\w.-])01\d{18}(?![\w-])"),
        Rule(
            0.85,
            "#4:_- #20",
            r"(?<![\w.-])\d{4}([ -]?)\d{4}\1\d\d\1\d{10}(?![\w-])",
            check=check_digits.es_ccc,
        ),
        Rule(0.45, "#18", r"(?<![\w.,-])\d{18}(?![\w-])", check=check_digits.mx_clabe),
        Rule(0.8, "A#", r"(?<!\w)ES\d{16}[A-Z]{2}(?:\d[FPRCXYZ])?(?!\w)"),
    ),
    shapes=(
        Shape(r"^\d{9}$", 0.1, 0.7, numeric=True, check=check_digits.us_routing),
        Shape(
            r"^\d{4}[ -]?\d{4}[ -]?\d\d[ -]?\d{10}$",
            0.01,
            0.85,
            numeric=True,
            check=check_digits.es_ccc,
        ),
        Shape(
            r"^(?:0x[0-9a-fA-F]{40}|bc1[02-9ac-hj-np-z]*[g-z][02-9ac-z]{25,60})$",
            0.0,
            0.85,
        ),
    ),
    under_header=r"^[A-Za-z]{0,6}[-. /]?[\dA-Za-z][\dA-Za-z ./-]{3,32}$",
)

KINDS = (CARD, IBAN, ACCOUNT)
