"""The connector to a bank that speaks SNAP BI: its calls. Signatures, codes, mappings and the payment call are beside it."""

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import to_json

from connectors.bank import mapping, payment, signing, verdicts, wire
from connectors.bank.requests import VirtualAccountQuery, VirtualAccountRequest
from connectors.bank.settings import BankSettings
from connectors.toolkit import PUBLIC_TASK, RestConnector, operation
from connectors.toolkit.errors import AgencyError, Rejected
from connectors.toolkit.tokens import Token, TokenRefusedError, Tokens
from schemas.payments import VirtualAccount, VirtualAccountPayment

# Refusals come with a responseCode in a body.
_WITH_A_CODE = (400, 401, 403, 404, 409, 429)
_TOKEN = "v1.0/access-token/b2b"  # noqa: S105  (a path)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Bank(RestConnector[BankSettings]):
    """A bank's virtual accounts, SNAP BI. Contract: [D].

    Args:
        settings: Read from the environment when not given.
        now: The clock that calls are signed with.
    """

    agency = "bank"
    callbacks = (payment.PAYMENT,)

    def __init__(self, settings: BankSettings | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(settings)
        self._now = now
        self._tokens = Tokens(self._token)
        prefix = self.settings.signed_prefix
        self._prefix = (urlsplit(self.address).path if prefix is None else prefix).rstrip("/")

    @operation(effect="write", purpose="payment of a fee or tax", legal_basis="PADG 23/15/2021 (SNAP)", contract="D")
    def create_virtual_account(self, request: VirtualAccountRequest, *, reference: str) -> VirtualAccount:
        """An account number into which one bill can be paid (service 27); it follows from our reference.

        Raises:
            Misconfigured: Signature, token or partner refused (40100, 40101, 403xx).
            BadData: The form of the request was refused (400xx).
        """
        now = self._now()
        answer = self._call("create-va", mapping.creation(request, self.settings, reference=reference, now=now))
        made = mapping.virtual_account(answer.data, mapping.number(self.settings, reference), reference=reference)
        expires = made.expires_at or now + timedelta(minutes=request.expires_in_minutes)
        return made.model_copy(update={"expires_at": expires})

    @create_virtual_account.reconcile
    def find_virtual_account(self, request: VirtualAccountRequest, *, reference: str) -> VirtualAccount | None:
        """The account that our reference has; paid or expired, it is there all the same."""
        its_number = mapping.number(self.settings, reference)
        latest = self._now() + timedelta(minutes=request.expires_in_minutes)
        known = mapping.made(request, self.settings, reference=reference, latest=latest)
        try:
            found = mapping.virtual_account(self._inquire(its_number).data, its_number, reference=reference)
        except Rejected as error:
            if error.code == verdicts.NOT_FOUND:
                return None
            if error.code in {verdicts.PAID, verdicts.EXPIRED}:
                return known
            raise
        return found.model_copy(update={"expires_at": found.expires_at or latest})

    @operation(effect="read", purpose="payment of a fee or tax", legal_basis=PUBLIC_TASK, contract="D")
    def inquire_virtual_account(self, query: VirtualAccountQuery) -> VirtualAccount:
        """What can be paid into an account (service 24).

        Raises:
            Rejected: The bank does not know it, or it is paid or expired (40412, 40414, 40419).
        """
        return mapping.virtual_account(self._inquire(query.number).data, query.number)

    @operation(effect="read", purpose="confirmation of a payment", legal_basis=PUBLIC_TASK, contract="D")
    def get_payment_status(self, query: VirtualAccountQuery) -> VirtualAccountPayment:
        """Whether an account has been paid (service 26); unpaid and expired are answers, not errors.

        Raises:
            Rejected: The bank does not know it (40412).
        """
        body = {**mapping.account(self.settings, query.number), "inquiryRequestId": str(uuid.uuid4())}
        try:
            return mapping.payment(self._call("status", {**body, "additionalInfo": {}}).data, query.number)
        except Rejected as error:
            if error.code != verdicts.EXPIRED:
                raise
            return VirtualAccountPayment(number=query.number, status="expired")

    def _inquire(self, its_number: str) -> wire.Answer:
        body = {
            **mapping.account(self.settings, its_number),
            "trxDateInit": signing.timestamp(self._now()),
            "channelCode": 6011,
            "inquiryRequestId": str(uuid.uuid4()),
            "additionalInfo": {},
        }
        return self._call("inquiry", body)

    def _call(self, service: str, body: Mapping[str, Any]) -> wire.Answer:
        """A transaction, its body minified as it is signed.

        Raises:
            AgencyError: As the table of cases has it.
        """
        path, content = f"v1.0/transfer-va/{service}", to_json(body)
        try:
            return self._tokens.using(lambda token: self._signed(path, content, token))
        except TokenRefusedError:
            raise verdicts.CASES[verdicts.BAD_TOKEN](verdicts.BAD_TOKEN) from None

    def _signed(self, path: str, content: bytes, token: str) -> wire.Answer:
        stamp = signing.timestamp(self._now())
        signed = signing.transaction_string("POST", f"{self._prefix}/{path}", token, content, stamp)
        answer = wire.Answer.model_validate(
            self._answered(
                path,
                content,
                {
                    "Authorization": f"Bearer {token}",
                    "X-TIMESTAMP": stamp,
                    "X-SIGNATURE": signing.symmetric(self.settings.client_secret.get_secret_value(), signed),
                    "X-PARTNER-ID": self.settings.partner_id,
                    # Numeric, and never twice on a day.
                    "X-EXTERNAL-ID": f"{time.time_ns()}{secrets.randbelow(10**9):09d}",
                    "CHANNEL-ID": self.settings.channel_id,
                },
            )
        )
        found = verdicts.case(answer.code, self.settings.cases)
        if found == verdicts.BAD_TOKEN:
            raise TokenRefusedError
        if (error := verdicts.verdict(found)) is not None:
            raise error
        return answer

    def _token(self) -> Token:
        stamp = signing.timestamp(self._now())
        key = self.settings.private_key.get_secret_value()
        answer = wire.TokenAnswer.model_validate(
            self._answered(
                _TOKEN,
                to_json({"grantType": "client_credentials"}),
                {
                    "X-TIMESTAMP": stamp,
                    "X-CLIENT-KEY": self.settings.client_id,
                    "X-SIGNATURE": signing.asymmetric(key, signing.token_string(self.settings.client_id, stamp)),
                },
            )
        )
        if (error := verdicts.verdict(verdicts.case(answer.code, self.settings.cases))) is not None:
            raise _harmless(error)
        if not answer.token:
            raise verdicts.CASES[verdicts.BAD_TOKEN](verdicts.BAD_TOKEN)
        return Token(answer.token, float(answer.expires_in) if answer.expires_in else None)

    def _answered(self, path: str, content: bytes, headers: Mapping[str, str]) -> Any:
        sent = {"Content-Type": "application/json", **headers}
        return self.exchange("POST", path, content=content, headers=sent, accept=_WITH_A_CODE).json()


def _harmless(error: AgencyError) -> AgencyError:
    """Asking for a token does nothing that could be in doubt."""
    error.doubtful = False
    return error
