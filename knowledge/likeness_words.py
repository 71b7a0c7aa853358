"""What `knowledge.likeness` knows of four languages: greetings, days, negations, opposites, common words.

All words stand without accents, as `questions.fold` leaves them; only greetings are met as they are written.
"""

import re
from collections.abc import Mapping

_HELLO = (
    r"oi+e?|ol[aá]|opa|e a[ií]|bom dia|boa tarde|boa noite|tudo (?:bem|bom)|td bem|como vai|al[oô]"
    r"|com licen[çc]a|por (?:favor|gentileza)|desculpe?|(?:tenho |s[oó] )?uma (?:d[uú]vida|pergunta)"
    r"|me (?:tira|tire) uma d[uú]vida"
    r"|hi+|hello|hey|good (?:morning|afternoon|evening|day)|please|pls|excuse me|sorry|quick question"
    r"|hola|buenos d[ií]as|buenas(?: tardes| noches)?|qu[eé] tal|disculpen?|perd[oó]n|una (?:duda|pregunta|consulta)(?=[:,])"
    r"|bonjour|bonsoir|salut|coucou|[cç]a va|excusez[- ]moi|pardon|(?:j['’]ai )?une (?:petite )?question"
    r"|s['’]il (?:vous|te) pla[iî]t|svp|stp"
)
_BYE = (
    r"(?:muito |mto )?obrigad[oa]|obg|obgd|valeu|vlw|grat[oa]|por (?:favor|gentileza)|pfv?|abra[çc]os?|bom dia|boa (?:tarde|noite)"
    r"|thanks(?: (?:a lot|so much|in advance))?|thank you(?: (?:very|so) much)?|thx|please|pls|plz|cheers"
    r"|(?:muchas )?gracias|saludos|xfa|porfa(?:vor)?"
    r"|merci(?: (?:beaucoup|d['’]avance))?|s['’]il (?:vous|te) pla[iî]t|svp|stp|cordialement"
)
_ALL = r"there|pessoal|gente|equipe|a todos|all|team|everyone|equipo|l['’][ée]quipe|tout le monde"
HEAD = re.compile(rf"^[\W_]*(?:{_HELLO})(?!\w)(?:[\s,]+(?:{_ALL})(?!\w))?[\W_]*", re.IGNORECASE)
TAIL = re.compile(rf"[\s,.;:!–-]+(?:{_BYE})[\W_]*$", re.IGNORECASE)
# "…, não é?" asks for a yes and denies nothing.
TAG = re.compile(
    r"[, ]+(?:n[eé]|n[aã]o [eé]|ou n[aã]o|certo|verdad|o no|right|or not|isn['’]t it|n['’]est[- ]ce pas|ou non|non)\s*[?!.]*\s*$"
    r"|, *(?:n[aã]o|no)\s*[?!.]*\s*$",
    re.IGNORECASE,
)
# Several words that are one, and would be read as something else: no morning in a "café da manhã".
PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), f" {one} ")
    for pattern, one in (
        (r"fi(?:m|ns|nal|nais) de semana|fds|week[- ]?ends?|fin(?:es)? de semana|finde", "weekend"),
        (r"cafes? da manha", "cafedamanha"),
        (r"petits?[- ]dejeuners?", "petitdejeuner"),
        (r"check[- ]?in", "checkin"),
        (r"check[- ]?out", "checkout"),
        (r"wi[- ]fi", "wifi"),
        (r"ar[- ]condicionado", "arcondicionado"),
    )
)

_DAYS = """
mon=segunda segundas monday mondays lunes lundi lundis
tue=terca tercas tuesday tuesdays martes mardi mardis
wed=quarta quartas wednesday wednesdays miercoles mercredi mercredis
thu=quinta quintas thursday thursdays jueves jeudi jeudis
fri=sexta sextas friday fridays viernes vendredi vendredis
sat=sabado sabados saturday saturdays samedi samedis
sun=domingo domingos sunday sundays dimanche dimanches
weekend=weekend
holiday=feriado feriados holiday holidays festivo festivos ferie feries
today=hoje today hoy aujourd
tomorrow=amanha tomorrow demain manana
yesterday=ontem yesterday ayer hier
morning=manha manhas morning mornings matin matins mananas
afternoon=tarde tardes afternoon afternoons midi
night=noite noites night nights evening evenings noche noches soir soirs nuit tonight
christmas=natal christmas navidad noel
carnival=carnaval carnival
easter=pascoa easter pascua paques
jan=janeiro january enero janvier
feb=fevereiro february febrero fevrier
mar=marco march marzo
apr=abril april avril
may=maio mayo
jun=junho june junio juin
jul=julho july julio juillet
aug=agosto august aout
sep=setembro september septiembre setiembre septembre
oct=outubro october octubre octobre
nov=novembro november noviembre novembre
dec=dezembro december diciembre decembre
"""
DAYS: Mapping[str, str] = {
    word: name
    for name, _equals, forms in (line.partition("=") for line in _DAYS.split("\n") if line)
    for word in forms.split()
}
_NEGATIONS = """
nao not never nunca jamais sem without sin sans pas cannot nenhum nenhuma ninguem ningun ninguna nadie
aucun aucune tampouco tampoco neither none nobody
"""
NEGATIONS = frozenset(_NEGATIONS.split())
COUNTED: Mapping[str, Mapping[str, str]] = {
    language: {word: str(number) for number, word in enumerate(counted.split(), start=2)}
    for language, counted in {
        "pt": "dois tres quatro cinco seis sete oito nove dez onze doze",
        "en": "two three four five six seven eight nine ten eleven twelve",
        "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce",
        "fr": "deux trois quatre cinq six sept huit neuf dix onze douze",
    }.items()
}

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "price",
            r"\bquanto\b(?! temp)|\b(?:preco|valor|custo|precio|coste|tarifa|tarif)(?:s|es)?\b|\bprix\b|\bcust(?:a|am|aria)\b"
            r"|\bhow much\b|\b(?:price|cost|fee|rate|charge)s?\b|\bpric(?:ing|ey)\b"
            r"|\bcuanto\b(?! tiemp)|\bcuesta[n]?\b|\bcombien\b(?! de)|\bcoute(?:nt)?\b",
        ),
        (
            "duration",
            r"\bquanto tempo\b|\bdemora[m]?\b|\bduracao\b|\bdura[m]?\b|\bhow long\b|\bduration\b"
            r"|\bcuanto tiempo\b|\btarda[n]?\b|\bduracion\b|\bcombien de temps\b|\bduree\b|\bdure(?:nt)?\b",
        ),
        ("count", r"\bquant[oa]s\b|\bhow many\b|\bcuant[oa]s\b|\bcombien de\b(?! temps)"),
        (
            "place",
            r"\b(?:a|d)?onde\b|\bendereco\b|\blocaliza\w*|\bwhere\b|\baddress\b|\blocat(?:ed|ion)\b|\bdonde\b|\bdireccion\b"
            r"|\bubica\w*|^ou\b|\badresse\b|\bsitue[es]*\b|\bou (?:est|se|etes|vous)\b",
        ),
        (
            "time",
            r"\bhora(?:s|rio|rios)?\b|\bquando\b|\bwhat time\b|\bwhen\b|\bhours\b|\bcuando\b|\bheures?\b|\bhoraires?\b"
            r"|\bquand\b|\btimes\b",
        ),
        ("person", r"\bquem\b|\bwho\b|\bquien(?:es)?\b|^qui\b"),
        ("reason", r"\bpor ?que\b(?= )|\bwhy\b|\bpourquoi\b"),
    )
)

# Opening and closing say little beside the hours; the others also count among the telling words.
OPPOSITES: tuple[Mapping[str, re.Pattern[str]], ...] = tuple(
    {side: re.compile(rf"(?:{pattern})") for side, pattern in group.items()}
    for group in (
        {
            "open": r"abr(?:e|em|ir|imos|indo|iu|en|is|iran)$|abert|abiert|apert|open|ouv(?:r|er)",
            "close": r"fech|clos(?:e|ed|es|ing|ure)$|cerr(?:a|ad|am|ar)|cierr|ferm(?:e|er|es|ez|ent|ee|eture)$",
        },
        {
            "make": r"marc(?:a|ar|o|amos|acao)$|agend|reserv|book",
            "cancel": r"desmarc|cancel|annul|anul",
            "move": r"remarc|reagend|reschedul|reprogram|report(?:er)?$|adiar|postpon",
        },
        {"buy": r"compr(?:a|ar|o|am|amos|an)$|buy|purchas|achet", "sell": r"vend|sell|sale"},
        {
            "adult": r"adult",
            "child": r"crianc|infant|child|kid|nin[oa]s?$|enfant|bebe|baby|babies",
        },
        {
            "man": r"homem|homens|masculin|m[ae]n$|hombre|homme|garcon",
            "woman": r"mulher|feminin|femenin|wom[ae]n|mujer|femme",
        },
        {
            "arrive": r"entrada|entrar|chegad|chegar|arriv|llegad|llegar|checkin",
            "leave": r"saida|sair|salida|salir|depart|sortie|leav|checkout",
        },
        {
            "begin": r"comec|inici|start|begin|empiez|empez|comienz|commenc|debut",
            "end": r"termin|acab|final$|ends?$|finish|fin$|finit",
        },
        {"before": r"antes$|before|avant$", "after": r"depois|after$|despues|apres$"},
        {
            "first": r"primeir|first|primer|premier",
            "last": r"ultim|last$|dernier",
            "again": r"retorn|return|revision|follow|contro(?:l|le)$",
        },
        {
            "deliver": r"entreg|deliver|livr(?:e|er|ez|aison)s?$|domicili",
            "fetch": r"retir|pickup|recog|emporter|takeaway|buscar",
        },
        {"free": r"gratis|gratuit|free$", "paid": r"pag[oa]s?$|paid$|payant"},
        {"hot": r"quent|hot$|calient|chaud", "cold": r"fri[oa]s?$|cold|froid"},
        {"most": r"maxim", "least": r"minim"},
        {"credit": r"credit", "debit": r"debit"},
        {"send": r"envi(?:a|ar|am|amos|o|an)$|send|ship|envoy", "receive": r"receb|receiv|recib|recev|recoi"},
    )
)

_COMMON = """
que com para por dos das uma uns umas nos nas aos pelo pela pelos pelas este esta isto esse essa isso aquele
aquela aquilo meu minha meus minhas seu sua seus suas nosso nossa nossos nossas dele dela mais menos muito
muita muitos muitas pouco tambem ainda agora aqui ali como qual quais quem quando onde porque quanto quanta
quantos quantas voce voces eles elas ele ela nos mim ate sob sobre entre desde durante cada todo toda todos
todas algum alguma alguns algumas outro outra outros outras mesmo mesma tal entao mas nem pois era sao foi
ser sou somos estou esta estao estar estao estamos tem temos tenho ter teria tinha havera haver existe
existem fica ficam ficar faz fazem fazer faco fazendo posso pode podem podemos poder poderia poderiam
conseguir consigo consegue conseguem quero quer querem queria gostaria preciso precisa precisam precisar
saber sabe sabem sei dizer diz fala falar me informa informar informe informacao informacoes tira tirar
duvida pergunta aceita aceitam aceitar aceitamos atende atendem atender atendimento atendemos trabalha
trabalham trabalhar oferece oferecem oferecer possui possuem funciona funcionam funcionar funcionamento usa
usar dar da dao vai vao vou vamos ir indo vem vir favor passa passar manda mandar possivel disponivel dia
dias feira feiras tipo tipos caso coisa coisas pessoal gente hora horas horario horarios preco precos valor
valores custa custam custo custaria sai cobra cobram cobrar paga pagar pagamos pagando levar trazer ver
qualquer endereco localizacao localizado localizada realmente mesmo sim acho bem aceito aonde ate vez vezes
ola dentro the and for you your yours with have has had does did can could would should will shall are was
were been being this that these those there here what which when where why how who whom whose they them
their our ours his her its from into onto about over under than then also just only very much many more most
some any all each every other another such same own too not let get got make made take takes taking need
needs want wants like know tell say says please offer offers accept accepts provide provides work works use
uses possible available day days time times hour hours price prices cost costs charge charges fee fees rate
rates pay paying paid bring come comes going give gives located location address find see way thing things
may might must info information kind kinds yes sure someone anybody anyone everyone los las una unos unas
del con por para que como cual cuales quien quienes cuando donde cuanto cuanta cuantos cuantas este esta
esto estos estas ese esa eso esos esas aquel mio mia tuyo suyo sus nuestro nuestra nuestros nuestras mas
menos muy mucho mucha muchos muchas poco tambien aun ahora aqui alli desde hasta entre sobre cada todo toda
todos todas algun alguna algunos algunas otro otra otros otras mismo misma son soy somos esta estan estar
tiene tienen tener tengo tenemos hay haber hace hacen hacer hago puedo puede pueden podemos poder podria
podrian quiero quiere quieren quisiera gustaria necesito necesita necesitan saber saben decir digame dime
acepta aceptan aceptar atienden atender trabajan trabajar ofrecen ofrecer funciona funcionan usar dar dan
van voy vamos venir favor posible disponible dia dias tipo tipos cosa cosas hora horas horario horarios
precio precios vale cuesta cuestan cobran cobrar pagar llevar traer ver direccion ubicacion ubicado ubicados
usted ustedes ellos ellas informacion queda quedan les des une aux avec pour par dans sur sous entre chez
sans que qui quoi dont est sont etes suis etre avez avons ont avoir fait font faire faites peut peux peuvent
pouvez pouvoir pourrais pourriez puis veux veut voulez voudrais aimerais besoin faut savoir sais dire dites
accepte acceptez accepter acceptent proposez proposer offrez travaillez utilise utiliser donner donnez vais
allez aller venir viens possible disponible disponibles jour jours type types chose choses heure heures
horaire horaires prix tarif tarifs coute coutent combien cout payer amener apporter voir adresse vous nous
ils elles elle mon mes ton tes son ses notre nos votre vos leur leurs cet cette ces quel quelle quels
quelles quand comment pourquoi plus moins tres beaucoup aussi encore maintenant ici tout toute tous toutes
autre autres meme informations trouve trouvez situe situes oui non chaque quelque quelques cliente clientes
cardapio menu plano planos allow allowed allows permit permitted permite permiten permitido client clients
customer customers guest guests huesped huespedes hospede hospedes autorise autorisez autorises please plz
pls obrigado obrigada gracias merci thanks hello bonjour hola
"""
COMMON = frozenset(_COMMON.split())

_ASKING = """
quanto quanta quantos quantas qual quais quando onde aonde como porque quem que tem tens teria existe posso
pode podem poderia podemos consigo voces voce gostaria queria quero saber preciso aceita aceitam fazem faz
atendem abrem abre fecham fecha trabalham vendem vende oferecem funciona duvida sabe sabem what which when
where why who how do does did is are can could would will have has may should cuanto cuanta cuantos cuantas
cual cuales cuando donde quien tiene tienen hay puedo puede pueden podria quisiera quiero saber necesito
ustedes usted aceptan hacen abren cierran venden atienden combien quel quelle quels quelles quand comment
pourquoi qui avez peut peux pouvez puis est voudrais veux savoir faites vendez acceptez ouvrez fermez
aimerais
"""
ASKING = frozenset(_ASKING.split())
