"""How a customer feels by what they write: unhappy, neither, happy. Pure, and some microseconds.

The message is folded; words and ways to say things count for or against, a "not" before turns them round, a
"very" doubles them. Courtesy alone is not happiness. What to add: words to `_WORDS`, more than one to `_SAYINGS`.
"""

import re
from functools import cache

from agents.safety import fold

LONGEST = 1_000  # characters that are read: a mood is told early
ENOUGH = 1.0
_NONE = ["", "", ""]  # the last three words: so far a "not" reaches

# What one word counts, folded, in four languages.
_WORDS = {
    -2.0: (
        "pessimo pessima horrivel horriveis terrivel ridiculo ridicula absurdo absurda palhacada descaso lixo "
        "golpe golpistas enganado enganada vergonha vergonhoso nojo inaceitavel porcaria merda procon "
        "furioso furiosa indignado indignada revoltado revoltada lamentavel desrespeito incompetentes "
        "terrible horrible awful disgusting worst unacceptable ridiculous scam scammers scammed furious "
        "outrageous pathetic useless incompetent shameful disgrace crap joke livid liars "
        "pesimo pesima horroroso asco estafa estafadores estafado verguenza inaceptable indignante harto harta "
        "furiosos mierda asqueroso desastre indignada porqueria mentirosos "
        "nul nulle inadmissible inacceptable scandaleux scandaleuse honteux honteuse arnaque arnaqueurs furieux "
        "furieuse catastrophe catastrophique merde deplorable lamentable incompetents degueulasse"
    ),
    -1.0: (
        "ruim decepcionado decepcionada decepcao insatisfeito insatisfeita chateado chateada irritado irritada "
        "reclamacao reclamar reclamando errado errada piorou pior frustrado "
        "frustrada detestei odiei demorado demorada cansado cansada absurdamente triste "
        "bad disappointed disappointing disappointment unhappy upset annoyed annoying angry complaint complain "
        "rude frustrated frustrating hate hated worse slow sad poor dissatisfied ignored unprofessional "
        "malo mala decepcionado decepcion insatisfecho insatisfecha molesto molesta enojado enojada enfadado "
        "enfadada queja quejarme frustrado odio odie peor lento lenta grosero maleducado cansado "
        "mauvais mauvaise decu decue decus deception decevant mecontent mecontente fache fachee enerve enervee "
        "plainte pire deteste agace agacee impoli marre lamentablement ras-le-bol"
    ),
    -0.5: (
        "problema problemas atraso atrasado atrasada demora esqueceram quebrado quebrada estragado estragada "
        "problem problems issue issues late delay delayed wrong forgot broken "
        "retraso demorado roto rota olvidaron "
        "probleme problemes retard oublie souci soucis casse cassee"
    ),
    0.5: (
        "obrigado obrigada obg vlw valeu agradeco bom boa bons legal gostei beleza "
        "thanks thank thx ty good nice fine appreciate helpful "
        "gracias bueno buena buenos bien agradezco gusta gusto "
        "merci bon bonne bien sympa gentil gentille"
    ),
    1.0: (
        "otimo otima adorei amei maravilha feliz contente satisfeito satisfeita perfeito perfeita lindo linda "
        "gostando gostamos encantada encantado sensacional parabens top recomendo "
        "great happy love loved lovely perfect pleased glad awesome wonderful satisfied enjoyed impressed "
        "recommend brilliant delighted "
        "genial perfecto perfecta encanta encanto feliz contenta contento bonito hermoso satisfecho satisfecha "
        "recomiendo felicidades estupendo "
        "super parfait parfaite content contents ravi ravie heureux heureuse adore satisfait satisfaite magnifique "
        "recommande bravo felicitations"
    ),
    2.0: (
        "excelente excelentes maravilhoso maravilhosa incrivel fantastico fantastica "
        "excellent amazing fantastic outstanding "
        "increible maravilloso maravillosa fantastica buenisimo "
        "genial geniale formidable incroyable fantastique"
    ),
}
_SIGNS = {-2.0: "😡🤬😠💩👎😤", -1.0: "😞😢😭😒🙄😔😕☹", 1.0: "😊😍🥰😀😃😄🤩🎉👏💚❤💖😁🙌", 0.5: "👍🙂"}
_NOT = frozenset(
    [
        "nao",
        "n",
        "nunca",
        "nem",
        "sem",
        "jamais",
        "not",
        "never",
        "dont",
        "didnt",
        "doesnt",
        "isnt",
        "wasnt",
        "arent",
        "cant",
        "cannot",
        "wont",
        "without",
        "ni",
        "sin",
        "pas",
        "ne",
        "aucun",
        "sans",
        "rien",
        "jamas",
        "tampoco",
        "nada",
        "hardly",
    ]
)
_VERY = frozenset(
    [
        "muito",
        "muita",
        "super",
        "demais",
        "tao",
        "bem",
        "bastante",
        "very",
        "so",
        "really",
        "extremely",
        "absolutely",
        "totally",
        "muy",
        "tan",
        "tres",
        "trop",
        "vraiment",
        "tellement",
        "bien",
        "mucho",
        "muchas",
        "muchisimas",
        "beaucoup",
    ]
)
# Said in several words; each counts once.
_SAYINGS = {
    -2.0: (
        r"(dinheiro|money|dinero|argent) (de volta|back|de vuelta)",
        r"(quero|exijo|want|demand|quiero|exijo|veux|exige) (o |my |mi |mon |un )?(reembolso|refund|remboursement)",
        r"reclame aqui|falta de respeito|falta de respeto|lack of respect|manque de respect",
        r"never again|nunca mais|nunca mas|plus jamais|va chier|vai se f\w+|fuck",
        r"(isso|this|esto|es|c est) (e )?(is )?(um |a |una |une )?(roubo|rip ?off|robo|vol)\b",
    ),
    -1.0: (
        r"(nao|no|not|doesnt|dont|wont|ne) "
        r"(\w+ )?(funciona\w*|work\w*|marche|fonctionne|presta|sirve|chegou|llego|llega|arrived|resolve\w*)( pas)?",
        r"(ninguem|nobody|no one|nadie|personne) (\w+ ){0,3}"
        r"(responde\w*|answer\w*|repl\w+|atende\w*|contesta\w*|repond\w*|help\w*|ajuda\w*)",
        r"(esperando|aguardando|waiting|espero|attends|attend) (\w+ ){0,3}"
        r"(\d+|horas|hours|heures|dias|days|jours|semana\w*|weeks?|semaines?|ontem|ayer|yesterday|hier|tempao|ages)",
        r"(ainda|aun|todavia|still|toujours|encore) (nao|no|not|have not|has not|did not|pas|nothing|nada|rien)",
        r"(de|outra|otra|une autre) (novo|vez|nuevo|fois) (o |el |le |the )?(mesmo|mismo|meme|same)",
        r"(third|second|terceira|segunda|tercera|troisieme|deuxieme) (time|vez|fois)",
        r"cansei|perdi a paciencia|fed up|sick of|perdi la paciencia|j en ai (marre|assez)|ras le bol",
        r"que (absurdo|vergonha|raiva|verguenza|rabia)|how dare",
    ),
    1.0: (
        r"(voces sao|you guys are|you are|son|sois|vous etes) (\w+ )?(demais|show|nota 10|the best|lo maximo|au top)",
        r"(ficou|it was|it is|quedo|c etait|c est) (muito |so |really |muy |tres |vraiment )?"
        r"(bom|boa|gostos\w+|good|delicious|rico|rica|bueno|buena|bon|bonne|delicieux)\b",
        r"(deu tudo certo|resolveu|that worked|all sorted|works now|ya funciona|todo bien|ca marche maintenant)",
    ),
}  # fmt: skip
# Never turned round: "no, thanks" is no complaint.
_COURTESY = frozenset(
    [
        "obrigado",
        "obrigada",
        "obg",
        "vlw",
        "valeu",
        "agradeco",
        "thanks",
        "thank",
        "thx",
        "ty",
        "appreciate",
        "gracias",
        "agradezco",
        "merci",
    ]
)
# "No" is "not" before these; in Portuguese it is "in the".
_NO = re.compile(
    r"\bno (?=(?:es|me|esta|estan|estoy|estaba|era|fue|estuvo|son|muy|nada|tan|se|lo|la|te|le|quede|good|help)\b)"
)
_TOKEN = re.compile(r"[a-z]+(?:-[a-z]+)*|[.,;:!?]")


def of(text: str) -> int:
    """-1 unhappy, 0 neither, 1 happy."""
    score = _score(text[:LONGEST])
    return (score >= ENOUGH) - (score <= -ENOUGH)


def _score(text: str) -> float:
    plain = fold(text.replace("’", "'")).replace("n't", " not").replace("'", " ")
    folded = _NO.sub("not ", plain)
    score = sum(worth * len(pattern.findall(folded)) for worth, pattern in _patterns())
    values, before, kind = _values(), _NONE, 0.0
    for token in _TOKEN.findall(folded):
        if worth := values.get(token, 0.0):
            counts = _turned(token, worth, before)
            kind, score = (max(kind, counts), score) if 0 < counts < ENOUGH else (kind, score + counts)
        before = [*before[1:], token] if token[0].isalpha() else _NONE  # a "not" ends with its clause
    return score + kind + (sum(_signs().get(letter, 0.0) for letter in text) if not text.isascii() else 0.0)


def _turned(token: str, worth: float, before: list[str]) -> float:
    """What a word counts after these three: not good is bad, not bad is only nearly good."""
    if before[-1] in _VERY or before[-2] in _VERY:
        worth *= 2
    if _NOT.isdisjoint(before):
        return worth
    if token in _COURTESY:
        return 0.0
    return -max(worth, ENOUGH) if worth > 0 else min(-worth / 2, 0.5)


@cache
def _values() -> dict[str, float]:
    return {word: worth for worth, words in _WORDS.items() for word in words.split()}


@cache
def _signs() -> dict[str, float]:
    return {sign: worth for worth, signs in _SIGNS.items() for sign in signs}


@cache
def _patterns() -> list[tuple[float, re.Pattern[str]]]:
    return [(worth, re.compile(rf"\b(?:{'|'.join(ways)})")) for worth, ways in _SAYINGS.items()]
