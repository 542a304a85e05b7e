"""WS-Security for SOAP: what names us in an envelope and signs its body, and how a sandbox checks both.

No Timestamp goes along: its Created and Expires do not go together with a signature in zeep (issues 996 and 1207), and the
UsernameToken carries nonce and time of its own.
"""

import base64
import binascii
import hashlib
import hmac
import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree

from connectors.toolkit.envelope import SOAP

WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DIGEST: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
WINDOW: Final = timedelta(minutes=5)


def token_and_signature(
    username: str, password: str, key: str, certificate: str, now: Callable[[], datetime] | None = None
) -> Any:
    """A UsernameToken (digest, nonce, time) and a signature over the body (RSA-SHA256), as zeep's `wsse` takes them.

    Answers are not verified: TLS speaks for them.

    Args:
        username: Ours.
        password: Never sent, only its digest.
        key: Our private key, PEM.
        certificate: Its certificate, PEM; goes along.
        now: What the token is dated with; the machine's clock when not given.
    """
    # They cost more than a second, and the stubs of xmlsec hide what its own documentation uses.
    xmlsec: Any = importlib.import_module("xmlsec")
    from zeep.wsse.compose import Compose  # noqa: PLC0415
    from zeep.wsse.signature import MemorySignature  # noqa: PLC0415
    from zeep.wsse.username import UsernameToken  # noqa: PLC0415

    class Signature(MemorySignature):  # type: ignore[misc]
        """Signs what we send."""

        def verify(self, envelope: Any) -> Any:
            return envelope

    class Token:
        """A new one for each envelope: zeep's own dates them all alike, or by the machine's clock."""

        def apply(self, envelope: Any, headers: Any) -> Any:
            created = now().astimezone(UTC) if now else None
            token = UsernameToken(username, password, use_digest=True, zulu_timestamp=True, created=created)
            return token.apply(envelope, headers)

        def verify(self, envelope: Any) -> None:
            """Answers carry none."""

    signature = Signature(
        key.encode(),
        certificate.encode(),
        signature_method=xmlsec.Transform.RSA_SHA256,
        digest_method=xmlsec.Transform.SHA256,
    )
    return Compose([Token(), signature])


class SecurityError(ValueError):
    """An envelope that is not let in. `code` is a fault code of WS-Security, such as `FailedAuthentication`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Doorkeeper:
    """Checks token and signature of envelopes, each nonce once.

    Args:
        username: Who may come in.
        password: Of that user.
        certificate: Whose signature counts, PEM; the one in the envelope does not.
        now: The time.
    """

    def __init__(
        self, username: str, password: str, certificate: Callable[[], str], now: Callable[[], datetime]
    ) -> None:
        self._username = username
        self._password = password
        self._certificate = certificate
        self._now = now
        self._nonces: dict[bytes, datetime] = {}

    def forget(self) -> None:
        """No nonce has been seen."""
        self._nonces.clear()

    def check(self, body: bytes) -> None:
        """Lets an envelope in. It has been read by `envelope.read`, which refuses document types.

        Raises:
            SecurityError: It is not let in.
        """
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        security = root.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security")
        if security is None:
            raise SecurityError("InvalidSecurity")
        nonce = self._token(security)
        self._signature(root, security)
        # Remembered only now: nobody but who signs can use nonces up.
        self._nonces[nonce] = self._now()

    def _token(self, security: etree._Element) -> bytes:
        token = security.find(f"{{{WSSE}}}UsernameToken")
        if token is None:
            raise SecurityError("InvalidSecurity")
        name, digest, written, created = (
            token.findtext(tag, "")
            for tag in (f"{{{WSSE}}}Username", f"{{{WSSE}}}Password", f"{{{WSSE}}}Nonce", f"{{{WSU}}}Created")
        )
        password = token.find(f"{{{WSSE}}}Password")
        try:
            nonce, at = base64.b64decode(written, validate=True), datetime.fromisoformat(created)
        except (binascii.Error, ValueError):
            raise SecurityError("InvalidSecurityToken") from None
        if password is None or password.get("Type") != DIGEST or not nonce or at.tzinfo is None:
            raise SecurityError("InvalidSecurityToken")
        right = hashlib.sha1(nonce + created.encode() + self._password.encode(), usedforsecurity=False).digest()
        if name != self._username or not hmac.compare_digest(base64.b64encode(right), digest.encode()):
            raise SecurityError("FailedAuthentication")
        now = self._now()
        self._nonces = {seen: then for seen, then in self._nonces.items() if now - then <= 2 * WINDOW}
        if abs(now - at) > WINDOW or nonce in self._nonces:
            raise SecurityError("FailedAuthentication")
        return nonce

    def _signature(self, root: etree._Element, security: etree._Element) -> None:
        xmlsec: Any = importlib.import_module("xmlsec")

        signature = security.find(f"{{{DS}}}Signature")
        body = root.find(f"{{{SOAP}}}Body")
        if signature is None or body is None:
            raise SecurityError("InvalidSecurity")
        references = signature.findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference")
        its_id = body.get(f"{{{WSU}}}Id")
        known = [element for element in root.iter() if element.get(f"{{{WSU}}}Id") == its_id]
        # What is signed must be the body that is read, and no other element under its id.
        if its_id is None or len(known) != 1 or [one.get("URI") for one in references] != [f"#{its_id}"]:
            raise SecurityError("FailedCheck")
        context = xmlsec.SignatureContext()
        context.register_id(body, "Id", WSU)
        context.key = xmlsec.Key.from_memory(self._certificate().encode(), xmlsec.KeyFormat.CERT_PEM, None)
        try:
            context.verify(signature)
        except xmlsec.Error:
            raise SecurityError("FailedCheck") from None
