"""Letters on scans and photos: RapidOCR called directly, in the conversion child, one of it a process.

What comes out are lines with their places, as `knowledge.layout` takes them.
"""

import statistics
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from knowledge.layout import GUESSED_BIGGER, Line
from knowledge.sniffing import Unreadable

NAME = "text recognition (OCR)"
LONGEST_SIDE = 3000  # pixels: more shows nothing more and costs memory
MAX_PIXELS = 120_000_000  # the largest photo of a phone; a bomb has many times that
DOTS_AN_INCH = 150
SURE = 0.5
SLIGHTLY_BIGGER, APART, SHORT = 1.08, 1.6, 60  # times the running text, times the usual step, letters
A_PAGE = 842.0  # points: pictures have no size of their own


@lru_cache(maxsize=1)
def _letters() -> Any:
    """The models, loaded once."""
    import logging

    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1}
    return RapidOCR(params=threads | {"Global.log_level": "error"})


def lines(picture: Any, *, page: int, width: float, height: float) -> list[Line]:
    """The lines of a picture (of Pillow), in reading order; width and height are those of the page."""
    import numpy as np

    seen = _letters()(np.asarray(picture.convert("RGB"))[:, :, ::-1], use_cls=False)
    if seen.txts is None:
        return []
    across, down = width / picture.width, height / picture.height
    found = [
        _line(page, box, text, across=across, down=down, height=height)
        for box, text, score in zip(seen.boxes, seen.txts, seen.scores, strict=True)
        if score >= SURE and text.strip()
    ]
    return _with_headings(_in_order(_measured(found)))


def _line(page: int, box: Any, text: str, *, across: float, down: float, height: float) -> Line:
    """A line from the four corners of its box; one that is skewed is as high as its own edge."""
    lefts, tops = [float(x) * across for x, _y in box], [float(y) * down for _x, y in box]
    middle = sum(tops) / 4
    half = ((tops[3] - tops[0]) + (tops[2] - tops[1])) / 4
    return Line(page, min(lefts), height - middle + half, max(lefts), height - middle - half, text.strip())


def _measured(found: list[Line]) -> list[Line]:
    """How many times the running text's height each line has."""
    if found:
        by_letter = [line.height for line in found for _ in range(min(len(line.text), 200))]
        usual = statistics.median(by_letter)
        for line in found:
            line.times = max(round(line.height / usual, 2), 0.01)
    return found


def _in_order(found: list[Line]) -> list[Line]:
    """From the top down, what stands beside each other from left to right; columns one after the other."""
    gutter = _gutter(found)
    if gutter is not None:
        left = [line for line in found if line.right <= gutter]
        right = [line for line in found if line.left >= gutter]
        first = max((line.top for line in (*left, *right)), default=0.0)
        above = [line for line in found if line not in left and line not in right and line.bottom >= first]
        below = [line for line in found if line not in left and line not in right and line not in above]
        return [*_by_rows(above), *_by_rows(left), *_by_rows(right), *_by_rows(below)]
    return _by_rows(found)


def _with_headings(found: list[Line]) -> list[Line]:
    """Letters are measured by eye here, so a heading is also known by the room around it."""
    steps = [one.top - other.top for one, other in pairwise(found) if one.top > other.bottom]
    usual = statistics.median_low(steps) if steps else 0.0
    for above, line, below in zip([None, *found], found, [*found[1:], None], strict=False):
        stands_free = above is None or not 0 < above.top - line.top < APART * usual
        alone = all(not _beside(other, line) for other in (above, below) if other is not None)
        if alone and stands_free and line.times >= SLIGHTLY_BIGGER and len(line.text) <= SHORT:
            line.times = max(line.times, GUESSED_BIGGER)
    return found


def _beside(one: Line, other: Line) -> bool:
    return min(one.top, other.top) - max(one.bottom, other.bottom) > 0.5 * min(one.height, other.height)


def _by_rows(found: Sequence[Line]) -> list[Line]:
    rows: list[list[Line]] = []
    for line in sorted(found, key=lambda one: -(one.top + one.bottom)):
        last = rows[-1][0] if rows else None
        if last is not None and last.top + last.bottom - line.top - line.bottom < line.height:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.left)]


def _gutter(found: Sequence[Line]) -> float | None:
    """Where a page of two columns of running text is parted, if it is one."""
    if len(found) < 16:
        return None
    left, right = min(line.left for line in found), max(line.right for line in found)
    for share in (0.5, 0.48, 0.52, 0.46, 0.54, 0.44, 0.56):
        middle = left + share * (right - left)
        sides = (
            [line for line in found if line.right <= middle],
            [line for line in found if line.left >= middle],
        )
        crossing = len(found) - len(sides[0]) - len(sides[1])
        if crossing * 8 <= len(found) and all(_is_column(side) for side in sides):
            return middle
    return None


def _is_column(side: Sequence[Line]) -> bool:
    """Running text: many lines, and long ones. The cells of a table are short."""
    return len(side) >= 6 and statistics.median(len(line.text) for line in side) >= 25


def pictures(path: Path, *, most: int) -> Iterator[tuple[int, Any]]:
    """How many pages a picture file has, and each page, small enough to be looked at. Raises Unreadable."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(path) as opened:
            pages = getattr(opened, "n_frames", 1) if opened.format == "TIFF" else 1
            if pages > most:
                raise Unreadable("too_large")
            for number in range(pages):
                opened.seek(number)
                yield pages, _page(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable("too_much") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable("corrupt") from error


def _page(opened: Any) -> Any:
    """One page the right way up, on white, at most LONGEST_SIDE pixels long."""
    from PIL import Image, ImageOps

    if opened.width * opened.height > MAX_PIXELS:
        raise Unreadable("too_much")
    opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded at a fraction of its size
    page = opened.copy()
    page.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    page = ImageOps.exif_transpose(page)
    if page.mode in ("RGBA", "LA", "PA") or "transparency" in page.info:
        white = Image.new("RGBA", page.size, "white")
        page = Image.alpha_composite(white, page.convert("RGBA"))
    return page.convert("RGB")


def scale_of(width: float, height: float) -> float:
    """How many pixels a point of a PDF's page is drawn with; a huge page is drawn small."""
    return min(DOTS_AN_INCH / 72, LONGEST_SIDE / max(width, height, 1.0))
