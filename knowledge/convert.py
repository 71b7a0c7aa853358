"""Read one document in a process of its own, which may be killed: `python -m knowledge.convert FILE`.

Prints lines of JSON as it goes: first {"kind", "converter", "pages"}; then {"chunk": {heading, page, text,
boxes}} and {"page": n} when a page is read; at the end {"end": true, "converter"} or {"problem": code}, one
of knowledge.models.Document.Problem. Imports neither Django nor the database, opens no socket.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from knowledge import ocr, passages, pdf_pages, sheets, sniffing
from knowledge.cutting import Cutter, Flowing, tokenizer
from knowledge.sniffing import MAX_XML_BYTES, Unreadable

MEMORY_BYTES = 3 * 2**30
STEP_CPU_SECONDS = 50  # between two words; the parent's patience is a little longer
MAX_PAGES = 500
MAX_CHUNKS = 5000
PLAIN = "docling"
READ_ALREADY = "passages"
NICE = 10  # a document can wait, a customer cannot
Word = dict[str, Any]


def main() -> None:
    """Convert the file named on the command line, within limits."""
    _limit()
    try:
        for word in words(Path(sys.argv[1])):
            _say(word)
    except Unreadable as problem:
        _say({"problem": str(problem)})
    except MemoryError:
        _say({"problem": "too_much"})


def _limit() -> None:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _allow_a_step()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nobody would read what we print
    # Models are never fetched at run time, here or in production.
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"
    )


def _allow_a_step() -> None:
    """So much CPU from now on; whoever needs more without a word is ended by the kernel."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + STEP_CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _say(word: Word) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()
    _allow_a_step()


def words(path: Path) -> Iterator[Word]:
    """Everything that the index needs of a document, as it is found; raises Unreadable."""
    kind = sniffing.sniff(path)
    count = 0
    for word in _reader(kind)(path, kind):
        count += "chunk" in word
        if count > MAX_CHUNKS:
            raise Unreadable("too_large")
        if word.get("end") and not count:
            raise Unreadable("scanned" if kind == "pdf" or sniffing.is_picture(kind) else "empty")
        yield word


def _reader(kind: str) -> Any:
    if kind == "pdf":
        return _pdf
    if kind == "passages":
        return _passages
    return _pictures if sniffing.is_picture(kind) else _flow


def _pdf(path: Path, kind: str) -> Iterator[Word]:
    """Some pages at a time: what is read of the first is said before the last are looked at."""
    pdf = pdf_pages.Pdf(path, most=MAX_PAGES)
    yield {"kind": kind, "converter": pdf.name, "pages": len(pdf)}
    flowing, recognised, failed = Flowing(Cutter(tokenizer())), 0, 0
    for pages in pdf.windows():
        for read in pdf.read(pages):
            if isinstance(read, int):
                yield {"page": read}
                continue
            recognised, failed = recognised + read.recognised, failed + read.failed
            yield from _chunks(flowing.more(read, is_last=pages.stop > len(pdf)))
    if failed == len(pdf) and not flowing.said:
        raise Unreadable("corrupt")
    yield {"end": True, "converter": _named(pdf.name, recognised, len(pdf))}


def _named(name: str, recognised: int, pages: int) -> str:
    """Who read it, in words of at most 40 letters."""
    if not recognised:
        return name
    return ocr.NAME if recognised == pages else f"{PLAIN} and {ocr.NAME}"


def _pictures(path: Path, kind: str) -> Iterator[Word]:
    """A photo or a scan, page by page."""
    flowing, window = Flowing(Cutter(tokenizer())), pdf_pages.Window()
    for number, (pages, picture) in enumerate(ocr.pictures(path, most=MAX_PAGES), start=1):
        if number == 1:
            yield {"kind": kind, "converter": ocr.NAME, "pages": pages}
        scale = ocr.A_PAGE / max(picture.size)
        size = picture.width * scale, picture.height * scale
        window.lines += ocr.lines(picture, page=number, width=size[0], height=size[1])
        window.sizes[number] = size
        yield {"page": number}
        if number == pages or number % pdf_pages.FIRST_PAGES == 0:
            yield from _chunks(flowing.more(window, is_last=number == pages))
            window = pdf_pages.Window()
    yield {"end": True}


def _passages(path: Path, kind: str) -> Iterator[Word]:
    """What needs no cutting."""
    yield {"kind": kind, "converter": READ_ALREADY, "pages": None}
    try:
        yield from _chunks(iter(passages.chunks(path)))
    except ValueError as error:
        raise Unreadable("corrupt") from error
    yield {"end": True}


def _flow(path: Path, kind: str) -> Iterator[Word]:
    """Everything that has no pages to read one after the other."""
    from docling.datamodel.base_models import ConversionStatus

    converter = _converter()
    yield {"alive": True}  # on a busy machine the import alone takes long
    result = converter.convert(_source(path, kind), raises_on_error=False)
    if result.status not in (ConversionStatus.SUCCESS, ConversionStatus.PARTIAL_SUCCESS):
        raise Unreadable(_reason(result))
    document = result.document
    _keep_notes(document)
    pages = len(document.pages) if kind == "pptx" else None
    if pages and pages > MAX_PAGES:
        raise Unreadable("too_large")
    yield {"kind": kind, "converter": PLAIN, "pages": pages}
    cutter = Cutter(tokenizer(), has_pages=pages is not None)
    yield from _chunks(cutter.cut(document))
    yield {"end": True}


def _chunks(chunks: Iterator[dict[str, Any]]) -> Iterator[Word]:
    return ({"chunk": chunk} for chunk in chunks if chunk["text"].strip())


def _source(path: Path, kind: str) -> Any:
    """The file under a name that says its kind: the converter goes by names, and names from outside lie."""
    if kind == "txt":
        return _stream("document.md", _decoded(path.read_bytes()).replace("\x00", ""))
    filled = sheets.with_formulas(path) if kind == "xlsx" else None
    if filled is not None:
        return _stream("document.xlsx", filled.getvalue())
    return _stream(f"document.{kind}", path.read_bytes())


def _stream(name: str, content: str | bytes) -> Any:
    from io import BytesIO

    from docling.datamodel.base_models import DocumentStream

    raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
    return DocumentStream(name=name, stream=BytesIO(raw))


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _keep_notes(document: Any) -> None:
    """What a speaker says belongs to the slide; docling leaves notes out of the text."""
    from docling_core.types.doc.document import ContentLayer

    for item in document.texts:
        if item.content_layer == ContentLayer.NOTES:
            item.content_layer = ContentLayer.BODY


def _converter() -> Any:
    from docling.datamodel.backend_options import EmailBackendOptions, MsWordBackendOptions
    from docling.datamodel.base_models import InputFormat as F
    from docling.document_converter import DocumentConverter, EmailFormatOption, WordFormatOption

    word = MsWordBackendOptions(  # type: ignore[call-arg]
        max_file_bytes=MAX_XML_BYTES, max_total_bytes=4 * MAX_XML_BYTES, max_member_count=2000
    )
    mail = EmailBackendOptions(list_attachments=True)  # type: ignore[call-arg]
    return DocumentConverter(
        allowed_formats=[F.DOCX, F.PPTX, F.XLSX, F.HTML, F.MD, F.CSV, F.EMAIL],
        format_options={
            F.DOCX: WordFormatOption(backend_options=word),
            F.EMAIL: EmailFormatOption(backend_options=mail),
        },
    )


def _reason(result: Any) -> str:
    text = " ".join(f"{error.category} {error.error_message}" for error in result.errors).lower()
    return "too_much" if "timeout" in text or "limit" in text or "memory" in text else "corrupt"


if __name__ == "__main__":
    main()
