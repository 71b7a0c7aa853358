"""The tools by which a customer shows who they are: a code to their e-mail, and the code back.

They are offered wherever another tool needs to know. Neither tells whether an address is on record.
"""

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from agents.safety import fold
from agents.tools import Context, Outcome, Tool, ToolFailed, register
from conversations import verifying
from conversations.tools_talk import Arguments

ASKED = "If this address is on record, a code is on its way to it. Ask the customer for the code."


class SendCode(Arguments):
    """Where the code goes."""

    email: str = Field(max_length=254, description="The customer's e-mail address, as they wrote it.")


def _send_code(given: SendCode, context: Context, key: str) -> Outcome:
    _check_address(given.email, context)
    if context.conversation_id is None:
        raise ToolFailed("There is no conversation.")
    if not verifying.ask(context.conversation_id, given.email, now=context.now):
        raise ToolFailed("Too many codes were asked for: try again in an hour, or call a person.")
    return Outcome({"told": ASKED})


def _would_send_code(given: SendCode, context: Context, key: str) -> Outcome:
    _check_address(given.email, context)
    return Outcome({"told": ASKED})


def _check_address(email: str, context: Context) -> None:
    """No letter goes to an address that the customer has not written: a document cannot name one."""
    if not verifying.is_mail(email):
        raise ToolFailed("This is no e-mail address: ask for it again.")
    if fold(email) not in fold(context.said):
        raise ToolFailed("The customer has not written this address: ask them for theirs.")


class CheckCode(Arguments):
    """The code that came back."""

    code: str = Field(min_length=4, max_length=20, description="The code, as the customer wrote it.")


def _check_code(given: CheckCode, context: Context, key: str) -> Outcome:
    if context.conversation_id is None or not verifying.check(
        context.conversation_id, given.code, now=context.now
    ):
        raise ToolFailed("This is not the code, or it is too old.")
    return Outcome(
        {"verified": True, "told": "It is known now who the customer is: go on with what they asked."}
    )


def _would_check_code(given: CheckCode, context: Context, key: str) -> Outcome:
    return Outcome({"verified": True})


def register_all() -> None:
    """Offer them to every business; called in AppConfig.ready()."""
    register(
        Tool(
            name="send_code",
            title=_("Send a code to the customer's e-mail"),
            when="Find out who the customer is before private records are looked up: a code goes to the"
            " e-mail address that they wrote in this conversation.",
            arguments=SendCode,
            run=_send_code,
            rehearse=_would_send_code,
        )
    )
    register(
        Tool(
            name="check_code",
            title=_("Check the customer's code"),
            when="When the customer writes the code that was sent to their e-mail address.",
            arguments=CheckCode,
            run=_check_code,
            rehearse=_would_check_code,
        )
    )
