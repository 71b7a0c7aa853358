"""Write the blueprints' binary documents from their sources: `python -m agents.blueprints.write_documents`.

A source is named for what comes of it: sources/guide.pdf.md becomes documents/guide.pdf. Written are PDF and
DOCX from text with `#` headings, and XLSX from lines with semicolons. The same source gives the same bytes.
"""

import io
import re
import textwrap
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ZIP_DAY = (2026, 1, 5, 9, 0, 0)  # what the files say of when they were made
MOMENT = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")
LEFT, TOP, BOTTOM = 62, 778, 66  # of a page of 595 by 842 points
# By kind of line: letter size, whether bold, letters a line, points below the line before.
LOOKS = {
    "title": (20, True, 48, 34),
    "heading": (13, True, 70, 30),
    "text": (10, False, 98, 20),
    "more": (10, False, 98, 14),
}


def main() -> None:
    """Write all of them."""
    for source in sources():
        target_of(source).write_bytes(made(source))


def sources() -> list[Path]:
    """What there is to write, in the order of the names."""
    return sorted(HERE.glob("*/sources/*.*.*"))


def target_of(source: Path) -> Path:
    """Where it goes."""
    return source.parent.parent / "documents" / source.stem


def made(source: Path) -> bytes:
    """The document of a source."""
    write: dict[str, Callable[[str], bytes]] = {".pdf": pdf, ".docx": docx, ".xlsx": xlsx}
    return write[Path(source.stem).suffix](source.read_text(encoding="utf-8"))


def lines_of(text: str) -> Iterator[tuple[str, str]]:
    """Each paragraph with its kind: title, heading, row or text."""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("# "):
            yield "title", line[2:]
        elif line.startswith("## "):
            yield "heading", line[3:]
        else:
            yield ("row" if line.startswith("|") else "text"), line


# -- PDF


def pdf(text: str) -> bytes:
    """Pages with headings in larger letters."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", _font("Helvetica"), _font("Helvetica-Bold")]
    kids = []
    for page in _pages(_set(text)):
        drawn = "\n".join(page).encode("cp1252")
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (len(objects) + 2)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _assembled(objects)


def _font(name: str) -> bytes:
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name.encode()


def _set(text: str) -> Iterator[tuple[str, str]]:
    """Lines that fit the page, with their look."""
    for kind, paragraph in lines_of(text):
        for number, line in enumerate(textwrap.wrap(paragraph, LOOKS[kind][2])):
            yield ("more" if number and kind == "text" else kind), line


def _pages(lines: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    page: list[str] = []
    down = TOP
    for kind, line in lines:
        size, bold, _width, above = LOOKS[kind]
        down -= above if page else 0
        if down < (BOTTOM + 60 if kind == "heading" else BOTTOM):
            yield page
            page, down = [], TOP
        escaped = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        page.append(f"BT /F{2 if bold else 1} {size} Tf {LEFT} {down} Td ({escaped}) Tj ET")
    yield page


def _assembled(objects: list[bytes]) -> bytes:
    body, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % place for place in places)
    body += b"trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(body)


# -- DOCX and XLSX


def docx(text: str) -> bytes:
    """Headings, paragraphs, and a table where lines begin with a bar."""
    from docx import Document

    made: Any = Document()
    table: Any = None
    for kind, line in lines_of(text):
        if kind == "row":
            table = _row(made, table, [cell.strip() for cell in line.strip("|").split("|")])
            continue
        table = None
        made.add_paragraph(line, style={"title": "Title", "heading": "Heading 1"}.get(kind))
    return _saved(made)


def _row(made: Any, table: Any, cells: list[str]) -> Any:
    table = table or made.add_table(rows=0, cols=len(cells), style="Table Grid")
    for cell, text in zip(table.add_row().cells, cells, strict=True):
        cell.text = text
    return table


def xlsx(text: str) -> bytes:
    """One sheet; what looks like a number is one."""
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book: Any = Workbook()
    for line in text.splitlines():
        book.active.append([_number(cell) for cell in line.split(";")])
    return _saved(book)


def _number(cell: str) -> str | int | float | None:
    if cell.replace(".", "", 1).isdigit():
        return float(cell) if "." in cell else int(cell)
    return cell or None


def _saved(made: Any) -> bytes:
    """Without the hour at which it was written."""
    held, still = io.BytesIO(), io.BytesIO()
    made.save(held)
    with zipfile.ZipFile(held) as parts, zipfile.ZipFile(still, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            content = MOMENT.sub(rb"\g<1>2026-01-05T09:00:00Z", parts.read(name))
            archive.writestr(zipfile.ZipInfo(name, ZIP_DAY), content, zipfile.ZIP_DEFLATED)
    return still.getvalue()


if __name__ == "__main__":
    main()
