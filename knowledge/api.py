"""Knowledge for programs: upload, list, delete, search."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledge import documents, retrieval
from knowledge.models import Document
from providers.errors import ProviderError


class DocumentSerializer(serializers.ModelSerializer):
    """A document's state; `problem` says what to do about a failed one."""

    problem = serializers.CharField(source="get_problem_display")

    class Meta:
        model = Document
        fields = (
            "id",
            "title",
            "kind",
            "bytes",
            "pages",
            "status",
            "problem",
            "chunk_count",
            "language",
            "created_at",
        )


class UploadSerializer(serializers.Serializer):
    """One file, as multipart form data."""

    file = serializers.FileField(allow_empty_file=True, max_length=255)


class QuestionSerializer(serializers.Serializer):
    """A question in any of the four languages."""

    question = serializers.CharField(max_length=2000)
    limit = serializers.IntegerField(min_value=1, max_value=20, default=6)


class FoundSerializer(serializers.Serializer):
    """A passage with where it stands and why it was found."""

    chunk_id = serializers.IntegerField()
    document_id = serializers.IntegerField()
    document_title = serializers.CharField()
    heading = serializers.ListField(child=serializers.CharField())
    page = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()
    cosine = serializers.FloatField()
    coverage = serializers.FloatField()
    score = serializers.FloatField()


class Documents(APIView):
    """The tenant's documents."""

    parser_classes = [MultiPartParser]

    @extend_schema(responses=DocumentSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(DocumentSerializer(Document.objects.order_by("-pk")[:500], many=True).data)

    @extend_schema(request=UploadSerializer, responses=DocumentSerializer)
    def post(self, request: Request) -> Response:
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        file: Any = upload.validated_data["file"]
        user: Any = request.user
        document = documents.add(file=file, name=file.name, added_by=user, now=timezone.now())
        return Response(DocumentSerializer(document).data, status=status.HTTP_201_CREATED)


class OneDocument(APIView):
    """One document."""

    @extend_schema(responses=DocumentSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(DocumentSerializer(get_object_or_404(Document, pk=pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        get_object_or_404(Document, pk=pk)
        documents.remove(pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Search(APIView):
    """The passages that fit a question, as an answer would be given them."""

    @extend_schema(request=QuestionSerializer, responses=FoundSerializer(many=True))
    def post(self, request: Request) -> Response:
        asked = QuestionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            found = retrieval.search(**asked.validated_data)
        except ProviderError as error:
            return Response({"error": str(error)}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        passages = FoundSerializer(found.passages, many=True).data
        return Response(
            {"supported": found.supported, "support": round(found.support, 3), "passages": passages}
        )
