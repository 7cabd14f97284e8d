"""How a person is reached: e-mail, web and phone."""

from mlops_kit.privacy.detect.kinds import patterns
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

EMAIL = Kind(
    entity="email",
    role="identifier",
    label="e-mail address",
    action="token",
    safe_harbor="F",
    headers=(Header(r"e?_?mails?|mail(?:_address)?|correos?(?:_electronico)?|email\w*", 0.9),),
    rules=(
        Rule(
            0.98,
            "=@",
            r"(?<![\w.+%-])[\w+%][\w.+%'-]{0,63}@(?:[^\W_]"
            r"(?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?!\w)",
        ),
        Rule(
            0.9,
            '="@',
            r'(?<!\w)"[^"\n@<>]{1,64}"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?!\w)',
        ),
        Rule(
            0.95, "=%40", r"(?<![\w.+-])[\w.+-]{1,64}%40(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?!\w)"
        ),
        Rule(
            0.8,
            "=(at) =[at] =(arroba) =[arroba] =(AT) =[AT]",
            r"(?i)(?<![\w.])[\w.+-]{2,64} ?[\[(](?:at|arroba)[\])] ?[\w-]{2,40}(?: ?(?:\."
            r"|[\[(](?:dot|punto)[\])]| dot | punto ) ?[a-z]{2,12}){1,3}(?!\w)",
        ),
        Rule(
            0.75,
            "=_dot_ =_punto_",
            r"(?i)(?<!\w)[\w.+-]{2,40}(?: (?:dot|punto) [\w-]{1,40}){0,2} (?:at"
            r"|arroba) [\w-]{2,40}(?: (?:dot|punto) (?:[a-z]{2,3}|info|email)){1,2}(?!\w)",
        ),
    ),
    shapes=(Shape(r"^[\w.+%'-]+@(?:[\w-]+\.)+[A-Za-z]{2,24}$", 0.0, 0.98),),
    under_header=r"^\S+@\S+$",
)

URL = Kind(
    entity="url",
    role="identifier",
    label="web address",
    action="drop",
    safe_harbor="N",
    headers=(
        Header(
            "urls?|website|web|homepage|sitio_web|pagina_web|linkedin|facebook|twitter|instagram",
            0.6,
        ),
    ),
    rules=(
        Rule(0.45, "=://", r"(?i)\b(?:https?|ftp)://[^\s<>\"'`\])}|]{1,200}[\w/=&#]"),
        Rule(0.45, "=www.", r"(?i)\bwww\.[^\s<>\"'`\])}|]{1,200}[\w/=&#]"),
        Rule(
            0.35,
            "=.com =.org =.net =.edu =.gov =.gob =.info =.es =.ar =.uk",
            r"(?i)(?<![@\w./-])(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.){1,5}(?:com|org|net|edu|gob"
            r"|gov|info|es|ar|uk)(?:/[^\s<>\"')\]]*[\w/])?(?![\w@-])",
        ),
    ),
    shapes=(Shape(r"^(?:(?:https?|ftp)://|www\.)[^\s]+$", 0.0, 0.45),),
    under_header=r"^\S+\.\S+$|^@?\w+$",
)

PHONE = Kind(
    entity="phone",
    role="identifier",
    label="phone or fax number",
    action="token",
    safe_harbor="D",
    headers=(
        Header(
            "(?:tele)?phones?|phone_?(?:number|no|num)|tel|telf?|tfno?|tlf|telefonos?|movil"
            "|mobile|cell?|celular|fax|whatsapp|cellphone",
            0.9,
        ),
    ),
    caption="phone number",
    rules=(
        Rule(
            0.8,
            "=+",
            r"(?<![\w+])\+ ?[1-9]\d{0,2}[ .\-]{0,2}(?:\(0?\d{1,4}\)[ .\-]?)?\d"
            r"(?:[ .\-/()]{0,2}\d){5,12}<EXT>(?!\w)",
        ),
        Rule(
            0.69,
            "#3,4,5,10,11,12,13,14",
            r"(?<![\w/.,-])(?=\d(?:[ .\-()]{0,2}\d){11,14}(?!\d))00(?!\d\d-\d{8}"
            r"(?!\d))<COUNTRY_CODE>[ .\-]?(?:\(?\d{1,4}\)?[ .\-]?){2,5}\d<EXT>(?![\w-])",
        ),
        Rule(
            0.7,
            "=(",
            r"(?<![\w)])(?:\(0?\d{2,5}\)[ -]?\d{2,4}[ .\-]?\d{2,4}(?:[ .\-]?\d{2,4})?"
            r"|\(\d\)[ -]?\d{4}[ -]?\d{4})<EXT>(?!\w|-\d)",
        ),
        Rule(
            0.65,
            "#1,3:_.-",
            r"(?<![\w./$€#-])(?<!\d,)(?:1[ .\-])?[2-9]\d{2}([ .\-])\d{3}\1\d{4}<EXT>(?!\w|-\d)",
        ),
        Rule(
            0.7,
            "#1,2,3,4,5,6:_.-/() #7,8,9,10,11,12,13,14",
            r"(?<![\w./$€#-])(?<!\d,)(?!000)\d(?:[ .\-/()]{0,2}\d){6,13}<EXT>(?=[ \-,(]{1,3}"
            r"(?i:office|fax|mobile|cell|home|work|desk|m[oó]vil|fijo|celular)\b"
            r"|[ \-(]{1,3}(?i:casa|trabajo|oficina)\b)",
        ),
        Rule(0.6, "#2:-_", r"(?<![\w./$€-])(?<!\d,)(?:0?11[ -])?15[ -]\d{4}[ -]?\d{4}(?![\w-])"),
        Rule(
            0.55,
            "#2,3:_.",
            r"(?<![\w./$€-])(?<!\d,)(?:9\d([ .])\d{3}\1|[6-9]\d{2}([ .])\d\d(?:\1|\2))\d\d(?:\1"
            r"|\2)\d\d(?![\w-]|[ .,]\d)",
        ),
        Rule(
            0.6,
            "#2,3,4,5:_",
            r"(?<![\w./$€-])(?<!\d[ ,])0[1-9](?:\d{1,3} \d{3,4} ?\d{3,4}|(?: \d\d){4}| \d{3} \d{4}"
            r"|\d{1,3}[ -](?:15[ -])?\d{3} \d{3,4})(?![\w-]|[ .,]\d)",
        ),
        Rule(
            0.5,
            "#3,4,5:-",
            r"(?<![\w./$€-])(?<!\d[ ,])0(?:11-\d{8}|[1-9]\d\d-?\d{7}|[23]\d{3}-\d{6})(?![\w-]"
            r"|[ .,]\d)",
        ),
        Rule(
            0.5,
            "#1:_",
            r"(?<![\w./$€-])(?<!\d[ ,])(?:9 \d{4} \d{4}|[679](?: \d){8})(?![\w-]|[ .,]\d)",
        ),
        Rule(
            0.45,
            "#2,3,4:_-",
            r"(?<![\w./$€-])(?<!\d[ ,])(?:11[ -]\d{4}[ -]?\d{4}|(?:55|56|33"
            r"|81)(?:[ -]\d{4}[ -]\d{4}|(?: \d\d){4})|(?:2[2-9]"
            r"|3[3-8])(?:\d[ -](?:15[ -])?\d{3}[ -]?\d{4}"
            r"|\d\d[ -](?:15[ -])?\d{2}[ -]?\d{4}))(?![\w-]|[ .,]\d)",
        ),
        Rule(
            0.45,
            "#9,10",
            r"(?<=[;|\t,>])(?:[6-9]\d{8}|(?:11\d|3[3-8]\d|2[2-9]\d)\d{7})(?=[;|\t<\n\r]|$|,(?!\d))",
        ),
        Rule(
            0.45,
            "#4:-",
            r"(?<![\w./$€-])(?<!\d[ ,])(?<!ISSN )(?<!edido )(?<!ef\. )(?<!rden )(?<!úmero )"
            r"(?<!ro\. )(?<!\bnº )(?<!ódigo )(?<!icket )(?<!actura )[4-6]\d{3}-\d{4}(?![\w-]"
            r"|[.,]\d)",
        ),
        Rule(
            0.55,
            "al des nue apu ano agé age mio mío mia mía fro",
            r"(?:al|desde(?: el)?|from|nuevo|apunta\w*|anota\w*|m[ií][oa] es"
            r"|ag[eé]nda\w*)(?: n[uú]mero| n[º°]| cel| tel[eé]fono)? (?P<v>15\d{8}"
            r"|[2-9]\d\d[2-9]\d{6}|(?:0?11\d|3[3-8]\d|2[2-9]\d)\d{7}|[6-9]\d{8}|\d{4}-\d{4}"
            r"|\d\d \d{3} \d{4}|[679]\d{2}([ .-])(?:\d\d\2\d\d\2\d\d|\d{3}\2\d{3}))(?![\w-]"
            r"|[.,]\d)",
        ),
        Rule(
            0.45,
            "#2,3,4:.- #11",
            r"(?<![\w./$€-])(?<!\d[ ,])(?:0[1-9](?:\d{9}|\d{1,2}([.-])\d{3,4}\1\d{3,4}"
            r"|([.-])\d\d(?:\2\d\d){3})|9\d-\d{3}-\d\d-\d\d|[6-9]\d\d(?:-\d\d){3})(?![\w-]"
            r"|[ .,]\d)",
        ),
        Rule(
            0.4,
            "#3:_.-",
            r"(?<![\w./$€-])(?<!\d,)(?<!\d )[679]\d{2}([ .-])\d{3}\1\d{3}(?![\w,%€$-]|[ .]\d| (?:€"
            r"|[km]?[gml]\b|[cm]?m[23²³]|ha\b|[GgBb]s\b|pesos|euros))",
        ),
        Rule(
            0.7,
            "t f m p c",
            r"(?i:[tfmpc]) ?[:.] ?(?P<v>\(?[0+](?:[ .\-/()]{0,2}\d){8,14})(?![\w@])",
        ),
        Rule(
            0.75,
            "tel tfn tlf pho fax ubi com con cel móv mov mob mòb wha wsp des off cal rin tex dia "
            "rea con ans lla llá mar már mes reg my mi tf biz ven fon lín lin yap pli neq dav was "
            "wat wp wpp gua wap inf int fij",
            labels="tel(?:[eéè]fons?|[eé]fonos?|[eé]f|f|fs|efax)?|tel[eé]fono (?:m[oó]vil|fijo"
            "|de contacto)|tfno?s?|tf|tlfn?o?|(?:tele)?phones?(?: ?(?:numbers?|no|num))?"
            r"|fax|fono|fijo(?=\D{0,4}(?:\d[ .\-/()]{0,2}){8})|cel(?:ular|l|u)?"
            "|m[oóò][vb]il|mobile|w(?:h?at?s?(?:s?app?|ap)|hats|h?asap|assap|sp|pp?|ap)"
            r"|guasap|convencional|l[ií]nea(?=\D{0,12}(?:\d[ .\-/()]{0,2}){8})|yape|plin"
            "|nequi|daviplata|desk|office|(?:call(?:ing)?|ring|text|dial|reach"
            "|contact)(?: (?:me|us|him|her|them|you))?(?: ?back)?(?: (?:at|on"
            r"|al))?(?=\D{0,12}(?:\d[ .\-/()]{0,2}){7})|answering at|(?:ll[aá]m"
            r"|m[aá]rc)\w+(?: al)?|(?:ubic|comun[ií]|cont[aá]ct)\w*|contacto|(?:informes"
            r"|interesad[oa]s|consultas)(?=\D{0,9}(?:\d[ .\-/()]{0,2}){8})|bizum|venmo"
            "|messages (?:to|on|from)|registered|(?:my|mi) (?:new |nuevo "
            "|otro )?n(?:[uú]m(?:ber|ero)?|ro)",
            gap=patterns.CALL,
            pattern=r"\+? ?\(?\d(?:[ .\-/()]{0,2}\d){5,14}<EXT>(?![\w@])",
        ),
    ),
    shapes=(
        Shape(
            r"^\+ ?\d{1,3}[ .()-]{0,2}\d(?:[ .()/-]{0,2}\d){6,12}(?: ?(?:x|ext\.?) ?\d{1,6})?$",
            0.0,
            0.85,
            numeric=True,
        ),
        Shape(
            r"^\(0?\d{2,5}\) ?\d{2,4}[ .-]?\d{2,4}(?:[ .-]?\d{2,4})?(?: ?(?:x|ext\.?) ?\d{1,6})?$",
            0.0,
            0.8,
            numeric=True,
        ),
        Shape(r"^(?:1[ .-])?[2-9]\d{2}[-. ][2-9]\d{2}[-. ]\d{4}$", 0.1, 0.7, numeric=True),
    ),
    under_header=r"^[+(]?\d(?:[ .()/-]{0,2}\d){5,14}(?: ?(?:x|ext\.?|int\.?) ?\d{1,6})?$",
)

KINDS = (EMAIL, URL, PHONE)
