"""Passages for programs: those of a document in its order, switched off and on, corrected."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from knowledge import corrections
from knowledge.models import Chunk, Document
from tenants.api_views import Page, View


class PassageSerializer(serializers.ModelSerializer):
    """A passage; `original` is what stands in the document when `edited`, else empty."""

    class Meta:
        model = Chunk
        fields = (
            "id", "document_id", "position", "heading", "page", "text", "language", "enabled", "edited",
            "original",
        )  # fmt: skip


class PassageChangeSerializer(serializers.Serializer):
    """What is to change: whether it answers, its words, or both. The original words undo a correction."""

    enabled = serializers.BooleanField(required=False)
    text = serializers.CharField(required=False, max_length=corrections.LONGEST)


class InOrder(Page):
    """In the order of the document."""

    ordering = "position"


class Passages(View, generics.ListAPIView):
    """The passages of a document that answer, or did until somebody switched them off."""

    scopes = {"GET": "knowledge:read"}
    parameters = Page.PARAMETERS
    pagination_class = InOrder
    serializer_class = PassageSerializer
    queryset = Chunk.objects.defer("embedding", "search")

    def get_queryset(self) -> Any:
        found = get_object_or_404(Document.objects.only("pk"), pk=self.kwargs.get("pk"))
        return super().get_queryset().filter(document=found)


class OnePassage(View):
    """One passage."""

    scopes = {"GET": "knowledge:read", "PATCH": "knowledge:write"}

    @extend_schema(responses=PassageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(PassageSerializer(_passage(pk)).data)

    @extend_schema(request=PassageChangeSerializer, responses=PassageSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """Switch it off or on, or correct its words; found by them at once, by their meaning in a moment."""
        _passage(pk)
        wanted = PassageChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if "enabled" in wanted.validated_data:
            corrections.switch(pk, enabled=wanted.validated_data["enabled"])
        if (
            "text" in wanted.validated_data
            and corrections.edit(pk, text=wanted.validated_data["text"]) is None
        ):
            raise Http404  # replaced a moment ago
        return Response(PassageSerializer(_passage(pk)).data)


def _passage(pk: int) -> Chunk:
    return get_object_or_404(Chunk.objects.defer("embedding", "search"), pk=pk)
