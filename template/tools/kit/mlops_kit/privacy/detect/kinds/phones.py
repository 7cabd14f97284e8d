"""Rules of phone numbers, as countries and people write them."""

from mlops_kit.privacy.detect.kinds.rule_table import MACROS, read_table

_PHONES = r"""
phone 0.8 =+
    (?<![\w+])\+ ?[1-9]\d{0,2}[ .\-]{0,2}(?:\(0?\d{1,4}\)[ .\-]?)?\d(?:[ .\-/()]{0,2}\d){5,12}<EXT>
    (?!\w)
phone 0.69 #3,4,5,10,11,12,13,14
    (?<![\w/.,-])(?=\d(?:[ .\-()]{0,2}\d){11,14}(?!\d))
    00(?!\d\d-\d{8}(?!\d))<COUNTRY_CODE>[ .\-]?(?:\(?\d{1,4}\)?[ .\-]?){2,5}\d<EXT>(?![\w-])
phone 0.7 =(
    (?<![\w)])(?:\(0?\d{2,5}\)[ -]?\d{2,4}[ .\-]?\d{2,4}(?:[ .\-]?\d{2,4})?
    |\(\d\)[ -]?\d{4}[ -]?\d{4})<EXT>(?!\w|-\d)
phone 0.65 #1,3:_.-
    (?<![\w./$€#-])(?<!\d,)(?:1[ .\-])?[2-9]\d{2}([ .\-])\d{3}\1\d{4}<EXT>(?!\w|-\d)
phone 0.7 #1,2,3,4,5,6:_.-/() #7,8,9,10,11,12,13,14
    (?<![\w./$€#-])(?<!\d,)(?!000)\d(?:[ .\-/()]{0,2}\d){6,13}<EXT>(?=[ \-,(]{1,3}(?i:office|fax
    |mobile
    |cell|home|work|desk|m[oó]vil|fijo|celular)\b|[ \-(]{1,3}(?i:casa|trabajo|oficina)\b)
phone 0.6 #2:-_
    (?<![\w./$€-])(?<!\d,)(?:0?11[ -])?15[ -]\d{4}[ -]?\d{4}(?![\w-])
phone 0.55 #2,3:_.
    (?<![\w./$€-])(?<!\d,)(?:9\d([ .])\d{3}\1|[6-9]\d{2}([ .])\d\d(?:\1|\2))\d\d(?:\1
    |\2)\d\d(?![\w-]
    |[ .,]\d)
phone 0.6 #2,3,4,5:_
    (?<![\w./$€-])(?<!\d[ ,])0[1-9](?:\d{1,3} \d{3,4} ?\d{3,4}|(?: \d\d){4}| \d{3} \d{4}
    |\d{1,3}[ -](?:15[ -])?\d{3} \d{3,4})(?![\w-]|[ .,]\d)
phone 0.5 #3,4,5:-
    (?<![\w./$€-])(?<!\d[ ,])0(?:11-\d{8}|[1-9]\d\d-?\d{7}|[23]\d{3}-\d{6})(?![\w-]|[ .,]\d)
phone 0.5 #1:_
    (?<![\w./$€-])(?<!\d[ ,])(?:9 \d{4} \d{4}|[679](?: \d){8})(?![\w-]|[ .,]\d)
phone 0.45 #2,3,4:_-
    (?<![\w./$€-])(?<!\d[ ,])(?:11[ -]\d{4}[ -]?\d{4}|(?:55|56|33|81)(?:[ -]\d{4}[ -]\d{4}|
    (?: \d\d){4})
    |(?:2[2-9]|3[3-8])(?:\d[ -](?:15[ -])?\d{3}[ -]?\d{4}|\d\d[ -](?:15[ -])?\d{2}[ -]?\d{4}))
    (?![\w-]|[ .,]\d)
phone 0.45 #9,10
    (?<=[;|\t,>])(?:[6-9]\d{8}|(?:11\d|3[3-8]\d|2[2-9]\d)\d{7})(?=[;|\t<\n\r]|$|,(?!\d))
phone 0.45 #4:-
    (?<![\w./$€-])(?<!\d[ ,])(?<!ISSN )(?<!edido )(?<!ef\. )(?<!rden )(?<!úmero )(?<!ro\. )
    (?<!\bnº )(?<!ódigo )
    (?<!icket )(?<!actura )[4-6]\d{3}-\d{4}(?![\w-]|[.,]\d)
phone 0.55 al des nue apu ano agé age mio mío mia mía fro
    (?:al|desde(?: el)?|from|nuevo|apunta\w*|anota\w*|m[ií][oa] es|ag[eé]nda\w*)
    (?: n[uú]mero| n[º°]| cel| tel[eé]fono)? (?P<v>15\d{8}|[2-9]\d\d[2-9]\d{6}|(?:0?11\d|3[3-8]\d
    |2[2-9]\d)\d{7}
    |[6-9]\d{8}|\d{4}-\d{4}|\d\d \d{3} \d{4}|[679]\d{2}([ .-])(?:\d\d\2\d\d\2\d\d|\d{3}\2\d{3}))
    (?![\w-]|[.,]\d)
phone 0.45 #2,3,4:.- #11
    (?<![\w./$€-])(?<!\d[ ,])(?:0[1-9](?:\d{9}|\d{1,2}([.-])\d{3,4}\1\d{3,4}
    |([.-])\d\d(?:\2\d\d){3})
    |9\d-\d{3}-\d\d-\d\d|[6-9]\d\d(?:-\d\d){3})(?![\w-]|[ .,]\d)
phone 0.4 #3:_.-
    (?<![\w./$€-])(?<!\d,)(?<!\d )[679]\d{2}([ .-])\d{3}\1\d{3}(?![\w,%€$-]|[ .]\d| (?:€
    |[km]?[gml]\b|[cm]?m[23²³]|ha\b|[GgBb]s\b|pesos|euros))
phone 0.7 t f m p c
    (?i:[tfmpc]) ?[:.] ?(?P<v>\(?[0+](?:[ .\-/()]{0,2}\d){8,14})(?![\w@])
phone 0.75 tel tfn tlf pho fax ubi com con cel móv mov mob mòb wha wsp des off cal rin tex dia rea
    & con ans lla llá mar már mes reg my mi tf biz ven fon lín lin yap pli neq dav was wat wp wpp
    & gua wap inf int fij
    tel(?:[eéè]fons?|[eé]fonos?|[eé]f|f|fs|efax)?|tel[eé]fono (?:m[oó]vil|fijo|de contacto)|tfno?s?
    |tf|tlfn?o?
    |(?:tele)?phones?(?: ?(?:numbers?|no|num))?|fax|fono|fijo(?=\D{0,4}(?:\d[ .\-/()]{0,2}){8})|cel
    (?:ular|l|u)?|m[oóò][vb]il|mobile
    |w(?:h?at?s?(?:s?app?|ap)|hats|h?asap|assap|sp|pp?|ap)|guasap|convencional
    |l[ií]nea(?=\D{0,12}(?:\d[ .\-/()]{0,2}){8})|yape|plin|nequi|daviplata
    |desk|office
    |(?:call(?:ing)?|ring|text|dial|reach|contact)(?: (?:me|us|him|her|them|you))?
    (?: ?back)?(?: (?:at|on|al))?(?=\D{0,12}(?:\d[ .\-/()]{0,2}){7})|answering at|(?:ll[aá]m
    |m[aá]rc)\w+
    (?: al)?|(?:ubic|comun[ií]|cont[aá]ct)\w*
    |contacto|(?:informes|interesad[oa]s|consultas)(?=\D{0,9}(?:\d[ .\-/()]{0,2}){8})|bizum|venmo
    |messages (?:to|on|from)
    |registered|(?:my|mi) (?:new |nuevo |otro )?n(?:[uú]m(?:ber|ero)?|ro)
    --CALL--> \+? ?\(?\d(?:[ .\-/()]{0,2}\d){5,14}<EXT>(?![\w@])
"""
PHONES = read_table("PHONES", _PHONES, MACROS)
