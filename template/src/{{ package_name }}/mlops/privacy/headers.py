"""What the name of a column, a JSON path or a tag says about its values."""

import re
import unicodedata
from functools import lru_cache

# (entity, words, likelihood that a column of this name is what it says). The first that fits wins.
HEADERS: tuple[tuple[str, str, float], ...] = (
    ("email", r"e?_?mails?|mail(?:_address)?|correos?(?:_electronico)?|email\w*", 0.9),
    (
        "username",
        r"user_?names?|usuario|nombre_de_usuario|login|nick(?:name)?|handle|screen_name",
        0.8,
    ),
    ("credential", r"passw(?:or)?d|password|contrasena|clave|api_?key|secret|pwd", 0.9),
    ("ip", r"ip|ip_?addr(?:ess)?|direccion_ip|ipv[46]|client_ip|remote_addr", 0.8),
    ("mac", r"mac|mac_?addr(?:ess)?", 0.8),
    ("imei", r"imei", 0.9),
    (
        "url",
        r"urls?|website|web|homepage|sitio_web|pagina_web|linkedin|facebook|twitter|instagram",
        0.6,
    ),
    (
        "phone",
        r"(?:tele)?phones?|phone_?(?:number|no|num)|tel|telf?|tfno?|tlf|telefonos?|movil|mobile"
        r"|cell?|celular|fax|whatsapp|cellphone",
        0.9,
    ),
    ("ar_cuit", r"cui[tl]", 0.9),
    ("ar_cbu", r"cbu|cvu", 0.9),
    ("iban", r"iban", 0.9),
    (
        "card",
        r"cards?|card_?(?:number|no|num)|credit_card|cc|cc_?(?:number|num)|tarjeta|pan|num_tarjeta|ccn",
        0.7,
    ),
    ("us_ssn", r"ssn|social_security(?:_number)?|itin", 0.9),
    ("es_nie", r"nie", 0.8),
    ("es_nif", r"nif|nif_nie|cif_nif", 0.9),
    (
        "ar_dni",
        r"dni|documento|nro_documento|num_documento|doc_?(?:number|nro|num)|document_number|cedula"
        r"|national_id|identity(?:_number)?|libreta|id_card|nro_doc|numero_de_documento",
        0.9,
    ),
    (
        "national_id",
        r"curp|rfc|rut|cpf|clabe|nino|national_insurance(?:_number)?|utr|aadhaa?r|sin|tfn"
        r"|tax_?(?:id|number|no)|taxpayer_?id|ein|steuer_?id|codice_fiscale|bsn|pesel|nir|ppsn?",
        0.8,
    ),
    ("passport", r"(?:passport|pasaporte)(?:_?(?:number|no|num|nro|numero|id))?", 0.9),
    (
        "driver_licence",
        r"driv(?:er|ing)s?_?licen[cs]e(?:_?(?:number|no|num|id))?|licencia_(?:de_)?conduc\w+|registro_conducir|dl_?(?:no|number)",
        0.9,
    ),
    (
        "medical_record",
        r"mrn|nhc|medical_record(?:_?(?:number|no|num|id))?|historia_clinica|hc|nro_hc|patient_?(?:id|no|number)|paciente_id|id_paciente"
        r"|record_number|cipa|episodio|encounter_id|expediente",
        0.8,
    ),
    (
        "health_plan",
        r"nass|nuss|naf|health_?plan(?:_?(?:number|no|num|id))?|member_?(?:id|no|number)|subscriber_id|polic[ya]_?(?:id|no|number|num)?|poliza"
        r"|medicare\w*|obra_social|nro_afiliado|afiliado|insurance_?(?:id|no|number)|seguridad_social|nhs_?number|beneficiary_id",
        0.8,
    ),
    (
        "licence",
        r"npi|dea|colegiado|num_colegiado|matricula_(?:profesional|nacional|provincial)|licen[cs]e_?(?:no|number|id)?"
        r"|certificate_?(?:no|number)",
        0.7,
    ),
    (
        "plate",
        r"plates?|license_plate|number_plate|patente|matricula|placa|dominio|vin|chasis|chassis",
        0.8,
    ),
    (
        "device_id",
        r"device_?id|udid|android_id|idfa|gaid|advertising_id|serial(?:_number)?|imsi|iccid|id_dispositivo",
        0.7,
    ),
    (
        "birth_date",
        r"birth_?(?:date|day)|date_of_birth|dob|fecha_(?:de_)?nac(?:imiento|to)?|f_?nac\w*|nacimiento|born|birth",
        0.9,
    ),
    ("age", r"age|edad|age_years|anios|years_old", 0.7),
    (
        "coordinates",
        r"lat(?:itude|itud)?|lon(?:g(?:itude|itud)?)?|lng|coord(?:inates|enadas)?|geo(?:loc\w*)?|gps\w*",
        0.7,
    ),
    ("postal_code", r"zip|zip_?code|post_?code|postal_?code|codigo_postal|cp|postal", 0.8),
    ("gender", r"sex|sexo|gender|genero", 0.8),
    (
        "nationality",
        r"nationality|nacionalidad|ethnicity|etnia|race|raza|citizenship|country_of_birth",
        0.7,
    ),
    ("belief", r"religion|creed|belief|creencia|partido|political\w*|union_member|sindicato", 0.8),
    ("sexuality", r"sexual_orientation|orientacion_sexual|sexuality", 0.8),
    (
        "health",
        r"diagnos\w*|icd_?(?:9|10)?\w*|cie_?10|disease|enfermedad\w*|condition|allerg\w*|alergia\w*|medication\w*"
        r"|medicacion|blood_type|grupo_sanguineo|disability|discapacidad|symptoms?|sintomas?|treatment|tratamiento|patologia"
        r"|antecedentes|hiv\w*|smoker|fumador|bmi|imc",
        0.7,
    ),
    (
        "biometric",
        r"fingerprint|huella|face_(?:encoding|id)|voice_print|iris|biometr\w*|photo|foto|selfie",
        0.7,
    ),
    (
        "name",
        r"(?:first|last|full|given|family|middle|maiden|sur|fore)_?names?|nombres?_(?:y_)?(?:apellidos?|completo)"
        r"|apellidos?(?:_y_nombres?)?|apellido_(?:paterno|materno)|primer_(?:nombre|apellido)|segundo_(?:nombre|apellido)"
        r"|(?:customer|client|patient|employee|contact|person|user|owner|holder|doctor|physician|author|member|passenger)_?name"
        r"|nombre_(?:del?_)?(?:cliente|paciente|titular|contacto|empleado|medico|persona|socio|usuario|alumno)|titular|fname|lname"
        r"|mother_?s?_?(?:maiden_)?name",
        0.9,
    ),
    (
        "name",
        r"names?|nombres?|patient|paciente|customer|cliente|contact|contacto|person|persona|medico|doctor|employee"
        r"|empleado|author|autor|owner|assignee|recipient|destinatario|sender|remitente",
        0.4,
    ),
    (
        "address",
        r"(?:home|street|postal|mailing|billing|shipping)?_?address(?:_?(?:line)?_?\d)?|direccion(?:_\w+)?|domicilio"
        r"|street(?:_name)?|calle|addr\d?",
        0.8,
    ),
    (
        "location",
        r"city|ciudad|town|localidad|municipio|provincia|province|county|state|region|barrio|neighbou?rhood|poblacion"
        r"|place_of_birth|lugar_de_nacimiento|birthplace",
        0.7,
    ),
    (
        "organisation",
        r"company|empresa|employer|empleador|organi[sz]ation|institution|hospital|school|university",
        0.6,
    ),
    (
        "account",
        r"account|account_?(?:number|no|num)|acct\w*|cuenta|nro_cuenta|numero_cuenta|bank_account|swift|bic|routing\w*"
        r"|sort_code|legajo|employee_id|id_empleado|student_id",
        0.7,
    ),
    (
        "free_text",
        r"notes?|notas?|comments?|comentarios?|observa\w*|description|descripcion|remarks?|message|mensaje|body|text"
        r"|texto|free_text|narrative|summary|resumen|feedback|review|resena",
        0.5,
    ),
)
# The same, with words that may also be written as one: dateofbirth.
_SPELT = tuple((entity, words.replace("_", "_?"), share) for entity, words, share in HEADERS)
# What a name, an address or an id of these is about is a thing.
THINGS = re.compile(
    r"(?:^|_)(?:product\w*|item|articulo|brand|marca|categor\w*|file\w*|archivo|host\w*|model\w*|table|column|columna|event\w*"
    r"|shop|store|tienda|sku|order|pedido|plan|field|campo|class|label|metric|feature|branch|domain|app|service|servicio|package"
    r"|campaign|campana|project|proyecto|stage|step|job|run|dataset|source)(?:_|$)"
)
# Amounts, times and counts: a number under such a name is no identity number.
QUANTITY = re.compile(
    r"(?:^|_)(?:price|precio|amount|importe|monto|total|cost|costo|coste|qty|quantity|cantidad|count|cuenta_de|stock|weight|peso"
    r"|size|duration|duracion|time\w*|timestamp|ts|date|fecha|epoch|year|month|day|score|rate|ratio|pct|percent|balance|saldo|salary"
    r"|sueldo|salario|revenue|ingresos|sales|ventas|value|valor|bytes|seconds|ms|height|width|population|poblacion|volume|views"
    r"|sku|ean|upc|gtin|isbn|barcode|product\w*|producto\w*|order\w*|pedido\w*|invoice\w*|factura\w*|hash|version|seed)(?:_|$)"
)

NOT_COUNTED = {"ar_dni", "ip"}  # amounts have points as well, and so have versions


# Where words that were written together part: dateOfBirth, IBANNumber; not the plural in IDs.
_HUMP = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])")
# By these the rules for texts know what stands behind a header; where a value tells by itself what
# it is, none is needed.
LABELS = {
    "account": "account number",
    "address": "home address",
    "ar_cbu": "CBU",
    "ar_cuit": "CUIT",
    "ar_dni": "DNI",
    "birth_date": "date of birth",
    "card": "card number",
    "device_id": "device id",
    "driver_licence": "driver license",
    "es_nie": "NIE",
    "es_nif": "NIF",
    "health_plan": "member id",
    "iban": "IBAN",
    "imei": "IMEI",
    "licence": "colegiado",
    "medical_record": "MRN",
    "name": "full name",
    "national_id": "social insurance",
    "passport": "passport",
    "phone": "phone number",
    "plate": "license plate",
    "us_ssn": "SSN",
}
# What may follow the words of a header without changing what it is about.
_WHOSE = (
    r"(?:_(?:home|work|mobile|personal|contact|emergency|owner|value|casa|trabajo|movil|fijo"
    r"|contacto|emergencia|titular|paciente|cliente|empleado|socio|alumno))?"
)


@lru_cache(maxsize=50_000)
def plain(name: str) -> str:
    """Return a header in lower case without accents, its words joined by underscores.

    The one normaliser of column names, keys, tags, attributes and headings, in any usual spelling:
    `dateOfBirth`, `DateOfBirth`, `date-of-birth`, `DATE_OF_BIRTH`, `Date of birth`.
    """
    name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    name = _HUMP.sub("_", name.replace("'", "")).lower()
    return re.sub(r"[^a-z\d]+", "_", name).strip("_")


@lru_cache(maxsize=50_000)
def label_of(name: str) -> str:
    """Return what to write before a value that stands under a header, for the rules for texts.

    Parameters
    ----------
    name : str
        A header, key, tag or path in any spelling.

    Returns
    -------
    str
        A label that the rules know, if the header is of several words and names an identifier or a
        day of birth to the end; otherwise its words.
    """
    last = name if " " in name else name.rpartition(".")[2]
    header = plain(last)
    entity, likelihood = entity_of(name)
    if "_" in header and likelihood >= 0.5 and entity in LABELS and _is_wholly(header, entity):
        return LABELS[entity]
    return re.sub(r"[\W_]+", " ", _HUMP.sub("_", last)).strip()


def _is_wholly(header: str, entity: str) -> bool:
    """Whether the words of a header end with those of an entity: no `accountNumbering`."""
    return any(
        re.search(rf"(?:^|_)(?:{words}){_WHOSE}_?\d*$", header)
        for which, words, _ in _SPELT
        if which == entity
    )


@lru_cache(maxsize=50_000)
def is_quantity(name: str) -> bool:
    """Whether a header, or the last step of a path, speaks of amounts, times or counts."""
    return QUANTITY.search(plain(name.rpartition(".")[2])) is not None


@lru_cache(maxsize=50_000)
def entity_of(name: str) -> tuple[str, float]:
    """Guess the entity from a header alone.

    Parameters
    ----------
    name : str
        A column's name or a path such as `customers.contact.phone`; the last step speaks first.

    Returns
    -------
    tuple of str and float
        The entity and how likely a column of this name holds it; ("", 0.0) if it says nothing.
    """
    steps = [step for step in re.split(r"[.\[\]/@]+", name) if plain(step) and not step.isdecimal()]
    for header in [plain(step) for step in reversed(steps[-2:])]:
        entity, likelihood = _of_header(header)
        if entity in {"name", "address", "account"} and THINGS.search("_".join(map(plain, steps))):
            return "", 0.0
        if entity:
            return entity, likelihood
    return "", 0.0


def _of_header(header: str) -> tuple[str, float]:
    for entity, words, likelihood in _SPELT:
        if re.fullmatch(words, header):
            return entity, likelihood
    for entity, words, likelihood in _SPELT:
        if re.search(rf"(?:^|_)(?:{words})(?:_|\d*$)", header):
            return entity, likelihood - 0.15
    return "", 0.0
