"""Conversations for programs: read them, send, lead sessions, ask the assistant."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from agents.lines import Line
from conversations import api_shapes as shapes
from conversations import handoff, programs, sessions
from conversations.models import Channel, Contact, Conversation, Message, Session
from providers.errors import ProviderError, ProviderRejected
from tenants import idempotency
from tenants.api import SCOPES
from tenants.api_views import Filters, Page, View
from tenants.models import ApiKey, User
from tenants.openapi import refusal
from tenants.problems import Problem
from tenants.throttling import AnswerRate, KeyRate

READ = {"GET": "conversations:read"}


class Conversations(View, generics.ListAPIView):
    """The conversations of the business, newest first. The test chat's are not among them."""

    scopes = READ
    parameters = (*Page.PARAMETERS, *shapes.ConversationFilter.base_filters)
    pagination_class = Page
    serializer_class = shapes.ConversationShape
    filter_backends = [Filters]
    filterset_class = shapes.ConversationFilter

    def get_queryset(self) -> Any:
        return _conversations()


class OneConversation(View, generics.RetrieveAPIView):
    """One conversation."""

    scopes = READ
    serializer_class = shapes.ConversationShape

    def get_queryset(self) -> Any:
        return _conversations()


class ConversationMessages(View, generics.ListAPIView):
    """What was said in a conversation, newest first."""

    scopes = READ
    parameters = (*Page.PARAMETERS, *shapes.MessageFilter.base_filters)
    pagination_class = Page
    serializer_class = shapes.MessageShape
    filter_backends = [Filters]
    filterset_class = shapes.MessageFilter
    queryset = Message.objects.none()

    def get_queryset(self) -> Any:
        conversation = get_object_or_404(_conversations(), pk=self.kwargs["pk"])
        return conversation.messages.all()


class _Change(View):
    """Something done to a conversation; the answer is how it stands then."""

    scopes = {"POST": "conversations:write"}

    def _shown(self, pk: int) -> Response:
        return Response(shapes.ConversationShape(_conversations().get(pk=pk)).data)


class HandOver(_Change):
    """Put a conversation into the queue for a person; the customer is told so."""

    @extend_schema(request=None, responses=shapes.ConversationShape)
    def post(self, request: Request, pk: int) -> Response:
        get_object_or_404(_conversations(), pk=pk)
        handoff.request(pk, reason=Line.ASKED, now=timezone.now())
        return self._shown(pk)


class GiveBack(_Change):
    """Let the assistant answer again, from the next message on."""

    @extend_schema(request=None, responses=shapes.ConversationShape)
    def post(self, request: Request, pk: int) -> Response:
        get_object_or_404(_conversations(), pk=pk)
        handoff.give_back(pk, user=_user(request), now=timezone.now())
        return self._shown(pk)


class Close(_Change):
    """File a conversation; the customer's next message opens it again."""

    @extend_schema(request=None, responses=shapes.ConversationShape)
    def post(self, request: Request, pk: int) -> Response:
        get_object_or_404(_conversations(), pk=pk)
        handoff.close(pk, user=_user(request), now=timezone.now())
        return self._shown(pk)


class Messages(View):
    """Messages to customers."""

    scopes = {"POST": "messages:send"}

    @extend_schema(
        request=shapes.SendShape,
        responses={201: shapes.MessageShape, 422: refusal("the channel refuses the address")},
    )
    def post(self, request: Request) -> Response:
        """Queue a message. It leaves after this answer; its `status` tells how far it came."""
        wanted = _valid(shapes.SendShape, request)
        message = programs.earlier(self.claim) or self._sent(request, wanted)
        where = {"Location": reverse("api_message", args=[message.pk], request=request)}
        return Response(shapes.MessageShape(message).data, status=status.HTTP_201_CREATED, headers=where)

    def _sent(self, request: Request, wanted: dict[str, Any]) -> Message:
        common: dict[str, Any] = {"user": _user(request), "request": self.claim, "now": timezone.now()}
        if "conversation_id" in wanted:
            pk = _conversations().filter(pk=wanted["conversation_id"]).values_list("pk", flat=True).first()
            if pk is None:
                raise serializers.ValidationError({"conversation_id": ["There is no such conversation."]})
            return programs.send_to_conversation(pk, wanted["text"], **common)
        channel = programs.is_for_programs(wanted["channel_id"])
        if channel is None:
            raise serializers.ValidationError({"channel_id": ["There is no such channel to send on."]})
        return _to_address(channel, wanted, common)


def _to_address(channel: Channel, wanted: dict[str, Any], common: dict[str, Any]) -> Message:
    try:
        address = programs.address_on(channel, wanted["address"].strip())
        return programs.send_to_address(channel, address, wanted["text"], **common)
    except ProviderRejected as error:
        raise Problem(422, str(error), kind="address") from None
    except ProviderError:
        raise Problem(503, "The channel cannot be asked for this address now.", wait=5) from None
    except IntegrityError:
        raise Problem(409, "This chat is being opened by another request.", wait=1) from None


class OneMessage(View, generics.RetrieveAPIView):
    """One message."""

    scopes = READ
    serializer_class = shapes.MessageShape
    queryset = Message.objects.exclude(conversation__channel__kind=Channel.Kind.TEST)


class Sessions(View, generics.ListAPIView):
    """Conversations that programs lead, with memory."""

    scopes = READ | {"POST": "conversations:write"}
    parameters = Page.PARAMETERS
    serializer_class = shapes.SessionShape

    class pagination_class(Page):
        ordering = "-conversation_id"

    def get_queryset(self) -> Any:
        return _sessions()

    @extend_schema(
        request=shapes.StartShape,
        responses={
            201: shapes.SessionShape,
            200: OpenApiResponse(shapes.SessionShape, "the session that this contact has"),
        },
    )
    def post(self, request: Request) -> Response:
        """Open a session. A known contact has one, which is opened again with its memory."""
        wanted = _valid(shapes.StartShape, request)
        contact = wanted.pop("contact", {})
        try:
            session, new = sessions.start(
                session_id=idempotency.derived(self.claim),
                contact_id=contact.get("id"),
                name=contact.get("name", ""),
                now=timezone.now(),
                **wanted,
            )
        except Contact.DoesNotExist:
            raise serializers.ValidationError({"contact": {"id": ["There is no such contact."]}}) from None
        shown = shapes.SessionShape(_sessions().get(pk=session.pk)).data
        where = {"Location": reverse("api_session", args=[session.pk], request=request)}
        return Response(shown, status=201 if new else 200, headers=where)


class OneSession(View, generics.RetrieveAPIView):
    """One session: look at it, say something in it, end it."""

    scopes = READ | {"POST": "orchestrate", "DELETE": "conversations:write"}
    serializer_class = shapes.SessionShape

    def get_queryset(self) -> Any:
        return _sessions()

    @extend_schema(
        operation_id="sessions_say",
        request=shapes.SayShape,
        responses={200: shapes.AnswerShape, 202: shapes.AnswerShape},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say something and wait for the answer; 202 when the time was over before it came."""
        session = get_object_or_404(_sessions(), pk=pk)
        return _ask(session, _valid(shapes.SayShape, request), self)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """End it. What was said stays readable; nothing more can be said."""
        get_object_or_404(_sessions(), pk=pk)
        sessions.end(pk, user=_user(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_throttles(self) -> list[Any]:
        return [KeyRate(), *([AnswerRate()] if self.request.method == "POST" else [])]


class SessionMessages(View, generics.ListAPIView):
    """What was said in a session, newest first."""

    scopes = READ
    parameters = (*Page.PARAMETERS, *shapes.MessageFilter.base_filters)
    pagination_class = Page
    serializer_class = shapes.MessageShape
    filter_backends = [Filters]
    filterset_class = shapes.MessageFilter
    queryset = Message.objects.none()

    def get_queryset(self) -> Any:
        session = get_object_or_404(_sessions(), pk=self.kwargs["pk"])
        return session.conversation.messages.all()


class Orchestrate(View):
    """A text in; the assistant's answer out, with what it rests on and what it cost."""

    scopes = {"POST": "orchestrate"}
    throttle_classes = [KeyRate, AnswerRate]

    @extend_schema(
        request=shapes.OrchestrateShape, responses={200: shapes.AnswerShape, 202: shapes.AnswerShape}
    )
    def post(self, request: Request) -> Response:
        """Ask, and wait for the answer; 202 when the time was over before it came.

        It goes the way of every customer's message: safety first, then the credits, then the model. Without
        `session_id` it opens a session of its own, whose id the answer has.
        """
        wanted = _valid(shapes.OrchestrateShape, request)
        session_id = wanted.pop("session_id", None)
        if session_id is None:
            session = sessions.start(session_id=idempotency.derived(self.claim), now=timezone.now())[0]
        elif (found := _sessions().filter(pk=session_id).first()) is not None:
            session = found
        else:
            raise serializers.ValidationError({"session_id": ["There is no such session."]})
        return _ask(session, wanted, self)


class Health(View):
    """Whether this key works, and how the channels stand."""

    @extend_schema(responses=shapes.HealthShape)
    def get(self, request: Request) -> Response:
        channels = Channel.objects.filter(is_active=True).exclude(kind=Channel.Kind.TEST).order_by("name")
        shown = [
            {"id": str(c.pk), "name": c.name, "kind": c.kind, "status": c.status or "unknown"}
            for c in channels
        ]
        business = request._request.tenant.name  # type: ignore[attr-defined]
        key = _key(request)
        return Response({"status": "ok", "business": business, "key": key, "channels": shown})


def _ask(session: Session, wanted: dict[str, Any], view: View) -> Response:
    try:
        message = sessions.ask(
            session,
            wanted["text"],
            message_id=idempotency.derived(view.claim),
            language=wanted.get("language", ""),
            seconds=settings.API_ANSWER_SECONDS,
        )
    except sessions.Ended:
        raise Problem(409, "This session has ended.", kind="session-ended") from None
    shown = shapes.AnswerShape(shapes.answer(session, message)).data
    return Response(shown, status=200 if message.outcome else 202)


def _key(request: Request) -> dict[str, Any] | None:
    key = request.auth
    if not isinstance(key, ApiKey):
        return None
    return {"name": key.name, "scopes": list(SCOPES) if key.scopes is None else key.scopes}


def _valid(shape: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _user(request: Request) -> User | None:
    """The member who calls; a key is nobody in particular."""
    return request.user if isinstance(request.user, User) else None


def _conversations() -> Any:
    real = Conversation.objects.exclude(channel__kind=Channel.Kind.TEST)
    return real.select_related("channel", "contact")


def _sessions() -> Any:
    return Session.objects.select_related("conversation__contact")
