"""The pages of a PDF, some at a time: docling for what is written, text recognition for what is a picture."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from knowledge import layout, ocr
from knowledge.layout import Line
from knowledge.sniffing import Unreadable

MODEL_FREE = "docling, text only"
WITH_MODELS = "docling with layout models"
FIRST_PAGES, MORE_PAGES = 4, 16  # the first are to be there soon
FEW_LETTERS = 30
A_PICTURE = 0.3  # of the page
GARBLED = 0.3  # of the letters
SECONDS = 50.0


@dataclass(slots=True)
class Window:
    """Some pages: their lines, or what the models made of them. `sizes` are width and height in points."""

    lines: list[Line] = field(default_factory=list)
    sizes: dict[int, tuple[float, float]] = field(default_factory=dict)
    document: Any = None
    recognised: int = 0
    failed: int = 0


@dataclass
class Pdf:
    """One PDF that is being read. Raises Unreadable when it cannot be opened."""

    path: Path
    most: int
    opened: Any = None

    def __post_init__(self) -> None:
        import pypdfium2

        try:
            self.opened = pypdfium2.PdfDocument(self.path)
        except pypdfium2.PdfiumError as error:
            raise Unreadable("encrypted" if "assword" in str(error) else "corrupt") from error
        if not len(self.opened):
            raise Unreadable("corrupt")
        if len(self.opened) > self.most:
            raise Unreadable("too_large")
        self.converter, self.name = _converter()

    def __len__(self) -> int:
        return len(self.opened)

    def windows(self) -> Iterator[range]:
        """The pages in the portions in which they are read, counted from one."""
        first, size = 1, FIRST_PAGES
        while first <= len(self):
            yield range(first, min(first + size, len(self) + 1))
            first, size = first + size, MORE_PAGES

    def read(self, pages: range) -> Iterator[int | Window]:
        """Each page's number as soon as it is read, then all of them."""
        window = Window()
        result = self.converter.convert(
            self.path, raises_on_error=False, page_range=(pages[0], pages[-1]), max_num_pages=self.most
        )
        document = result.document if result.document and result.document.pages else None
        written = layout.lines_of(document) if document is not None else {}
        for page in pages:
            window.lines += self._page(page, written.get(page, []), document, window)
            yield page
        if self.name == WITH_MODELS:
            window.document = document
        yield window

    def _page(self, number: int, written: list[Line], document: Any, window: Window) -> list[Line]:
        """The lines of a page: as they are written, or, where there are none, as they look."""
        if document is None or number not in document.pages:
            window.failed += 1
        page = self._opened_page(number)
        if page is None:
            return []
        window.sizes[number] = page.get_size()
        if document is not None and number in document.pages:
            size = document.pages[number].size
            window.sizes[number] = size.width, size.height
        if self._is_written(page, number, written, document):
            return [] if self.name == WITH_MODELS else written
        seen = self._recognised(page, number, *window.sizes[number])
        window.recognised += bool(seen)
        return seen if _letters(seen) > _letters(written) else written

    def _opened_page(self, number: int) -> Any:
        import pypdfium2

        try:
            return self.opened[number - 1]
        except pypdfium2.PdfiumError:
            return None  # a damaged page: the others are read

    def _is_written(self, page: Any, number: int, written: Sequence[Line], document: Any) -> bool:
        """Whether nothing is to be recognised on it."""
        letters = _letters(written)
        if letters == 0 or _is_garbled(written):
            return next(iter(page.get_objects(max_depth=1)), None) is None
        return letters >= FEW_LETTERS or _pictured(document, number) < A_PICTURE

    def _recognised(self, page: Any, number: int, width: float, height: float) -> list[Line]:
        picture = page.render(scale=ocr.scale_of(*page.get_size())).to_pil()
        return ocr.lines(picture, page=number, width=width, height=height)


def _letters(lines: Sequence[Line]) -> int:
    return sum(letter.isalnum() for line in lines for letter in line.text)


def _is_garbled(lines: Sequence[Line]) -> bool:
    """Letters without a meaning: the font does not say what its pictures stand for."""
    text = "".join(line.text for line in lines)
    strange = sum(c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or (c < " " and c != "\t") for c in text)
    return (strange + text.count("GLYPH<") * len("GLYPH<c=1,font=/F1>")) > GARBLED * len(text)


def _pictured(document: Any, number: int) -> float:
    """The share of the page that its largest picture covers."""
    size = document.pages[number].size
    areas = (
        abs(place.bbox.width * place.bbox.height)
        for picture in document.pictures
        for place in picture.prov
        if place.page_no == number
    )
    return max(areas, default=0.0) / max(size.width * size.height, 1.0)


def _converter() -> tuple[Any, str]:
    """Docling with its layout and table models when they are installed, else its model-free reader."""
    from docling.datamodel.base_models import InputFormat
    from docling.document_converter import DocumentConverter

    option, name = _with_models() or _model_free()
    return DocumentConverter(
        allowed_formats=[InputFormat.PDF], format_options={InputFormat.PDF: option}
    ), name


def _with_models() -> tuple[Any, str] | None:
    artifacts = os.environ.get("DOCLING_ARTIFACTS_PATH", "")
    if not artifacts or find_spec("torch") is None:
        return None
    from docling.datamodel.pipeline_options import PdfPipelineOptions
    from docling.document_converter import PdfFormatOption

    # Pages that are pictures are ours to recognise, on this path as on the other.
    options = PdfPipelineOptions(
        artifacts_path=artifacts, do_ocr=False, do_table_structure=True, document_timeout=SECONDS
    )
    return PdfFormatOption(pipeline_options=options), WITH_MODELS


def _model_free() -> tuple[Any, str]:
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.document_converter import NativePdfFormatOption

    native = NativePdfPipelineOptions(
        generate_page_images=False, generate_picture_images=False, parser_threads=1, document_timeout=SECONDS
    )
    return NativePdfFormatOption(pipeline_options=native), MODEL_FREE
