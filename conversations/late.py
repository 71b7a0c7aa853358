"""What goes when WhatsApp's 24 hours are over: the owner's template, with the message in its only blank.

An answer can be late because the model was down, or a person slept over it; a program's letter is late as a
rule. Without such a template, or when the message does not fit into it, it fails with words that say so.
"""

from collections.abc import Iterable
from typing import Any

from conversations import template_parts
from conversations.models import Channel, Message, MessageTemplate

LONGEST = 1024  # characters of a template's body with its blanks filled in
NOT_IN_WORDS = {"choices", "location", "poll", "template"}


def fitting(channel: Channel) -> list[MessageTemplate]:
    """The approved templates whose only blank is a text in the body."""
    usable = channel.templates.filter(status=MessageTemplate.APPROVED, is_usable=True, parameters_count=1)
    return [template for template in usable if _blank_of(template) is not None]


def key_of(template: MessageTemplate) -> str:
    """How the channel names it: it may vanish at Meta and come back with another row."""
    return f"{template.name}/{template.language}"


def carried(message: Message) -> dict[str, Any] | None:
    """The message as `content["template"]`; None when it cannot go so."""
    channel = message.conversation.channel
    if not channel.late_template or message.media or NOT_IN_WORDS & message.content.keys():
        return None
    template = _named(fitting(channel), channel.late_template)
    blank = _blank_of(template) if template else None
    text = " ".join(message.whole_text.split())
    if template is None or blank is None or not 0 < len(text) <= LONGEST - len(template.body):
        return None
    components = template_parts.to_send(template.components, {blank.field: text})
    return {
        "name": template.name,
        "language": template.language,
        "category": template.category.lower(),
        "components": components,
    }


def _named(templates: Iterable[MessageTemplate], key: str) -> MessageTemplate | None:
    return next((template for template in templates if key_of(template) == key), None)


def _blank_of(template: MessageTemplate) -> template_parts.Blank | None:
    found = template_parts.blanks(template.components)
    return found[0] if len(found) == 1 and found[0].where == "body" and not found[0].is_file else None
