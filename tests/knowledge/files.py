"""Documents of every kind, honest and hostile, made by hand."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
RULES = "<w:body xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"


def pdf(pages: Sequence[Sequence[tuple[float, float, int, str]]], *, locked: bool = False) -> bytes:
    """Pages of (left, top, letter size, text); `locked` asks for a password that nobody has."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        drawn = "\n".join(_shown(*piece) for piece in page).encode("cp1252")
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 << /Type /Font "
            b"/Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >> >> /Contents %d 0 R >>"
            % (len(objects) + 2)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _assembled(objects, locked=locked)


def _shown(left: float, top: float, size: int, text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {left} {top} Td ({escaped}) Tj ET"


def _assembled(objects: Sequence[bytes], *, locked: bool) -> bytes:
    body, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]" % (
        b"a1" * 32,
        b"b2" * 32,
    )
    body += b"trailer\n<< /Root 1 0 R /Size %d %s >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        lock if locked else b"",
        start,
    )
    return bytes(body)


def price_list() -> bytes:
    """Two pages: a title, a heading, a paragraph of two lines, a ruled table, and a running foot."""
    table = [("Serviço", "Preço", "Duração"), ("Limpeza", "R$ 190", "45 min"), ("Canal", "R$ 780", "90 min")]
    cells = [
        (left, 620 - 26 * row, 10, cell)
        for row, line in enumerate(table)
        for left, cell in zip((60, 260, 400), line, strict=True)
    ]
    first = [(60, 780, 22, "Guia da clínica"), (60, 740, 14, "Estacionamento")]
    first += [
        (60, 715, 10, "O estacionamento fica na rua de trás e é gratuito"),
        (60, 702, 10, "por duas horas."),
    ]
    first += [(60, 650, 14, "Preços"), *cells]
    second = [(60, 780, 14, "Gatos e cães"), (60, 755, 10, "Animais de serviço são bem-vindos.")]
    third = [(60, 780, 14, "Wi-Fi"), (60, 755, 10, "A senha da rede está na recepção.")]
    foot = [[(60, 30, 8, f"Clínica Aurora - página {number} de 3")] for number in (1, 2, 3)]
    return pdf([first + foot[0], second + foot[1], third + foot[2]])


def scanned() -> bytes:
    """A page with a drawing and no letters."""
    return _assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> /Contents 4 0 R >>",
            b"<< /Length 22 >>\nstream\n10 10 300 300 re f    \nendstream",
        ],
        locked=False,
    )


def docx(*paragraphs: tuple[str, str]) -> bytes:
    """Paragraphs of (style, text); style "" is running text."""
    from docx import Document

    made: Any = Document()
    for style, text in paragraphs:
        made.add_paragraph(text, style=style or None)
    return _saved(made)


def xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    from openpyxl import Workbook

    book: Any = Workbook()
    for row in rows:
        book.active.append(row)
    return _saved(book)


def pptx(title: str, text: str) -> bytes:
    from pptx import Presentation

    show: Any = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = title, text
    return _saved(show)


def bomb() -> bytes:
    """A small DOCX that unpacks to 40 MB of paragraphs."""
    return _zipped(
        {
            "[Content_Types].xml": b"<Types/>",
            "word/document.xml": b"<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 1_200_000,
        }
    )


def not_a_document() -> bytes:
    """A ZIP of something else."""
    return _zipped({"music/song.txt": b"la la la"})


def locked_office() -> bytes:
    """What Word writes when asked for a password: another container around it."""
    return OLE + b"\x00" * 504 + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 512


def old_office() -> bytes:
    return OLE + b"\x00" * 504 + "WordDocument".encode("utf-16-le") + b"\x00" * 512


def _zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def _saved(made: Any) -> bytes:
    held = io.BytesIO()
    made.save(held)
    return held.getvalue()


def with_notes(title: str, text: str, notes: str) -> bytes:
    """A slide with what its speaker says."""
    from pptx import Presentation

    show: Any = Presentation(io.BytesIO(pptx(title, text)))
    show.slides[0].notes_slide.notes_text_frame.text = notes
    return _saved(show)


def picture_of(content: bytes, *, page: int = 0) -> Any:
    """A page of a PDF as it looks, as a picture of Pillow's."""
    import pypdfium2
    from PIL import Image

    drawn = pypdfium2.PdfDocument(content)[page].render(scale=2).to_pil().convert("RGB")
    return Image.frombytes("RGB", drawn.size, drawn.tobytes())


def saved_picture(kind: str, first: Any, *others: Any) -> bytes:
    held = io.BytesIO()
    more = {"save_all": True, "append_images": list(others)} if others else {}
    first.save(held, kind, **more)
    return held.getvalue()


def half_scanned() -> bytes:
    """Two pages, the first written, the second a picture of one."""
    import pypdfium2

    written = pypdfium2.PdfDocument(pdf([[(60, 700, 12, "A piscina abre das 8h as 22h, todos os dias.")]]))
    seen = picture_of(pdf([[(60, 700, 12, "O estacionamento fica na rua de trás.")]]))
    written.import_pages(pypdfium2.PdfDocument(saved_picture("PDF", seen)))
    held = io.BytesIO()
    written.save(held)
    return held.getvalue()


def mail(subject: str, text: str, *, attached: str = "") -> bytes:
    """An e-mail, and the name of a PDF that came with it."""
    from email.message import EmailMessage

    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Ana <ana@example.org>", "casa@example.org", subject
    made["MIME-Version"] = "1.0"
    made.set_content(text)
    if attached:
        made.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename=attached)
    return made.as_bytes()
