# ruff: noqa: ANN401, PLR2004 - PDFium's handles have no types; distances in points
"""Reads the pieces of printed text of a PDF page, with boxes, through PDFium's C functions.

One call per word end instead of one per character: Python's calls into C cost about a microsecond, and a
page has 2,500 characters but 400 words.
"""

from __future__ import annotations

import re
from ctypes import byref, c_float, c_int, create_string_buffer
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

# PDFium answers page coordinates as whole device units: a large device keeps them exact enough.
_DEVICE = 1_000_000
# A wider gap than this (in font sizes) begins another piece: a column or a table cell.
_GAP = 0.95
# PDFium puts U+FFFE (older builds: U+0002) for a hyphen at the end of a line and goes on with the next line.
_WORD = re.compile("[^\\s\x00\x02\ufffe]+[\x02\ufffe]?")
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|[-,]bd\b", re.IGNORECASE)
_BOLD_WEIGHT = 600
_SPECK = 1.5  # points
_MAX_OBJECTS = 20_000
_PATH = 2  # FPDF_PAGEOBJ_PATH


@dataclass(slots=True)
class Piece:
    """Text printed on one line without a wide gap. Boxes in points, origin top left of the shown page."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool
    words: int
    sideways: bool = False


@dataclass(slots=True)
class PageContent:
    """What stands on a page. ``turned`` is how far (0, 90, 270 degrees) the frame was turned to read it."""

    width: float
    height: float
    turned: int
    pieces: list[Piece]
    rules: list[tuple[float, float, float]]  # horizontal lines: y, x0, x1


@dataclass(slots=True)
class _Frame:
    """Maps PDF page coordinates to the frame in which lines run left to right."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    width: float
    height: float
    turned: int = 0

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        if not self.b and not self.c and self.a > 0 > self.d:  # nearly every page: upright
            return (
                self.a * left + self.e,
                self.d * top + self.f,
                self.a * right + self.e,
                self.d * bottom + self.f,
            )
        x0, x1 = self.a * left + self.c * bottom + self.e, self.a * right + self.c * top + self.e
        y0, y1 = self.b * left + self.d * bottom + self.f, self.b * right + self.d * top + self.f
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def turn(self, angle: int) -> _Frame:
        """Return the frame turned so that text printed at 90 (or 270) degrees runs left to right."""
        wide, high = self.height, self.width
        if angle == 90:  # printed bottom to top: new x counts from the bottom, new y from the left
            return _Frame(
                -self.b, self.a, -self.d, self.c, self.height - self.f, self.e, wide, high, turned=90
            )
        return _Frame(self.b, -self.a, self.d, -self.c, self.f, self.width - self.e, wide, high, turned=270)


def turn_back(box: tuple[float, float, float, float], page: PageContent) -> tuple[float, float, float, float]:
    """Return a box of the reading frame as fractions (0 to 1) of the page as it is shown."""
    x0, y0, x1, y1 = box
    x0, x1, y0, y1 = x0 / page.width, x1 / page.width, y0 / page.height, y1 / page.height
    if page.turned == 90:
        x0, y0, x1, y1 = y0, 1 - x1, y1, 1 - x0
    elif page.turned == 270:
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return _fraction(x0), _fraction(y0), _fraction(x1), _fraction(y1)


def _fraction(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)


def read_page(page: Any) -> PageContent:
    """Return the pieces and the ruling lines of a pypdfium2 page.

    Pieces come in the order of the content stream.
    """
    frame = _frame_of(page)
    text_page = pdfium.FPDFText_LoadPage(page.raw)
    if not text_page:
        return PageContent(frame.width, frame.height, 0, [], [])
    try:
        reader = _Reader(text_page, frame)
        pieces = reader.pieces()
    finally:
        pdfium.FPDFText_ClosePage(text_page)
    frame = reader.frame
    rules = _rules(page, frame) if _has_neighbours(pieces) else []
    return PageContent(frame.width, frame.height, frame.turned, pieces, rules)


def _has_neighbours(pieces: list[Piece]) -> bool:
    """Whether some pieces stand side by side, so that ruling lines could tell cells from columns."""
    tops = sorted((piece.y0, piece.y1) for piece in pieces)
    return sum(upper[1] - lower[0] > 0.5 * (upper[1] - upper[0]) for upper, lower in pairwise(tops)) > 2


def _frame_of(page: Any) -> _Frame:
    raw = page.raw
    width = max(1.0, pdfium.FPDF_GetPageWidthF(raw))
    height = max(1.0, pdfium.FPDF_GetPageHeightF(raw))
    x, y = c_int(), c_int()

    def device(px: float, py: float) -> tuple[float, float]:
        pdfium.FPDF_PageToDevice(raw, 0, 0, _DEVICE, _DEVICE, 0, px, py, byref(x), byref(y))
        return x.value * width / _DEVICE, y.value * height / _DEVICE

    e, f = device(0, 0)
    right, up = device(100, 0), device(0, 100)
    return _Frame(
        (right[0] - e) / 100,
        (right[1] - f) / 100,
        (up[0] - e) / 100,
        (up[1] - f) / 100,
        e,
        f,
        width,
        height,
    )


class _Reader:
    """Reads one text page; the C structures are made once and used for every call."""

    def __init__(self, text_page: Any, frame: _Frame) -> None:
        self.text_page = text_page
        self.frame = frame
        self.rect = pdfium.FS_RECTF()
        self.rect_at = byref(self.rect)
        self.matrix = pdfium.FS_MATRIX()
        self.font_name = create_string_buffer(256)
        self.bold_fonts: dict[bytes, bool] = {}

    def pieces(self) -> list[Piece]:
        text = self._text()
        words = [match.span() for match in _WORD.finditer(text)]
        if not words:
            return []
        angle = self._main_angle([start for start, _ in words])
        if angle in {90, 270}:
            self.frame = self.frame.turn(angle)
        return self._join(text, words)

    def _text(self) -> str:
        """Return the page's text, one character for each of PDFium's character indices."""
        count = max(0, pdfium.FPDFText_CountChars(self.text_page))
        buffer = create_string_buffer((count + 1) * 2)
        array = buffer_as_ushorts(buffer)
        written = pdfium.FPDFText_GetText(self.text_page, 0, count, array) - 1
        text = buffer.raw[: max(0, written) * 2].decode("utf-16-le", "surrogatepass")
        if len(text) == count:
            return text
        # Some characters have no Unicode value, or two UTF-16 units: read one by one to keep the indices.
        codes = (pdfium.FPDFText_GetUnicode(self.text_page, index) for index in range(count))
        return "".join(chr(code) if 0 < code < 0x110000 else "\0" for code in codes)

    def _main_angle(self, starts: list[int]) -> int:
        """Return the angle (0, 90, 180, 270) at which most of a sample of words is printed."""
        votes: dict[int, int] = {}
        for index in starts[:: max(1, len(starts) // 16)]:
            way = self._direction(index)
            angle = 0
            if abs(way[1]) > abs(way[0]):
                angle = 90 if way[1] > 0 else 270
            votes[angle] = votes.get(angle, 0) + 1
        return max(votes, key=lambda angle: votes[angle])

    def _direction(self, index: int) -> tuple[float, float]:
        """Return the direction of the writing, as it is shown (x to the right, y upwards)."""
        if not pdfium.FPDFText_GetMatrix(self.text_page, index, byref(self.matrix)):
            return 1.0, 0.0
        m, frame = self.matrix, self.frame
        return frame.a * m.a + frame.c * m.b, -(frame.b * m.a + frame.d * m.b)

    def _join(self, text: str, words: list[tuple[int, int]]) -> list[Piece]:
        pieces: list[Piece] = []
        piece: Piece | None = None
        before = last = 0
        for start, end in words:
            box = self._word_box(start, end)
            if _is_speck(box, end - start):
                continue
            if piece and _same_line(piece, box):
                # Letters set wide are words to PDFium only when it has put a space between them.
                piece.text += (" " if start > before else "") + text[start:end]
                piece.x1 = max(piece.x1, box[2])
                piece.y0, piece.y1 = min(piece.y0, box[1]), max(piece.y1, box[3])
                piece.words += 1
            else:
                if piece:
                    pieces.append(self._close(piece, last))
                piece = self._begin(text, (start, end), box)
            before, last = end, start
        return [*pieces, self._close(piece, last)] if piece else pieces

    def _begin(self, text: str, word: tuple[int, int], box: tuple[float, float, float, float]) -> Piece:
        size, bold = self._style(word[0], box)
        x, y = self._direction(word[0])
        return Piece(text[slice(*word)], *box, size, bold, 1, sideways=abs(y) > abs(x))

    def _close(self, piece: Piece, last: int) -> Piece:
        """A piece is bold when its last word is bold as well: a bold field name does not make a heading."""
        if piece.bold and piece.words > 1:
            piece.bold = self._is_bold(last)
        return piece

    def _word_box(self, start: int, end: int) -> tuple[float, float, float, float]:
        rect, get = self.rect, pdfium.FPDFText_GetLooseCharBox
        if not get(self.text_page, start, self.rect_at):
            return 0.0, 0.0, 0.0, 0.0
        left, bottom, right, top = rect.left, rect.bottom, rect.right, rect.top
        if end - start > 1 and get(self.text_page, end - 1, self.rect_at):
            left, right = min(left, rect.left), max(right, rect.right)
            bottom, top = min(bottom, rect.bottom), max(top, rect.top)
        return self.frame.box(left, bottom, right, top)

    def _style(self, index: int, box: tuple[float, float, float, float]) -> tuple[float, bool]:
        """Return the size in points as printed, and whether the font is bold."""
        size = pdfium.FPDFText_GetFontSize(self.text_page, index)
        if pdfium.FPDFText_GetMatrix(self.text_page, index, byref(self.matrix)):
            size *= (self.matrix.c**2 + self.matrix.d**2) ** 0.5
        if not 0.5 < size < 2000:
            size = max(1.0, box[3] - box[1])
        return round(size, 1), self._is_bold(index)

    def _is_bold(self, index: int) -> bool:
        flags = c_int()
        pdfium.FPDFText_GetFontInfo(self.text_page, index, self.font_name, 256, byref(flags))
        name = self.font_name.value
        bold = self.bold_fonts.get(name)
        if bold is None:
            bold = bool(_BOLD.search(name.decode("utf-8", "replace")))
            self.bold_fonts[name] = bold
        return bold or bool(pdfium.FPDFText_GetFontWeight(self.text_page, index) > _BOLD_WEIGHT)


def buffer_as_ushorts(buffer: Any) -> Any:
    """Return a C string buffer as the array of 16-bit units that PDFium writes into."""
    return (pdfium.c_ushort * (len(buffer) // 2)).from_buffer(buffer)


def _is_speck(box: tuple[float, float, float, float], letters: int) -> bool:
    """Whether a word is too small for anybody to see: marks of the program that made the file, or a trap."""
    return box[3] - box[1] < _SPECK and box[2] - box[0] < _SPECK * letters


def _same_line(piece: Piece, box: tuple[float, float, float, float]) -> bool:
    """Whether a word goes on with a piece: on its line, and not far to the right of it."""
    overlap = min(piece.y1, box[3]) - max(piece.y0, box[1])
    if overlap < 0.5 * min(piece.y1 - piece.y0, box[3] - box[1]):
        return False
    gap = box[0] - piece.x1
    return -1.5 * piece.size < gap < _GAP * piece.size


def _rules(page: Any, frame: _Frame) -> list[tuple[float, float, float]]:
    """Return the horizontal ruling lines (and the edges of filled boxes) of the page, top to bottom."""
    raw = page.raw
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    rules = set()
    for index in range(min(pdfium.FPDFPage_CountObjects(raw), _MAX_OBJECTS)):
        item = pdfium.FPDFPage_GetObject(raw, index)
        if pdfium.FPDFPageObj_GetType(item) != _PATH:
            continue
        if not pdfium.FPDFPageObj_GetBounds(item, byref(left), byref(bottom), byref(right), byref(top)):
            continue
        x0, y0, x1, y1 = frame.box(left.value, bottom.value, right.value, top.value)
        if x1 - x0 >= 8 and y1 - y0 <= 3:
            rules.add((round((y0 + y1) / 2, 1), round(x0, 1), round(x1, 1)))
    return sorted(rules)
