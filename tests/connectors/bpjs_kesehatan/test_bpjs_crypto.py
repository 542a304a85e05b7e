import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bpjs_kesehatan.crypto import CipherError, decrypt, encrypt, response_key, signature


def test_the_signature_covers_consumer_id_and_timestamp():
    expected = base64.b64encode(hmac.new(b"secret", b"consid&1700000000", hashlib.sha256).digest()).decode()
    assert signature("consid", "secret", "1700000000") == expected
    assert signature("consid", "secret", "1700000001") != expected


def test_the_key_is_the_digest_of_consumer_id_secret_and_timestamp():
    assert response_key("consid", "secret", "1700000000") == hashlib.sha256(b"considsecret1700000000").digest()


@given(st.text(max_size=200))
def test_what_is_encrypted_decrypts_to_the_same_text(text):
    key = response_key("consid", "secret", "1700000000")
    assert decrypt(encrypt(text, key), key) == text


def test_an_answer_to_another_second_cannot_be_read():
    sealed = encrypt("a text that is long enough to fill some blocks", response_key("c", "s", "1700000000"))
    with pytest.raises(CipherError):
        decrypt(sealed, response_key("c", "s", "1700000001"))


@pytest.mark.parametrize("sealed", ["", "not base64!", "AAAA", "<html>busy</html>"])
def test_what_is_not_a_cipher_text_is_refused(sealed):
    with pytest.raises(CipherError):
        decrypt(sealed, response_key("c", "s", "1"))
