"""Whether a customer seems to have finished, from the words of the last bubble. Pure."""

import re
from enum import Enum

from agents.safety import fold


class Pause(Enum):
    """How long to wait after a bubble, as a share of the usual wait."""

    FINISHED = 0.4
    OPEN = 1.0
    GOES_ON = 2.0


LONG_WORDS = 6  # a sentence of so many words with a full stop is seldom half of one

_GOES_ON = re.compile(
    r"(?:[,;:\-–(]|\.\.\.|…)$"
    # pt, en, es, fr: no sentence ends with these words
    r"|(?:^|\s)(?:e|ou|mas|que|porque|pois|com|para|pra|de|do|da|no|na|em|se|quando|tambem|um|uma|o|a|os"
    r"|as|meu|minha"
    r"|and|or|but|because|with|for|of|the|an|my|if|when|also|to|at|in"
    r"|y|o|pero|por|con|en|el|la|los|las|un|una|mi|si|cuando|tambien|del"
    r"|et|ou|mais|car|avec|pour|du|des|le|les|une|mon|ma|aussi|quand)$"
)
_GREETING = re.compile(
    r"^(?:(?:oi+e?|ola|opa|alo|e ai|eai|bom dia|boa tarde|boa noite|tudo (?:bem|bom|certo)|td bem|como vai"
    r"|por favor"
    r"|com licenca|preciso de (?:uma )?ajuda|uma (?:pergunta|duvida)|tenho uma (?:pergunta|duvida)|me ajuda"
    r"|hi+|hello|hey+|good (?:morning|afternoon|evening)|there|how are you|excuse me|please"
    r"|i have a question|quick question"
    r"|hola|buen[oa]s(?: (?:dias|tardes|noches))?|que tal|como esta[s]?|tengo una (?:pregunta|duda)"
    r"|una (?:pregunta|consulta)"
    r"|bonjour|bonsoir|salut|coucou|ca va|comment allez-vous|j'?ai une question|s'?il vous plait"
    r"|gente|pessoal|moco|moca|amig[oa]s?|senhor[a]?|sir|madame|monsieur)(?:[ ,!.?¿¡]+|$))+$"
)
_QUESTION = re.compile(
    r"^(?:(?:e|and|y|et|mas|but|pero|mais)\s+)?(?:quanto|quando|onde|qual|quais|como|quem|voces? (?:tem"
    r"|fazem|abrem|aceitam)"
    r"|tem |what|when|where|which|who|how|do you|does|is there|are you|can (?:i|you)|could you"
    r"|cuanto|cuando|donde|cual|como|quien|tienen|hay |puedo|puede"
    r"|combien|quand|ou est|quel|quelle|comment|qui|est-ce que|avez-vous|puis-je|pouvez-vous)\b"
)
_CLOSED = re.compile(
    r"^(?:sim|nao|isso|certo|ok|okay|obrigad[oa]|valeu|yes|no|thanks|thank you|si|gracias|vale|oui|non"
    r"|merci)[ !.]*$"
)
QUESTION_WORDS = 4


def judge(text: str) -> Pause:
    """Whether this bubble is plainly complete, plainly goes on, or neither."""
    said = fold(text[-1000:]).strip("¿¡ ")
    if not said or (len(said) < 120 and _GREETING.match(said)) or _GOES_ON.search(said):
        return Pause.GOES_ON
    if said.endswith(("?", "?!")) or _CLOSED.match(said):
        return Pause.FINISHED
    words = len(said.split())
    if _QUESTION.match(said) and words >= QUESTION_WORDS:
        return Pause.FINISHED
    return Pause.FINISHED if words >= LONG_WORDS and said.endswith((".", "!")) else Pause.OPEN
