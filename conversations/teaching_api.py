"""Settled answers and gaps for programs."""

from typing import Any

from django.db.models import Count, Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from conversations import teaching
from knowledge import settling
from knowledge.models import LANGUAGES, Audience, Gap, PinnedAnswer, PinnedQuestion
from tenants.api_views import Page, View
from tenants.problems import Problem


class SettledSerializer(serializers.ModelSerializer):
    """An answer that is given word for word to whoever asks one of its questions, in whatever words."""

    questions = serializers.SerializerMethodField()
    audience = serializers.ChoiceField(choices=[choice.value for choice in Audience])
    language = serializers.ChoiceField(choices=LANGUAGES)

    class Meta:
        model = PinnedAnswer
        fields = (
            "id",
            "questions",
            "text",
            "language",
            "audience",
            "enabled",
            "used",
            "used_at",
            "created_at",
            "changed_at",
        )

    def get_questions(self, answer: PinnedAnswer) -> list[str]:
        return [question.text for question in answer.questions.all()]


class SettleSerializer(serializers.Serializer):
    """An answer to be settled; with `gap_id` it answers that gap, and its wordings are questions, too."""

    questions = serializers.ListField(
        child=serializers.CharField(max_length=settling.LONGEST_QUESTION),
        min_length=1,
        max_length=settling.MOST_WAYS,
    )
    text = serializers.CharField(max_length=settling.LONGEST_ANSWER)
    language = serializers.ChoiceField(choices=LANGUAGES)
    gap_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class GapSerializer(serializers.ModelSerializer):
    """A question that customers ask and nobody has answered for good, with a drafted answer."""

    customers = serializers.IntegerField(help_text="how many different customers asked it")
    times = serializers.IntegerField(help_text="how often it was asked")
    language = serializers.ChoiceField(choices=LANGUAGES)
    status = serializers.ChoiceField(choices=[choice.value for choice in Gap.Status])
    answer_id = serializers.IntegerField(source="pinned_id", allow_null=True)

    class Meta:
        model = Gap
        fields = (
            "id",
            "question",
            "language",
            "status",
            "customers",
            "times",
            "draft",
            "answer_id",
            "created_at",
            "asked_at",
        )


def _answers() -> QuerySet[PinnedAnswer]:
    ways = PinnedQuestion.objects.defer("vector").order_by("pk")
    return PinnedAnswer.objects.prefetch_related(Prefetch("questions", ways))


class SettledAnswers(View, generics.ListAPIView):
    """The settled answers, newest first."""

    scopes = {"GET": "knowledge:read", "POST": "knowledge:write"}
    parameters = Page.PARAMETERS
    pagination_class = Page
    serializer_class = SettledSerializer

    def get_queryset(self) -> QuerySet[PinnedAnswer]:
        return _answers()

    @extend_schema(request=SettleSerializer, responses={201: SettledSerializer})
    def post(self, request: Request) -> Response:
        """Settle an answer; a question that has one already is refused."""
        given = SettleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        answer = _settle(request, **given.validated_data)
        return Response(SettledSerializer(_answers().get(pk=answer.pk)).data, status=status.HTTP_201_CREATED)


def _settle(
    request: Request, *, questions: list[str], text: str, language: str, gap_id: int | None = None
) -> PinnedAnswer:
    now, user = timezone.now(), request.user if request.user and request.user.is_authenticated else None
    gap = None
    if gap_id is not None and (gap := Gap.objects.filter(pk=gap_id).first()) is None:
        raise ValidationError({"gap_id": ["There is no such gap."]})
    try:
        if gap is None:
            return settling.make(questions=questions, text=text, language=language, made_by=user, now=now)
        answer = teaching.approve(
            gap, question=questions[0], text=text, language=language, user=user, now=now
        )
        settling.learn(answer, questions[1:], now=now)
    except settling.Taken as error:
        raise Problem(409, str(error)) from None
    except settling.Unfit as error:
        raise ValidationError({"questions": [str(error)]}) from None
    return answer


class OneSettledAnswer(View):
    """One settled answer."""

    scopes = {"GET": "knowledge:read", "DELETE": "knowledge:write"}

    @extend_schema(responses=SettledSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(SettledSerializer(get_object_or_404(_answers(), pk=pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Forget it; the documents answer its questions again."""
        settling.forget(get_object_or_404(PinnedAnswer, pk=pk), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _gaps() -> QuerySet[Any]:
    counted = Gap.objects.annotate(customers=Count("asked__contact", distinct=True), times=Count("asked"))
    return counted.defer("vector")


class Gaps(View, generics.ListAPIView):
    """What customers asked and the assistant does not know, newest first."""

    scopes = {"GET": "knowledge:read"}
    parameters = Page.PARAMETERS
    pagination_class = Page
    serializer_class = GapSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return _gaps()


class OneGap(View):
    """One gap."""

    scopes = {"GET": "knowledge:read", "DELETE": "knowledge:write"}

    @extend_schema(responses=GapSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(GapSerializer(get_object_or_404(_gaps(), pk=pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Forget it with the list of who asked; asked again, it is a new one."""
        teaching.forget(get_object_or_404(Gap, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
