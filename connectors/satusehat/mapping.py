"""From FHIR R4 to the shared records. Pure functions; what errors mean is in `verdicts.py`."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal

from connectors.satusehat import wire
from connectors.satusehat.requests import HealthLetterQuery
from connectors.toolkit import diagnoses, reading
from connectors.toolkit.errors import BadData
from schemas.civil import Address
from schemas.documents import MAX_CONTENT
from schemas.health import HealthLetter, Patient, Practitioner
from schemas.identifiers import Sex

LETTERS: Final = MappingProxyType({"premarital": "catin", "general": "sehat"})
"""Kinds of letters, as the code system of letters has them [G]."""

_GENDERS: Final[MappingProxyType[str, Sex]] = MappingProxyType({"male": "male", "female": "female"})
_STATUSES: Final[MappingProxyType[str, Literal["current", "superseded"]]] = MappingProxyType(
    {"current": "current", "superseded": "superseded"}
)
_BORN: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def patient(resource: wire.Human, nik: str) -> Patient:
    """A patient.

    Raises:
        BadData: The resource is about somebody else, or unreadable.
    """
    born = partial(resource.born, "birthDate")
    return Patient(
        ihs_number=_ihs_number(resource, wire.IHS),
        nik=_nik(resource, nik),
        nkk=_number(resource.identifier, wire.NKK),
        active=resource.active,
        name=name(resource.name),
        birth_date=whole(born, "birthDate"),
        born=born,
        sex=_GENDERS.get(resource.gender or ""),
        deceased=True if resource.died else resource.deceased,
        died_on=whole((partial(resource.died and resource.died[:10], "deceasedDateTime")), "deceasedDateTime"),
        phone=next((reading.text(one.value) for one in resource.telecom if one.system == "phone"), None),
        address=address(resource.address),
    )


def practitioner(resource: wire.Human, nik: str) -> Practitioner:
    """A practitioner.

    Raises:
        BadData: The resource is about somebody else, or unreadable.
    """
    born = partial(resource.born, "birthDate")
    qualification = resource.qualification[0] if resource.qualification else wire.Qualification()
    codings = qualification.code.coding
    return Practitioner(
        ihs_number=_ihs_number(resource, wire.NAKES),
        nik=_nik(resource, nik),
        active=resource.active,
        name=name(resource.name),
        birth_date=whole(born, "birthDate"),
        born=born,
        sex=_GENDERS.get(resource.gender or ""),
        registration=_number([*qualification.identifier, *resource.identifier], wire.REGISTRATION),
        qualification=reading.text(qualification.code.text) or (reading.text(codings[0].display) if codings else None),
        address=address(resource.address),
    )


def letter(
    resource: wire.DocumentReference, query: HealthLetterQuery, media_type: str | None, data: str, ihs_number: str
) -> HealthLetter:
    """A letter with its document.

    Args:
        resource: As it was found.
        query: What was asked for.
        media_type: Of the document.
        data: The document, in Base64, from the attachment itself or from where it points.
        ihs_number: The patient's, whom the letter must be about.

    Raises:
        BadData: It is about somebody else, in an unknown state, or the document is broken or too large.
    """
    reading.ours((resource.subject.reference or "").rpartition("/")[2], ihs_number, "subject")
    attachment = resource.content[0].attachment
    status = _STATUSES.get(resource.status)
    if status is None:
        raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="status")
    content = _content(data, attachment.hash)
    by = resource.custodian or (resource.author[0] if resource.author else wire.Reference())
    return HealthLetter(
        document_id=reading.needed(resource.id, "id"),
        kind=query.kind,
        status=status,
        nik=query.nik,
        patient_ihs_number=ihs_number,
        title=reading.text(attachment.title) or reading.text(resource.description),
        issued_at=reading.moment(resource.date, "date"),
        issued_by=reading.text(by.display) or reading.text(by.reference),
        media_type=reading.needed(media_type, "contentType"),
        sha256=hashlib.sha256(content).hexdigest(),
        content=base64.b64encode(content).decode(),
    )


def name(names: Sequence[wire.HumanName]) -> str | None:
    """The official name, or the first: as written in whole, else put together from its parts."""
    found = next((one for one in names if one.use == "official"), names[0] if names else None)
    if found is None:
        return None
    parts = (*found.prefix, *found.given, found.family, *found.suffix)
    return reading.text(found.text) or reading.text(" ".join(filter(None, parts)))


def partial(value: str | None, field: str) -> str | None:
    """A date as far as FHIR has it: a year, a month or a day.

    Raises:
        BadData: It is none of them.
    """
    found = reading.text(value)
    if found is None:
        return None
    if not _BORN.fullmatch(found):
        raise BadData("DATE", diagnosis=diagnoses.UNREADABLE, field=field, detail="a date in an unknown form")
    # A month or day that there is not is found by filling up what is missing.
    reading.day(f"{found}-01-01"[:10] if len(found) < 10 else found, field)
    return found


def whole(value: str | None, field: str) -> date | None:
    """The day, where a partial date has one."""
    return reading.day(value, field) if value and len(value) == 10 else None


def address(addresses: Sequence[wire.Address]) -> Address | None:
    """The home address, or the first; its codes from the extension, each made whole with those above it."""
    found = next((one for one in addresses if one.use == "home"), addresses[0] if addresses else None)
    if found is None:
        return None
    codes = {
        inner.url: inner.value_code or inner.value_string
        for extension in found.extension
        if extension.url == wire.ADMINISTRATIVE_CODE
        for inner in extension.extension
    }
    made = Address(
        street=reading.text(", ".join(found.line)),
        rt=reading.padded(codes.get("rt"), 3),
        rw=reading.padded(codes.get("rw"), 3),
        postal_code=reading.padded(found.postal_code, 5),
        province_code=_code(codes.get("province"), 2),
        province=reading.text(found.state),
        regency_code=_code(codes.get("city"), 4),
        regency=reading.text(found.city),
        district_code=_code(codes.get("district"), 6),
        district=reading.text(found.district),
        village_code=_code(codes.get("village"), 10),
    )
    return made if made != Address() else None


def _code(value: Any, width: int) -> str | None:
    """A region's code, with or without dots; None where it has not as many digits as it should."""
    found = (reading.text(value) or "").replace(".", "")
    return found if len(found) == width and found.isdigit() else None


def _number(identifiers: Sequence[wire.Identifier], system: str) -> str | None:
    """The number of a system; None where there is none or it is masked."""
    found = next((reading.text(one.value) for one in identifiers if one.system == system), None)
    return None if found is None or not found.strip("#*Xx") else found


def _nik(resource: wire.Human, nik: str) -> str:
    """The NIK, which the exchange may mask (`################`): it was searched for by that NIK then."""
    found = _number(resource.identifier, wire.NIK)
    if found is not None:
        reading.ours(found, nik, "identifier")
    return nik


def _ihs_number(resource: wire.Human, system: str) -> str:
    return reading.needed(_number(resource.identifier, system) or resource.id, "id")


def _content(data: str, sha1: str | None) -> bytes:
    if len(data) > MAX_CONTENT:
        raise BadData("TOO_LARGE", diagnosis=diagnoses.TOO_LARGE, field="attachment.data")
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise BadData("NOT_BASE64", diagnosis=diagnoses.UNREADABLE, field="attachment.data")
    # FHIR R4 prescribes SHA-1 for this; it guards against mistakes, not against forgery.
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    if sha1 and base64.b64encode(digest).decode() != sha1:
        raise BadData("HASH", diagnosis=diagnoses.UNREADABLE, field="attachment.hash")
    return content
