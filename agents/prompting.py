"""What a model is told of an assistant: our rules first, then the owner's words. Pure text, the same for the
same version, so that a vendor can keep it.
"""

from collections.abc import Iterator

from agents.models import AgentVersion

GENERAL = """\
You are no general-purpose assistant: what has nothing to do with {business} (homework, essays, poems, \
programs, news, trivia, chat about other things) you decline in one friendly sentence that says what you \
can help with, in whatever words it is asked for."""
TOPICS = """\
Keep to these topics; decline anything else in the same way:"""
HANDOVER = """\
These are a person's business. When one of them comes up, do not try to solve it: call a person of the team \
if you have a tool for that, else offer to call one. Where words are given, say them, in the customer's \
language:"""
GREETING = """\
Where nothing was said before in the conversation, begin with this greeting, in the customer's language; to \
a mere greeting it is the whole answer. Later never greet again:
{greeting}"""
GREETED = """\
The customer has read your greeting already: begin with the answer."""
OURS = "\n".join((GENERAL, TOPICS, HANDOVER, GREETING, GREETED))  # what no answer may repeat


def own_parts(version: AgentVersion, *, business: str, greets: bool) -> Iterator[str]:
    """The owner's words, each part with its heading."""
    for title, text in (
        ("Who you are", version.persona),
        ("Tone", version.tone),
        ("What you talk about", _topics(version, business=business)),
        ("What the business asks of you", rules(version)),
        ("When a person takes over", _handover(version)),
        ("What you may ask customers for, beside name and e-mail", _collects(version)),
        ("How you begin", _greeting(version, greets=greets)),
    ):
        if text.strip():
            yield f"{title}:\n{text.strip()}"


def own_words(version: AgentVersion) -> tuple[str, ...]:
    """Everything that the owner wrote: an answer may repeat it."""
    lines = (one.get("say", "") for one in version.handover)
    return (version.persona, version.tone, rules(version), version.greeting, *version.topics, *lines)


def rules(version: AgentVersion) -> str:
    """One rule a line, with how it sounds where the owner has said so."""
    return "\n".join(
        f"- {one['rule']}" + (f" For example: “{one['example']}”" if one.get("example") else "")
        for one in version.rules
    )


def _topics(version: AgentVersion, *, business: str) -> str:
    general = GENERAL.format(business=business)
    if not version.topics:
        return general
    return "\n".join([general, TOPICS, *(f"- {topic}" for topic in version.topics)])


def _collects(version: AgentVersion) -> str:
    """The owner's own fields, by the names under which they are kept."""
    return "\n".join(f"- {field}" for field in version.collects) if "collect_fields" in version.tools else ""


def _handover(version: AgentVersion) -> str:
    if not version.handover:
        return ""
    return "\n".join([HANDOVER, *(f"- {_case(one)}" for one in version.handover)])


def _case(one: dict[str, str]) -> str:
    """One case: what comes up, and what is said then."""
    case = one.get("when", "") or one.get("words", "")
    return f"{case.rstrip('.')}. Say: “{one['say']}”" if one.get("say") else case


def _greeting(version: AgentVersion, *, greets: bool) -> str:
    if not version.greeting.strip():
        return ""
    return GREETING.format(greeting=version.greeting.strip()) if greets else GREETED
