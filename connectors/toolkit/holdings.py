"""What made-up people own, run and work at, computed from their family: parcels, taxpayers, businesses, civil servants, meters.

All sandbox agencies see the same. Numbers begin with 99 (or hold it where a region stands) and lead back to the family, so
nothing is kept.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from connectors.toolkit.population import Population, SandboxWorld, SyntheticAddress, SyntheticFamily, SyntheticPerson

CIVIL_SERVANTS_AMONG = 3_000
"""Civil servants are looked for among so many families, the seeded ten thousand residents."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A house and its land; every family owns one, in the father's name.

    Attributes:
        nop: 18 digits: province 2, regency 2, subdistrict 3, village 3, block 3, number 4, type 1.
        parcel_number: Nomor identifikasi bidang, 14 digits.
        certificate: Number of the certificate of ownership (hak milik).
        land_area: Square metres, as the building's.
        land_value: Rupiah per square metre, as the building's (NJOP).
        blocked: The certificate is blocked by a dispute.
        arrears: The land tax of last year is unpaid.
    """

    index: int
    nop: str
    parcel_number: str
    certificate: str
    owner: SyntheticPerson
    address: SyntheticAddress
    land_area: int
    building_area: int
    land_value: Decimal
    building_value: Decimal
    blocked: bool
    arrears: bool


@dataclass(frozen=True, slots=True)
class Business:
    """A firm; the father of every fifth family has one.

    Attributes:
        nib: 13 digits.
        npwp: Old form, 15 digits.
        kbli: Field of business, five digits.
        tax_clear: Whether the last two annual returns were filed.
    """

    index: int
    nib: str
    npwp: str
    name: str
    owner: SyntheticPerson
    address: SyntheticAddress
    kbli: str
    activity: str
    tax_clear: bool


@dataclass(frozen=True, slots=True)
class CivilServant:
    """A civil servant; the father of every twelfth family is one.

    Attributes:
        nip: 18 digits: birth date 8, appointment 6, sex 1, sequence 3.
    """

    nip: str
    person: SyntheticPerson
    appointed: date
    agency: str
    unit: str
    position: str
    rank: str


@dataclass(frozen=True, slots=True)
class Meter:
    """A connection to electricity or water; every family has both.

    Attributes:
        customer_number: 12 digits.
        arrears: Rupiah unpaid.
    """

    index: int
    kind: str
    customer_number: str
    holder: SyntheticPerson
    address: SyntheticAddress
    tariff: str
    arrears: Decimal


_COUPLE_AMONG = 256

_TRADES = (("56101", "Restoran"), ("47111", "Minimarket"), ("62019", "Perangkat lunak"), ("86103", "Klinik"))
_RANKS = ("II/c", "III/a", "III/b", "III/d", "IV/a")
_POSITIONS = ("Pengadministrasi Umum", "Analis Kebijakan", "Guru", "Perawat", "Pranata Komputer")


def parcel(world: SandboxWorld, family: SyntheticFamily) -> Parcel:
    """The parcel of a family; its owner is who bought it, where it was sold in this world."""
    index, address = family.index, family.address
    within = index % 999
    nop = f"{address.regency_code}{int(address.district_code[4:]):03d}{1 + within // 100:03d}001{1 + within % 100:04d}0"
    bought = world.owner_of(nop)
    return Parcel(
        index=index,
        nop=nop,
        parcel_number=f"{address.district_code}{within + 1:08d}",
        certificate=f"HM.{address.district_code}.{within + 1:05d}",
        owner=(world.person(bought) if bought else None) or world.person(family.father.nik) or family.father,
        address=address,
        land_area=60 + index * 7 % 240,
        building_area=36 + index * 5 % 100,
        land_value=Decimal(1_000_000 + index % 9 * 250_000),
        building_value=Decimal(1_200_000 + index % 5 * 200_000),
        blocked=index % 50 == 49,
        arrears=index % 20 == 19,
    )


def parcel_by_nop(world: SandboxWorld, nop: str) -> Parcel | None:
    """The parcel with this tax object number, or None."""
    if len(nop) != 18 or not nop.isdigit():
        return None
    within = (int(nop[7:10]) - 1) * 100 + int(nop[13:17]) - 1
    return _its_parcel(world, nop[:4] + nop[5:7], within, lambda found: found.nop == nop)


def parcel_by_certificate(world: SandboxWorld, certificate: str) -> Parcel | None:
    """The parcel with this certificate, or None."""
    _, _, rest = certificate.partition("HM.")
    district, _, number = rest.partition(".")
    if not (len(district) == 6 and district.isdigit() and number.isdigit()):
        return None
    return _its_parcel(world, district, int(number) - 1, lambda found: found.certificate == certificate)


def ordinary_parcel(world: SandboxWorld, number: int) -> Parcel:
    """A parcel that is neither blocked nor in arrears; another number gives another."""
    return parcel(world, world.population.family(number // 9 * 10 + number % 9))


def business(population: Population, family: SyntheticFamily) -> Business | None:
    """The firm of a family, or None."""
    index = family.index
    if index % 5:
        return None
    kbli, activity = _TRADES[index // 5 % len(_TRADES)]
    return Business(
        index=index,
        nib=f"99{index:09d}01",
        npwp=f"99{index:07d}999000",
        name=f"PT {population.family(index).father.name.split()[0]} Contoh",
        owner=family.father,
        address=family.address,
        kbli=kbli,
        activity=activity,
        tax_clear=index % 35 != 30,
    )


def business_by_nib(population: Population, nib: str) -> Business | None:
    """The firm with this NIB, or None."""
    return _business(population, nib[2:11] if len(nib) == 13 else "", lambda found: found.nib == nib)


def business_by_npwp(population: Population, npwp: str) -> Business | None:
    """The firm with this NPWP of 15 digits, or 16 with a zero before them, or None."""
    old = npwp[1:] if len(npwp) == 16 and npwp.startswith("0") else npwp
    return _business(population, old[2:9] if len(old) == 15 else "", lambda found: found.npwp == old)


def personal_npwp(person_index: int) -> str:
    """The NPWP of the old form, 15 digits, of the father of a family."""
    return f"98{person_index:07d}999000"


def person_by_npwp(world: SandboxWorld, npwp: str) -> SyntheticPerson | None:
    """The resident with this NPWP: a NIK, or a father's old number; None where it is nobody's."""
    if len(npwp) == 16 and not npwp.startswith("0"):
        return world.person(npwp)
    old = npwp[1:] if len(npwp) == 16 else npwp
    if len(old) != 15 or not old.isdigit() or not old.startswith("98") or old[9:] != "999000":
        return None
    family = _family(world.population, int(old[2:9]))
    return None if family is None else world.person(family.father.nik)


def returns_filed(family: SyntheticFamily) -> bool:
    """Whether a family's parents filed their last two annual tax returns."""
    return family.index % 25 != 24


def card_number(nik: str) -> str:
    """The number of a resident's health insurance card (BPJS Kesehatan), 13 digits."""
    number = int.from_bytes(hashlib.blake2b(nik.encode(), digest_size=8).digest())
    return f"000{number % 10**10:010d}"


def civil_servant(family: SyntheticFamily) -> CivilServant | None:
    """The civil servant of a family, or None."""
    index, person = family.index, family.father
    if index % 12 or index >= CIVIL_SERVANTS_AMONG:
        return None
    appointed = date(person.birth_date.year + 24, 1 + index % 12, 1)
    sequence = index // 12 + 1
    return CivilServant(
        nip=f"{person.birth_date:%Y%m%d}{appointed:%Y%m}1{sequence:03d}",
        person=person,
        appointed=appointed,
        agency=f"Pemerintah {family.address.regency}",
        unit=f"Dinas Contoh {1 + index % 9}",
        position=_POSITIONS[index // 12 % len(_POSITIONS)],
        rank=_RANKS[index // 12 % len(_RANKS)],
    )


def civil_servant_by_nip(population: Population, nip: str) -> CivilServant | None:
    """The civil servant with this NIP, or None."""
    return _civil_servants(population).get(nip)


def civil_servant_by_nik(population: Population, nik: str) -> CivilServant | None:
    """The civil servant with this NIK, or None."""
    return next((one for one in _civil_servants(population).values() if one.person.nik == nik), None)


def couple(population: Population, number: int, on: date) -> tuple[SyntheticPerson, SyntheticPerson]:
    """A man and a woman who live with their parents in different families and are 19 or older; another number, another couple.

    Args:
        population: Where they live.
        number: Which couple; the first of them are looked for among the families from 256 times this on.
        on: The day on which they are of age.
    """
    found: dict[str, SyntheticPerson] = {}
    for index in range(number * _COUPLE_AMONG, (number + 1) * _COUPLE_AMONG):
        for child in population.family(index).children:
            if child.nkk not in {one.nkk for one in found.values()} and child.birth_date <= _years_before(on, 19):
                found.setdefault(child.sex, child)
        if len(found) == 2:
            return found["male"], found["female"]
    raise IndexError("there is no such couple among the residents")


def meter(family: SyntheticFamily, kind: str = "electricity") -> Meter:
    """A family's connection to `electricity` or `water`."""
    index = family.index
    return Meter(
        index=index,
        kind=kind,
        customer_number=f"99{1 if kind == 'electricity' else 2}{index:08d}1",
        holder=family.father,
        address=family.address,
        tariff="R1/900 VA" if kind == "electricity" else "Rumah tangga A",
        arrears=Decimal(150_000 + index % 7 * 10_000) if index % 15 == 14 else Decimal(0),
    )


def meter_by_number(population: Population, number: str) -> Meter | None:
    """The connection with this customer number, or None."""
    if len(number) != 12 or not number.isdigit() or number[:2] != "99" or number[2] not in "12":
        return None
    family = _family(population, int(number[3:11]))
    found = None if family is None else meter(family, "electricity" if number[2] == "1" else "water")
    return found if found and found.customer_number == number else None


def _years_before(day: date, years: int) -> date:
    return date(day.year - years, day.month, min(day.day, 28) if day.month == 2 else day.day)


@cache
def _civil_servants(population: Population) -> dict[str, CivilServant]:
    found = (civil_servant(population.family(index)) for index in range(0, CIVIL_SERVANTS_AMONG, 12))
    return {one.nip: one for one in found if one}


def _its_parcel(world: SandboxWorld, district: str, within: int, same: Callable[[Parcel], bool]) -> Parcel | None:
    index = population_index(district, within)
    family = None if index is None else _family(world.population, index)
    found = None if family is None else parcel(world, world.family(family.nkk) or family)
    return found if found is not None and same(found) else None


def population_index(district: str, within: int) -> int | None:
    """The family that a district's six digits and its place in the district stand for; None where there is none."""
    if not district.startswith("99") or not 0 <= within < 999:
        return None
    regency, number = int(district[2:4]) - 1, int(district[4:6]) - 1
    return (number * 79 + regency) * 999 + within if 0 <= regency < 79 and number >= 0 else None


def _business(population: Population, index: str, same: Callable[[Business], bool]) -> Business | None:
    family = _family(population, int(index)) if index.isdigit() else None
    found = None if family is None else business(population, family)
    return found if found is not None and same(found) else None


def _family(population: Population, index: int) -> SyntheticFamily | None:
    try:
        return population.family(index)
    except IndexError:
        return None
