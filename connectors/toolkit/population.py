"""Made-up people for sandbox agencies and tests: any number of families, computed from their index, kept nowhere.

Their region code begins with 99, which no province has, and their names are built from syllables: nobody real is
among them.
"""

import contextlib
import functools
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Literal

Sex = Literal["male", "female"]
Status = Literal["active", "deceased", "duplicate", "inactive"]
Role = Literal["father", "mother", "child"]

WIB = timezone(timedelta(hours=7), "WIB")

_skew: ContextVar[timedelta | None] = ContextVar("skew", default=None)

_PER_REGION = 999
_REGENCIES = 79
_DISTRICTS = 60
_ORDINARY = 4_000_000
_PER_KIND = 1_000
_CARD_SLOT = 9

SPECIAL: Mapping[str, tuple[Role, Status]] = MappingProxyType(
    {
        "deceased_father": ("father", "deceased"),
        "deceased_mother": ("mother", "deceased"),
        "duplicate_father": ("father", "duplicate"),
        "duplicate_mother": ("mother", "duplicate"),
        "inactive_father": ("father", "inactive"),
        "inactive_mother": ("mother", "inactive"),
    }
)
"""Kinds of families with something wrong: whose NIK, and what the registry says of it."""

_STARTS = (
    "Bag",
    "Dar",
    "Har",
    "Jat",
    "Lak",
    "Mar",
    "Nar",
    "Pran",
    "Rak",
    "Sat",
    "Tris",
    "Wir",
    "Yud",
    "Ad",
    "Cak",
    "Gal",
)
_ENDS: Mapping[Sex, tuple[str, ...]] = MappingProxyType(
    {
        "male": ("anto", "adi", "aksa", "endra", "iman", "ono", "osa", "atma"),
        "female": ("anti", "ari", "ika", "ina", "ita", "iyah", "ayu", "asih"),
    }
)


@dataclass(frozen=True, slots=True)
class SyntheticAddress:
    """Codes are strings of digits: province 2, regency 4, district 6, village 10."""

    street: str
    rt: str
    rw: str
    hamlet: str
    postal_code: str
    province_code: str
    province: str
    regency_code: str
    regency: str
    district_code: str
    district: str
    village_code: str
    village: str


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """One resident, as an agency's database would hold them."""

    nik: str
    nkk: str
    name: str
    sex: Sex
    birth_date: date
    birth_place: str
    role: Role
    status: Status = "active"
    birth_deed: str | None = None
    spouse: str | None = None


@dataclass(frozen=True, slots=True)
class SyntheticFamily:
    """A family on one card; a mother, a father, none to two children."""

    index: int
    nkk: str
    father: SyntheticPerson
    mother: SyntheticPerson
    children: tuple[SyntheticPerson, ...]
    address: SyntheticAddress

    @property
    def members(self) -> tuple[SyntheticPerson, ...]:
        """Father, mother, children, as a family card lists them."""
        return (self.father, self.mother, *self.children)


class Population:
    """Families by index; the same seed gives the same people everywhere and always.

    Args:
        seed: Another seed gives other birth dates, names and numbers.
    """

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.family: Callable[[int], SyntheticFamily] = functools.lru_cache(maxsize=4096)(self._family)

    def family_with(self, kind: str, number: int = 0) -> SyntheticFamily:
        """A family that an agency has something against.

        Args:
            kind: A key of `SPECIAL`.
            number: Which of the thousand of that kind.
        """
        if not 0 <= number < _PER_KIND:
            raise IndexError(f"there are {_PER_KIND} families of each kind")
        return self.family(_ORDINARY + tuple(SPECIAL).index(kind) * _PER_KIND + number)

    def person(self, nik: str) -> SyntheticPerson | None:
        """The resident with this NIK, or None."""
        index, slot = _place(nik)
        if index is None or slot == _CARD_SLOT:
            return None
        return next((person for person in self.family(index).members if person.nik == nik), None)

    def family_of_card(self, nkk: str) -> SyntheticFamily | None:
        """The family with this family card number, or None."""
        index, slot = _place(nkk)
        if index is None or slot != _CARD_SLOT:
            return None
        family = self.family(index)
        return family if family.nkk == nkk else None

    def _family(self, index: int) -> SyntheticFamily:
        if not 0 <= index < _ORDINARY + len(SPECIAL) * _PER_KIND:
            raise IndexError(f"families are numbered from 0 to {_ORDINARY + len(SPECIAL) * _PER_KIND - 1}")
        region = _region(index)
        nkk = f"{region}{_digits(self._day(index, 'card', 2005, 15))}{_sequence(index, _CARD_SLOT)}"
        make = functools.partial(self._person, index, region, nkk)
        father, mother = make(0, "father", "male", 1972, 25), make(1, "mother", "female", 1975, 25)
        children = tuple(
            make(2 + child, "child", "male" if self._number(index, f"sex{child}") % 2 else "female", 2005, 18)
            for child in range(self._number(index, "children") % 3)
        )
        if index >= _ORDINARY:
            role, status = tuple(SPECIAL.values())[(index - _ORDINARY) // _PER_KIND]
            father = replace(father, status=status) if role == "father" else father
            mother = replace(mother, status=status) if role == "mother" else mother
        return SyntheticFamily(index, nkk, father, mother, children, self._address(index, region))

    def _person(  # noqa: PLR0917
        self, index: int, region: str, nkk: str, slot: int, role: Role, sex: Sex, from_year: int, years: int
    ) -> SyntheticPerson:
        born = self._day(index, f"born{slot}", from_year, years)
        return SyntheticPerson(
            nik=f"{region}{_digits(born, sex)}{_sequence(index, slot)}",
            nkk=nkk,
            name=self._name(index, slot, sex),
            sex=sex,
            birth_date=born,
            birth_place=f"Kota Contoh {region[2:4]}",
            role=role,
            birth_deed=f"{region[:4]}-LT-{born:%d%m%Y}-{_sequence(index, slot)}" if role == "child" else None,
        )

    def _name(self, index: int, slot: int, sex: Sex) -> str:
        number = self._number(index, f"name{slot}")
        words = []
        for _ in range(2):
            number, start = divmod(number, len(_STARTS))
            number, end = divmod(number, len(_ENDS[sex]))
            words.append(_STARTS[start] + _ENDS[sex][end])
        return " ".join(words)

    def _address(self, index: int, region: str) -> SyntheticAddress:
        village = 2001 + self._number(index, "village") % 8
        return SyntheticAddress(
            street=f"Jalan Contoh Nomor {1 + index % 250}",
            rt=f"{1 + index % 12:03d}",
            rw=f"{1 + index % 7:03d}",
            hamlet=f"Dusun {1 + index % 5}",
            postal_code=f"99{index % 1000:03d}",
            province_code=region[:2],
            province="Provinsi Contoh",
            regency_code=region[:4],
            regency=f"Kabupaten Contoh {region[2:4]}",
            district_code=region,
            district=f"Kecamatan {region[4:]}",
            village_code=f"{region}{village}",
            village=f"Desa {village}",
        )

    def _day(self, index: int, what: str, from_year: int, years: int) -> date:
        return date(from_year, 1, 1) + timedelta(days=self._number(index, what) % (years * 365))

    def _number(self, index: int, what: str) -> int:
        digest = hashlib.blake2b(f"{self.seed}:{index}:{what}".encode(), digest_size=8).digest()
        return int.from_bytes(digest)


LifeEventKind = Literal["birth", "death", "marriage", "move", "correction"]


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """Something that the civil registry came to know of: what its feed of changes tells."""

    serial: int
    kind: LifeEventKind
    nik: str
    at: datetime


class SandboxWorld:
    """The one world that all sandbox agencies of a process live in: its residents, and what happened to them since.

    Args:
        clock: Where agencies take the time from; the machine's clock in western Indonesian time when not given.

    Attributes:
        life: What happened, in order.
    """

    def __init__(self, population: Population | None = None, clock: Callable[[], datetime] | None = None) -> None:
        self.population = population or Population()
        self.life: list[LifeEvent] = []
        self._clock = clock or (lambda: datetime.now(UTC))
        self._changed: dict[str, SyntheticPerson] = {}
        self._births = 0
        self._on_card: dict[str, tuple[str, ...]] = {}
        self._addresses: dict[str, SyntheticAddress] = {}
        self._owners: dict[str, str] = {}
        self._lock = threading.RLock()

    def now(self) -> datetime:
        """The time at the agencies, in western Indonesian time."""
        now = self._clock().astimezone(WIB)
        skew = _skew.get()
        return now + skew if skew else now

    @contextlib.contextmanager
    def skewed(self, seconds: float) -> Iterator[None]:
        """The clock of the agency that answers the request at hand is off by so much, until the block ends."""
        before = _skew.set(timedelta(seconds=seconds))
        try:
            yield
        finally:
            _skew.reset(before)

    def person(self, nik: str) -> SyntheticPerson | None:
        """The resident with this NIK as they are now, or None."""
        return self._changed.get(nik) or self.population.person(nik)

    def family(self, nkk: str) -> SyntheticFamily | None:
        """The family with this family card number, those who joined it included, or None."""
        family = self.population.family_of_card(nkk)
        if family is None or not (self._changed or self._addresses):
            return family
        newborn = tuple(filter(None, map(self.person, self._on_card.get(nkk, ()))))
        return replace(
            family,
            father=self.person(family.father.nik) or family.father,
            mother=self.person(family.mother.nik) or family.mother,
            children=tuple(self.person(child.nik) or child for child in family.children) + newborn,
            address=self._addresses.get(nkk, family.address),
        )

    def born(self, family: SyntheticFamily, *, name: str, sex: Sex, birth_date: date, place: str) -> SyntheticPerson:
        """A child is registered: it gets a NIK and a deed number, and is a resident from now on."""
        with self._lock:
            region = family.nkk[:6]
            stem = f"{region}{_digits(birth_date, sex)}"
            sequence = next(
                number
                for number in itertools.count(1)
                if f"{stem}{number:04d}" not in self._changed and self.population.person(f"{stem}{number:04d}") is None
            )
            self._births += 1
            child = SyntheticPerson(
                nik=f"{stem}{sequence:04d}",
                nkk=family.nkk,
                name=name,
                sex=sex,
                birth_date=birth_date,
                birth_place=place,
                role="child",
                birth_deed=f"{region[:4]}-LU-{self.now():%d%m%Y}-{self._births:04d}",
            )
            self._on_card[family.nkk] = (*self._on_card.get(family.nkk, ()), child.nik)
            self._happened("birth", child)
            return child

    def died(self, person: SyntheticPerson) -> SyntheticPerson:
        """A death is registered."""
        return self._happened("death", replace(person, status="deceased"))

    def married(self, *couple: SyntheticPerson) -> None:
        """A marriage is registered."""
        with self._lock:
            one, other = couple
            self._happened("marriage", replace(one, spouse=other.nik))
            self._happened("marriage", replace(other, spouse=one.nik))

    def moved(self, nkk: str, address: SyntheticAddress) -> None:
        """Everyone on a card lives somewhere else from now on."""
        with self._lock:
            self._addresses[nkk] = address
            family = self.family(nkk)
            for member in family.members if family else ():
                self._happened("move", member)

    def owner_of(self, nop: str) -> str | None:
        """The NIK of who bought a parcel in this world; None while it still belongs to whom `holdings` says."""
        return self._owners.get(nop)

    def sold(self, nop: str, nik: str) -> None:
        """A parcel has another owner from now on."""
        with self._lock:
            self._owners[nop] = nik

    def reset(self) -> None:
        """Nothing happened."""
        with self._lock:
            for book in (self._changed, self._on_card, self._addresses, self._owners, self.life):
                book.clear()
            self._births = 0

    def _happened(self, kind: LifeEventKind, person: SyntheticPerson) -> SyntheticPerson:
        with self._lock:
            self._changed[person.nik] = person
            self.life.append(LifeEvent(len(self.life) + 1, kind, person.nik, self.now()))
            return person


def _region(index: int) -> str:
    region = index // _PER_REGION
    return f"99{1 + region % _REGENCIES:02d}{1 + region // _REGENCIES:02d}"


def _sequence(index: int, slot: int) -> str:
    return f"{index % _PER_REGION * 10 + slot + 1:04d}"


def _place(number: str) -> tuple[int | None, int]:
    """Index and slot that a NIK or card number was made from; the index is None when it is not one of ours."""
    if len(number) != 16 or not (number.isascii() and number.isdigit()) or not number.startswith("99"):
        return None, 0
    regency, district = int(number[2:4]) - 1, int(number[4:6]) - 1
    within, slot = divmod(int(number[12:]) - 1, 10)
    index = (district * _REGENCIES + regency) * _PER_REGION + within
    known = 0 <= regency < _REGENCIES and 0 <= district < _DISTRICTS and 0 <= within < _PER_REGION
    return (index if known and index < _ORDINARY + len(SPECIAL) * _PER_KIND else None), slot


def _digits(day: date, sex: Sex = "male") -> str:
    """DDMMYY, with 40 added to a woman's day (PP 37/2007 art. 37)."""
    return f"{day.day + (40 if sex == 'female' else 0):02d}{day:%m%y}"
