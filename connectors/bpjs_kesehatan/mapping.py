"""Between BPJS Kesehatan's shapes and the shared records. Pure functions; what the agency's codes mean is in `verdicts.py`."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from connectors.bpjs_kesehatan import wire
from connectors.bpjs_kesehatan.requests import MembershipChange, MembershipStop, NewbornEnrolment
from connectors.toolkit import errors, reading
from schemas.health import HealthMembership, QueueTicket
from schemas.text import Text

JAKARTA: Final = timezone(timedelta(hours=7), "WIB")

_ACTIVE: Final = "0"
_REASON: Final = {"death": "1", "leaving": "2"}
_SEX: Final = {"male": "L", "female": "P"}
# What stands for "no date" in one or another of the agency's services.
_NO_DATE: Final = frozenset({"", "-", "0000-00-00"})


def membership(answer: wire.Membership) -> HealthMembership:
    """The shared record of a member.

    Every status but 0 is inactive; the wording goes along as the reason, misspelled as the agency has it
    (`NON AKTIF KARNA PREMI`), so that staff find it in the agency's own application.
    """
    member = answer.member
    active = member.status.code == _ACTIVE
    return HealthMembership(
        number=member.number.zfill(13),  # a JSON number loses its leading zeros
        nik=member.nik or None,
        name=member.name,
        status="active" if active else "inactive",
        status_reason=None if active else member.status.wording,
        care_class=member.care_class.wording or None,
        member_type=member.kind.wording or None,
        valid_from=day(member.valid_from, "tglTMT"),
        valid_until=day(member.valid_until, "tglTAT"),
        facility=member.provider.name or None,
    )


def newborn(request: NewbornEnrolment, *, reference: str, user: str) -> wire.Newborn:
    """The write's body, with our reference in it so that it can be looked up."""
    return wire.Newborn(
        reference=reference,
        nik=request.nik,
        name=request.name,
        birth_date=request.birth_date.isoformat(),
        sex=_SEX[request.sex],
        nkk=request.nkk,
        user=user,
    )


def service_day(asked: date | None, now: datetime) -> str:
    """`tglSEP`: the day asked about, or the day it is in Jakarta, where the agency's day begins."""
    return (asked or now.astimezone(JAKARTA).date()).isoformat()


def change(request: MembershipChange, *, reference: str, user: str) -> wire.Change:
    """The body of a change, with our reference in it."""
    address = request.address
    return wire.Change(
        reference=reference,
        nik=request.nik,
        care_class=request.care_class,
        facility=request.facility,
        address=address
        and wire.ChangedAddress(
            street=address.street,
            rt=address.rt,
            rw=address.rw,
            province=address.province_code,
            regency=address.regency_code,
            district=address.district_code,
            village=address.village_code,
            postal_code=address.postal_code,
        ),
        phone=request.phone,
        nkk=request.nkk,
        user=user,
    )


def stop(request: MembershipStop, *, reference: str, user: str) -> wire.Stop:
    """The body of an end, with our reference in it."""
    return wire.Stop(
        reference=reference,
        nik=request.nik,
        reason=_REASON[request.reason],
        on=request.on.isoformat(),
        deed_number=request.deed_number,
        user=user,
    )


def ticket(answer: wire.Bookings, booking_code: str) -> QueueTicket | None:
    """The place in the queue; None where the agency knows none under this code.

    Raises:
        BadData: It is about another code.
    """
    if not answer.bookings:
        return None
    booking = answer.bookings[0]
    reading.ours(booking.code, booking_code, "kodebooking")
    return QueueTicket(
        booking_code=booking.code,
        number=reading.text(booking.number),
        on=day(booking.day, "tanggal"),
        clinic=reading.text(booking.clinic),
        doctor=reading.text(booking.doctor),
        hours=reading.text(booking.hours),
        expected_at=datetime.fromtimestamp(booking.estimate / 1000, UTC) if booking.estimate else None,
        status=reading.text(booking.status),
        nik=reading.text(booking.nik),
        member_number=reading.padded(booking.member, 13),
    )


def day(value: str | None, field: str) -> date | None:
    """A date as the agency writes it; None where there is none.

    Raises:
        BadData: Neither a date nor one of the agency's ways to say that there is none.
    """
    if value is None or value.strip() in _NO_DATE:
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise errors.BadData(
            "unreadable_date",
            diagnosis=Text(
                id=f"BPJS Kesehatan mengirim tanggal yang tidak terbaca pada {field}.",
                en=f"BPJS Kesehatan sent an unreadable date in {field}.",
            ),
            owner="agency",
            field=field,
        ) from None
