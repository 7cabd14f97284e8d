"""The rule table of identifiers: how each is written, what stands beside it, which check it passes.

Only the standard library is imported, and a pattern is compiled when a text first calls for it.
"""

from mlops_kit.privacy.detect.kinds.rule_table import MACROS, read_table

# From here on a likelihood is meant to be acted on. Below it lie years, weekdays, towns and other
# things that are personal beside others only.
LIKELY = 0.5


_IDENTIFIERS = r"""
email 0.98 =@
    (?<![\w.+%-])[\w+%][\w.+%'-]{0,63}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?!\w)
email 0.9 ="@
    (?<!\w)"[^"\n@<>]{1,64}"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?!\w)
email 0.95 =%40
    (?<![\w.+-])[\w.+-]{1,64}%40(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?!\w)
email 0.8 =(at) =[at] =(arroba) =[arroba] =(AT) =[AT]
    (?i)(?<![\w.])[\w.+-]{2,64} ?[\[(](?:at|arroba)[\])] ?[\w-]{2,40}
    (?: ?(?:\.|[\[(](?:dot|punto)[\])]| dot | punto ) ?[a-z]{2,12}){1,3}(?!\w)
email 0.75 =_dot_ =_punto_
    (?i)(?<!\w)[\w.+-]{2,40}(?: (?:dot|punto) [\w-]{1,40}){0,2} (?:at|arroba) [\w-]{2,40}
    (?: (?:dot|punto) (?:[a-z]{2,3}|info|email)){1,2}(?!\w)
url 0.45 =://
    (?i)\b(?:https?|ftp)://[^\s<>\"'`\])}|]{1,200}[\w/=&#]
url 0.45 =www.
    (?i)\bwww\.[^\s<>\"'`\])}|]{1,200}[\w/=&#]
url 0.35 =.com =.org =.net =.edu =.gov =.gob =.info =.es =.ar =.uk
    (?i)(?<![@\w./-])(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.){1,5}
    (?:com|org|net|edu|gob|gov|info|es|ar|uk)(?:/[^\s<>\"')\]]*[\w/])?(?![\w@-])
ip 0.85 check=ip #1,2,3:.
    (?<![\w.-])(?<!\w/)(?<![=<>~^]=)(?<![=<>] )(?!(?:\d\.){3}\d(?!\d))(?<![Vv]ersion )
    (?<![Vv]ersión )(?<![Rr]elease )
    (?<![Bb]uild )<OCTET>(?:\.<OCTET>){3}(?:/\d{1,2}(?!\d))?(?![\w-]|\.\d)
ip 0.4 #1,2,3:.
    (?<![\w.-])<OCTET>(?:\.<OCTET>){3}(?![\w-]|\.\d)
ip 0.9 check=ip =:
    (?<![\w:.])(?:\[<IP_SIX>\](?::\d{1,5}(?!\d))?|<IP_SIX>(?![\w:]|\.\d))
mac 0.9 =: =-
    (?<![\w:-])[\dA-Fa-f]{2}(?:(?::[\dA-Fa-f]{2}){5}|(?:-[\dA-Fa-f]{2}){5})(?![\w:-])
card 0.9 check=card #4,13,14,15,16,17,18,19
    (?<![\w.,+-])(?:\d(?:[ -]?\d){12,18}
    |(?<!\d/)\d{4}([./_])(?:(?:\d{4}\1){2}\d{4}(?:\1\d{3})?|\d{6}\1\d{4,5})(?!\1\d))
    (?![\w-]|[.,]\d)
card 0.75 car tar cc vis mas ame cre cré deb
    (?i:(?:cards?|tarjetas?|tarj|cc|visa|mastercard|amex|credit|(?<!ota de )cr[eé]dito|debit
    |d[eé]bito)\b[^\d\n]{0,30})
    (?P<v>\d(?:[ -]?\d){11,18})(?![\w-])
iban 0.97 check=iban A#
    (?<![\w-])(?:[A-Z]{2}\d{2}(?:[ .-]?[A-Z\d]{4}){2,7}(?:[ .-]?[A-Z\d]{1,3})?
    |[a-z]{2}\d{2}[a-z\d]{11,30})(?![\w-])
iban 0.75 iba cue acc
    iban|cuenta|acc(?:oun)?t --> (?:[A-Z]{2} ?\d{2}(?:[ -]?[A-Z\d]{4}){2,7}(?:[ -]?[A-Z\d]{1,3})?
    |[a-z]{2}\d{2}[a-z\d]{11,30})(?!\w)
account 0.7 cbu cvu
    (?i:c[bv]u\W[^\n]{0,60}\balias\W{1,3})(?P<v>[a-z\d]+(?:[.-][a-z\d]+){1,3})(?![\w.(])
account 0.7 ali mío mio
    (?i:(?:alias|m[ií]o(?= es ))(?: (?:del? |en )?[a-zé]{2,12}){0,2}(?:\s?[:=]\s?| es:? | ))
    (?P<v>[^\W_][\w-]+(?:\.[\w-]+){2,3})(?![\w(.])
medical_record 0.8 nº núm nhc mrn med pat cha rec enc acc vis cas epi his hc h cip exp icu n nú
    & num nro fic adm hce hª
    n\.?h\.?c\.?|mrn|medical (?:record|file|chart|id)s?|(?:patient|chart|record|encounter|accession
    |visit|case|episode) (?:number|no\.?|#|id)|chart(?= \d{4})|accession
    (?= [A-Z]{0,4}-?\d)
    |(?:n[uú]m(?:ero)?\.? de )?historia (?:cl[ií]nica
    |m[eé]dica)|h\.?c\.?e?\.?(?=[ :.#º°n]{1,6}\d)|cipa|(?:n[º°.]{0,2}|nro\.?|n[uú]m(?:ero)?\.?) ?
    (?:de )?(?:historia|h\.?ª)|historia(?= ?:| \d{5})|h\.?ª(?= \d)|episodio
    |ficha(?: cl[ií]nica)?(?= (?:n|\d{5}))|admisi[oó]n(?= n)
    |exp(?:ediente|\.) (?:cl[ií]nico|m[eé]dico|del? paciente)|icu ?(?:no|id) --> (?:nhc-?
    |mrn-?)?<CODE>
health_plan 0.8 nº osd pam iom gal swi ade san asi muf nas nus nss naf n afi seg mem sub ben pol gro
    & cre hea ins pla med mbi nhs pól obr cip
    & tsi sns tar nú num nro pre mut car omi dkv isf mug ose dos apr cas ess sis ase
    n\.?(?:as|us|s)\.?s\.?|n\.?a\.?f\.?|n[º°.]{0,2} ?(?:de )?(?:la )?(?:seguridad social
    |afiliaci[oó]n|afiliad[oa]|ss)
    |seguridad social|(?:n[uú]m(?:ero)?\.? |nro\.? )?(?:de )?(?:afiliad[oa]
    |afil\.)(?: (?:<INSURER>))?
    |(?:beneficiari[oa]|asegurad[oa])(?=[ :.nº°]{1,4}\d{2,3}[-/]?\d{6})
    |(?:credencial )?<INSURER>(?: (?:plan )?\d{3}(?= n))?|prepaga
    |(?:mutualista|sociedad m[eé]dica)|(?:member|subscriber
    |beneficiary|policy|group|health plan|insurance|plan)(?: (?:id|number|no\.?|#|policy))+
    |members?(?= [A-Z]{0,4}\d{6})|afiliaci[oó]n(?: (?:a la |de la )?(?:s\.? ?s\.?
    |seg\w*\.? social))?|medica(?:re|id)(?: (?:id|number|beneficiary|card))*
    |mbi
    |nhs|p[oó]liza(?=[ :.nº°]{1,5}(?-i:[A-Z]){2,4} \d{5})|p[oó]liza(?: [^\W\d_]{3,12}){0,2}
    (?=[ :.nº°]{1,5}[A-Z]{0,3}-?\d{6})|p[oó]liza
    |policy(?= [A-Z]{0,4}[/-]?\d)|credencial|obra social|(?:cip )?sns|cip(?:-aut)?|tsi
    |(?:tarjeta|carn[eé]t?) sanitari[ao] --> (?:[A-Z]{4} ?[A-Z]{2} ?\d{6,12}
    |[A-Z]{4} \d \d{6} \d\d \d|[A-Z]{6,9}\d{6}|[A-Z]{4} \d{4} \d{4} \d\d|[A-Z]{2,4} \d{5,10}
    |\d{2,6}[ /\-]\d{4,8}(?:[ /\-]\d{1,4}){1,3}(?!\w)|\d-\d{7,9}(?!\w)
    |\d{2}[ /\-]?\d{6,8}(?:[ /\-]?\d{1,2}(?!\w))?
    |\d\d(?:-\d\d){2}-\d{4}-\d|<CODE>|\d{3}[ -]\d{3}[ -]\d{4}|\d{4} \d{5} \d)
    (?![\w@])
health_plan 0.8 check=es_nuss #2:/-_
    (?<![\w-])\d{2}[ /-]\d{8}[ /-]\d{2}(?![\w-])
licence 0.8 nºc col mat m mn mp npi dea med pro nur lic cer n núm num nº no nro céd ced tar t
    & cmp rne
    & =NºCol
    n[º°o.]{0,2} ?col\.?|n[uú]m(?:ero)?\.? (?:de )?col(?:egiad[oa])?\.?
    |n[º°o.]{0,2} (?:de )?colegiad[oa]
    |colegiad[oa]|col\.(?= ?n?[º°]? ?\d)|matr[ií]cula(?: (?:nacional|provincial|profesional))?
    |m\.? ?[np]\.?(?=[ :.nº°]{0,4}\d)|(?:c[eé]d(?:ula|\.)|tarjeta) prof\w*\.?|t\. ?p\.
    |licencia (?:de )?(?:caza|pesca|tr[aá]nsito|federativa|deportiva|n[aá]utica)
    |(?-i:CMP|RNE)(?= (?:n[º°.]? ?)?\d{4,6})|colegiatura|npi|dea|(?:medical
    |professional|nursing|license|licence
    |certificate)(?: (?:license|licence))? (?:number|no\.?|#)
    --> (?:\d{2}[ /-]\d{2}[ /-]\d{3,6}|\d{1,3}\.\d{3}|[A-Z]{0,3}-?\d[\d /-]{2,10}\d)(?!\w
    | [A-Z]{2,3}\b)
account 0.7 nº ban acc cue cus cli emp stu mem use rou sor n nú núm num cód cod leg nro con sin cla
    & pay bad nóm cta caj soc abo sus alu usu aso id cci nis c cré pré mat ase pac ser aho sum ca
    & loa
    & mor
    (?:bank )?acc(?:oun)?t(?: (?:number|no\.?|#))?|(?:n[uú]m(?:ero)?\.? de )?(?:cuenta
    |cta\.?|caja de ahorros?)(?: (?:de )?(?:corriente|cte\.?|bancaria|vista|ahorros?|n[º°o.]|cliente
    |n[oó]mina|detracciones|sueldo|cargo|abono|origen|destino))?(?: (?-i:[A-Z])[A-Za-zé]+){0,2}
    (?: (?:soles
    |d[oó]lares|pesos|euros))?
    |(?:cuenta|cta\.?) c[ac] ?\$?|c\.?c[ci]\.?(?=[ :.nº°]{1,4}\d{2})
    |(?:client[ea]|soci[oa]|abonad[oa]|suscriptora?|alumn[oa]|emplead[oa]|usuari[oa]
    |asociad[oa])<NUMBERED>|id (?:de )?(?:cliente|usuario|paciente|emplead[oa])|nis|(?:customer
    |client|employee|student|member
    |user)(?: ?(?:id
    |number|no\.?
    |#)|(?= [A-Z]{1,3}-?\d{3}))|(?:cliente|customer|client|user)(?==)
    |contrato(?: (?:del? )?[^\W\d_]{3,12}(?= n)| (?-i:[A-Z])\w+)?|leg\.|(?-i:CA)
    (?= ?\$? ?\d[\d/-]{5})|cr[eé]dito(?: [^\W\d_]{4,12}){0,3}(?=[ :.nº°]{1,5}\d{8})
    |(?:soci[oa]|client[ea]|abonad[oa]|asegurad[oa]|emplead[oa]|paciente)(?: (?-i:[A-Z])[a-z]+)?
    (?=[ :]{1,2}[A-Z]{0,3}\d?-?\d{5})|(?:alumn[oa]|estudiante) c[oó]digo
    |matr[ií]cula (?:escolar|universitaria)
    |ahorros?(?= \d)|suministro(?=[ :.nº°]{1,5}\d{5})|servicio(?= \d{3} \d{3} \d{3})|siniestro
    (?: (?-i:[A-Z])\w+)?|payroll|badge|n[oó]mina|(?:loan|mortgage) (?:number|no\.?|#)
    |claim (?:number|no\.?|id|#)
    |routing(?: number)?|sort code|(?:n[uú]mero|n[º°]|nro\.?|c[oó]digo) de (?:cliente|socio
    |empleado
    |legajo|usuario)|legajo(?: personal| [uú]nico)? --> (?=[A-Za-z./\-]{0,6}\d)\d
    (?:[ .\-/]?\d){3,19}(?![\w@]|,\d)|<CODE>(?!,\d)
account 0.85 =0x =bc1
    (?<!\w)(?:0x[0-9a-fA-F]{40}|bc1(?![0-9a-f]+\b)[02-9ac-hj-np-z]{25,60})(?!\w)
account 0.7 #1
    (?<![\w/+=-])(?=[13][a-zA-Z]*\d)(?=\w*[a-z])(?=\w*[A-Z])[13][1-9A-HJ-NP-Za-km-z]{25,34}
    (?![\w/+=-])
plate 0.45 A#
    (?<!\w)(?:[A-Z]{2}\d\d [A-Z]{3}|[RCE]\d{4}[B-DF-HJ-NP-TV-Z]{3})(?!\w)
plate 0.45 #4:_-BCDFGHJKLMNPRSTVWXYZ
    (?<![\w.,/$€-])(?<!\d )\d{4}[ -]?(?!RPM|KWH|LTS|[MGK]HZ|[LPBC]PM|HRS|MTS|[GK][RM]S|CLP|MXN|GBP
    |CHF
    |PLN|DKK|CZK|TRY|BRL|PYG|HKD|CNY|JPY|PTS|HDR|DPT|PPB)[B-DF-HJ-NPR-TV-Z]{3}(?![\w-])
plate 0.75 coc veh fur mot tur car tru van aut pat rem tra cam rod tax
    coche|veh[ií]culo|furgoneta|moto(?:cicleta|veh[ií]culo)?|turismo|auto|patrulla|car|vehicle
    |truck|van|remolque|tractora|furg[oó]n|taxi|remise?|cami[oó]n|camioneta|rodado
    --> (?:[RE][ -]?)?(?:\d{4}[ -]?[B-DF-HJ-NP-TV-Z]{3}|[A-Z]{1,2}[ -]?\d{4}[ -]?[A-Z]{1,2}
    |[A-Z]{2}\d\d ?[A-Z]{3}
    |[A-Z]{2} ?\d{3} ?[A-Z]{2}|[A-Z]{3}-\d{2,3}-[A-Z\d]{1,3}|[A-Z][A-Z\d][A-Z][ -]?\d{3}|[A-Z]{2}
    ([ ·.-])[A-Z]{2}\2\d\d|[A-Z]{3} ?\d\d[A-Z])(?!\w)
plate 0.81 pla lic num mat pat dom reg vin cha bas niv ppu
    (?:licen[cs]e |number )?plates?|(?:matr[ií]cula
    |placas?)(?: del? (?:la |su |el )?[^\W\d_]{4,10}(?: [^\W\d_]{6,10})?)?|patente|pat\.|dominio
    |placas?|ppu
    |reg(?:istration)?|[vn]i[nv]|chasis
    |chassis|bastidor --> [A-Z]-\d\d-\d\d-[A-Z](?!\w)|(?=[\d \-]{0,6}[A-Z])(?=[A-Z \-]{0,6}\d)
    (?=(?:[ -]?[A-Z\d]){4,9}(?!\w))[A-Z\d]{1,4}(?:[ -]?[A-Z\d]{1,5}){1,2}(?!\w)
    |[A-Z]{2}[ ·.-]?[A-Z\d]{2}[ ·.-]?\d{2}(?!\w)|[A-Z]{3}(?:-\d\d){2}(?!\w)
    |[A-HJ-NPR-Z\d]{17}(?!\w)
imei 0.9 ime
    imei --> \d(?:[ -]?\d){13,15}(?!\w)
imei 0.45 check=imei #2,8:- #15
    (?<![\w.,+-])\d{2}-?\d{6}-?\d{6}-?\d(?![\w-]|[.,]\d)
device_id 0.75 s ser n nú núm nº dev udi dis and adv idf gai ims icc
    s/n(?= ?[:#])|(?-i:S/N)(?= (?:[A-Z\d]{8,}))|serial(?: (?:number|no\.?|#))?|serie
    (?= (?-i:[A-Z]){2,4}\d{5})
    |n[º°uú.]?m?(?:ero)?\.? (?:de )?serie|(?:device|android
    |advertising)
    [ _]?id|udid|dispositivo|idfa|gaid|imsi|iccid
    --> (?=[A-Za-z\-]{0,8}\d)[A-Za-z\d][A-Za-z\d-]{5,39}(?!\w)
credential 0.8 pas pwd con cla api sec tok
    (?:passw(?:or)?d|contrase[nñ]a|clave)(?: (?:del?|for|of)(?: la| el| the)?)?
    (?: (?!es\b|is\b)[a-zñ-]{3,12})?|pwd|api[_ ]?key
    |secret(?:[_ ]key)?|token
    --SAID--> (?=[^\s,;\"'<>()\[\]{}]{0,60}[\d!#$%&*@^])[^\s,;\"'<>()\[\]{}]{6,128}
username 0.7 age use usu nom log nic han
    user ?_?names?|users?(?= ?[:=])|usuario(?= ?[:=])|agente?(?==)|nombre de usuario|login
    |nick(?:name)?|handle
    --SAID--> @?(?=[A-Za-z_.-]{1,30}\d)[A-Za-z][\w.-]{2,31}(?![\w@(])
username 0.45 age use usu nom log nic han
    user ?_?names?|users?(?= ?[:=])|usuario(?= ?[:=])|agente?(?==)|nombre de usuario|login
    |nick(?:name)?|handle
    --SAID--> @?[A-Za-z][\w.-]{2,31}(?![\w@(])
username 0.4 =@
    (?<![\w@./])@[A-Za-z_]\w{2,30}(?![\w.@])
coordinates 0.8 #1,2:.°
    (?<![\w.])\d{1,2}\.\d{4,}°?,\s?[-+]?1?\d?\d\.\d{4,}°?(?![\w.])
    |\d{1,2}° ?\d{1,2}['′] ?(?:\d{1,2}(?:\.\d+)?[\"″] ?)?[NSns],? ?\d{1,3}° ?\d{1,2}['′] ?
    (?:\d{1,2}(?:\.\d+)?[\"″] ?)?[EWOewo]
"""
IDENTIFIERS = read_table("IDENTIFIERS", _IDENTIFIERS, MACROS)
