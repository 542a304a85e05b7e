"""How BPJS Kesehatan signs requests and encrypts answers. Pure functions; keys come from the settings.

Both rest on the consumer id, the secret and the timestamp of the *request* (contract section 4), so a signature cannot be
used later, and an answer can only be read by who kept the timestamp of its question.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_BLOCK_BYTES = 16


class CipherError(ValueError):
    """The answer cannot be decrypted: another key, or not encrypted at all. The message never holds any of it."""


def signature(cons_id: str, secret: str, timestamp: str) -> str:
    """`X-signature`: Base64 of HMAC-SHA256 with the secret over `consid&timestamp` (UTC epoch seconds)."""
    digest = hmac.new(secret.encode(), f"{cons_id}&{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def response_key(cons_id: str, secret: str, timestamp: str) -> bytes:
    """The AES-256 key of an answer; its first 16 bytes are the IV as well."""
    return hashlib.sha256(f"{cons_id}{secret}{timestamp}".encode()).digest()


def decrypt(sealed: str, key: bytes) -> str:
    """Opens Base64 of AES-256-CBC with PKCS7.

    Raises:
        CipherError: Not Base64, not whole blocks, wrong padding, or not text: most often another key.
    """
    try:
        data = base64.b64decode(sealed, validate=True)
        decryptor = _cipher(key).decryptor()
        unpadder = PKCS7(_BLOCK_BYTES * 8).unpadder()
        padded = decryptor.update(data) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError) as error:
        # `from None`: the cause of a UnicodeDecodeError would carry what was decrypted into a log.
        raise CipherError(f"cannot be decrypted ({type(error).__name__})") from None


def encrypt(text: str, key: bytes) -> str:
    """The inverse of `decrypt`. Only the sandbox agency encrypts."""
    padder = PKCS7(_BLOCK_BYTES * 8).padder()
    encryptor = _cipher(key).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    # A key and IV per request's second are what the agency prescribes; TLS is what protects the answer.
    return Cipher(algorithms.AES(key), modes.CBC(key[:_BLOCK_BYTES]))
