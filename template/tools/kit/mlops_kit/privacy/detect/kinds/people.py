"""Names, and what is said about a person."""

from mlops_kit.privacy.detect.kinds import patterns
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule

NAME = Kind(
    entity="name",
    role="identifier",
    label="name of a person",
    action="drop",
    safe_harbor="A",
    headers=(
        Header(
            "(?:first|last|full|given|family|middle|maiden|sur|fore)_?names?"
            "|nombres?_(?:y_)?(?:apellidos?|completo)|apellidos?(?:_y_nombres?)?"
            "|apellido_(?:paterno|materno)|primer_(?:nombre|apellido)|segundo_(?:nombre|apellido)"
            "|(?:customer|client|patient|employee|contact|person|user|owner|holder|doctor"
            "|physician|author|member|passenger)_?name|nombre_(?:del?_)?(?:cliente|paciente"
            "|titular|contacto|empleado|medico|persona|socio|usuario|alumno)|titular|fname|lname"
            "|mother_?s?_?(?:maiden_)?name",
            0.9,
        ),
        Header(
            "names?|nombres?|patient|paciente|customer|cliente|contact|contacto|person|persona"
            "|medico|doctor|employee|empleado|author|autor|owner|assignee|recipient|destinatario"
            "|sender|remitente",
            0.4,
        ),
    ),
    caption="full name",
    rules=(
        Rule(
            0.8,
            "mr mrs ms mis mx dr pro rev sr sra srt dra dña lic ing arq sir mad lad lor sgt cap "
            "don doñ doc d hno hna",
            r"<TITLE>\b[./ªa:]{0,3}[ \t]{0,2}(?:<TITLE>\. )?(?P<v><NAME>)",
        ),
        Rule(
            0.8,
            "pac nom ape fir las ful mid giv fam mai pat cus cli sur rem res sig aut att tit phy "
            "ref ben méd med alu emp",
            "(?:(?i:(?:nombres?(?: y apellidos?| completo)?|apellidos?(?: y nombres?)?|(?:first"
            "|last|full|middle|given|family|maiden|patient|patient['’]s|customer|client) ?name"
            "|surname|remitid[oa] por|firmado(?: por)?|firma|responsable(?: cl[ií]nico)?"
            "|signed(?: by)?|author|autora?|attn|titular|attending|physician|referred by"
            "|beneficiario|m[eé]dic[oa]|paciente|patient|cliente|customer|alumno"
            r"|employee)[ \t]*[:=][ \t]*)(?:<TITLE>\b[./ªa ]{0,3}[ \t]{0,2})?)(?P<v><NAME>"
            r"(?:,[ \t]?<NAME>(?=[ \t]*(?:$|\n|[;|])))?)",
        ),
        Rule(
            0.7,
            "nam con",
            r"(?:(?i:name|contacto?)[ \t]*[:=][ \t]*)(?P<v><WORD>(?:[ \t]{1,2}"
            r"(?:<JOIN>[ \t]+){0,2}<WORD>){1,5})",
        ),
        Rule(
            0.45,
            "nam cal hi hel hol con",
            r"(?:(?i:named|called|hi|hello|hola)[,:]?\s{1,2}|(?i:name"
            r"|contacto?)[ \t]*[:=][ \t]*)(?P<v><NAME>)",
        ),
        Rule(
            0.75,
            "nam me se dea est que mi ate reg bes kin sin sal cal je mei ich meu ik mij jag jeg "
            "naz mit",
            "(?i:(?:names? (?:is|was)|(?:me|se) llam[oaó]|call me|dear|estimad[oa]|querid[oa]"
            "|je m['’]appelle|mein name ist|ich hei(?:ß|ss)e|mi chiamo|me chamo|meu nome é"
            "|ik heet|mijn naam is|jag heter|jeg hed[dt]er|jeg heter|mitt namn är|nazywam się"
            "|mi nombre es|atentamente|(?:best |kind )?regards|sincerely"
            r"|saludos)[,:]?\s{1,2})(?P<v><NAME>)",
        ),
        Rule(
            0.5,
            "i soy thi je",
            "(?:[Ii](?:['’]m| am)|[Ss]oy|[Tt]his is|[Jj]e suis) (?P<v><CAP>(?: <CAP>){1,3})",
        ),
        Rule(
            0.55,
            "Aa",
            r"(?!<OTHER>(?!\w)|The|A)[<UP>][^\W\d_]*[a-z]+ [<UP>]\.? (?!<OTHER>"
            r"(?!\w))[<UP>][^\W\d_]*[a-zà-ÿ]+(?!\w)",
        ),
        Rule(
            0.5,
            "sai say ask tol sta dir wri pla",
            "(?:said|says|asked|told|starring|directed by|written by"
            "|played by) (?P<v><WORD>(?: <WORD>){1,2})",
        ),
    ),
    under_header=r"^\p{Lu}[\p{L}'’.-]*(?:[ ,]+[\p{L}'’.-]+){0,6}$"
    r"|^\p{L}[\p{L}'’-]+(?: \p{L}[\p{L}'’.-]*){0,5}$",
)

ORGANISATION = Kind(
    entity="organisation",
    role="quasi_identifier",
    label="employer or institution",
    action="drop",
    headers=(
        Header(
            "company|empresa|employer|empleador|organi[sz]ation|institution|hospital|school"
            "|university",
            0.6,
        ),
    ),
    rules=(
        Rule(
            0.45,
            "hos com cen uni fac clí cli ins fun con amb",
            "(?:(?:Complejo |Centro )?Hospital(?:ario|ari|es)?|Universi(?:dad|tat|dade)|Facultad"
            "|Facultat|Cl[ií]nica|Instituto|Institut|Fundaci[oó]n|Consorcio|Centro (?:de Salud"
            "|M[eé]dico)|Ambulatorio)(?:[ ]+(?:<JOIN>[ ]+){0,2}<CAP>){1,7}",
        ),
        Rule(
            0.4,
            "=Inc =LLC =Ltd =PLC =GmbH =Corp =S.A =S.L =S.R.L =Company =Group",
            r"(?<![\w&'.-])(?:(?=[\w&'.-]{0,30}[<UP>])[\w&'.-]{1,60}+ ){1,4}(?:Inc|LLC|Ltd|PLC"
            r"|GmbH|Corp|Corporation|S\.A|S\.L|S\.R\.L|Company|Group)\b\.?",
        ),
    ),
)

GENDER = Kind(
    entity="gender",
    role="quasi_identifier",
    label="sex or gender",
    action="keep",
    headers=(Header("sex|sexo|gender|genero", 0.8),),
    rules=(
        Rule(
            0.45,
            "sex gen gén",
            labels="sexo|sex|gender|g[eé]nero",
            gap=patterns.SIGNS,
            pattern="(?i:[HMFVX]|var[oó]n|mujer|hombre|male|female|masculino|femenino"
            r"|niñ[oa])(?!\w)",
        ),
        Rule(
            0.4, "var muj hom niñ mal fem", r"(?i)(?:var[oó]n|mujer|hombre|niñ[oa]|(?:fe)?male)\b"
        ),
    ),
)

NATIONALITY = Kind(
    entity="nationality",
    role="quasi_identifier",
    label="nationality or origin",
    action="drop",
    headers=(
        Header(
            "nationality|nacionalidad|ethnicity|etnia|race|raza|citizenship|country_of_birth", 0.7
        ),
    ),
    rules=(
        Rule(
            0.4,
            "nac nat eth de",
            r"(?i:(?:nacionalidad|nationality|ethnicity|de origen)[\s:]+(?:es "
            r"|is )?)(?P<v>[^\W\d_]+)",
        ),
    ),
)

BELIEF = Kind(
    entity="belief",
    role="sensitive",
    label="religion, politics or union",
    action="drop",
    headers=(
        Header(r"religion|creed|belief|creencia|partido|political\w*|union_member|sindicato", 0.8),
    ),
)

SEXUALITY = Kind(
    entity="sexuality",
    role="sensitive",
    label="sex life or orientation",
    action="drop",
    headers=(Header("sexual_orientation|orientacion_sexual|sexuality", 0.8),),
)

BIOMETRIC = Kind(
    entity="biometric",
    role="identifier",
    label="fingerprint, voice or face",
    action="drop",
    safe_harbor="P",
    headers=(
        Header(
            r"fingerprint|huella|face_(?:encoding|id)|voice_print|iris|biometr\w*|photo|foto"
            "|selfie",
            0.7,
        ),
    ),
)

FREE_TEXT = Kind(
    entity="free_text",
    role="free_text",
    label="text written by people",
    action="drop",
    headers=(
        Header(
            r"notes?|notas?|comments?|comentarios?|observa\w*|description|descripcion|remarks?"
            "|message|mensaje|body|text|texto|free_text|narrative|summary|resumen|feedback|review"
            "|resena",
            0.5,
        ),
    ),
)

KINDS = (NAME, ORGANISATION, GENDER, NATIONALITY, BELIEF, SEXUALITY, BIOMETRIC, FREE_TEXT)
