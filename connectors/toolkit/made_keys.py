"""Keys and certificates of sandbox agencies, made when they are asked for: no key is ever in the repository.

The same name gives the same key in every process, so that a sandbox and a connector that run apart agree. They are made
from their names alone and protect nothing: never use one outside a sandbox.
"""

import functools
import random
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_EXPONENT: Final = 65537
_SMALL: Final = tuple(n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


@functools.cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """An RSA key of 2,048 bits."""
    source = random.Random(f"simpul sandbox {name}")
    p, q = _prime(source), _prime(source)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(_EXPONENT, p * q)
    ).private_key()


def private_pem(name: str) -> str:
    """The key as PEM (PKCS #8, not encrypted)."""
    return (
        private_key(name)
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def public_pem(name: str) -> str:
    """The public half as PEM."""
    public = private_key(name).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@functools.cache
def certificate_pem(name: str) -> str:
    """A certificate that the key has signed itself, as PEM."""
    key = private_key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Simpul sandbox {name}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(random.Random(name).getrandbits(64) | 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _prime(source: random.Random) -> int:
    while True:
        # The two highest bits, so that a product of two has all its 2,048.
        candidate = source.getrandbits(1024) | (3 << 1022) | 1
        if candidate % _EXPONENT != 1 and all(candidate % small for small in _SMALL) and _probably_prime(candidate):
            return candidate


def _probably_prime(number: int) -> bool:
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7))
