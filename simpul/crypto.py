"""Encryption of personal data at rest and blinding of keys (design rule 9).

Each application has a data key of its own, wrapped by the master key (AES key wrap with a key derived per
subject, RFC 3394); destroying the wrapped key erases the data. Payloads are AES-256-GCM with a random nonce
in front. What is used as a Kafka key or in an index is blinded by HMAC-SHA256 under a key of its own.
"""

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

_NONCE = 12
_BLINDED = 32


class CannotDecryptError(Exception):
    """A key or a ciphertext does not fit: another master key, or bytes that were altered."""


class DataKey:
    """The key under which one application's payloads are sealed."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, aad: str) -> bytes:
        """Encrypt; `aad` names the place the payload belongs to, so that it cannot be moved to another."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, aad.encode())

    def open(self, sealed: bytes, aad: str) -> bytes:
        """Decrypt what `seal` made for the same place.

        Raises:
            CannotDecryptError: Another key, another place, or altered bytes.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], aad.encode())
        except InvalidTag:
            raise CannotDecryptError(
                "a payload does not open with its key: altered, moved, or of another key"
            ) from None


class Keys:
    """What is derived from the master key: blinding, and the wrapping of data keys.

    Args:
        master: 32 random bytes; see `new_master_key`.
    """

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise ValueError("the master key must be 32 bytes; make one with `simpul keys new`")
        self._blinding = _derive(master, b"blind")
        self._wrapping = _derive(master, b"wrap")
        self._unwrap = lru_cache(maxsize=20_000)(self._unwrap_uncached)

    def blind(self, text: str) -> str:
        """A stable pseudonym of 32 lower-case base32 characters that says nothing about `text`."""
        mac = hmac.new(self._blinding, text.encode(), hashlib.sha256).digest()
        return base64.b32encode(mac)[:_BLINDED].decode().lower()

    def new_data_key(self, subject: str) -> bytes:
        """A fresh data key for a subject (a blinded application number), wrapped for storage (40 bytes)."""
        return aes_key_wrap(self._wrapping_key(subject), os.urandom(32))

    def data_key(self, wrapped: bytes, subject: str) -> DataKey:
        """Unwrap a stored data key.

        Raises:
            CannotDecryptError: The key was wrapped for another subject or under another master key.
        """
        return self._unwrap(wrapped, subject)

    def _unwrap_uncached(self, wrapped: bytes, subject: str) -> DataKey:
        try:
            return DataKey(aes_key_unwrap(self._wrapping_key(subject), wrapped))
        except (InvalidUnwrap, ValueError):
            raise CannotDecryptError(
                "a data key does not unwrap: SIMPUL_MASTER_KEY is not the key it was wrapped with"
            ) from None

    def _wrapping_key(self, subject: str) -> bytes:
        return hmac.new(self._wrapping, subject.encode(), hashlib.sha256).digest()


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"simpul/" + purpose).derive(master)


def new_master_key() -> str:
    """A new master key as configuration text (base64 of 32 random bytes)."""
    return base64.b64encode(os.urandom(32)).decode()


def decode_master_key(text: str) -> bytes:
    """The bytes of a configured master key.

    Raises:
        ValueError: Not base64 of 32 bytes; the message does not quote it.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise ValueError("SIMPUL_MASTER_KEY must be base64 of 32 bytes; make one with `simpul keys new`")
    return raw


def digest(sealed: bytes) -> str:
    """SHA-256 of a ciphertext in hex: what events carry instead of data."""
    return hashlib.sha256(sealed).hexdigest()


def check_digest(token: str) -> str:
    """What the token in a document's QR code is stored as: who reads the ledger can look up no document with it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
