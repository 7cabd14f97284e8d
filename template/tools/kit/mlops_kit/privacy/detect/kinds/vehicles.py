"""Plates and serial numbers of vehicles."""

from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule

PLATE = Kind(
    entity="plate",
    role="identifier",
    label="vehicle plate or serial number",
    action="token",
    safe_harbor="L",
    headers=(
        Header(
            "plates?|license_plate|number_plate|patente|matricula|placa|dominio|vin|chasis|chassis",
            0.8,
        ),
    ),
    caption="license plate",
    rules=(
        Rule(0.45, "A#", r"(?<!\w)(?:[A-Z]{2}\d\d [A-Z]{3}|[RCE]\d{4}[B-DF-HJ-NP-TV-Z]{3})(?!\w)"),
        Rule(
            0.45,
            "#4:_-BCDFGHJKLMNPRSTVWXYZ",
            r"(?<![\w.,/$€-])(?<!\d )\d{4}[ -]?(?!RPM|KWH|LTS|[MGK]HZ|[LPBC]PM|HRS|MTS|[GK][RM]S"
            "|CLP|MXN|GBP|CHF|PLN|DKK|CZK|TRY|BRL|PYG|HKD|CNY|JPY|PTS|HDR|DPT"
            r"|PPB)[B-DF-HJ-NPR-TV-Z]{3}(?![\w-])",
        ),
        Rule(
            0.75,
            "coc veh fur mot tur car tru van aut pat rem tra cam rod tax",
            labels="coche|veh[ií]culo|furgoneta|moto(?:cicleta|veh[ií]culo)?|turismo|auto"
            "|patrulla|car|vehicle|truck|van|remolque|tractora|furg[oó]n|taxi|remise?"
            "|cami[oó]n|camioneta|rodado",
            pattern=r"(?:[RE][ -]?)?(?:\d{4}[ -]?[B-DF-HJ-NP-TV-Z]{3}"
            r"|[A-Z]{1,2}[ -]?\d{4}[ -]?[A-Z]{1,2}|[A-Z]{2}\d\d ?[A-Z]{3}"
            r"|[A-Z]{2} ?\d{3} ?[A-Z]{2}|[A-Z]{3}-\d{2,3}-[A-Z\d]{1,3}"
            r"|[A-Z][A-Z\d][A-Z][ -]?\d{3}|[A-Z]{2}([ ·.-])[A-Z]{2}\2\d\d"
            r"|[A-Z]{3} ?\d\d[A-Z])(?!\w)",
        ),
        Rule(
            0.81,
            "pla lic num mat pat dom reg vin cha bas niv ppu",
            labels="(?:licen[cs]e |number )?plates?|(?:matr[ií]cula|placas?)(?: del? (?:la |su "
            r"|el )?[^\W\d_]{4,10}(?: [^\W\d_]{6,10})?)?|patente|pat\.|dominio|placas?|ppu"
            "|reg(?:istration)?|[vn]i[nv]|chasis|chassis|bastidor",
            pattern=r"[A-Z]-\d\d-\d\d-[A-Z](?!\w)|(?=[\d \-]{0,6}[A-Z])(?=[A-Z \-]{0,6}\d)(?="
            r"(?:[ -]?[A-Z\d]){4,9}(?!\w))[A-Z\d]{1,4}(?:[ -]?[A-Z\d]{1,5}){1,2}(?!\w)"
            r"|[A-Z]{2}[ ·.-]?[A-Z\d]{2}[ ·.-]?\d{2}(?!\w)|[A-Z]{3}(?:-\d\d){2}(?!\w)"
            r"|[A-HJ-NPR-Z\d]{17}(?!\w)",
        ),
    ),
    under_header=r"^[A-Za-z\d]{1,4}(?:[ -]?[A-Za-z\d]{1,4}){1,2}$"
    r"|^[A-HJ-NPR-Za-hj-npr-z\d]{17}$",
)

KINDS = (PLATE,)
