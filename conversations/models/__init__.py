"""What is said: channels, contacts, conversations, messages, turns."""

from conversations.models.answers import FollowUp, Proof, ToolRun, Turn, TurnPassage, Unanswered
from conversations.models.channels import Breaker, Channel, ChannelStatus, MessageTemplate, WebhookEvent
from conversations.models.conduct import ChatRules, Incident
from conversations.models.contacts import Consent, Contact, ContactIdentity, ContactMerge, ContactProfile
from conversations.models.customers import ContactField, ContactImport, ContactImportRow, Segment
from conversations.models.desk import (
    Activity,
    CannedReply,
    DeskRules,
    HandoverSummary,
    Note,
    Rating,
    Seat,
    SlaClock,
    Todo,
)
from conversations.models.figures import FigureState, Talk, TeamAction, TeamPhone, Theme
from conversations.models.finding import MessageWords, SearchMark, Tidying
from conversations.models.hooks import HookDelivery, HookEndpoint
from conversations.models.labels import Label
from conversations.models.messages import Message, Transcript
from conversations.models.threads import Conversation, Session, Trial

__all__ = [
    "Activity",
    "Breaker",
    "CannedReply",
    "Channel",
    "ChannelStatus",
    "ChatRules",
    "Consent",
    "Contact",
    "ContactField",
    "ContactIdentity",
    "ContactImport",
    "ContactImportRow",
    "ContactMerge",
    "ContactProfile",
    "Conversation",
    "DeskRules",
    "FigureState",
    "FollowUp",
    "HandoverSummary",
    "HookDelivery",
    "HookEndpoint",
    "Incident",
    "Label",
    "Message",
    "MessageTemplate",
    "MessageWords",
    "Note",
    "Proof",
    "Rating",
    "SearchMark",
    "Seat",
    "Segment",
    "Session",
    "SlaClock",
    "Talk",
    "TeamAction",
    "TeamPhone",
    "Theme",
    "Tidying",
    "Todo",
    "ToolRun",
    "Transcript",
    "Trial",
    "Turn",
    "TurnPassage",
    "Unanswered",
    "WebhookEvent",
]
