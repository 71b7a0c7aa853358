"""What a spreadsheet's formulas say when nobody has calculated them. Runs in the conversion child.

Programs keep each formula with its last result, and readers take the result. A file that a program wrote and
nobody opened has none: the cell would vanish without a word.
"""

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

_FORMULA_WITHOUT_RESULT = re.compile(rb"<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def with_formulas(path: Path) -> BytesIO | None:
    """The same sheets with each formula itself where its result is missing; None when none is missing."""
    if not _lacks_results(path):
        return None
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    results: Any = load_workbook(path, data_only=True)
    formulas: Any = load_workbook(path)
    for sheet in formulas.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f" and results[sheet.title][cell.coordinate].value is None:
                    results[sheet.title][cell.coordinate].value = _told(cell.value)
    made = BytesIO()
    results.save(made)
    made.seek(0)
    return made


def _lacks_results(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        return any(_FORMULA_WITHOUT_RESULT.search(archive.read(name)) for name in sheets)


def _told(formula: Any) -> str:
    """As a text: a value that begins with "=" would be a formula again."""
    text = getattr(formula, "text", None) or str(formula)
    return f"({text.strip()})"
