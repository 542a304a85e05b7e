import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bpjs_kesehatan.lzstring import LzError, TooLargeError, compress, decompress

# Made with the JavaScript reference implementation.
VECTORS = {
    "": "Q",
    "red": "E4UwJkA",
    "Hello, world!": "BIUwNmD2A0AEDukBOYAmBCIA",
    "𝔓": "qwbmRdo",
    "Žluťoučký kůň úpěl ďábelské ódy!": "r6ABsK6KaAD2aLCADWBfgBPQ9oCAlAZAvgDobEARlB4QAEOAjAUxAGd4BL5AZ4BMBPAQiA",
}


@pytest.mark.parametrize(("text", "packed"), VECTORS.items())
def test_unpacks_what_the_javascript_reference_packed(text, packed):
    assert decompress(packed, max_characters=100) == text


@pytest.mark.parametrize(("text", "packed"), VECTORS.items())
def test_packs_bit_for_bit_as_the_javascript_reference_does(text, packed):
    # A spare "A" (six zero bits) is the reference's padding; two of the vectors were published with it stripped.
    assert compress(text).rstrip("A") == packed.rstrip("A")


@given(st.text(max_size=400))
def test_what_is_packed_unpacks_to_the_same_text(text):
    assert decompress(compress(text), max_characters=1000) == text


@given(st.text(alphabet="ab", max_size=3000))
def test_long_repetitive_texts_survive_every_growth_of_the_code_width(text):
    assert decompress(compress(text), max_characters=3000) == text


@given(st.text(alphabet="ABCabc019+-$ =", max_size=200))
def test_any_text_either_unpacks_within_the_limit_or_is_refused(text):
    with contextlib.suppress(LzError):
        assert len(decompress(text, max_characters=500)) <= 500


def test_a_space_is_read_as_the_plus_it_once_was():
    text = json.dumps({"n": list(range(60))})
    packed = compress(text)
    assert "+" in packed
    assert decompress(packed.replace("+", " "), max_characters=1000) == text


def test_a_bomb_is_refused_as_soon_as_it_passes_the_limit():
    bomb = compress("x" * 300_000)
    assert len(bomb) < 10_000
    with pytest.raises(TooLargeError):
        decompress(bomb, max_characters=100_000)


def test_an_answer_of_exactly_the_limit_is_let_through():
    assert decompress(compress("x" * 100), max_characters=100) == "x" * 100


@pytest.mark.parametrize("broken", ["", "E4Uw", "E4Uw*kA", "<html>", "////"])
def test_what_is_not_lz_string_is_refused_without_being_quoted(broken):
    with pytest.raises(LzError) as refusal:
        decompress(broken, max_characters=100)
    assert not broken or broken not in str(refusal.value)
