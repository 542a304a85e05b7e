"""Signing strings and signatures, byte for byte."""

import pytest

from connectors.bank import signing
from connectors.toolkit import made_keys

# A published example of a SNAP provider (docs.qoinhub.id, asymmetric signature of a B2B access token): its public half.
PUBLISHED_KEY = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCyv//t/knkJRMRVgD37Bq2RTHV
xC6kZmw8t0L3j23wFajGbh8WdUy9PvibmLUdWXNWPqvvu0cDnA+QHXfUwnsrVy7i
a0kje2h7wj/bM4LSzRziqljF8th5d1Spqbqxq9HnrOxKjZAHxlzMfGrJFHin6Jhj
y3c1bNhhFeEqeqY6RwIDAQAB
-----END PUBLIC KEY-----
"""
PUBLISHED_SIGNATURE = (
    "X6SoppGIO6kzJtmV8iempgTAVWR89byQPwsLe/QNDux2Hwg6iii9ecyBKy1mLze0coKchdLSjzMAtBNPbyrHytqaeSL2BSf9nvteoKc6BpMvTf1I"
    "SZIQ+nnKROSnLG1q41jweC7rDcoFkBr/vD5Dk93V2Ffd86m9lGhLtS4ysn4="
)
BODY = b'{\n  "partnerServiceId": "   12345",\t"note": "a \\" b  c",\r\n "amount": { "value" : "250000.00" }, "n": 1.50, "x": null }'
MINIFIED = b'{"partnerServiceId":"   12345","note":"a \\" b  c","amount":{"value":"250000.00"},"n":1.50,"x":null}'
STAMP = "2026-01-31T10:00:00+07:00"


def test_the_published_signature_of_a_token_request_is_verified():
    text = signing.token_string("7fb118fb-2738-4886-9817-8a2c4de43001", "2024-05-17T14:12:50+07:00")
    assert signing.verified(PUBLISHED_KEY, text, PUBLISHED_SIGNATURE)
    assert not signing.verified(PUBLISHED_KEY, text + " ", PUBLISHED_SIGNATURE)


def test_the_published_string_of_a_transaction_is_made():
    # The provider publishes the digest, not the body: what stands around it is compared.
    token = (
        "gSNfcFyM6YA97pnw4SvUhQ7cUJWc1Ab/I4WdeQx53UjiYMbWgPONMUXEDrHT4nfTRpehJ9C1mBhH1oivlF+TCx8xj9k2OlJy6AtCR00DR2kW"
    )
    token += "+PvTE5zzx6zHkXR1BHSF61/0YY5aQDMQP2a09wKFWPUFf4RnGckwtP8rehVqw8A="
    path, stamp = "/ordersnap/api/v1.0/qr/qr-mpm-generate", "2024-05-17T14:12:50+07:00"
    made = signing.transaction_string("POST", path, token, b"{}", stamp)
    digest = "12f54e59ed57e9ee27a3811351b0e200dd43d96e27b920e7ae9ce384e5fe2d5f"
    assert made.replace(signing.digest(b"{}"), digest) == f"POST:{path}:{token}:{digest}:{stamp}"


def test_minifying_leaves_texts_numbers_and_order_alone():
    assert signing.minify(BODY) == MINIFIED
    assert signing.minify(MINIFIED) == MINIFIED


# Computed apart: printf '%s' BODY | openssl dgst -sha256, and openssl dgst -sha512 -hmac secret -binary | base64.
def test_digest_and_symmetric_signature_are_those_of_openssl():
    assert signing.digest(BODY) == "94f2a714a9e248784cf14d4f67a9d91331eb6805b66c6cdeaf5c5e4f9b60ef17"
    text = signing.transaction_string("POST", "/v1.0/transfer-va/create-va", "token", BODY, STAMP)
    assert (
        text
        == f"POST:/v1.0/transfer-va/create-va:token:94f2a714a9e248784cf14d4f67a9d91331eb6805b66c6cdeaf5c5e4f9b60ef17:{STAMP}"
    )
    assert signing.symmetric("secret", text) == (
        "qDN7vwMZHP9S2UsX9V+QwCjk3DsdHMl9yGrhG+LqX2NLc9/TIuOLVV6WuhcWiwJ0TVXA/dY3YQWv9IdyssA8Pg=="
    )


def test_an_asymmetric_signature_is_verified_by_its_own_public_half_only():
    pem, text = made_keys.private_pem("one"), signing.call_string("POST", "/x", BODY, STAMP)
    made = signing.asymmetric(pem, text)
    assert signing.verified(made_keys.public_pem("one"), text, made)
    assert not signing.verified(made_keys.public_pem("other"), text, made)
    for nonsense in ("", "not base64!", "AAAA"):
        assert not signing.verified(made_keys.public_pem("one"), text, nonsense)


@pytest.mark.parametrize("pem", ["", "not a key", made_keys.public_pem("one")])
def test_what_is_no_private_key_is_said_to_be_none(pem):
    with pytest.raises(ValueError, match="no RSA private key"):
        signing.private_key(pem)
