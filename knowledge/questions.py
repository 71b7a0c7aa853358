"""The words of a question that say what it is about. Pure.

"How much is", "onde fica", "à quelle heure" stand in every question and in every list of questions: as
evidence for a passage they would outweigh the one word that matters.
"""

import re
import unicodedata

_WORDS = """
quanto quanta quantos quantas custa custam custo qual quais quando onde como porque quem que preco valor vale
gostaria queria quero saber preciso posso pode podem poderia consigo tem teria existe fica ficam voces voce
favor ola bom dia boa tarde noite sobre fazem faz fazer atende atendem
how much many what which when where why who does do can could would like know need want have has there your
you please tell about cost costs price hello
cuanto cuanta cuantos cuesta cuestan cual cuales cuando donde como quien que precio vale quisiera quiero saber
necesito puedo puede pueden podria tiene tienen hay esta estan ustedes usted favor hola sobre hacen hace
combien coute coutent quel quelle quels quelles quand comment pourquoi qui que prix voudrais veux savoir
besoin puis peut peux pouvez avez est sont vous votre plait bonjour faites
"""
ASKING = frozenset(_WORDS.split())
_WORD = re.compile(r"\w+")


def telling(question: str) -> str:
    """The question without its asking words; the whole question when nothing else is in it."""
    kept = [word for word in _WORD.findall(question) if fold(word) not in ASKING]
    return " ".join(kept) if any(len(word) > 2 for word in kept) else question


def fold(word: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in plain if not unicodedata.combining(c))
