"""Rules of the numbers by which states and tax offices know a person, and of their documents."""

from mlops_kit.privacy.detect.kinds.rule_table import MACROS, read_table

_NATIONAL = r"""
ar_cuit 0.9 check=ar_cuit #2:-_ #10,11
    (?<![\w.+-])(?:2[0347]|3[034]|5[015])[- ]?\d{8}[- /]?\d(?![\w-])
ar_cuit 0.8 cui c
    cui[tl](?:/[tl])?<WHOSE>|c\.u\.i\.[tl]\.? --> \d{2}[-. /]?\d{1,2}\.?\d{3}\.?\d{3}[-. /]?\d(?!\w)
ar_cbu 0.95 check=ar_cbu #8,22
    (?<![\w.-])\d{8}[ -]?\d{14}(?![\w-])
ar_cbu 0.8 cbu cvu
    cbu|cvu --> \d(?:[ -]?\d){21}(?!\w)
es_nif 0.85 check=es_nif #1,2:. #8
    (?<![\w.-])(?:\d{8}|\d{1,2}\.\d{3}\.\d{3})[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z](?![\w-])
es_nif 0.45 #8
    (?<![\w.-])\d{8}-?[A-HJ-NP-TV-Z](?![\w-])
es_nif 0.75 nif n dni d
    (?:nif|dni|[nd]\.n?\.?i\.(?:[fe]\.)?)(?: ?/ ?(?:nif|nie|dni|cif))?<WHOSE>
    --> (?:[XYZxyz]-?)?\d{1,2}\.?\d{3}\.?\d{3}[- ]?[A-Za-z](?!\w)
es_nie 0.9 check=es_nie x y z
    (?<![\w.-])[XYZxyz][- ]?\d\.?\d{3}\.?\d{3}[- ]?[A-Za-z](?![\w-])
es_nie 0.45 x y z
    (?<![\w.-])[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z](?![\w-])
es_nie 0.75 nie n
    n\.?i\.?e\.? --> [XYZxyz][- ]?\d{7,8}[- ]?[A-Za-z]?(?!\w)
ar_dni 0.8 dni d du doc lib céd ced nat ide le lc
    dni<WHOSE>|d\.n\.i\.?|documento(?: (?:nacional )?de identidad| nacional)?|libreta c[ií]vica
    |l[ec]
    |c[eé]dula(?: de identidad)?|national id(?:entity)?(?: card)?|identity (?:card|document)
    |du(?=[ :.nº°]{1,4}\d{7,8}(?!\w))
    --> \d{1,3}\.?\d{3}\.?\d{3}(?![\w-]|\.\d)
ar_dni 0.4 #1,2:.
    (?<![\w.,$€+-])(?<![$€] )(?<!otal )(?<!tivo )(?<!sivo )(?<!uesto )(?<!recio )(?<!orte )
    (?<!lación )
    \d{1,2}\.\d{3}\.\d{3}(?![\w%€,-]|\.\d
    | ?[$€%]| en (?:19|20)\d\d| (?i:(?:de )?(?:habitantes|unidades|pesos|personas|euros|d[oó]lares
    |usd|ars|eur|k[gm]|m[2²]
    |casos|votos|gs|guaran[ií]es|bs|litros|toneladas)\b))
us_ssn 0.85 check=us_ssn #3:-
    (?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])
us_ssn 0.8 ssn soc iti s tax ss
    ssn|s\.s\.n\.?|ss(?= ?(?:#|no\b|num))|social(?: sec(?:urity)?)?(?: (?:number|no\.?|#))?|itin
    |taxpayer id
    --> \d{3}[- ]?\d{2}[- ]?\d{4}(?![\w-])
us_ssn 0.45 #3:-
    (?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])
national_id 0.85 A#
    (?<!\w)(?:[A-Z]{6}\d{8}[HM]\d{3}|[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d
    |[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z])(?!\w)
national_id 0.8 check=mx_rfc A#
    (?<![\w-])[A-ZÑ&]{3,4}\d{6}[A-Z\d]{2}[A\d](?![\w-])
national_id 0.75 c ci cc ce ti t l le lc nui doc nº nro núm num car sop trá tra reg
    c\.? ?[ice]\.?|t\.? ?i\.?|l\.? ?[ec]\.?|nuip|soporte(?= [A-Z]{3}\d{6})
    |tr[aá]mite (?:de |del )?dni|doc\.?(?= ?(?:n[º°ro]|[VEve]-?\d))|n(?:[º°]|ro
    |[uú]m)\.? ?(?:de )?doc(?:umento)?\.?|carn[eé]t(?= \(?\d{6})|registro civil(?= \d{8})
    --> [A-Z]{3}\d{6}(?!\w)|(?:[VEJG][-. ]?)?\d{1,3}(?:\.\d{3}){2,3}(?:-\d)?(?!\w|\.\d)
    |[VEJG]-?\d{6,9}(?:-\d)?(?!\w)
    |\d{6,8}-[\dA-Z](?!\w)|\d{7,8} (?:LP|CB|SC|OR|PT|TJ|CH|BN?|PD)(?!\w)|\d{6,8}-\d[A-Z](?!\w)
    |\d{7,11}(?![\w@])
national_id 0.75 ruc rnc rtn dim cdi cui ppt pep ptp nia nuh cia tip sip cus ife ide aut pre cre run
    (?-i:RUC|RNC|RTN|DIMEX|CDI|CUI|PPT|PEP|PTP|NIA|NUHSA|CIAL|SIP|CUSPP|IFE
    |TIP(?= [A-Z]-\d)|RUN(?= [\d.]{7,10}-| \d{8}[\dK]))|ruc(?=[ :]{1,2}\d{8})|identidad|autogenerado
    |precaria(?= n)|credencial c[ií]vica
    --> (?:[A-Z]{1,3} )?(?=(?:[A-Z./\-]{0,8}\d){4})[A-Z\d](?:[A-Z\d]
    |[./\-](?=[A-Z\d])){4,20}(?![\w@])
national_id 0.55 #3,4:-
    (?<![\w.-])(?:\d{3}-\d{7}-\d|0[1-9]\d\d-(?:19|20)\d\d-\d{5})(?![\w-])
account 0.6 #20
    (?<![\w.-])01\d{18}(?![\w-])
national_id 0.82 v e j g
    (?<![\w-])[VEJG]-(?:\d{8}-\d|\d{7,8}|\d{1,2}\.\d{3}\.\d{3}(?:-\d)?)(?![\w-])
national_id 0.8 cif c rif r
    [cr]\.?i\.?f\.?(?: [a-z]{5,10})? --> [A-Z]-?\d{2}\.?\d{3}\.?\d{2,3}-?[A-Z\d]?(?![\w-])
national_id 0.55 #1,2:-
    (?<![\w.-])\d{1,2}-\d-\d{6,8}-\d(?![\w-])
account 0.85 check=es_ccc #4:_- #20
    (?<![\w.-])\d{4}([ -]?)\d{4}\1\d\d\1\d{10}(?![\w-])
account 0.45 check=mx_clabe #18
    (?<![\w.,-])\d{18}(?![\w-])
account 0.8 A#
    (?<!\w)ES\d{16}[A-Z]{2}(?:\d[FPRCXYZ])?(?!\w)
national_id 0.85 #1,2,3:.
    (?<![\w.,-])(?:\d{3}\.\d{3}\.\d{3}-\d\d|\d{1,2}\.\d{3}\.\d{3}-[\dkK])(?![\w-])
national_id 0.8 check=fr_nir #1:_
    (?<![\w.,+-])[12] \d\d \d\d (?:\d\d|2[AB]) \d{3} \d{3} ?\d\d(?![\w-])
national_id 0.8 rfc
    rfc --> [A-Za-zÑñ&]{3,4}[ -]?\d{6}[ -]?[A-Za-z\d]{3}(?!\w)
national_id 0.8 cur rut céd ced tar nit cpf cla nat ni nin utr uni aad pan sin soc tfn tax
    & fis vot sev lic cou ssn ein tin ine dpi dui ste cod bsn pes nir pps kno red cic ocr idm iib
    & car ing no nº núm
    (?:curp|rut)<WHOSE>|c[eé]dula<WHOSE>|tarjeta de identidad
    |cpf|clabe
    |ssn|social security(?: (?:number|no\.?))?|national insurance|nino|utr
    |unique taxpayer reference|aadha?ar|social insurance|tfn|tax file
    |(?:tax(?:payer)?|fiscal)(?: (?:id|identification|reference))+|steuer-?(?:id|nummer)
    |c[oó]dice fiscale|bsn|pesel|nir|ppsn?|known travell?er|redress|voter id|sevis
    |licencia de armas|council tax|cic|ocr|idmex|clave de elector|carn[eé]t? de extranjer[ií]a
    |ingresos brutos|iibb|(?:no\.|n[º°]|n[uú]m\w*\.?) de pensi[oó]n|(?-i:PAN|SIN|TIN|EIN|NIT|NI|INE
    |DPI|DUI)
    --> [A-Z]{0,6}[ -]?\d(?:[ ./-]?\d|[A-Z](?![a-z])){4,20}(?:[ -]?[A-Z\d](?!\w))?(?![\w@])
passport 0.8 pas doc
    passports?|pasaportes?(?: [^\W\d_]{4,12})?|(?<!arta )document(?:o|(?= (?:no|num)))
    (?=[\s:=nº°.o]{1,6}[A-Z]{1,3}\d{6}) --> (?:[A-Za-z]{0,3} ?\d{6,9}[A-Za-z]?
    |(?=(?:[A-Z]*\d){3})[A-Z\d]{7,9})(?!\w)
driver_licence 0.86 dri lic dl per car reg bre
    driv(?:er|ing)(?:['’]?s)? licen[cs]es?|licen[cs]e (?:number|no\.?|#)|dl(?= ?(?:no|num|#|:))
    |(?:licencia|permiso|carn[eé]t?|registro|lic\.)(?: (?:nacional|federal))?(?: (?:de|para))?
    (?: (?:la|el))? (?:conduc\w+|mane[jg]\w+)
    |brevete|licencia(?: federal)?(?= [A-Z]{0,3}\d{8,10}(?!\w))
    --> (?=[A-Za-z-]{0,5}\d)[A-Za-z\d](?:[ -]?[A-Za-z]{0,4}\d[A-Za-z]{0,2}){3,18}(?!\w)
    |[A-Z9]{5} ?\d{6} ?[A-Z\d]{5}(?!\w)
"""
NATIONAL = read_table("NATIONAL", _NATIONAL, MACROS)
