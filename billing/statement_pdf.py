"""A month's statement to print: the business, what there was, every group, what there is; page by page.

Drawn by reportlab with the fonts that every reader has, which know the letters of the languages here.
"""

import io
import zoneinfo
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from billing import breakdown, statement_files, statement_words, statements
from billing.breakdown import ADDED, NONE, Group
from billing.statement_words import BY, Row
from tenants import addresses
from tenants.models import Domain, Tenant

MARGIN, WIDTH = 20 * mm, A4[0] - 40 * mm
MOST_CHATS = 60  # each of them; the others stand together
INK, QUIET, LINE = colors.HexColor("#1c1917"), colors.HexColor("#6b6560"), colors.HexColor("#d6d0c8")
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12, textColor=INK)
SMALL = ParagraphStyle("small", BODY, fontSize=8, leading=11, textColor=QUIET)
NUMBER = ParagraphStyle("number", BODY, alignment=TA_RIGHT)
BOLD = ParagraphStyle("bold", BODY, fontName="Helvetica-Bold")
BOLD_NUMBER = ParagraphStyle("bold number", BOLD, alignment=TA_RIGHT)
TITLE = ParagraphStyle("title", BODY, fontName="Helvetica-Bold", fontSize=18, leading=22)
HEADING = ParagraphStyle("heading", BODY, fontName="Helvetica-Bold", fontSize=11, leading=15, spaceBefore=14)


def of_month(tenant: Tenant, month: date, *, now: datetime, without: Collection[str] = ()) -> bytes:
    """The statement of this business, in its schema and the active language; `without` some groups."""
    whole = statements.of_month(tenant, month)
    title = _("Statement of credits, %(month)s") % {"month": formats.date_format(month, "YEAR_MONTH_FORMAT")}
    parts = [*_head(tenant, title, now=now), _summary(whole)]
    span = statement_files.span_of(tenant, month)
    for by in (one for one in BY if one not in without):
        found = statement_words.rows(breakdown.groups(span, by), by=by, month=month)
        if found:
            parts += [_text(str(BY[by]), HEADING), Spacer(1, 3), _table(str(BY[by]), _shortened(found, by))]
    return _drawn(parts, title=title, business=tenant.name)


def _head(tenant: Tenant, title: str, *, now: datetime) -> list[Any]:
    made = formats.date_format(timezone.localtime(now, zoneinfo.ZoneInfo(tenant.timezone)), "DATETIME_FORMAT")
    told = _("As of %(moment)s. Days and months are those of %(zone)s.")
    return [
        _text(tenant.name, BOLD),
        _text(_address(tenant), SMALL),
        Spacer(1, 10),
        _text(title, TITLE),
        _text(told % {"moment": made, "zone": tenant.timezone}, SMALL),
        Spacer(1, 12),
    ]


def _address(tenant: Tenant) -> str:
    """Where it is found; of one whose doors are closed for good, its name there."""
    has_doors = Domain.objects.filter(tenant=tenant).exists()
    return addresses.host_of(tenant) if has_doors else tenant.slug


def _summary(whole: statements.Statement) -> Table:
    """What there was, each kind of change, what there is: its lines add up."""
    rows = [[_text(_("Balance before"), BODY), "", _number(whole.opening)]]
    for kind, n, total in whole.by_kind:
        count = ngettext("%(n)s entry", "%(n)s entries", n) % {"n": formats.number_format(n)}
        rows.append([_text(statement_words.kind(kind), BODY), _text(count, SMALL), _number(total, sign=True)])
    rows.append([_text(_("Balance at the end"), BOLD), "", _number(whole.closing, style=BOLD_NUMBER)])
    return _styled(Table(rows, colWidths=[WIDTH * 0.55, WIDTH * 0.2, WIDTH * 0.25]), last_is_sum=True)


def _table(title: str, lines: Sequence[Group]) -> Table:
    """Groups with their entries, what was taken, what came, and the sum of all."""
    head = [_text(title, SMALL)]
    head += [_text(one, ParagraphStyle("head", SMALL, alignment=TA_RIGHT)) for one in _columns()]
    rows: list[list[Any]] = [head]
    for line in lines:
        rows.append([_text(line.of, BODY), *(_number(one) for one in _figures(line))])
    together = _summed(_("Together"), lines)
    rows.append([_text(together.of, BOLD), *(_number(one, style=BOLD_NUMBER) for one in _figures(together))])
    widths = [WIDTH * 0.44, *[WIDTH * 0.14] * 4]
    return _styled(Table(rows, colWidths=widths, repeatRows=1), last_is_sum=True)


def _columns() -> tuple[str, ...]:
    return _("Entries"), _("Taken"), _("Added"), _("Difference")


def _figures(line: Group) -> tuple[int, int, int, int]:
    return line.entries, line.taken, line.added, line.change


def _shortened(rows: Sequence[Row], by: str) -> list[Group]:
    """Every group under its name; of chats the dearest, and one line for all others."""
    chats = [row for row in rows if by == "conversation" and row.group.of not in (ADDED, NONE)]
    rest = chats[MOST_CHATS:]
    if not rest:
        return [_named(row) for row in rows]
    name = ngettext("%(n)s other", "%(n)s others", len(rest)) % {"n": formats.number_format(len(rest))}
    others = [_named(row) for row in rows if row.group.of in (ADDED, NONE)]
    return [*map(_named, chats[:MOST_CHATS]), _summed(name, [row.group for row in rest]), *others]


def _named(row: Row) -> Group:
    return replace(row.group, of=row.name)


def _summed(name: str, lines: Sequence[Group]) -> Group:
    """All of these as one."""
    return Group(
        name,
        entries=sum(line.entries for line in lines),
        taken=sum(line.taken for line in lines),
        added=sum(line.added for line in lines),
        estimated=sum(line.estimated for line in lines),
    )


def _styled(table: Table, *, last_is_sum: bool) -> Table:
    style: list[Any] = [
        ("LINEBELOW", (0, 0), (-1, -2), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    if last_is_sum:
        style.append(("LINEABOVE", (0, -1), (-1, -1), 0.8, INK))
    table.setStyle(TableStyle(style))
    table.hAlign = "LEFT"
    return table


def _text(words: str, style: ParagraphStyle) -> Paragraph:
    """Somebody's words are words: no mark-up, and a question mark for a letter that the fonts do not have."""
    drawable = words.encode("cp1252", "replace").decode("cp1252")
    return Paragraph(escape(drawable), style)


def _number(value: int, *, sign: bool = False, style: ParagraphStyle = NUMBER) -> Paragraph:
    shown = formats.number_format(value, use_l10n=True, force_grouping=True)
    # A narrow space between thousands is no letter of these fonts.
    plain = shown.replace("\u202f", "\u00a0")
    return _text(f"+{plain}" if sign and value > 0 else plain, style)


def _drawn(parts: list[Any], *, title: str, business: str) -> bytes:
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=A4, title=title, author=business, leftMargin=MARGIN, rightMargin=MARGIN,
        topMargin=MARGIN, bottomMargin=MARGIN,
    )  # fmt: skip
    document.build(parts, canvasmaker=_Numbered)
    return file.getvalue()


class _Numbered(Canvas):
    """Says on each page which it is, and of how many: known when all are drawn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self.setFont("Helvetica", 8)
            self.setFillColor(QUIET)
            words = _("Page %(n)s of %(all)s") % {"n": number, "all": len(self._pages)}
            self.drawRightString(A4[0] - MARGIN, 12 * mm, words)
            super().showPage()
        super().save()
