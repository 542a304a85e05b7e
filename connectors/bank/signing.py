"""SNAP BI's signatures: the strings that are signed, byte for byte, and how they are signed. Pure functions."""

import base64
import binascii
import functools
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.toolkit.reading import WIB

_TEXT_OR_SPACE: Final = re.compile(rb'("(?:\\.|[^"\\])*")|[ \t\r\n]+', re.DOTALL)


def timestamp(at: datetime) -> str:
    """An aware time as X-TIMESTAMP has it: ISO 8601 in Jakarta time, whole seconds."""
    return at.astimezone(WIB).isoformat(timespec="seconds")


def minify(body: bytes) -> bytes:
    """JSON without the white space between its parts; order, numbers and texts, spaces inside them too, stay as sent."""
    return _TEXT_OR_SPACE.sub(lambda found: found[1] or b"", body)


def digest(body: bytes) -> str:
    """What of a body is signed: `lowerhex(sha256(minify(body)))`."""
    return hashlib.sha256(minify(body)).hexdigest()


def token_string(client_id: str, stamp: str) -> str:
    """What is signed for an access token."""
    return f"{client_id}|{stamp}"


def transaction_string(method: str, path: str, token: str, body: bytes, stamp: str) -> str:
    """What is signed for a transaction, symmetrically."""
    return f"{method}:{path}:{token}:{digest(body)}:{stamp}"


def call_string(method: str, path: str, body: bytes, stamp: str) -> str:
    """What is signed, asymmetrically, where one calls without an access token: as the bank calls us."""
    return f"{method}:{path}:{digest(body)}:{stamp}"


def asymmetric(pem: str, text: str) -> str:
    """`Base64(SHA256withRSA(text))` under a private key."""
    return base64.b64encode(private_key(pem).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def symmetric(secret: str, text: str) -> str:
    """`Base64(HMAC-SHA512(secret, text))`."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha512")).decode()


def verified(pem: str, text: str, signature: str) -> bool:
    """Whether an asymmetric signature is right under a public key."""
    try:
        public_key(pem).verify(
            base64.b64decode(signature, validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@functools.lru_cache(maxsize=16)
def private_key(pem: str) -> rsa.RSAPrivateKey:
    """An RSA private key.

    Raises:
        ValueError: It is none.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("is no RSA private key in PEM without a passphrase")  # noqa: TRY004  (pydantic wants this one)
    return key


@functools.lru_cache(maxsize=16)
def public_key(pem: str) -> rsa.RSAPublicKey:
    """An RSA public key.

    Raises:
        ValueError: It is none.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("is no RSA public key in PEM")  # noqa: TRY004  (pydantic wants this one)
    return key
