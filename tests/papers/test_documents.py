import hashlib
import re
import zlib
from base64 import a85decode
from datetime import UTC, datetime

import pytest

from simpul.expressions import ExpressionError
from simpul.papers import documents, pdf
from simpul.papers.words import FOLDER, TemplateError

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
LINK = "https://mpp.example/check/" + "a" * 32
FACTS = {"issuer": "Dinas Contoh", "number": "99-26-000000001-7/1", "issued_at": AT, "link": LINK}
VALUES = {
    "service": "Paket kelahiran",
    "number": "99-26-000000001-7",
    "deed_number": "9974-LU-02032026-0001",
    "name": "Dewi Lestari",
    "nik": "9974014101900001",
    "nkk": "9974010101900002",
    "sex": "female",
    "birth_place": "Kota Contoh",
    "birth_date": "2026-02-28",
    "place": "Kota Contoh",
    "died_on": "2026-02-28",
    "what": "Telah terdaftar",
}


def drawn(template="certificate", /, **changes):
    return pdf.draw(documents.read(template)[1], VALUES | changes, **FACTS)


def shown(content: bytes) -> str:
    """The strings that a PDF shows, in order."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)
    plain = b"".join(zlib.decompress(a85decode(each.strip().removesuffix(b"~>"))) for each in streams)
    return " ".join(each.decode("cp1252") for each in re.findall(rb"\((.*?)\) Tj", plain))


@pytest.mark.parametrize("name", sorted(file.stem for file in (FOLDER / "documents").glob("*.toml")))
def test_each_document_shows_who_issued_it_what_it_says_and_where_to_check_it(name):
    content = drawn(name)
    assert content.startswith(b"%PDF-")
    assert len(content) < 20_000
    text = shown(content)
    assert "DINAS CONTOH" in text
    assert "Dewi Lestari" in text
    assert LINK in text
    assert "Diterbitkan 2 Maret 2026" in text


def test_the_same_words_give_the_same_bytes():
    one, two = (hashlib.sha256(drawn()).hexdigest() for _ in range(2))
    assert one == two
    assert hashlib.sha256(drawn(name="Lain")).hexdigest() != one


def test_a_long_value_goes_on_over_lines_and_pages_and_nothing_of_it_is_lost():
    words = [f"kata{number}" for number in range(900)]
    assert [each for each in shown(drawn(what=" ".join(words))).split() if each.startswith("kata")] == words


@pytest.mark.parametrize(
    ("value", "says"), [("x" * 100_000, "more than 5 pages"), ("Contoh \u4eba", "fields.Nama holds a character")]
)
def test_what_cannot_be_printed_whole_is_refused_without_being_quoted(value, says):
    with pytest.raises(ExpressionError, match=says) as refused:
        drawn(name=value)
    assert "xxx" not in str(refused.value)
    assert "\u4eba" not in str(refused.value)


def test_text_that_looks_like_markup_or_pdf_is_text():
    hostile = r"\) Tj ET <b>{{ 7 * 7 }} (endstream"
    assert drawn(name=hostile).count(b"endstream") == drawn().count(b"endstream")


@pytest.mark.parametrize(
    "line",
    ['title = "Akta {{ name }}"', 'title = "x"\nopening = "{{ name"', 'title = "x"\nfooter = "y"', "title ="],
)
def test_a_malformed_template_is_refused(tmp_path, line):
    file = tmp_path / "own.toml"
    file.write_text(line)
    with pytest.raises(TemplateError, match=r"template own\.toml"):
        documents.read(file)
