"""Land transfers: taxed and not, paid and not, refused by each of the offices."""

from collections.abc import Mapping
from typing import Any

from connectors.bapenda.sandbox import FAMILY_THRESHOLD
from connectors.bapenda.verdicts import NO_NOP, PBB_UNPAID
from connectors.bapenda.verdicts import REASONS as TAX_OFFICE
from connectors.bpn.verdicts import REASONS as LAND_OFFICE
from connectors.dukcapil.verdicts import NOT_FOUND, REASONS
from connectors.toolkit import holdings
from connectors.toolkit.population import SandboxWorld
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    OFFICERS_NO,
    UNKNOWN_NIK,
    Act,
    Answer,
    Decide,
    End,
    Filing,
    Lot,
    Make,
    Pay,
    Scenario,
    Withdraw,
    failing,
    refused,
)

_BASE = 2_000_000
_ORDINARY, _ARREARS, _NO_RETURNS, _BLOCKED = 1, 19, 24, 49
"""Of 100 families: nothing against the parcel; the land tax unpaid; the buyer's tax returns missing; the certificate blocked."""
_PAPERS = ("certificate", "seller_ktp", "seller_kk", "buyer_ktp", "buyer_kk", "pbb_receipt")


def _parcel(lot: Lot, place: int = _ORDINARY) -> holdings.Parcel:
    world = SandboxWorld(lot.population)
    return holdings.parcel(world, lot.population.family(_BASE + 100 * lot.number + place))


def _cheap(lot: Lot) -> holdings.Parcel:
    """One that an heir pays no tax for."""
    places = (place for place in range(_ORDINARY, 100) if place % 10 == _ORDINARY)
    return next(found for found in (_parcel(lot, place) for place in places) if _value(found) < FAMILY_THRESHOLD)


def _value(parcel: holdings.Parcel) -> Any:
    return parcel.land_area * parcel.land_value + parcel.building_area * parcel.building_value


def _form(lot: Lot, parcel: holdings.Parcel | None = None, **more: Any) -> dict[str, Any]:
    """A wife buys her husband's house."""
    parcel = parcel or _parcel(lot)
    return {
        "nop": parcel.nop,
        "certificate_number": parcel.certificate,
        "seller_nik": parcel.owner.nik,
        "buyer_nik": lot.population.family(parcel.index).mother.nik,
        "price": "950000000",
        "acquisition": "sale",
        "papers": {name: f"{name}.pdf" for name in _PAPERS},
    } | more


def _deed(lot: Lot) -> Decide:
    return Decide("deed", findings={"number": f"{lot.number}/2026", "date": lot.today, "notary": "PPAT Contoh"})


def _acts(lot: Lot, parcel: holdings.Parcel | None = None) -> tuple[Act, ...]:
    return (Pay(at="bank", tells=(parcel or _parcel(lot)).nop), _deed(lot))


def _with(agency: str, operation: str, field: str, value: str, *faults: dict[str, Any]) -> Make:
    def match(lot: Lot, form: Mapping[str, Any]) -> dict[str, str]:
        buyer = lot.population.person(form["buyer_nik"])
        known = {**form, "buyer_name": buyer.name.upper() if buyer else ""}
        return {field: known[value]}

    return failing(lambda lot: Filing(_form(lot), _acts(lot)), agency, operation, match, *faults)


def _seller(lot: Lot) -> Filing:
    """Somebody sells what is another's; an officer lets it pass, the land office does not."""
    form = _form(lot, seller_nik=lot.family(180_000).father.nik)
    return Filing(form, (Decide("review"), *_acts(lot)))


SCENARIOS = (
    Scenario(
        "land",
        "a sale, taxed and paid",
        lambda lot: Filing(_form(lot), _acts(lot)),
        End("completed", outcomes={"review": "skipped", "payment": "done", "transfer": "done", "renamed": "done"}),
        usual=True,
    ),
    Scenario(
        "land",
        "an inheritance without a tax",
        lambda lot: Filing(
            _form(lot, _cheap(lot), price="0", acquisition="inheritance"),
            (_deed(lot),),
        ),
        End("completed", outcomes={"account": "skipped", "payment": "skipped", "renamed": "done"}),
    ),
    Scenario(
        "land",
        "tax returns are missing, and the officer lets it pass",
        lambda lot: Filing(
            _form(lot, _parcel(lot, _NO_RETURNS)), (Decide("review"), *_acts(lot, _parcel(lot, _NO_RETURNS)))
        ),
        End("completed", outcomes={"review": "done"}),
    ),
    Scenario(
        "land",
        "a missing paper is brought",
        lambda lot: Filing(
            _form(lot),
            (
                Pay(at="bank", tells=_parcel(lot).nop),
                Decide("deed", "return", missing=("Sertipikat asli",)),
                Answer("deed", {"certificate": "asli.pdf"}),
                _deed(lot),
            ),
        ),
    ),
    Scenario(
        "land",
        "a blocked certificate is refused",
        lambda lot: Filing(_form(lot, _parcel(lot, _BLOCKED)), (Decide("review", "reject", reason=OFFICERS_NO),)),
        refused("review", OFFICERS_NO, bill=None),
    ),
    Scenario(
        "land",
        "a buyer whom nobody knows",
        lambda lot: Filing(_form(lot, buyer_nik=UNKNOWN_NIK)),
        refused("buyer", REASONS[NOT_FOUND], bill=None),
    ),
    Scenario(
        "land",
        "a property that the tax office does not know",
        lambda lot: Filing(_form(lot, nop="999999999999999990")),
        refused("pbb", TAX_OFFICE[NO_NOP], bill=None),
    ),
    Scenario(
        "land",
        "a certificate that the land office does not know",
        lambda lot: Filing(_form(lot, certificate_number="HM.999999.99999")),
        refused("certificate", LAND_OFFICE["10"], bill=None),
    ),
    Scenario(
        "land",
        "the land tax is unpaid",
        lambda lot: Filing(_form(lot, _parcel(lot, _ARREARS))),
        refused("bill", TAX_OFFICE[PBB_UNPAID], account=None),
    ),
    Scenario("land", "the seller is not the owner", _seller, refused("transfer", LAND_OFFICE["12"], payment="done")),
    Scenario(
        "land",
        "the deed official refuses",
        lambda lot: Filing(
            _form(lot), (Pay(at="bank", tells=_parcel(lot).nop), Decide("deed", "reject", reason=OFFICERS_NO))
        ),
        refused("deed", OFFICERS_NO, payment="done", transfer=None),
    ),
    Scenario(
        "land",
        "withdrawn after it was paid",
        lambda lot: Filing(_form(lot), (Pay(at="bank", tells=_parcel(lot).nop), Withdraw("deed"))),
        End("withdrawn", outcomes={"payment": "done", "transfer": None}),
    ),
    Scenario(
        "land",
        "the tax is never paid",
        lambda lot: Filing(_form(lot)),
        End("lapsed", "payment", outcomes={"account": "done", "deed": None}),
        lapses=True,
    ),
    Scenario(
        "land",
        "the line breaks when the bank opens the account",
        _with("bank", "create_virtual_account", "name", "buyer_name", DROPPED),
        faulty=True,
    ),
    Scenario(
        "land",
        "the line breaks when the land book changes",
        _with("bpn", "register_transfer", "certificate_number", "certificate_number", BUSY, DROPPED),
        faulty=True,
    ),
    Scenario(
        "land",
        "the line breaks when the tax office changes the name",
        _with("bapenda", "rename_owner", "nik", "buyer_nik", DROPPED),
        faulty=True,
    ),
)
