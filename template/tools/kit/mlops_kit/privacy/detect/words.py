"""Words that carry evidence in English and Spanish; short lists of our own, not dictionaries."""

MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
    "|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre"
    "|ene|abr|ago|set|dic"
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
_GIVEN = """
    aaron adam adrian adriana agustin agustina ahmed alan albert alberto alejandra alejandro
    alex alexander alexandra alfonso alfredo ali alice alicia amanda amelia amy ana andrea
    andres andrew angela angelica anna anne annie anthony anton antonella antonia antonio ariel
    arthur arturo ashley astrid barbara beatriz belen benjamin bernardo betty bjorn boris bram
    brandon brenda brian bruno camila camille carla carlos carol carolina caroline catalina
    catherine cecilia charles charlotte chiara christian christina christine christopher cindy
    claire clara claudia claudio cristian cristina cristobal cynthia daniel daniela danielle
    david deborah delfina denise dennis diana diego dmitri dominic donald donna dorothy edgar
    eduardo edward elena elias elizabeth ellen emilia emilio emily emma enrique eric erik
    ernesto esteban esther eugenia eva evelyn fabian facundo fatima federico felipe felix
    fernanda fernando florencia frances francesco francisca francisco frederick freja gabriel
    gabriela gary gaston george gerald gerardo giulia gloria gonzalo gregory guillermo gustavo
    hannah hans harold harry hector heinrich helen henry hernan hiroshi horacio howard hugo ian
    ignacio igor ines ingrid irene isaac isabel isabella ivan ivana jack jacob jacqueline jaime
    james jane janet jason javier jean jeffrey jennifer jeremy jeroen jerry jesica jessica jesus
    jimena joan joanna joaquin joel john jonathan jorge jose joseph joshua joyce juan juana
    judith julia julian juliana julie julieta julio jurgen justin karen karina karl katherine
    kathleen kathryn keith kelly kenneth kevin kimberly klaus kyle larry lars laura lauren
    lautaro lawrence leandro leonardo leonor leslie liam lidia linda lisa lorena lorenzo louis
    luc luca lucas lucia luciana luciano luis luisa manuel manuela marc marcela marcelo marco
    marcos margaret margarita maria mariana mariano maribel marie mario marta martha martin
    martina mary mateo matias matteo matthew mauricio mauro maximiliano megan melissa micaela
    michael michele michelle miguel mikkel mohammed monica montserrat nancy natalia nathan
    nestor nicholas nicolas nicole nikolai noelia nora norma octavio olga oliver olivia omar
    oscar pablo pamela paolo patricia patrick paul paula pedro peter petra philip pierre priya
    rachel rafael raj ramiro ramon raquel raul raymond rebeca rebecca renata ricardo richard
    robert roberto rocio rodolfo rodrigo rogelio roger ronald rosa ruben ruth ryan samantha
    samuel sander sandra sara sarah scott sean sebastian sergio sharon silvia silvina simon
    sofia sonia sophia sophie stefan stephanie stephen steven susan susana sven svetlana sylvia
    tatiana teresa theresa thomas timothy tomas tyler valentina valeria vanessa veronica vicente
    victor vincent walter wei wendy william xavier ximena yolanda yuki zachary zoe
"""
_AMBIGUOUS = """
    alba carmen german guadalupe jordi lourdes mercedes milagros pilar rosario salvador santiago
    trinidad victoria virginia
"""
_SURNAMES = """
    acosta aguirre alonso alvarez anderson baker benitez blanco brown cabrera campbell carter
    castillo castro clark collins cooper cruz davies davis delgado diaz dominguez edwards evans
    fernandez ferrer flores garcia garrido gil gimenez gomez gonzalez green gutierrez hall
    harris hernandez herrera hill howard hughes iglesias jackson jimenez johnson jones khan king
    lee lewis lopez lozano marin martin martinez medina mendez miller mitchell molina moore
    morales moreno morris munoz murphy navarro nelson nguyen nunez ortega ortiz parker patel
    perez phillips ramirez ramos reyes rivera roberts robinson rodriguez romero rossi rubio ruiz
    sanchez santos sanz serrano silva smith soto suarez taylor thomas thompson torres turner
    vargas vazquez vega walker watson white williams wilson wood wright young
"""
# Common given names that are seldom another word; a column of people holds many of them.
GIVEN = frozenset(_GIVEN.split())
# Given names that name towns, months or virtues as often: evidence beside another name only.
AMBIGUOUS = frozenset(_AMBIGUOUS.split())
SURNAMES = frozenset(_SURNAMES.split())
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
