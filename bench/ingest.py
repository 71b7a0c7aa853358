"""From an uploaded PDF to passages that answer, beside docling and the embedding alone; who waits meanwhile.

`python -m bench.ingest` prints JSON. Both sides read the same pages with the same embedding process, in turn
within one run, each round other words (what is known would not be embedded again). The floor is docling's own
converter and chunker in a process of their own, and the passages of it embedded, kept nowhere. Then customers
write at a steady rate, once while nothing else happens, once while a document is read. `--short` is for CI.
"""

import argparse
import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench import measure
from bench.measure import Figures, progress
from bench.pipeline import UNLIMITED, Amounts, Bench
from bench.stack import SLUG, Stack, running, wait_until

LINES_A_PAGE, WORDS_A_LINE = 34, 11
A_BATCH = 8
ONSETS, ENDS = (
    ["b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "cr", "pr", "tr"],
    ["a", "e", "i", "o", "u", "ar", "el", "im", "or", "us"],
)
ISSUE_KEY = """
from django_tenants.utils import schema_context
from tenants.models import ApiKey, Tenant
tenant = Tenant.objects.get(slug="bench")
print(ApiKey.issue(tenant=tenant, name="ingest", scopes=None)[1])
"""


@dataclass
class Size:
    """How much of everything."""

    rounds: int = 3
    pages: int = 40
    long_pages: int = 200
    rate: float = 6.0
    seconds: float = 60.0
    contacts: int = 200


SHORT = Size(rounds=1, pages=4, long_pages=8, rate=3.0, seconds=5.0, contacts=30)


def document(pages: int, *, seed: int) -> bytes:
    """A born-digital PDF of running text with a heading a page, as a program would write it."""
    dice = random.Random(seed)
    words = [
        "".join(dice.choice(ONSETS) + dice.choice(ENDS) for _ in range(dice.randint(1, 4)))
        for _ in range(3000)
    ]
    return _pdf([_page(dice, words, number) for number in range(1, pages + 1)])


def _page(dice: random.Random, words: list[str], number: int) -> bytes:
    lines = [" ".join(dice.choices(words, k=WORDS_A_LINE)) for _ in range(LINES_A_PAGE)]
    drawn = [f"BT /F1 15 Tf 60 780 Td (Chapter {number} {dice.choice(words)}) Tj ET"]
    drawn += [f"BT /F1 10 Tf 60 {750 - 20 * n} Td ({line}.) Tj ET" for n, line in enumerate(lines)]
    return "\n".join(drawn).encode()


def _pdf(pages: list[bytes]) -> bytes:
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    kids = b" ".join(b"%d 0 R" % (3 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
    ]
    for number, drawn in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 %s >> >> >>" % (4 + 2 * number, font)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    body, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start, count = len(body), len(objects) + 1
    body += b"xref\n0 %d\n0000000000 65535 f \n" % count + b"".join(
        b"%010d 00000 n \n" % place for place in places
    )
    return bytes(body + b"trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF" % (count, start))


# -- the floor: `python -m bench.ingest --floor FILE URL`


def floor(path: Path, url: str) -> dict[str, int]:
    """Docling's converter and chunker with the embedder's tokenizer, and each passage embedded."""
    import os

    os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
    from docling.chunking import HybridChunker
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.document_converter import DocumentConverter, NativePdfFormatOption

    from knowledge.cutting import tokenizer
    from providers.embedding import embedder

    options = NativePdfPipelineOptions(
        generate_page_images=False, generate_picture_images=False, parser_threads=1
    )
    formats: Any = {InputFormat.PDF: NativePdfFormatOption(pipeline_options=options)}
    converted = DocumentConverter(format_options=formats).convert(path).document
    chunker = HybridChunker(tokenizer=tokenizer())
    texts = [chunker.contextualize(chunk) for chunk in chunker.chunk(converted)]
    for start in range(0, len(texts), A_BATCH):
        embedder(url).embed_passages(texts[start : start + A_BATCH])
    return {"passages": len(texts)}


# -- the product


@dataclass
class Ingest:
    """The product, and what was uploaded so far."""

    bench: Bench
    size: Size
    key: str = ""
    uploads: int = 0

    @property
    def stack(self) -> Stack:
        return self.bench.stack

    def set_up(self) -> None:
        self.bench.set_up()
        self.key = self.stack.manage("shell", "-v", "0", "-c", ISSUE_KEY).split()[-1]

    def upload(self, pages: int) -> int:
        """Send a new document through the API; its id."""
        self.uploads += 1
        content, edge = document(pages, seed=self.uploads), uuid.uuid4().hex
        field = f'form-data; name="file"; filename="book-{self.uploads}.pdf"'
        head = f"--{edge}\r\nContent-Disposition: {field}\r\n\r\n"
        request = Request(
            f"{self.stack.url}/api/v1/knowledge/documents",
            data=head.encode() + content + f"\r\n--{edge}--\r\n".encode(),
            headers={
                "Host": f"{SLUG}.localhost",
                "Authorization": f"Bearer {self.key}",
                "Content-Type": f"multipart/form-data; boundary={edge}",
            },
        )
        with urlopen(request, timeout=30) as answer:
            return int(json.loads(answer.read())["id"])

    def product(self) -> Figures:
        """Seconds from the upload to the first passage that answers, and to the last."""
        began = time.perf_counter()
        pk = self.upload(self.size.pages)
        self._wait(pk, "SELECT 1 FROM knowledge_chunk WHERE document_id = %s LIMIT 1")
        first = time.perf_counter() - began
        self._wait(pk, "SELECT 1 FROM knowledge_document WHERE id = %s AND status = 'ready'")
        whole = time.perf_counter() - began
        [(passages,)] = self._ask("SELECT chunk_count FROM knowledge_document WHERE id = %s", pk)
        return {"searchable_s": round(whole, 2), "first_s": round(first, 2), "passages": passages}

    def alone(self) -> Figures:
        """The same for docling and the embedding process, started as a process of their own."""
        self.uploads += 1
        path = self.stack.data / f"alone-{self.uploads}.pdf"
        path.write_bytes(document(self.size.pages, seed=self.uploads))
        url = f"http://127.0.0.1:{self.stack.options.embedding_port}"
        began = time.perf_counter()
        told = self.stack.run("-m", "bench.ingest", "--floor", str(path), url, seconds=900)
        whole = time.perf_counter() - began
        return {"searchable_s": round(whole, 2), "passages": json.loads(told.splitlines()[-1])["passages"]}

    def messages(self) -> dict[str, Any]:
        """Customers at a steady rate: alone, and while a long document is read."""
        size = self.size
        idle = self.bench.steady(rate=size.rate, seconds=size.seconds)
        pk = self.upload(size.long_pages)
        self._wait(pk, "SELECT 1 FROM knowledge_document WHERE id = %s AND status <> 'waiting'")
        busy = self.bench.steady(rate=size.rate, seconds=size.seconds)
        [(still,)] = self._ask("SELECT status = 'reading' FROM knowledge_document WHERE id = %s", pk)
        ratio = round(busy["p99_ms"] / max(idle["p99_ms"], 0.01), 3)
        return {"idle": idle, "while_read": busy, "read_all_the_time": still, "p99_ratio": ratio}

    def _wait(self, pk: int, statement: str) -> None:
        wait_until(lambda: self._ask(statement, pk), seconds=900, what=f"document {pk} waits", every=0.02)

    def _ask(self, statement: str, pk: int) -> list[tuple[Any, ...]]:
        return self.stack.ask(statement, pk, schema=SLUG)


def run(size: Size) -> dict[str, Any]:
    """Everything, printed by the caller."""
    bench = Bench(Stack("bench-ingest", extra_env=dict(UNLIMITED)), Amounts(contacts=size.contacts))
    bench.stack.extra_env["WHATSAPP_CLOUD_URL"] = bench.stack.outside_url
    result: dict[str, Any] = {"bench": "ingest", "machine": measure.machine(), "size": vars(size)}
    with running(bench.stack):
        ingest = Ingest(bench, size)
        ingest.set_up()
        sides: dict[str, Callable[[], Figures]] = {"product": ingest.product, "alone": ingest.alone}
        rounds = measure.interleave(sides, rounds=size.rounds)
        result |= {name: measure.median_of(figures) for name, figures in rounds.items()}
        pairs = zip(rounds["product"], rounds["alone"], strict=True)
        ratios = [{"searchable": ours["searchable_s"] / least["searchable_s"]} for ours, least in pairs]
        result["ratio"] = measure.median_of(ratios)
        progress("messages")
        result["messages"] = ingest.messages()
        result["troubles"] = bench.troubles()
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="little of everything, one round")
    parser.add_argument("--floor", nargs=2, metavar=("FILE", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        sys.stdout.write(json.dumps(floor(Path(options.floor[0]), options.floor[1])) + "\n")
    else:
        measure.print_json(run(SHORT if options.short else Size()))
