from connectors.toolkit import holdings
from connectors.toolkit.population import SandboxWorld

WORLD = SandboxWorld()
SOME = [WORLD.population.family(index) for index in (0, 1, 60, 998, 999, 5000, 78_921, 4_000_001)]


def test_every_number_leads_back_to_what_it_names():
    for family in SOME:
        parcel = holdings.parcel(WORLD, family)
        assert holdings.parcel_by_nop(WORLD, parcel.nop) == parcel
        assert holdings.parcel_by_certificate(WORLD, parcel.certificate) == parcel
        for kind in ("electricity", "water"):
            meter = holdings.meter(family, kind)
            assert holdings.meter_by_number(WORLD.population, meter.customer_number) == meter
        npwp = holdings.personal_npwp(family.index)
        assert holdings.person_by_npwp(WORLD, npwp) == holdings.person_by_npwp(WORLD, f"0{npwp}") == family.father
        if (firm := holdings.business(WORLD.population, family)) is not None:
            assert holdings.business_by_nib(WORLD.population, firm.nib) == firm
            assert holdings.business_by_npwp(WORLD.population, f"0{firm.npwp}") == firm


def test_civil_servants_are_found_by_both_numbers():
    servant = holdings.civil_servant(WORLD.population.family(12))
    assert holdings.civil_servant_by_nip(WORLD.population, servant.nip) == servant
    assert holdings.civil_servant_by_nik(WORLD.population, servant.person.nik) == servant


def test_ordinary_parcels_can_be_sold_and_differ():
    parcels = [holdings.ordinary_parcel(WORLD, number) for number in range(200)]
    assert not any(parcel.blocked or parcel.arrears for parcel in parcels)
    assert len({parcel.nop for parcel in parcels}) == 200


def test_most_but_not_all_families_filed_their_tax_returns():
    assert [holdings.returns_filed(WORLD.population.family(index)) for index in (0, 23, 24)] == [True, True, False]


def test_numbers_nobody_has_lead_nowhere():
    assert holdings.parcel_by_nop(WORLD, "9" * 18) is None
    assert holdings.parcel_by_certificate(WORLD, "HM.990101.99999") is None
    assert holdings.business_by_nib(WORLD.population, "9900000000101") is None
    assert holdings.business_by_npwp(WORLD.population, "") is None
    assert holdings.person_by_npwp(WORLD, "980000000999001") is None
    assert holdings.meter_by_number(WORLD.population, "999999999999") is None
    assert holdings.civil_servant_by_nip(WORLD.population, "0") is None


def test_a_parcel_that_was_sold_has_another_owner():
    world = SandboxWorld()
    one, other = world.population.family(0), world.population.family(1)
    parcel = holdings.parcel(world, one)
    world.sold(parcel.nop, other.mother.nik)
    assert holdings.parcel_by_nop(world, parcel.nop).owner == other.mother
    world.reset()
    assert holdings.parcel_by_nop(world, parcel.nop).owner == one.father


def test_what_happens_to_people_is_seen_by_all_and_told_in_order():
    world = SandboxWorld()
    family, other = world.population.family(0), world.population.family(1)
    world.died(family.father)
    world.moved(family.nkk, other.address)
    assert world.person(family.father.nik).status == "deceased"
    assert world.family(family.nkk).father.status == "deceased"
    assert world.family(family.nkk).address == other.address
    assert [event.kind for event in world.life][:2] == ["death", "move"]
    assert [event.serial for event in world.life] == list(range(1, len(world.life) + 1))
