"""Sources, texts and pairs for programs: add, list, look again, remove."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from knowledge import documents, pairs, sources, texts
from knowledge.api import DocumentSerializer
from knowledge.kinds import Refused
from knowledge.models import Audience, Document, Source
from knowledge.pairs import Pair, Row
from knowledge.reaching import Reach
from tenants.api_views import Page, View
from tenants.problems import Problem

MOST_BODY = 4 * 2**20
BIG = 2**63 - 1


class ReachSerializer(serializers.Serializer):
    """Whom it is for; no `agent_ids` means every assistant."""

    audience = serializers.ChoiceField(Audience.choices, default=Audience.CUSTOMERS)
    agent_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIG), default=list, max_length=50
    )

    def reach(self) -> Reach:
        data = self.validated_data
        return Reach(data["audience"], tuple(data["agent_ids"]))


class SourceSerializer(serializers.ModelSerializer):
    """A place and how it fares; its secret is never told. `problem` says what to do about a failed one."""

    class Meta:
        model = Source
        fields = (
            "id", "kind", "title", "address", "status", "problem", "found", "refresh_hours", "refreshed_at",
            "audience", "agent_ids", "created_at",
        )  # fmt: skip


class NewSourceSerializer(ReachSerializer):
    """A place to read from; docs/knowledge-sources.md has the `options` and the `secret` of each kind."""

    kind = serializers.ChoiceField(Source.Kind.choices)
    title = serializers.CharField(max_length=200, default="", allow_blank=True)
    address = serializers.CharField(max_length=2000)
    options = serializers.DictField(default=dict)
    secret = serializers.CharField(max_length=20_000, default="", allow_blank=True, write_only=True)
    refresh_hours = serializers.IntegerField(min_value=0, max_value=sources.MOST_HOURS, default=24)


class TextSerializer(ReachSerializer):
    """A text under a name; the same name again replaces."""

    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=texts.LONGEST)


class PairSerializer(serializers.Serializer):
    """A question and what customers are told."""

    question = serializers.CharField(max_length=pairs.LONGEST_QUESTION)
    answer = serializers.CharField(max_length=pairs.LONGEST_ANSWER)


class PairsSerializer(ReachSerializer):
    """Questions with their answers under a name; the same name again replaces all of them."""

    title = serializers.CharField(max_length=200)
    pairs = serializers.ListField(child=PairSerializer(), min_length=1, max_length=pairs.MOST)


class Sources(View, generics.ListAPIView):
    """The places that documents come from, newest first."""

    scopes = {"GET": "knowledge:read", "POST": "knowledge:write"}
    parameters = Page.PARAMETERS
    pagination_class = Page
    serializer_class = SourceSerializer
    queryset = Source.objects.all()

    @extend_schema(request=NewSourceSerializer, responses={201: SourceSerializer})
    def post(self, request: Request) -> Response:
        """Add a place; it is looked at in the background."""
        asked = NewSourceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        for name in ("audience", "agent_ids"):
            del data[name]
        user: Any = request.user
        try:
            made = sources.add(**data, reach=asked.reach(), added_by=user, now=timezone.now())
        except Refused as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from None
        return Response(SourceSerializer(made).data, status=status.HTTP_201_CREATED)


class OneSource(View):
    """One place."""

    scopes = {"GET": "knowledge:read", "DELETE": "knowledge:write"}

    @extend_schema(responses=SourceSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(SourceSerializer(get_object_or_404(Source, pk=pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Forget it and everything that came from it."""
        get_object_or_404(Source, pk=pk)
        sources.remove(pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RefreshSource(View):
    """Look at a place now."""

    scopes = {"POST": "knowledge:write"}

    @extend_schema(request=None, responses=SourceSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Look now; one that is being looked at already goes on with that."""
        get_object_or_404(Source, pk=pk)
        sources.refresh(pk, now=timezone.now())
        return Response(SourceSerializer(get_object_or_404(Source, pk=pk)).data)


class Texts(View):
    """Texts that are written elsewhere and kept here."""

    scopes = {"POST": "knowledge:write"}
    max_body = MOST_BODY

    @extend_schema(request=TextSerializer, responses={201: DocumentSerializer})
    def post(self, request: Request) -> Response:
        """Keep a text; the same title again replaces it."""
        asked = TextSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        _refuse_other(data["title"], Document.Form.TEXT)
        user: Any = request.user
        try:
            made = texts.keep(
                title=data["title"], text=data["text"], reach=asked.reach(), added_by=user,
                now=timezone.now(),
            )  # fmt: skip
        except documents.StorageFull:
            raise Problem(507, str(documents.NO_ROOM)) from None
        return Response(DocumentSerializer(made).data, status=status.HTTP_201_CREATED)


class PairLists(View):
    """Questions and answers that are written elsewhere and kept here."""

    scopes = {"POST": "knowledge:write"}
    max_body = MOST_BODY

    @extend_schema(request=PairsSerializer, responses={201: DocumentSerializer})
    def post(self, request: Request) -> Response:
        """Keep questions with their answers; the same title again replaces them all."""
        asked = PairsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        _refuse_other(data["title"], Document.Form.PAIRS)
        user: Any = request.user
        try:
            made = pairs.keep(
                title=data["title"], pairs=_checked(data["pairs"]), reach=asked.reach(), added_by=user,
                now=timezone.now(),
            )  # fmt: skip
        except documents.StorageFull:
            raise Problem(507, str(documents.NO_ROOM)) from None
        return Response(DocumentSerializer(made).data, status=status.HTTP_201_CREATED)


def _checked(given: list[dict[str, str]]) -> list[Pair]:
    """The pairs, or an error that names the first that cannot be taken."""
    rows = [Row(number, pair["question"], pair["answer"]) for number, pair in enumerate(given, start=1)]
    read = pairs.checked(rows)
    if read.wrong:
        wrong = read.wrong[0]
        raise serializers.ValidationError({"pairs": [f"{wrong.number}: {wrong.problem}"]})
    return read.pairs


def _refuse_other(title: str, form: str) -> None:
    """A name belongs to a file, a text or a list of pairs, and one is not replaced by another."""
    name = documents.title_of(title)
    if Document.objects.filter(source=None, title=name).exclude(form=form).exists():
        raise serializers.ValidationError({"title": ["A document of another kind has this name."]})
