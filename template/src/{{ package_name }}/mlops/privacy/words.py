"""Words that carry evidence in English and Spanish; short lists of our own, not dictionaries."""

MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
    "|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre"
    "|ene|abr|ago|dic"
)
LONG_MONTHS = (
    "january|february|march|april|june|july|august|september|october|november|december"
    "|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre"
)
DAYS = (
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    "|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo"
)
NUMBERS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|un|una|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince"
    "|diecis[eé]is|diecisiete|dieciocho|diecinueve|veinte|treinta|cuarenta|cincuenta|sesenta"
    "|setenta|ochenta|noventa"
)
# Common given names that are seldom another word; a column of people holds many of them.
GIVEN = frozenset(
    ["aaron", "adam", "adriana", "adrian", "agustin", "agustina", "alan", "alba", "albert", "alberto", "alejandra", "alejandro", "alex", "alexander", "alexandra", "alfonso", "alfredo", "alice", "alicia", "amanda", "amelia", "amy", "ana", "andrea", "andrew", "andres", "angela", "angelica", "anna", "anne", "annie", "anthony", "antonella", "antonia", "antonio", "ariel", "arthur", "arturo", "ashley", "barbara", "beatriz", "belen", "benjamin", "bernardo", "betty", "brandon", "brenda", "brian", "bruno", "camila", "carla", "carlos", "carmen", "carol", "carolina", "caroline", "catalina", "catherine", "cecilia", "charles", "charlotte", "christian", "christina", "christine", "christopher", "cindy", "clara", "claudia", "claudio", "cristian", "cristina", "cristobal", "cynthia", "daniel", "daniela", "danielle", "david", "deborah", "delfina", "denise", "dennis", "diana", "diego", "dominic", "donald", "donna", "dorothy", "edgar", "eduardo", "edward", "elena", "elias", "elizabeth", "ellen", "emilia", "emilio", "emily", "emma", "enrique", "eric", "ernesto", "esteban", "esther", "eugenia", "eva", "evelyn", "fabian", "facundo", "federico", "felipe", "felix", "fernanda", "fernando", "florencia", "frances", "francesco", "francisca", "francisco", "frederick", "gabriel", "gabriela", "gary", "gaston", "george", "gerald", "gerardo", "german", "gloria", "gonzalo", "gregory", "guadalupe", "guillermo", "gustavo", "hannah", "harold", "harry", "hector", "helen", "henry", "hernan", "horacio", "howard", "hugo", "ian", "ignacio", "ines", "irene", "isaac", "isabel", "isabella", "ivan", "jack", "jacob", "jacqueline", "jaime", "james", "jane", "janet", "jason", "javier", "jean", "jeffrey", "jennifer", "jeremy", "jerry", "jesica", "jessica", "jesus", "jimena", "joan", "joanna", "joaquin", "joel", "john", "jonathan", "jordi", "jorge", "jose", "joseph", "joshua", "joyce", "juan", "juana", "judith", "julia", "julian", "juliana", "julie", "julieta", "julio", "justin", "karen", "karina", "karl", "katherine", "kathleen", "kathryn", "keith", "kelly", "kenneth", "kevin", "kimberly", "kyle", "larry", "laura", "lauren", "lautaro", "lawrence", "leandro", "leonardo", "leonor", "leslie", "liam", "lidia", "linda", "lisa", "lorena", "lorenzo", "louis", "lourdes", "lucas", "lucia", "luciana", "luciano", "luis", "luisa", "manuel", "manuela", "marc", "marcela", "marcelo", "marco", "marcos", "margaret", "margarita", "maria", "mariana", "mariano", "maribel", "marie", "mario", "marta", "martha", "martin", "martina", "mary", "mateo", "matias", "matthew", "mauricio", "mauro", "maximiliano", "megan", "melissa", "mercedes", "micaela", "michael", "michele", "michelle", "miguel", "milagros", "monica", "montserrat", "nancy", "natalia", "nathan", "nestor", "nicholas", "nicolas", "nicole", "noelia", "nora", "norma", "octavio", "olga", "oliver", "olivia", "oscar", "pablo", "pamela", "patricia", "patrick", "paul", "paula", "pedro", "peter", "philip", "pilar", "rachel", "rafael", "ramiro", "ramon", "raquel", "raul", "raymond", "rebeca", "rebecca", "renata", "ricardo", "richard", "robert", "roberto", "rocio", "rodolfo", "rodrigo", "roger", "rogelio", "ronald", "rosa", "rosario", "ruben", "ruth", "ryan", "salvador", "samantha", "samuel", "sandra", "santiago", "sara", "sarah", "scott", "sean", "sebastian", "sergio", "sharon", "silvia", "silvina", "simon", "sofia", "sonia", "sophia", "sophie", "stefan", "stephanie", "stephen", "steven", "susan", "susana", "sylvia", "teresa", "theresa", "thomas", "timothy", "tomas", "trinidad", "tyler", "valentina", "valeria", "vanessa", "veronica", "vicente", "victor", "victoria", "vincent", "virginia", "walter", "wendy", "william", "xavier", "ximena", "yolanda", "zachary", "zoe"]
)
# Given names that name towns, months or virtues as often: evidence beside another name only.
AMBIGUOUS = frozenset(
    ["alba", "carmen", "german", "guadalupe", "jordi", "lourdes", "mercedes", "milagros", "pilar", "rosario", "salvador", "santiago", "trinidad", "victoria", "virginia", "san", "santa"]
)
SURNAMES = frozenset(
    ["acosta", "aguirre", "alonso", "alvarez", "anderson", "baker", "benitez", "blanco", "brown", "cabrera", "campbell", "carter", "castillo", "castro", "clark", "collins", "cooper", "cruz", "davies", "davis", "delgado", "diaz", "dominguez", "edwards", "evans", "fernandez", "ferrer", "flores", "garcia", "garrido", "gil", "gimenez", "gomez", "gonzalez", "green", "gutierrez", "hall", "harris", "hernandez", "herrera", "hill", "howard", "hughes", "iglesias", "jackson", "jimenez", "johnson", "jones", "khan", "king", "lee", "lewis", "lopez", "lozano", "marin", "martin", "martinez", "medina", "mendez", "miller", "mitchell", "molina", "moore", "morales", "moreno", "morris", "munoz", "murphy", "navarro", "nelson", "nguyen", "nunez", "ortega", "ortiz", "parker", "patel", "perez", "phillips", "ramirez", "ramos", "reyes", "rivera", "roberts", "robinson", "rodriguez", "romero", "rossi", "rubio", "ruiz", "sanchez", "santos", "sanz", "serrano", "silva", "smith", "soto", "suarez", "taylor", "thomas", "thompson", "torres", "turner", "vargas", "vazquez", "vega", "walker", "watson", "white", "williams", "wilson", "wood", "wright", "young"]
)
COUNTRIES = (
    "Afghanistan|Albania|Algeria|Andorra|Angola|Argentina|Armenia|Australia|Austria|Bahamas"
    "|Bangladesh|Barbados|Belgium|Bélgica|Belize|Bolivia|Botswana|Brazil|Brasil|Bulgaria|Cambodia"
    "|Cameroon|Canada|Canadá|Chile|China|Colombia|Costa Rica|Croatia|Croacia|Cuba|Cyprus|Chipre"
    "|Czech Republic|Denmark|Dinamarca|Dominican Republic|República Dominicana|Ecuador|Egypt"
    "|Egipto|El Salvador|England|Inglaterra|Eritrea|Estonia|Ethiopia|Etiopía|Fiji|Finland"
    "|Finlandia|France|Francia|Germany|Alemania|Ghana|Greece|Grecia|Guatemala|Haiti|Haití"
    "|Honduras|Hungary|Hungría|Iceland|Islandia|India|Indonesia|Iran|Irán|Iraq|Irak|Ireland"
    "|Irlanda|Israel|Italy|Italia|Jamaica|Japan|Japón|Kazakhstan|Kenya|Kenia|Korea|Corea|Kuwait"
    "|Latvia|Letonia|Lebanon|Líbano|Libya|Libia|Liechtenstein|Lithuania|Lituania|Luxembourg"
    "|Luxemburgo|Malaysia|Malasia|Mali|Malta|Marruecos|Mexico|México|Moldova|Monaco|Mónaco"
    "|Mongolia|Montenegro|Morocco|Mozambique|Namibia|Nepal|Netherlands|Holanda|Países Bajos"
    "|New Zealand|Nueva Zelanda|Nicaragua|Nigeria|North Korea|Norway|Noruega|Pakistan|Pakistán"
    "|Panama|Panamá|Paraguay|Peru|Perú|Philippines|Filipinas|Poland|Polonia|Portugal|Puerto Rico"
    "|Qatar|Romania|Rumanía|Rumania|Russia|Rusia|Rwanda|Saudi Arabia|Scotland|Escocia|Senegal"
    "|Serbia|Singapore|Singapur|Slovakia|Eslovaquia|Slovenia|Eslovenia|Somalia|South Africa"
    "|Sudáfrica|South Korea|Spain|España|Sri Lanka|Sudan|Sudán|Sweden|Suecia|Switzerland|Suiza"
    "|Syria|Siria|Taiwan|Tanzania|Thailand|Tailandia|Tunisia|Túnez|Turkey|Turquía|Uganda|Ukraine"
    "|Ucrania|United Arab Emirates|United Kingdom|Reino Unido|United States|Estados Unidos|USA"
    "|Uruguay|Uzbekistan|Venezuela|Vietnam|Wales|Gales|Yemen|Zambia|Zimbabwe"
)
