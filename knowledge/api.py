"""Knowledge for programs: upload, list, delete, search."""

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from knowledge import documents, retrieval
from knowledge.models import Document
from providers.errors import ProviderError
from tenants.api_views import Page, View
from tenants.problems import Problem


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
            "pages_done",
            "converter",
            "credits",
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


class AnsweredSerializer(serializers.Serializer):
    """What was found; `supported` tells whether the best passages can carry an answer."""

    supported = serializers.BooleanField()
    support = serializers.FloatField()
    passages = FoundSerializer(many=True)


class Documents(View, generics.ListAPIView):
    """The tenant's documents, newest first."""

    scopes = {"GET": "knowledge:read", "POST": "knowledge:write"}
    parameters = Page.PARAMETERS
    pagination_class = Page
    parser_classes = [MultiPartParser]
    max_body = settings.DOCUMENT_MAX_BYTES + 2**20  # and what multipart puts around the file
    serializer_class = DocumentSerializer
    queryset = Document.objects.all()

    @extend_schema(request=UploadSerializer, responses={201: DocumentSerializer})
    def post(self, request: Request) -> Response:
        """Add a document; the same content again is recognised, the same name replaces."""
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        file: Any = upload.validated_data["file"]
        user: Any = request.user
        try:
            document = documents.add(file=file, name=file.name, added_by=user, now=timezone.now())
        except documents.StorageFull:
            raise Problem(507, str(documents.NO_ROOM)) from None
        return Response(DocumentSerializer(document).data, status=status.HTTP_201_CREATED)


class OneDocument(View):
    """One document."""

    scopes = {"GET": "knowledge:read", "DELETE": "knowledge:write"}

    @extend_schema(responses=DocumentSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(DocumentSerializer(get_object_or_404(Document, pk=pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        get_object_or_404(Document, pk=pk)
        documents.remove(pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Search(View):
    """The passages that fit a question, as an answer would be given them."""

    scopes = {"POST": "knowledge:read"}

    @extend_schema(request=QuestionSerializer, responses=AnsweredSerializer)
    def post(self, request: Request) -> Response:
        asked = QuestionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            found = retrieval.search(**asked.validated_data)
        except ProviderError as error:
            raise Problem(503, str(error), wait=5) from None
        shown = {"supported": found.supported, "support": round(found.support, 3), "passages": found.passages}
        return Response(AnsweredSerializer(shown).data)
