"""Rules for prose: postal codes, addresses, names, places, employers."""

from mlops_kit.privacy.detect.kinds.dates import DATE_MACROS
from mlops_kit.privacy.detect.kinds.rule_table import read_table
from mlops_kit.privacy.detect.words import COUNTRIES

_UP = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĘĚĞİĹĽŁŃŇŐŘŚŞŠŤŮŰŹŻŽ"
PROSE_MACROS = {
    **DATE_MACROS,
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

_PROSE = r"""
address 0.7 cal dom dir add hom str pos mai bil liv res viv
    (?i:(?:domicilio(?: (?:real|legal|fiscal|particular|actual|laboral))?|direcci[oó]n(?: postal)?
    (?! (?:ip|mac|de correo|de e|email|web))|(?<!ip )
    (?<!mac )(?<!mail )(?:home |street |postal |mailing |billing )?address
    |calle(?=:)|domiciliad[oa] en|(?:lives|reside|living|vive|resides) (?:at|on|en))(?: (?:is|es
    |particular))?
    (?:[ \t]{0,3}[:=][ \t]{0,24}|[ \t]{1,24}))
    (?P<v>(?!\d+\.\d+\.|0x)(?=[^\n:@=;]{0,50}\d
    |[^\n:@=;]{2,40} s/n)[\wº][^\n:@=(){}<>\[\]|\"]{3,100}?)
    (?=\.? *(?:\n|$)|(?<=\d)\. [A-Z]|(?<=[^\W\d_]{6})\. [A-Z]|;|\t| {2,})
address 0.85 c cal cl av avd ave pas pº po p pla plz pza pz pl car cam cno ctr ron rúa rua tra
    & urb pje bul bv blv dia rut aut glo gra cue ram pol bar via cal avi pra est kal ala
    (?i:<ES_STREET>)[ ]{0,2}(?:(?:de la|de los|de las|del|de|la|el|los|las|d[ao]s?|l['’]|D\.
    |Dña\.) ?){0,2}
    <STREET_NAME><NUMBER><FLAT>
address 0.6 rut aut car ctr
    (?i:ruta|autopista|carretera|ctra\.?|autov[ií]a) (?:[A-Za-z]{1,3}-?)?\d{1,4},? [kK]m\.? ?\d+
    (?:[.,]\d+)?(?!\w)
address 0.75 #1,2,3,4,5,6:_,abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ
    (?<![\w$€.,])\d{1,6}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?
    (?:(?:<CAP>|\d{1,3}(?:st|nd|rd|th)) ){1,4}<EN_STREET>\b\.?(?:,? ?<ROOM> ?[\w-]{1,6})?<TOWN>?
address 0.75 #1,2,3,4,5,6:^/
    (?<![\w$€.,])\d{1,6}(?:/\d{1,4})? (?:<CAP> ){1,3}<EN_WIDE>\b(?:,? ?<ROOM> ?[\w-]{1,6}<TOWN>?
    |<TOWN>)
address 0.45 #3,4,5:^
    (?<![\w$€.,])(?!<YEAR> )\d{3,5} (?:<CAP> ){1,3}<EN_WIDE>\b(?! \d)
address 0.6 pea pri cir pro cer con and ret cal per cor
    (?:Peatonal|Privada|Circuito|Prolongaci[oó]n|Cerrada|Continuaci[oó]n|Andador|Retorno|Callej[oó]n
    |Perif[eé]rico|Corredor|Pasadizo) <STREET_NAME><NUMBER><FLAT>
address 0.85 uni psc
    (?i:(?:unit|psc) \d{3,4},? (?:box|p\.?o\.? box) \d{1,5}\s{1,2}[ADF]PO,? A[AEP] \d{5})(?!\w)
address 0.6 #1,2,3,4,5:^
    (?<![\w$€.,])\d{1,5} <CAP>(?: <CAP>){0,3} \d{1,4}(?=[,\s]{1,4}<ROOM>)
address 0.4 apt apa sui ste uni fla flo roo rm dep bld bui box p po pis dpt
    (?i:<ROOM>) ?\d{1,6}[A-Za-z]?(?!\w)
address 0.65 =straße =strasse =gasse =platz =weg =gatan =vägen =vej =gade =allé =straat =laan
    & =plein =katu =veien =utca =útja =u. =út =tér =gata =vei =vegen =náměstí =cesta =ulica
    & =sokak
    <EU_STREET>,? \d{1,5}[A-Za-z]?(?!\w)
address 0.65 rue via pia cor rua str ul uli qua pla che all cou lar tra
    <EU_STREET>,? \d{1,5}[A-Za-z]?(?!\w)
address 0.65 #1,2,3,4,5:^,
    (?<!\w)\d{1,5},? <EU_STREET>
address 0.55 <#5
    <STREET_NAME>,? (?:\d{1,4}|s/n\.?)(?=[ .,\-–]{1,4}(?:0[1-9]|[1-4]\d|5[0-2])\d{3} )
address 0.45 =street =Street =avenue =road
    (?P<v><CAP>(?: <CAP>){0,3}(?: \d{1,5})?) (?:street|Street|avenue|road)(?!\w)
postal_code 0.6 A#
    (?<![\w-])[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)
postal_code 0.55 ak al ar az ca co ct dc de fl fm ga gu hi ia id il in ks ky la ma md me mi mn
    & mo mp ms mt nc nd ne nh nj nm nv ny oh ok or pa pr pw ri sc sd tn tx ut va vi vt wa wi wv
    & wy aa ae ap
    <STATE>\.? (?P<v>\d{5}(?:-\d{4})?)(?!\w)
postal_code 0.5 COUNTRIES
    <COUNTRY>,? (?P<v>\d{5})(?![\w-])
postal_code 0.7 zip pos cód cod cp c
    zip(?: ?code)?(?: is)?|post(?:al)? ?code(?: is)?|c[oó]d(?:igo|\.) postal(?: es)?|c\.? ?p\.?
    (?: fiscal)?
    --SIGNS--> [A-Z]?\d{3,7}(?:[A-Z]{3}|[- ]\d{2,4}|[- ]?[A-Z]{2}(?!\w))?(?!\w)
    |[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)|[A-Z]\d[A-Z] ?\d[A-Z]\d(?!\w)
postal_code 0.5 #5:_,.-–
    (?<![\w/.,+-])(?<!\bnº )(?<!oleta )(?<!edido )(?<!actura )(?<!icket )(?<!SKU )(?<!ef\. )
    (?<!ódigo )(?<!ote )(?<!úmero )(?<![$€] )(?:0[1-9]|[1-4]\d|5[0-2])\d{3}
    (?=[ ,.\-–]{1,3}\(?(?=[<UP>](?:[^\W\d_]| [<UP>]|-[A-Za-z]{3}|['’]))<CAP>)(?!-[A-Z\d]+-)
postal_code 0.5 #4,7
    (?<=\d, )(?!<YEAR> )[1-9]\d{3}(?:\d{3})?(?= [<UP>][a-zà-ÿ]{3})
postal_code 0.6 A#
    (?<![\w-])[ABCEGHJ-NPR-TVXY]\d[A-Z] \d[A-Z]\d(?!\w)
postal_code 0.5 A#
    (?<![\w-])[ABCDEFGHJ-NP-Z]\d{4}[A-Z]{3}(?!\w)
postal_code 0.5 A#
    (?:(?<=[,;(] )|(?<=- )|(?<=\n)|(?<=\())[ABCDEFGHJ-NP-Z]\d{4}(?=[ ,-]{1,3}[<UP>][a-z])
name 0.8 mr mrs ms mis mx dr pro rev sr sra srt dra dña lic ing arq sir mad lad lor sgt cap don
    & doñ doc d hno hna
    <TITLE>\b[./ªa:]{0,3}[ \t]{0,2}(?:<TITLE>\. )?(?P<v><NAME>)
name 0.8 pac nom ape fir las ful mid giv fam mai pat cus cli sur rem res sig aut att tit phy ref ben
    & méd med alu emp
    (?:(?i:(?:nombres?(?: y apellidos?| completo)?|apellidos?(?: y nombres?)?
    |(?:first|last|full|middle|given|family|maiden|patient|patient['’]s|customer|client) ?name
    |surname|remitid[oa] por|firmado(?: por)?|firma|responsable(?: cl[ií]nico)?|signed(?: by)?
    |author
    |autora?|attn|titular|attending|physician|referred by|beneficiario|m[eé]dic[oa]|paciente
    |patient|cliente|customer|alumno|employee)[ \t]*[:=][ \t]*)
    (?:<TITLE>\b[./ªa ]{0,3}[ \t]{0,2})?)
    (?P<v><NAME>(?:,[ \t]?<NAME>(?=[ \t]*(?:$|\n|[;|])))?)
name 0.7 nam con
    (?:(?i:name|contacto?)[ \t]*[:=][ \t]*)(?P<v><WORD>(?:[ \t]{1,2}
    (?:<JOIN>[ \t]+){0,2}<WORD>){1,5})
name 0.45 nam cal hi hel hol con
    (?:(?i:named|called|hi|hello|hola)[,:]?\s{1,2}|(?i:name|contacto?)[ \t]*[:=][ \t]*)
    (?P<v><NAME>)
name 0.75 nam me se dea est que mi ate reg bes kin sin sal cal
    (?i:(?:names? (?:is|was)|(?:me|se) llam[oaó]|call me
    |dear|estimad[oa]|querid[oa]|mi nombre es|atentamente|(?:best |kind )?regards
    |sincerely|saludos)[,:]?\s{1,2})(?P<v><NAME>)
name 0.5 i soy thi
    (?:[Ii](?:['’]m| am)|[Ss]oy|[Tt]his is) (?P<v><CAP>(?: <CAP>){1,3})
name 0.55 Aa
    (?!<OTHER>(?!\w)|The|A)[<UP>][^\W\d_]*[a-z]+ [<UP>]\.? (?!<OTHER>
    (?!\w))[<UP>][^\W\d_]*[a-zà-ÿ]+(?!\w)
name 0.5 sai say ask tol sta dir wri pla
    (?:said|says|asked|told|starring|directed by|written by|played by) (?P<v><WORD>
    (?: <WORD>){1,2})
location 0.45 COUNTRIES
    <COUNTRY>(?!\w)
location 0.5 paí pai loc pro ciu cit cou tow sta mun pob nat res
    (?i:(?:pa[ií]s(?: de nacimiento| de origen)?|localidad(?: ?/ ?provincia)?|provincia|ciudad|city
    |country
    |town|state|municipio|poblaci[oó]n)\s*:[ \t]*|(?:natural de|residente en|ciudad de) )
    (?P<v><PLACE>(?:, ?<PLACE>)?)
location 0.4 #5:_,.-–
    (?<!\w)(?:0[1-9]|[1-4]\d|5[0-2])\d{3}[ ,.\-–]{1,3}(?P<v><CAP>(?:[ ]+
    (?:<JOIN>[ ]+){0,2}<CAP>){0,3})
organisation 0.45 hos com cen uni fac clí cli ins fun con amb
    (?:(?:Complejo |Centro )?Hospital(?:ario|ari|es)?|Universi(?:dad|tat|dade)|Facultad|Facultat
    |Cl[ií]nica
    |Instituto|Institut|Fundaci[oó]n|Consorcio|Centro (?:de Salud|M[eé]dico)|Ambulatorio)
    (?:[ ]+(?:<JOIN>[ ]+){0,2}<CAP>){1,7}
organisation 0.4 =Inc =LLC =Ltd =PLC =GmbH =Corp =S.A =S.L =S.R.L =Company =Group
    (?<![\w&'.-])(?:(?=[\w&'.-]{0,30}[<UP>])[\w&'.-]{1,60}+ ){1,4}(?:Inc|LLC|Ltd|PLC|GmbH
    |Corp|Corporation|S\.A|S\.L|S\.R\.L
    |Company|Group)\b\.?
gender 0.45 sex gen gén
    sexo|sex|gender|g[eé]nero --SIGNS--> (?i:[HMFVX]|var[oó]n|mujer|hombre|male|female|masculino
    |femenino|niñ[oa])(?!\w)
gender 0.4 var muj hom niñ mal fem
    (?i)(?:var[oó]n|mujer|hombre|niñ[oa]|(?:fe)?male)\b
nationality 0.4 nac nat eth de
    (?i:(?:nacionalidad|nationality|ethnicity|de origen)[\s:]+(?:es |is )?)(?P<v>[^\W\d_]+)
"""
_FIRST = " ".join(sorted({country[:3].lower() for country in COUNTRIES.split("|")}))
PROSE = read_table("PROSE", _PROSE.replace("COUNTRIES", _FIRST), PROSE_MACROS)
