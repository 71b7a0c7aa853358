"""Which of our four languages a customer writes."""

from functools import cache
from threading import Lock
from typing import Any

SPOKEN = ("pt", "en", "es", "fr")
SURE = 0.9
ENOUGH_WORDS = 3
_loading = Lock()


def sure_of(text: str) -> str:
    """The two-letter language of a text, empty unless it is certain. A greeting never is."""
    if len(text.split()) < ENOUGH_WORDS:
        return ""
    with _loading:  # a worker's threads all begin at once, and each would load it for itself
        identifier = _identifier()
    found, probability = identifier.classify(text[:500])
    return str(found) if probability >= SURE else ""


@cache
def _identifier() -> Any:
    # Loaded at the first message, after any fork, and never by the web process: 50 MB.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(SPOKEN))
    # The view on our four columns would keep those of a hundred languages in memory: 25 MB.
    identifier.nb_ptc = identifier.nb_ptc.copy()
    identifier._full_model = identifier.nb_ptc, identifier.nb_pc, identifier.nb_classes
    return identifier
