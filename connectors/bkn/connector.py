"""The connector to BKN: its calls and the life of its two tokens. Shapes, meanings and mappings are beside it."""

import base64
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from connectors.bkn import mapping, verdicts, wire
from connectors.bkn.requests import CivilServantQuery, CivilServantSearch, DeathReport, HistoryQuery
from connectors.bkn.settings import BknSettings
from connectors.toolkit import RestConnector, operation
from connectors.toolkit.errors import BadData, Misconfigured, Rejected, Retriable
from connectors.toolkit.tokens import Token, TokenRefusedError, Tokens
from schemas.acknowledgement import Acknowledgement
from schemas.civil_service import CivilServant, ServiceHistory

_ASN = "UU 20/2023; PP 11/2017"


class Bkn(RestConnector[BknSettings]):
    """Civil service agency (BKN SIASN, used by the regional BKD too). Contract: [C]; search and report of death: [G]."""

    agency = "bkn"

    def __init__(self, settings: BknSettings | None = None) -> None:
        super().__init__(settings)
        self._gateway = Tokens(self._gateway_token)
        self._sso = Tokens(self._sso_token)

    @operation(effect="read", purpose="standing of a civil servant", legal_basis=_ASN, contract="C")
    def get_civil_servant(self, query: CivilServantQuery) -> CivilServant:
        """One civil servant by NIP.

        Raises:
            Rejected: No such civil servant.
            Misconfigured: Application, account or token refused.
        """
        return mapping.civil_servant(self._call("GET", "data-utama", query.nip), nip=query.nip)

    @operation(effect="read", purpose="whether a resident is a civil servant", legal_basis=_ASN, contract="G")
    def find_civil_servant(self, query: CivilServantSearch) -> CivilServant:
        """Who has this NIK in the civil service; that nobody has is an answer (`employed` is false), not an error.

        Raises:
            Misconfigured: Application, account or token refused.
        """
        return mapping.found_civil_servant(self._call("POST", "cari", json=wire.Search(nik=query.nik)), query.nik)

    @operation(effect="read", purpose="career of a civil servant", legal_basis=_ASN, contract="C")
    def get_history(self, query: HistoryQuery) -> ServiceHistory:
        """One side of a civil servant's career: ranks, positions, education, training or sanctions.

        Raises:
            Rejected: No such civil servant.
            Misconfigured: Application, account or token refused.
        """
        return mapping.history(self._call("GET", wire.HISTORIES[query.kind], query.nip), query)

    @operation(effect="write", purpose="report of a civil servant's death", legal_basis=_ASN, contract="G")
    def report_death(self, request: DeathReport, *, reference: str) -> Acknowledgement:
        """Reports a civil servant's death, from which pension and survivors' benefits follow.

        Raises:
            Rejected: No such civil servant.
            Misconfigured: Application, account or token refused.
        """
        return mapping.receipt(self._call("POST", "kematian", json=mapping.death(request, reference)), reference)

    @report_death.reconcile
    def find_death_report(self, request: DeathReport, *, reference: str) -> Acknowledgement | None:  # noqa: ARG002
        """The receipt of the report made under our reference."""
        try:
            return mapping.receipt(self._call("GET", "kematian", reference), reference)
        except Rejected as refused:
            if refused.code == verdicts.NOT_FOUND:
                return None
            raise

    def _call(self, method: str, *path: str, json: BaseModel | None = None) -> Any:
        where = "/".join((wire.API, *(quote(part, safe="") for part in path)))

        def call(sso: str) -> wire.Envelope:
            gateway = self._gateway.current()
            headers = {"Authorization": f"Bearer {gateway}", "Auth": f"bearer {sso}"}
            status, answer = self._exchange(method, where, json=json, headers=headers)
            if (refused := verdicts.refusal(answer, status)) is not None:
                if isinstance(refused, TokenRefusedError):
                    # It does not say which of the two it means, so both are fetched anew.
                    self._gateway.drop(gateway)
                raise refused
            return answer

        try:
            return self._sso.using(call).data
        except TokenRefusedError:
            raise Misconfigured("TOKEN", diagnosis=verdicts.TOKEN) from None

    def _exchange(self, method: str, where: str, **sent: Any) -> tuple[int, wire.Envelope]:
        reply = self.exchange(method, where, accept=(401, 404), **sent)
        try:
            return reply.status, reply.parse(wire.Envelope)
        except (Retriable, BadData, ValueError):
            if reply.status in {401, 404}:
                raise verdicts.refused_without_words(reply.status) from None
            raise

    def _gateway_token(self) -> Token:
        secret = self.settings.client_secret.get_secret_value()
        basic = base64.b64encode(f"{self.settings.client_id}:{secret}".encode()).decode()
        reply = self.exchange(
            "POST", wire.TOKEN, form={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
        )
        return _token(reply.parse(wire.Issued))

    def _sso_token(self) -> Token:
        account = {
            "client_id": self.settings.sso_client_id,
            "grant_type": "password",
            "username": self.settings.username,
            "password": self.settings.password.get_secret_value(),
        }
        # Another machine than the gateway's: not below `base_url`, and never through SPLP.
        reply = self.transport.exchange(
            "POST",
            f"{self.settings.sso_url or self.settings.base_url}/{wire.SSO_TOKEN}",
            content=urlencode(account).encode(),
            headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
        )
        return _token(reply.parse(wire.Issued))


def _token(issued: wire.Issued) -> Token:
    return Token(issued.access_token, issued.expires_in)
