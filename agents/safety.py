"""Emergencies, before the model and before the balance. Pure: works with both down.

A message is folded and its words are replaced by what they stand for in four languages, typing errors of long
words included ("nao consigo respira" is NOT CAN BREATHE); patterns over that, not over each spelling, say what
cannot wait. What only names a danger ("heart attack") does not count where it is told of another time or asked
about, unless help is called for now. What to add: words to `_WORDS`, ways to say it to `_URGENT` or `_NAMED`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

LONGEST = 4000


class Danger(StrEnum):
    """What kind of help cannot wait for an answer."""

    MEDICAL = "medical"
    SELF_HARM = "self_harm"
    VIOLENCE = "violence"
    FIRE = "fire"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An emergency found in a message, and the words that showed it."""

    danger: Danger
    words: str


def fold(text: str) -> str:
    """Lower case without accents, one space between words: how words are compared here."""
    return " ".join(_BEYOND_ASCII.sub(_plainly, text.lower()).split())


_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def _plainly(found: re.Match[str]) -> str:
    """Letters without their accents. What is ASCII has none, and is most of any text."""
    apart = unicodedata.normalize("NFKD", found.group())
    return "".join(c for c in apart if not unicodedata.combining(c))


# What a word stands for, folded; a word has one meaning here.
_WORDS = {
    "NOT": "nao n nn naum num nem sem not cant cannot couldnt dont doesnt isnt wont arent didnt sin sans pas plus pu aint",
    "NO": "no",
    "CAN": "consigo consegue conseguindo conseguir posso pode puedo puede pudo logra logro peux peut jpeux arrive arrives can could able",
    "WANT": "quero queria vontade quiero kiero quisiera ganas gana veux voulais envie want wanna",
    "BREATHE": "respirar respira respirando respiro respire respirer respires respirez breathe breathes breathing breath breathin",
    "STOP": "parou paro deixou dejo stopped stop stops stopping arrete arretent arreter estanca estancar estancando",
    "PAIN": "dor dores doi doendo dolor dolores duele doliendo douleur douleurs mal pain pains hurt hurts hurting ache aching aperto pressao pressure tightness opresion oppression formigamento",
    "CHEST": "peito peit pecho poitrine thorax torax chest coracao corazon heart",
    "UNCON": "inconsciente inconsciente inconscient unconscious unresponsive desmaiou desmaiado desmaiada desmaiando desacordado desacordada desmayo desmayado desmayada evanoui evanouie fainted",
    "WAKE": "acorda acordou acordando despierta desperto reveille wake wakes waking reage",
    "RESPOND": "responde respondendo respondeu responder responding respond responds answering contesta contesto repond reponds reagit",
    "FLOOR": "chao caida caido caiu floor fell ground suelo piso cayo tirada tirado terre tombe tombee",
    "SEIZE": "convulsao convulsoes convulsion convulsiones convulsions convulsionando convulsionar seizure seizures seizing",
    "BLEED": "sangrando sangra sangramento sangrar sangrado hemorragia bleeding bleed bleeds saigne saigner saignement hemorragie hemorrhage hemorrhaging",
    "BLOOD": "sangue sange blood sangre sang",
    "MUCH": "muito muita demais mucho mucha bastante lot lots heavily badly beaucoup enormement",
    "CHOKE": "engasgado engasgada engasgou engasgando sufocando asfixiando choking suffocating ahogando atragantado atraganto atragantando etouffe afogando afogou drowning noie",
    "TOOK": "tomou tomei tome tomo took taken pris",
    "SWALLOW": "avale engoliu engoli swallowed ingeriu ingested trago",
    "DRINK": "bebeu bebi drank bebio bu ate comeu",
    "QUANT": "cartela frasco caixa inteira inteiro todos todas tudo muitos muitas varios varias muchas muchos bottle whole many lots trop toute tous boite entera todo toda",
    "PILLS": "remedio remedios comprimido comprimidos pills pill pastillas pastilla medicament medicaments medicamento medicamentos cachets cachet tablets paracetamol rivotril",
    "POISON": "veneno raticida chumbinho bleach javel cloro lixivia lavandina antifreeze detergente poison",
    "PREGNANT": "gravida gestante pregnant embarazada enceinte",
    "PERSON": "pai mae mamae papai filho filha bebe marido esposa esposo mulher avo vo vovo irmao irma ele ela amigo amiga tia tio sogra sogro crianca menino menina neto neta he she hes shes him her dad mom moms mum mother father husband wife son daughter baby kid child toddler grandma grandpa grandmother grandfather brother sister friend ella papa mama madre padre hijo hija nino nina abuela abuelo hermano hermana esposa il elle pere mere maman fils fille mari femme enfant frere soeur",
    "ATTACKER": "ex homem alguem man guy someone somebody hombre tipo alguien homme mec quelqu ladrao bandido thief ladron voleur namorado namorada boyfriend girlfriend novio novia copain copine padrasto padrastro stepdad stepfather",
    "KNIFE": "faca facao arma revolver pistola knife gun rifle cuchillo machete couteau arme fusil",
    "ARMED": "armado armada armed",
    "LIVE": "viver vivir vivre live living",
    "DIE": "morrer morir morirme mourir die dead desviver",
    "PLACE": "casa cozinha predio apartamento quarto carro loja house home kitchen building apartment car store shop maison cuisine appartement immeuble voiture magasin cocina edificio coche tienda escola escuela school ecole",
    "SMELL": "cheiro cheirando smell smells huele olor odeur vazamento vazando leak leaking fuga fuite escape",
    "GAS": "gas gaz",
    "FACE": "boca rosto cara face visage bouche",
    "DROOP": "torta torto torcida torcido droop drooping droops drooped deforme deformee paralisado paralisada paralizada paralysee paralyse",
    "THROAT": "garganta throat gorge",
    "CLOSE": "fechando fechou closing closed cierra cerrando ferme fermee inchando inchada swelling swollen gonfle hinchando",
    "AMBULANCE": "ambulancia ambulance samu",
    "BRIGADE": "bombeiros bomberos pompiers secours",
    "NUMBER": "911 112 192 193 999",
    "CALL": "chama chame chamem chamar call appelez appelle llama llame llamen ligue liga ligar dial",
    "SEND": "manda mandem manden mande envia envien envoyez envoie send preciso necesito need besoin",
}  # fmt: skip
# Long and telling words, found with a letter wrong or missing; others are too near to everyday ones.
_MISSPELT = """
convulsao convulsion convulsionando seizure inconsciente inconscient unconscious respirar respirando
 breathing ambulancia ambulance hemorragia infarctus suicidio suicide suicidar engasgado engasgando desacordado
"""
_TAGS = {word: tag for tag, words in _WORDS.items() for word in words.split()}
_TAGS |= dict.fromkeys(("suicidio", "suicide", "suicidar", "suicida", "suicider", "suicidarme"), "SUICIDE")
_TAGS |= dict.fromkeys(("infarto", "infarte", "enfarte", "enfarto", "infartando", "infarctus"), "INFARCT")


def _shortened(word: str, letters: int) -> Iterator[str]:
    """The word itself and with up to so many letters left out."""
    for gone in range(letters + 1):
        for places in combinations(range(len(word)), gone):
            yield "".join(letter for place, letter in enumerate(word) if place not in places)


def _slips(word: str) -> int:
    """How many letters may be wrong: two in the longest words."""
    return 2 if len(word) >= 10 else 1 if len(word) >= 7 else 0


_NEAR = {
    (word[0], _slips(word), short): _TAGS[word]
    for word in _MISSPELT.split()
    for short in _shortened(word, _slips(word))
}


def _tag(word: str) -> str:
    """What a word stands for, or the word."""
    if (known := _TAGS.get(word)) or len(word) < 6 or len(word) > 20:
        return known or word
    for slips in (1, 2) if len(word) >= 9 else (1,):
        for short in _shortened(word, slips):
            if near := _NEAR.get((word[0], slips, short)):
                return near
    return word


_ANY = r"(?:\w+ )"  # one word between two others
_HIGH = r"(?:ponte|predio|janela|bridge|roof|building|window|puente|edificio|ventana|pont|toit|fenetre|trem|train|tren)"
# What is said of somebody in danger now; the third says what makes it harmless after all.
_URGENT: tuple[tuple[Danger, str, str], ...] = (
    (
        Danger.SELF_HARM,
        rf"(?:WANT|vou|penso em|pensando em) (?:de )?me matar(?! de)|WANT (?:de |to |a |be )*(?:me )?DIE(?! for)|me WANT (?:me )?DIE"
        rf"|wish i (?:was|were) DIE|tirar (?:a )?minha (?:propria )?vida|WANT (?:me )?(?:matarme|SUICIDE)|quitarme la vida|me voy a matar|me (?:vou|voy) SUICIDE"
        rf"|kill(?:ing)? myself|\bkms\b|unalive|(?:end|ending|TOOK|take|taking) my (?:own )?life|end it all"
        rf"|(?:WANT|vais|vas) (?:de )?me tuer|me SUICIDE|mettre fin a (?:mes jours|ma vie)|en finir avec (?:la|ma) vie"
        rf"|(?:acabar|terminar|dar fim|por fim|um fim) (?:com|con|a|na|en) (?:a |la )?(?:minha|mi) vida"
        rf"|(?:NOT|NO) {_ANY}{{0,2}}WANT {_ANY}{{0,3}}LIVE(?! chat)|WANT NOT (?:de )?LIVE"
        rf"|(?:NOT|NO) {_ANY}{{0,2}}(?:aguento|aguanto|supporte|stand|bear) {_ANY}{{0,2}}LIVE"
        rf"|(?:sumir|desaparecer|disappear|dissapear|disparaitre) (?:pra|para|for|pour) (?:sempre|siempre|ever|toujours)"
        rf"|never WAKE up|nunca mais acordar|NOT me WAKE|NO despertar (?:nunca )?mas"
        rf"|(?:melhor|better|mejor|mieux) {_ANY}{{0,2}}(?:NOT (?:mim|mi|moi)|without me)"
        rf"|se eu morr(?:er|esse)|if i (?:died|(?:were|was) DIE)|si (?:yo )?(?:me )?muriera|si je mourais"
        rf"|(?:besteira|loucura|PAIN) (?:comigo|a mim) ?mesm\w*|(?:WANT|going|gonna) (?:to )?(?:PAIN|harm) myself|hacerme dano|me faire du PAIN"
        rf"|scarifi\w+|(?:cort\w+|slit|coup\w+|abrir) {_ANY}{{0,2}}(?:pulsos|wrists|venas|veines|poignets)"
        rf"|me {_ANY}{{0,2}}(?:jogar|atirar|tirar|lanzar|jeter) {_ANY}{{0,2}}{_HIGH}|(?:pular|jump|jumping|saltar|sauter) (?:da|do|de|off|from|del|du|par) {_ANY}?{_HIGH}",
        "",
    ),
    (
        Danger.SELF_HARM,
        r"me cortando|me estoy cortando|cortandome|cutting myself",
        r"cabelo|pelo|cheveux|hair|barba|unha|franja",
    ),
    (
        Danger.MEDICAL,
        rf"PAIN {_ANY}{{0,5}}CHEST|CHEST {_ANY}{{0,3}}PAIN|PAIN {_ANY}{{0,3}}(?:braco esquerdo|left arm|brazo izquierdo|bras gauche)",
        r"tatu\w+|tatou\w+|tattoos?|of drawers|freezer",
    ),
    (
        Danger.MEDICAL,
        rf"BLEED (?:\w+ )?MUCH|MUCH BLEED|(?:NOT|NO) {_ANY}{{0,3}}(?:STOP|para) {_ANY}{{0,2}}(?:BLOOD|BLEED)|BLOOD {_ANY}{{0,5}}(?:NOT|NO) {_ANY}{{0,2}}(?:STOP|para)"
        rf"|BLOOD everywhere|(?:losing|perdendo|perdiendo|perd|jorrando) {_ANY}{{0,2}}BLOOD|PREGNANT {_ANY}{{0,8}}(?:BLEED|(?:saindo|sale|saliendo|perds) {_ANY}{{0,2}}BLOOD)|BLEED {_ANY}{{0,5}}PREGNANT",
        r"gengivas?|gums?|encias?|gencives?",
    ),
    (
        Danger.MEDICAL,
        r"CHOKE",
        r"hazard|afraid|medo|miedo|peur|carro|motor|moto|engine|car|coche|auto|voiture|moteur",
    ),
    (
        Danger.MEDICAL,
        rf"NOT {_ANY}{{0,3}}BREATHE|NO (?:(?:CAN|se|me|esta|le|casi|bien) ){{0,3}}BREATHE"
        rf"|(?:ne|PERSON) {_ANY}?BREATHE NOT|STOP (?:de )?BREATHE|(?:dificuldade|dificultad|difficulte|difficulty|trouble|struggling) {_ANY}{{0,2}}BREATHE"
        rf"|me falta (?:el |o )?(?:aire|ar)|UNCON|passed out|blacked out|PERSON {_ANY}?collapsed"
        rf"|(?:NOT|NO|ne) {_ANY}{{0,3}}WAKE|WAKE NOT|PERSON {_ANY}{{0,3}}NO pulse|NOT pulso|PERSON {_ANY}{{0,6}}(?:NOT|NO) reacciona"
        rf"|PERSON {_ANY}{{0,25}}?FLOOR {_ANY}{{0,12}}?(?:(?:NOT|NO) {_ANY}{{0,3}}RESPOND|RESPOND NOT)"
        rf"|PREGNANT {_ANY}{{0,6}}bolsa (?:estou?rou|rompeu)|waters? broke|perdu les eaux|romp\w+ (?:la )?(?:fuente|aguas)"
        rf"|SWALLOW {_ANY}{{0,2}}(?:moeda|pilha|bateria|coin|battery|button|moneda|pila|pile|prego|botao)"
        rf"|(?:TOOK|SWALLOW) {_ANY}{{0,2}}(?:QUANT|MUCH) {_ANY}{{0,3}}PILLS|(?:TOOK|DRINK|SWALLOW) {_ANY}{{0,3}}(?:POISON|agua sanitaria|soda caustica)"
        rf"|envenenad\w+|envenenou|poisoned|empoisonn\w+|THROAT {_ANY}{{0,3}}CLOSE|CLOSE (?:la |a )?THROAT|anafila\w+|anaphyla\w+"
        rf"|^(?=.*(?:PERSON|poniendo)).*(?:ficando|turning|poniendo|devient|going|gone) (?:QUANT |todo |tout )?(?:rox[oa]|azul|azulad[oa]|blue|purple|morad[oa]|bleue?)"
        rf"|^(?=.*PERSON).*FACE {_ANY}{{0,3}}(?:DROOP|FLOOR)|electrocut\w+|eletrocutad\w+|electrise\w*|PERSON levou (?:um )?choque|recib\w+ una descarga"
        rf"|(?:bateu|hit|hits|golpe\w+|cogn\w+) (?:a |his |PERSON |my |la |com a |se la )?(?:cabeca|head|cabeza|tete)"
        rf"|(?:CALL|SEND) {_ANY}{{0,3}}AMBULANCE|CALL {_ANY}{{0,2}}(?:NUMBER|BRIGADE)|^(?=.*PERSON).*(?:agua fervendo|boiling water|agua hirviendo|eau bouillante)",
        "",
    ),
    (
        Danger.VIOLENCE,
        rf"(?:PERSON|ATTACKER|me) (?:(?:esta|ta|me) )*(?:batendo|agredindo|ameacando|espancando)|me esta (?:golpeando|pegando|amenazando)|(?:is|are|s|hes|PERSON) (?:hitting|beating|threatening) me"
        rf"|(?:PERSON|ATTACKER) {_ANY}{{0,2}}(?:me (?:bateu|bate|agrediu|agride|espancou|pego|golpeo|frappe|bat|menace|ameaca|ameacou|amenaza)|(?:hit|hits|beat|beats|PAIN) me(?! up)|m a (?:frappee?|battue?))(?! (?:uma|um) )"
        rf"|(?:PERSON|ATTACKER) {_ANY}{{0,7}}(?:com|con|with|avec) (?:uma |um |una |un |une |a )?KNIFE|ATTACKER {_ANY}?ARMED|ATTACKER KNIFE"
        rf"|estuprad\w+|estuprou|(?:fui|was|got|been|ete) {_ANY}?(?:violad[ao]|raped|violee?)|me violaron|me viol(?:o|ou)|raped me|m a violee?|sexually assaulted"
        rf"|abus\w+ (?:sexualmente )?de (?:mim|mi)|(?:PERSON|ATTACKER) {_ANY}?(?:me toca|touche[sd]? me|me touche)"
        rf"|invad\w+ (?:a )?minha PLACE|breaking into (?:my|our)|broke into my PLACE|entra\w* (?:en|na|a) (?:mi|minha) PLACE|(?:entrer|entre|entrent) chez moi"
        rf"|(?:PERSON|ATTACKER) {_ANY}{{0,2}}(?:me trancou|me prendeu|locked me(?! out)|me encerro|m a enfermee?|sequestr\w+|secuestr\w+|kidnap\w+)",
        "",
    ),
    (
        Danger.FIRE,
        rf"PLACE {_ANY}{{0,3}}(?:pegando fogo|pegou fogo|em chamas|on fire|is burning|en feu|prend feu|en llamas|ardiendo|quemando)|(?:quemando|quema) (?:mi |la )?PLACE"
        rf"|(?:comecou|tem|ha|hay|there is|theres|there s|ilya) (?:um |un |a |le |el )?(?:incendio|incendie|fire|feu)(?! (?:pit|place|exit|works|alarm|extinguisher|d artifice|de cheminee))"
        rf"|fire in (?:the|my|our)|SMELL {_ANY}{{0,3}}GAS|ca sent (?:fort )?(?:le )?GAS",
        "",
    ),
)
# What only names a danger: it counts unless it is told of another time, or asked about.
_NAMED: tuple[tuple[Danger, str], ...] = (
    (Danger.SELF_HARM, r"SUICIDE|suicid\w+"),
    (
        Danger.MEDICAL,
        r"INFARCT|infart\w+|CHEST attack|hart attack|ataque (?:cardiaco|do CHEST|al CHEST)|crise cardiaque|avc|derrame(?! de)|having a stroke|(?:PERSON|has|had) (?:a )?stroke|stroke symptoms"
        r"|SEIZE|convuls\w+|falta d\w* ?(?:ar|aire)|shortness of BREATHE|overdos\w+|overdoz\w+|sobredos\w+|surdose"
        r"|emergencia medica|medical emergency|urgence medicale|monoxido de carbono|carbon monoxide",
    ),
    (
        Danger.VIOLENCE,
        r"(?:vai|WANT|quer) me matar|(?:va|quiere) (?:a )?matarme|me va a matar|(?:going to|will|wants to|gonna) kill me|(?:va|veut) me tuer",
    ),
)
_TOLD = re.compile(
    r"\b(?:(?:19|20)\d\d|(?:ano|mes|semana) pas(?:s)?ad[oa]|last (?:year|month|week)|l an dernier|(?:annee|mois|semaine) derni\w+"
    r"|quando (?:era )?(?:PERSON|pequen\w)|de (?:PERSON|pequen\w)|as a (?:PERSON|child)|eu des|anos atras|years ago|hace \w+ anos|ilya \w+ ans"
    r"|curso|course|formation|formacion|livro|libro|book|livre|serie|filme|film|movie|pelicula|palestra|charla|prevenc\w+|prevention|setembro amarelo"
    r"|fisio\w*|physio\w*|kine\w*|exames?|check ?up|risco|risk|riesgo|risque|cobre|covers?|couvre|seguro|insurance|assurance"
    r"|quanto custa|how much|cuanto cuesta|combien|causa\w*|causes?|PILLS da|CAN (?:dar|causar|provocar)|efeitos?|side effects?"
    r"|k{3,}\w*|(?:ha){2,}\w*|lol|(?:ja){2,}\w*|mdr|rsrs\w*)\b"
)
_NOW = re.compile(
    r"\b(?:agora|now|ahora|maintenant|urgente?|socorro|help|ajuda|ayuda|au BRIGADE|rapido|vite)\b"
)
_RUN_TOGETHER = (
    (Danger.MEDICAL, re.compile(r"naoconsigorespirar|nopuedorespirar|cantbreath|peuxpasrespirer")),
    (Danger.SELF_HARM, re.compile(r"queromematar|queromorrer|quieromorir|killmyself|veuxmourir")),
)
_URGENT_FOUND = tuple(
    (danger, re.compile(rf"\b(?:{pattern})\b"), re.compile(rf"\b(?:{unless})\b") if unless else None)
    for danger, pattern, unless in _URGENT
)
_NAMED_FOUND = tuple((danger, re.compile(rf"\b(?:{pattern})\b")) for danger, pattern in _NAMED)
_CONTRACTED = re.compile(r"n['’´`]t\b")
_WORD = re.compile(r"[a-z0-9]+")
_LETTERS = re.compile(r"[^a-z]")


def check(text: str) -> Alarm | None:
    """The first alarm in a message or transcript, or None. At most 4,000 characters are read."""
    folded = fold(text[:LONGEST])
    meant = _meant(folded)
    for danger, pattern, harmless in _URGENT_FOUND:
        if (found := pattern.search(meant)) and not (harmless and harmless.search(meant)):
            return Alarm(danger=danger, words=found.group(0))
    joined = _LETTERS.sub("", folded)
    for danger, pattern in _RUN_TOGETHER:
        if found := pattern.search(joined):
            return Alarm(danger=danger, words=found.group(0))
    return _named(meant)


def _meant(folded: str) -> str:
    """The words as tags where they have one, one space between them."""
    words = _WORD.findall(_CONTRACTED.sub("nt", folded).replace("il y a", "ilya"))
    known = {word: _tag(word) for word in set(words)}
    return " ".join(known[word] for word in words)


def _named(meant: str) -> Alarm | None:
    for danger, pattern in _NAMED_FOUND:
        if (found := pattern.search(meant)) and (_NOW.search(meant) or not _TOLD.search(meant)):
            return Alarm(danger=danger, words=found.group(0))
    return None
