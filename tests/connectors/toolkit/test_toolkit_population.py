from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.toolkit.population import SPECIAL, Population, SandboxWorld
from schemas.identifiers import nik_warnings

FAMILIES = st.integers(0, 4_000_000 + len(SPECIAL) * 1_000 - 1)


@given(FAMILIES)
def test_everyone_is_found_again_by_number(index):
    population = Population()
    family = population.family(index)

    assert population.family_of_card(family.nkk) == family
    assert [population.person(member.nik) for member in family.members] == list(family.members)
    assert population.person(family.nkk) is None


@given(FAMILIES)
def test_numbers_are_as_the_regulation_builds_them_in_a_region_that_does_not_exist(index):
    for member in Population().family(index).members:
        assert member.nik.startswith("99")
        assert nik_warnings(member.nik, birth_date=member.birth_date, sex=member.sex) == []


@given(st.text("0123456789", min_size=16, max_size=16))
def test_a_number_that_was_not_given_out_belongs_to_nobody(number):
    found = Population().person(number)

    assert found is None or found.nik == number


def test_the_same_seed_gives_the_same_people_and_another_gives_others():
    assert Population(7).family(42) == Population(7).family(42)
    assert Population(7).family(42) != Population(8).family(42)


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_families_have_something_wrong_with_one_parent(kind):
    role, status = SPECIAL[kind]
    for number in (0, 999):
        family = Population().family_with(kind, number)
        assert {member.role: member.status for member in (family.father, family.mother)} == {
            "father": "active",
            "mother": "active",
            role: status,
        }


def test_ordinary_families_have_nothing_wrong():
    population = Population()

    assert {member.status for index in range(500) for member in population.family(index).members} == {"active"}


def test_a_family_beyond_the_last_does_not_exist():
    with pytest.raises(IndexError):
        Population().family(4_000_000 + len(SPECIAL) * 1_000)


def test_a_newborn_becomes_a_resident_of_its_family_and_each_gets_a_number_of_its_own():
    world = SandboxWorld(clock=lambda: datetime(2026, 3, 1, 20, tzinfo=UTC))
    family = world.population.family(5)
    twins = [
        world.born(family, name=name, sex="female", birth_date=date(2026, 2, 27), place="Kota Contoh")
        for name in ("Satu", "Dua")
    ]

    assert len({child.nik for child in (*family.members, *twins)}) == len(family.members) + 2
    assert [world.person(child.nik) for child in twins] == twins
    assert world.family(family.nkk).children == (*family.children, *twins)
    assert twins[0].birth_deed.startswith("9901-LU-02032026-")

    world.reset()
    assert world.person(twins[0].nik) is None
    assert world.family(family.nkk) == family
