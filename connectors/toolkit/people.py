"""Who lives in the sandbox world, one row a resident, with the numbers by which each agency knows them.

For the scripts of trainings and acceptance tests: nobody has to guess a NIK.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from connectors.toolkit import holdings
from connectors.toolkit.population import SandboxWorld, SyntheticFamily, SyntheticPerson


@dataclass(frozen=True, slots=True)
class Resident:
    """One resident. A number is None where they have none; the family's parcel and meters stand in the father's row.

    Attributes:
        nik: Civil registry.
        nkk: Their family card.
        npwp: Tax office; whoever has no number of the old form is known by their NIK.
        bpjs: Health insurance.
        nop: Land tax.
        certificate: Land office.
        nib: Their firm, at OSS.
        firm_npwp: Their firm, at the tax office.
        nip: Civil service.
        electricity: Customer number, as `water`.
    """

    nik: str
    nkk: str
    name: str
    sex: str
    birth_date: str
    role: str
    district: str
    npwp: str
    bpjs: str
    nop: str | None = None
    certificate: str | None = None
    nib: str | None = None
    firm_npwp: str | None = None
    nip: str | None = None
    electricity: str | None = None
    water: str | None = None


def residents(world: SandboxWorld, number: int) -> list[Resident]:
    """The first so many residents, family by family."""
    return list(islice(_all(world), number))


def _all(world: SandboxWorld) -> Iterator[Resident]:
    for index in count():
        family = world.population.family(index)
        for person in family.members:
            yield _row(world, family, person)


def _row(world: SandboxWorld, family: SyntheticFamily, person: SyntheticPerson) -> Resident:
    own = _held(world, family) if person.role == "father" else {}
    return Resident(
        nik=person.nik,
        nkk=person.nkk,
        name=person.name,
        sex=person.sex,
        birth_date=person.birth_date.isoformat(),
        role=person.role,
        district=family.address.district_code,
        npwp=holdings.personal_npwp(family.index) if person.role == "father" else person.nik,
        bpjs=holdings.card_number(person.nik),
        **own,
    )


def _held(world: SandboxWorld, family: SyntheticFamily) -> dict[str, str | None]:
    parcel, firm = holdings.parcel(world, family), holdings.business(world.population, family)
    servant = holdings.civil_servant(family)
    return {
        "nop": parcel.nop,
        "certificate": parcel.certificate,
        "nib": firm.nib if firm else None,
        "firm_npwp": firm.npwp if firm else None,
        "nip": servant.nip if servant else None,
        "electricity": holdings.meter(family).customer_number,
        "water": holdings.meter(family, "water").customer_number,
    }
