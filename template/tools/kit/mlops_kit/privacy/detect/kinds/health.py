"""Numbers of patients and the insured, and what health is about."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

MEDICAL_RECORD = Kind(
    entity="medical_record",
    role="identifier",
    label="medical record number",
    action="token",
    safe_harbor="H",
    headers=(
        Header(
            "mrn|nhc|medical_record(?:_?(?:number|no|num|id))?|historia_clinica|hc|nro_hc"
            "|patient_?(?:id|no|number)|paciente_id|id_paciente|record_number|cipa|episodio"
            "|encounter_id|expediente",
            0.8,
        ),
    ),
    caption="MRN",
    rules=(
        Rule(
            0.8,
            "nº núm nhc mrn med pat cha rec enc acc vis cas epi his hc h cip exp icu n nú num nro "
            "fic adm hce hª",
            labels=r"n\.?h\.?c\.?|mrn|medical (?:record|file|chart|id)s?|(?:patient|chart|record"
            r"|encounter|accession|visit|case|episode) (?:number|no\.?|#|id)"
            r"|chart(?= \d{4})|accession(?= [A-Z]{0,4}-?\d)"
            r"|(?:n[uú]m(?:ero)?\.? de )?historia (?:cl[ií]nica|m[eé]dica)"
            r"|h\.?c\.?e?\.?(?=[ :.#º°n]{1,6}\d)|cipa|(?:n[º°.]{0,2}|nro\.?"
            r"|n[uú]m(?:ero)?\.?) ?(?:de )?(?:historia|h\.?ª)|historia(?= ?:| \d{5})"
            r"|h\.?ª(?= \d)|episodio|ficha(?: cl[ií]nica)?(?= (?:n|\d{5}))"
            r"|admisi[oó]n(?= n)|exp(?:ediente|\.) (?:cl[ií]nico|m[eé]dico|del? paciente)"
            "|icu ?(?:no|id)",
            pattern="(?:nhc-?|mrn-?)?<CODE>",
        ),
    ),
    under_header=r"^[A-Za-z]{0,6}[-. /]?\d[\d./-]{2,14}$",
)

HEALTH_PLAN = Kind(
    entity="health_plan",
    role="identifier",
    label="health plan number",
    action="token",
    safe_harbor="I",
    headers=(
        Header(
            "nass|nuss|naf|health_?plan(?:_?(?:number|no|num|id))?|member_?(?:id|no|number)"
            r"|subscriber_id|polic[ya]_?(?:id|no|number|num)?|poliza|medicare\w*|obra_social"
            "|nro_afiliado|afiliado|insurance_?(?:id|no|number)|seguridad_social|nhs_?number"
            "|beneficiary_id",
            0.8,
        ),
    ),
    caption="member id",
    rules=(
        Rule(
            0.8,
            "nº osd pam iom gal swi ade san asi muf nas nus nss naf n afi seg mem sub ben pol gro "
            "cre hea ins pla med mbi nhs pól obr cip tsi sns tar nú num nro pre mut car omi dkv "
            "isf mug ose dos apr cas ess sis ase",
            labels=r"n\.?(?:as|us|s)\.?s\.?|n\.?a\.?f\.?|n[º°.]{0,2} ?(?:de )?(?:la )?"
            "(?:seguridad social|afiliaci[oó]n|afiliad[oa]|ss)|seguridad social"
            r"|(?:n[uú]m(?:ero)?\.? |nro\.? )?(?:de )?(?:afiliad[oa]"
            r"|afil\.)(?: (?:<INSURER>))?|(?:beneficiari[oa]"
            r"|asegurad[oa])(?=[ :.nº°]{1,4}\d{2,3}[-/]?\d{6})"
            r"|(?:credencial )?<INSURER>(?: (?:plan )?\d{3}(?= n))?|prepaga|(?:mutualista"
            "|sociedad m[eé]dica)|(?:member|subscriber|beneficiary|policy|group"
            r"|health plan|insurance|plan)(?: (?:id|number|no\.?|#|policy))+"
            r"|members?(?= [A-Z]{0,4}\d{6})|afiliaci[oó]n(?: (?:a la "
            r"|de la )?(?:s\.? ?s\.?|seg\w*\.? social))?|medica(?:re|id)(?: (?:id|number"
            "|beneficiary|card))*|mbi|nhs|p[oó]liza(?=[ :.nº°]{1,5}"
            r"(?-i:[A-Z]){2,4} \d{5})|p[oó]liza(?: [^\W\d_]{3,12}){0,2}"
            r"(?=[ :.nº°]{1,5}[A-Z]{0,3}-?\d{6})|p[oó]liza|policy(?= [A-Z]{0,4}[/-]?\d)"
            "|credencial|obra social|(?:cip )?sns|cip(?:-aut)?|tsi|(?:tarjeta"
            "|carn[eé]t?) sanitari[ao]",
            pattern=r"(?:[A-Z]{4} ?[A-Z]{2} ?\d{6,12}|[A-Z]{4} \d \d{6} \d\d \d|[A-Z]{6,9}\d{6}"
            r"|[A-Z]{4} \d{4} \d{4} \d\d|[A-Z]{2,4} \d{5,10}"
            r"|\d{2,6}[ /\-]\d{4,8}(?:[ /\-]\d{1,4}){1,3}(?!\w)|\d-\d{7,9}(?!\w)"
            r"|\d{2}[ /\-]?\d{6,8}(?:[ /\-]?\d{1,2}(?!\w))?|\d\d(?:-\d\d){2}-\d{4}-\d"
            r"|<CODE>|\d{3}[ -]\d{3}[ -]\d{4}|\d{4} \d{5} \d)(?![\w@])",
        ),
        Rule(
            0.8,
            "#2:/-_",
            r"(?<![\w-])\d{2}[ /-]\d{8}[ /-]\d{2}(?![\w-])",
            check=check_digits.es_nuss,
        ),
    ),
    shapes=(
        Shape(
            r"^\d{2}[ /-]?\d{8}[ /-]?\d{2}$", 0.007, 0.9, numeric=True, check=check_digits.es_nuss
        ),
        Shape(
            r"^\d{3}[ -]?\d{3}[ -]?\d{4}$", 1 / 11, 0.75, numeric=True, check=check_digits.uk_nhs
        ),
    ),
    under_header=r"^[A-Za-z]{0,6}[-. /]?\d[\dA-Za-z ./-]{4,18}$",
)

HEALTH = Kind(
    entity="health",
    role="sensitive",
    label="health data",
    action="drop",
    headers=(
        Header(
            r"diagnos\w*|icd_?(?:9|10)?\w*|cie_?10|disease|enfermedad\w*|condition|allerg\w*"
            r"|alergia\w*|medication\w*|medicacion|blood_type|grupo_sanguineo|disability"
            "|discapacidad|symptoms?|sintomas?|treatment|tratamiento|patologia|antecedentes"
            r"|hiv\w*|smoker|fumador|bmi|imc",
            0.7,
        ),
    ),
)

KINDS = (MEDICAL_RECORD, HEALTH_PLAN, HEALTH)
