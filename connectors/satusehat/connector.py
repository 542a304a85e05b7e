"""The connector to SATUSEHAT: its token and its searches. Shapes, meanings and mappings are beside it."""

from typing import Any, Final
from urllib.parse import urlsplit

from connectors.satusehat import mapping, verdicts, wire
from connectors.satusehat.requests import HealthLetterQuery, PatientQuery, PractitionerQuery
from connectors.satusehat.settings import SatusehatSettings
from connectors.toolkit import RestConnector, diagnoses, operation
from connectors.toolkit.errors import BadData
from connectors.toolkit.tokens import Token, TokenRefusedError, Tokens
from schemas.health import HealthLetter, Patient, Practitioner
from schemas.text import Text

FHIR: Final = "fhir-r4/v1"
_ACCOUNT: Final = "oauth2/v1/accesstoken"
_LAW: Final = "UU 17/2023 (health); Permenkes 24/2022 (medical records)"
# OperationOutcomes come with these; their body says more than the status does.
_READABLE: Final = (400, 401, 403, 404, 422)


class Satusehat(RestConnector[SatusehatSettings]):
    """National health data exchange (SATUSEHAT, Ministry of Health), FHIR R4. Contract: [D], letters [G]."""

    agency = "satusehat"
    accept_json = "application/fhir+json, application/json"

    def __init__(self, settings: SatusehatSettings | None = None) -> None:
        super().__init__(settings)
        self._tokens = Tokens(self._fetch)

    @operation(effect="read", purpose="identification of a patient", legal_basis=_LAW, contract="D")
    def find_patient(self, query: PatientQuery) -> Patient:
        """One patient by NIK.

        Raises:
            Rejected: No patient has this NIK.
            Misconfigured: Credentials or rights refused.
            Retriable: Too many calls; carries how long to wait.
        """
        bundle = self._search("Patient", {"identifier": f"{wire.NIK}|{query.nik}"})
        found = _one(bundle, "Patient", verdicts.NO_PATIENT)
        return mapping.patient(wire.Human.model_validate(found), query.nik)

    @operation(effect="read", purpose="check of a practitioner", legal_basis=_LAW, contract="D")
    def get_practitioner(self, query: PractitionerQuery) -> Practitioner:
        """One practitioner by NIK.

        Raises:
            Rejected: No practitioner has this NIK.
            Misconfigured: Credentials or rights refused.
            Retriable: Too many calls; carries how long to wait.
        """
        bundle = self._search("Practitioner", {"identifier": f"{wire.NIK}|{query.nik}"})
        found = _one(bundle, "Practitioner", verdicts.NO_PRACTITIONER)
        return mapping.practitioner(wire.Human.model_validate(found), query.nik)

    @operation(
        effect="read",
        purpose="proof of a health examination",
        legal_basis="UU 17/2023 (health); PMA 20/2019 for couples who marry",
        contract="G",
    )
    def get_health_letter(self, query: HealthLetterQuery) -> HealthLetter:
        """The newest health letter about a patient, with its document.

        Raises:
            Rejected: There is no such letter.
            Misconfigured: Credentials or rights refused.
            BadData: The document is broken, too large or held elsewhere.
        """
        bundle = self._search(
            "DocumentReference",
            {
                "patient.identifier": f"{wire.NIK}|{query.nik}",
                "type": f"{wire.LETTER_TYPES}|{mapping.LETTERS[query.kind]}",
                "status": "current",
                "_sort": "-date",
                "_count": "1",
                "_include": "DocumentReference:patient",
            },
        )
        letter = wire.DocumentReference.model_validate(_one(bundle, "DocumentReference", verdicts.NO_LETTER))
        if not letter.content:
            raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="content")
        patient = next((one for one in _of(bundle, "Patient")), None)
        if patient is None:
            raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="subject")
        ihs_number = mapping.patient(wire.Human.model_validate(patient), query.nik).ihs_number
        media_type, data = self._document(letter.content[0].attachment)
        return mapping.letter(letter, query, media_type, data, ihs_number)

    def _document(self, attachment: wire.Attachment) -> tuple[str | None, str]:
        """What an attachment holds or points to. It may point to a Binary of this server only: nowhere else is gone to."""
        if attachment.data:
            return attachment.media_type, attachment.data
        host, path = urlsplit(f"{self.address}/{FHIR}/"), urlsplit(attachment.url or "")
        elsewhere = (path.scheme or path.netloc) and (path.scheme, path.netloc) != (host.scheme, host.netloc)
        kind, _, number = path.path.removeprefix(host.path).partition("/")
        if elsewhere or kind != "Binary" or not number.replace("-", "").isalnum():
            raise BadData("ELSEWHERE", diagnosis=diagnoses.UNREADABLE, field="attachment.url")
        binary = wire.Binary.model_validate(self._read(f"Binary/{number}"))
        return binary.media_type, binary.data

    def _search(self, kind: str, parameters: dict[str, str]) -> wire.Bundle:
        return wire.Bundle.model_validate(self._read(kind, parameters))

    def _read(self, path: str, parameters: dict[str, str] | None = None) -> Any:
        """A resource, with a token that is good."""
        try:
            return self._tokens.using(lambda token: self._once(path, parameters, token))
        except TokenRefusedError:
            raise verdicts.refused_credentials() from None

    def _once(self, path: str, parameters: dict[str, str] | None, token: str) -> Any:
        reply = self.exchange(
            "GET",
            f"{FHIR}/{path}",
            params=parameters,
            headers={"Authorization": f"Bearer {token}"},
            accept=_READABLE,
        )
        if reply.status == 401:
            raise TokenRefusedError
        content = reply.json()
        kind = content.get("resourceType") if isinstance(content, dict) else None
        if kind == "OperationOutcome":
            raise verdicts.verdict(wire.OperationOutcome.model_validate(content))
        if reply.status >= 400:
            raise BadData(f"HTTP_{reply.status}", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)
        return content

    def _fetch(self) -> Token:
        reply = self.exchange(
            "POST",
            _ACCOUNT,
            params={"grant_type": "client_credentials"},
            form={
                "client_id": self.settings.client_id.get_secret_value(),
                "client_secret": self.settings.client_secret.get_secret_value(),
            },
            accept=(400, 401, 403),
        )
        if reply.status >= 400:
            raise verdicts.refused_credentials()
        answer = reply.parse(wire.TokenAnswer)
        return Token(answer.value, answer.seconds)


def _of(bundle: wire.Bundle, kind: str) -> list[dict[str, Any]]:
    return [entry.resource for entry in bundle.entry if entry.resource.get("resourceType") == kind]


def _one(bundle: wire.Bundle, kind: str, none: Text) -> dict[str, Any]:
    """The resource that a search found: an active one before others.

    Raises:
        Rejected: `total` is 0, which comes with HTTP 200.
    """
    found = _of(bundle, kind)
    if not found:
        if bundle.total:
            raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="entry")
        raise verdicts.not_found(none)
    return next((one for one in found if one.get("active") is not False), found[0])
