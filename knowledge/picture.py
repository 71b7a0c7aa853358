"""Draw one page in a process of its own, which may be killed: `python -m knowledge.picture FILE KIND PAGE`.

Writes a WebP image to its standard output. With `--find` it draws nothing: it reads a text from its standard
input and writes where that stands on the page, as JSON [[left, top, right, bottom], …], shares of the page
from its upper left, a box a line. Exit code 3: there is no such page. Opens no socket and no database.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 20
WIDEST = 1240  # pixels of a drawn page
HIGHEST = 3600
MOST_PIXELS = 60_000_000  # of an image that is made smaller; a photo of a good phone has 12 to 50 million
LONGEST_TEXT = 20_000
NO_SUCH_PAGE = 3
Box = list[float]
Frame = tuple[float, float, float, float]  # left, bottom, right, top, in points from the lower left
Letter = tuple[str, Frame]


def main() -> None:
    """Draw, or find, within limits."""
    path, kind, page = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    _limit()
    if "--find" in sys.argv:
        sys.stdout.write(json.dumps(find(path, page, sys.stdin.read(LONGEST_TEXT)) if kind == "pdf" else []))
        return
    image = _of_pdf(path, page) if kind == "pdf" else _of_image(path, page)
    image.save(sys.stdout.buffer, "WEBP", quality=82, method=3)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # what it makes goes through the pipe
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nobody would read what we print
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def _page(path: Path, number: int) -> Any:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    if not 1 <= number <= len(document):
        raise SystemExit(NO_SUCH_PAGE)
    return document[number - 1]


def _of_pdf(path: Path, number: int) -> Any:
    page = _page(path, number)
    width, height = page.get_size()
    scale = min(WIDEST / max(width, 1), HIGHEST / max(height, 1))
    return page.render(scale=scale).to_pil().convert("RGB")


def _of_image(path: Path, number: int) -> Any:
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        if number > getattr(image, "n_frames", 1) or number < 1:
            raise SystemExit(NO_SUCH_PAGE)
        if image.width * image.height > MOST_PIXELS:
            raise MemoryError("too many pixels")
        image.seek(number - 1)
        image.draft("RGB", (WIDEST, HIGHEST))
        shown = ImageOps.exif_transpose(image).convert("RGBA")
    shown.thumbnail((WIDEST, HIGHEST))
    paper = Image.new("RGB", shown.size, "white")  # what is see-through would turn black
    paper.paste(shown, mask=shown.getchannel("A"))
    return paper


def find(path: Path, number: int, text: str) -> list[Box]:
    """Where the text stands on a page, a box a line; only letters and digits are compared."""
    page = _page(path, number)
    if page.get_rotation():
        return []  # letters are told where they were before the page was turned
    frame = page.get_cropbox()
    letters = _letters(page)
    wanted = "".join(filter(str.isalnum, text))
    shown = "".join(char for char, _ in letters)
    at = shown.find(wanted) if wanted else -1
    if at >= 0:
        return _lines([box for _, box in letters[at : at + len(wanted)]], frame)
    return [box for part in _parts(text) for box in _found(part, shown, letters, frame)]


def _parts(text: str) -> list[str]:
    """A text that was put together from cells or columns, in pieces long enough to be told apart."""
    cells = text.replace(";", "\n").replace("|", "\n").replace(":", "\n").split("\n")
    parts = ["".join(filter(str.isalnum, cell)) for cell in cells]
    return [part for part in parts if len(part) >= 4]


def _found(part: str, shown: str, letters: list[Letter], frame: Frame) -> list[Box]:
    """The boxes of a piece that stands on the page exactly once."""
    at = shown.find(part)
    if at < 0 or shown.find(part, at + 1) >= 0:
        return []
    return _lines([box for _, box in letters[at : at + len(part)]], frame)


def _letters(page: Any) -> list[Letter]:
    """Every letter and digit of a page with its box."""
    text = page.get_textpage()
    count = min(text.count_chars(), LONGEST_TEXT * 5)
    # One letter at a time: an index into the whole text is off by the signs that stand for two.
    chars = ((text.get_text_range(number, 1), number) for number in range(count))
    return [(char, text.get_charbox(number)) for char, number in chars if len(char) == 1 and char.isalnum()]


def _lines(boxes: list[Frame], frame: Frame) -> list[Box]:
    """One box for the letters that follow each other on a line, as shares of the page from its upper left."""
    lines: list[list[float]] = []
    for left, bottom, right, top in boxes:
        if lines and _on_line(lines[-1], left, bottom, top):
            last = lines[-1]
            last[:] = [min(last[0], left), min(last[1], bottom), max(last[2], right), max(last[3], top)]
        else:
            lines.append([left, bottom, right, top])
    return [_share(line, frame) for line in lines]


def _share(line: list[float], frame: Frame) -> Box:
    (left, bottom, right, top), width, height = line, frame[2] - frame[0], frame[3] - frame[1]
    shares = (
        (left - frame[0]) / width, (frame[3] - top) / height,
        (right - frame[0]) / width, (frame[3] - bottom) / height,
    )  # fmt: skip
    return [round(min(max(share, 0.0), 1.0), 4) for share in shares]


def _on_line(line: list[float], left: float, bottom: float, top: float) -> bool:
    middle = (bottom + top) / 2
    return line[1] - 1 <= middle <= line[3] + 1 and left >= line[0]


if __name__ == "__main__":
    main()
