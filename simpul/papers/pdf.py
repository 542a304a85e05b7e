"""A document as PDF. The same words give the same bytes, whenever and wherever they are drawn."""

import io
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import segno
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from simpul.expressions import ExpressionError
from simpul.papers import words
from simpul.papers.documents import DocumentTemplate

MOST_PAGES: Final = 5
"""Above it something is wrong with the values, and neither a message nor a signature would take it."""

_WIDTH, _HEIGHT = A4
_MARGIN, _LABELS, _QR = 64.0, 170.0, 96.0
_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_SIZE, _LEAD = 10.5, 15.0
_FLOOR = _MARGIN + _QR + 24
"""Below it is the QR code, on every page."""


def draw(
    template: DocumentTemplate,
    values: Mapping[str, Any],
    *,
    issuer: str,
    number: str,
    issued_at: datetime,
    link: str,
) -> bytes:
    """A document of A4 pages, each with the QR code of `link`.

    Args:
        issued_at: In the offices' time zone.

    Raises:
        ExpressionError: The values do not fit, need more pages than may be, or hold characters that the font has not.
    """
    said = {place: _printable(place, text) for place, text in template.said(values).items()}
    sheet = _Sheet(template.title, number, link)
    sheet.centred(issuer.upper(), _BOLD, 12)
    sheet.gap()
    sheet.centred(template.title.upper(), _BOLD, 14)
    sheet.centred(f"Nomor {number}", _PLAIN, _SIZE)
    sheet.gap()
    sheet.paragraphs(said["opening"])
    for label in template.fields:
        if text := said[f"fields.{label}"]:
            sheet.field(label, text)
    sheet.paragraphs(said["closing"])
    sheet.gap()
    sheet.paragraphs(f"Diterbitkan {words.say('{{ at | day }}', 'id', {'at': issued_at.isoformat()})}")
    return sheet.bytes()


class _Sheet:
    """Pages, filled from the top."""

    def __init__(self, title: str, number: str, link: str) -> None:
        self._out = io.BytesIO()
        # `invariant` leaves out the time of making and random numbers.
        self._canvas = Canvas(self._out, pagesize=A4, invariant=1)
        self._canvas.setTitle(title)
        self._canvas.setAuthor("Simpul")
        self._number = number
        self._link = link
        self._code = segno.make(link, error="m", micro=False, boost_error=False)
        self._pages = 0
        self._page()

    def centred(self, text: str, font: str, size: float) -> None:
        for line in _wrapped(text, font, size, _WIDTH - 2 * _MARGIN):
            self._down(size + 5)
            self._canvas.setFont(font, size)
            self._canvas.drawCentredString(_WIDTH / 2, self._y, line)

    def paragraphs(self, text: str) -> None:
        for paragraph in filter(None, text.split("\n\n")):
            for line in _wrapped(" ".join(paragraph.split()), _PLAIN, _SIZE, _WIDTH - 2 * _MARGIN):
                self._down(_LEAD)
                self._text(_MARGIN, line)
            self.gap(6)

    def field(self, label: str, text: str) -> None:
        labels = list(_wrapped(label, _PLAIN, _SIZE, _LABELS - 12))
        texts = list(_wrapped(text, _BOLD, _SIZE, _WIDTH - 2 * _MARGIN - _LABELS - 10))
        for row in range(max(len(labels), len(texts))):
            self._down(_LEAD)
            if row < len(labels):
                self._text(_MARGIN, labels[row])
            if row == 0:
                self._text(_MARGIN + _LABELS - 8, ":")
            if row < len(texts):
                self._text(_MARGIN + _LABELS, texts[row], _BOLD)
        self.gap(3)

    def gap(self, points: float = 14) -> None:
        self._y -= points

    def bytes(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._out.getvalue()

    def _down(self, points: float) -> None:
        if self._y - points < _FLOOR:
            self._canvas.showPage()
            self._page()
        self._y -= points

    def _page(self) -> None:
        self._pages += 1
        if self._pages > MOST_PAGES:
            raise ExpressionError(f"the document would have more than {MOST_PAGES} pages")
        self._y = _HEIGHT - _MARGIN
        self._qr()
        self._text(_MARGIN + _QR + 12, "Periksa keaslian dokumen ini:", size=9, y=_MARGIN + 34)
        self._text(_MARGIN + _QR + 12, self._link, size=8, y=_MARGIN + 20)
        self._text(_MARGIN + _QR + 12, f"{self._number}, halaman {self._pages}", size=8, y=_MARGIN + 6)

    def _qr(self) -> None:
        rows = list(self._code.matrix)
        side = _QR / len(rows)
        for y, row in enumerate(rows):
            for x, dark in enumerate(row):
                if dark:
                    self._canvas.rect(_MARGIN + x * side, _MARGIN + _QR - (y + 1) * side, side, side, stroke=0, fill=1)

    def _text(self, x: float, text: str, font: str = _PLAIN, *, size: float = _SIZE, y: float | None = None) -> None:
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, self._y if y is None else y, text)


def _printable(place: str, text: str) -> str:
    """A text in letters that the font has.

    Raises:
        ExpressionError: It has not: a name must not be printed with holes. Quotes nothing.
    """
    composed = unicodedata.normalize("NFC", text)
    try:
        composed.encode("cp1252")
    except UnicodeEncodeError:
        raise ExpressionError(f"the document's {place} holds a character that its font has not") from None
    return composed


def _wrapped(text: str, font: str, size: float, width: float) -> Iterator[str]:
    """Lines that fit; a word that is wider than a line is broken."""
    line = ""
    for word in _broken(text.split(), font, size, width):
        longer = f"{line} {word}" if line else word
        if stringWidth(longer, font, size) <= width:
            line = longer
        else:
            yield line
            line = word
    yield line


def _broken(found: list[str], font: str, size: float, width: float) -> Iterator[str]:
    for word in found:
        piece = ""
        for letter in word:
            if piece and stringWidth(piece + letter, font, size) > width:
                yield piece
                piece = ""
            piece += letter
        yield piece
