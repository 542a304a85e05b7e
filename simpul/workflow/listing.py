"""What services there are, for `simpul service list` and `show`: the catalogue's and those in Python, as they are frozen.

Reads files only; neither Airflow nor the ledger is needed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.catalogue import load
from simpul.definition import Definition, StepDefinition
from simpul.workflow import catalogue
from simpul.workflow.catalogue import Agency, Service, Source, nearest

__all__ = ["Listed", "nearest", "services"]

_BILLS = ("simponi.create_bill", "bank.create_virtual_account")


@dataclass(frozen=True)
class Listed:
    """One service.

    Attributes:
        title: In Indonesian; `show` has the catalogue's in English too.
        fees: What it may cost, in rupiah, least first; empty where the agency computes it.
        more: What `show` tells besides.
    """

    id: str
    title: str
    agency: str
    standard: str
    fees: tuple[int, ...]
    channels: tuple[str, ...]
    more: dict[str, Any]

    @property
    def brief(self) -> dict[str, Any]:
        """For machines. `fee` is the least, `fee_up_to` the most; null where the agency computes it."""
        return {
            "id": self.id,
            "title": self.title,
            "agency": self.agency,
            "standard": self.standard,
            "fee": self.fees[0] if self.fees else None,
            "fee_up_to": self.fees[-1] if self.fees else None,
            "channels": list(self.channels),
        }

    @property
    def whole(self) -> dict[str, Any]:
        """All that is known."""
        return self.brief | self.more

    @property
    def price(self) -> str:
        """The fee in words."""
        if not self.fees:
            return "computed"
        return "-".join(f"Rp {amount:,}".replace(",", ".") for amount in sorted({self.fees[0], self.fees[-1]}))


def services(dags: Path) -> list[Listed]:
    """Every service of a folder in its newest version, by id.

    Raises:
        CatalogueError: A file of the catalogue is not as it should be.
    """
    found: dict[str, tuple[int, Listed]] = {}
    for version, listed in [*_catalogue(dags), *_python(dags)]:
        if listed.id not in found or found[listed.id][0] < version:
            found[listed.id] = (version, listed)
    return [found[name][1] for name in sorted(found)]


def _catalogue(dags: Path) -> Iterable[tuple[int, Listed]]:
    for file in catalogue.files(dags):
        agency = Source(file).read()
        frozen = dags / "published" / catalogue.FOLDER / f"{file.stem}.json"
        kept = json.loads(frozen.read_bytes()) if frozen.exists() else {}
        steps = {(each["service"], each["version"]): each["steps"] for each in kept.values()}
        for service in agency.services:
            yield service.version, _of_catalogue(agency, service, steps.get((service.id, service.version), []))


def _of_catalogue(agency: Agency, service: Service, steps: list[list[str]]) -> Listed:
    return Listed(
        id=service.id,
        title=service.title.id,
        agency=agency.agency,
        standard=service.standard,
        fees=service.fees,
        channels=service.channels or agency.channels,
        more={
            "title_en": service.title.en,
            "version": service.version,
            "legal_basis": service.legal_basis or agency.legal_basis,
            "officers": service.group or agency.group,
            "requirements": [
                {
                    "name": name,
                    "title": agency.papers[name].title.model_dump(),
                    "gathered": agency.papers[name].gathered,
                }
                for name in service.requirements
            ],
            "form": ["nik", *service.fields],
            "calls": [call.operation for call in service.calls],
            "steps": [_step(*step) for step in steps],
            "result": service.result.model_dump(),
        },
    )


def _python(dags: Path) -> Iterable[tuple[int, Listed]]:
    for file in sorted((dags / "published").glob("*.json")):
        found = Definition.model_validate_json(file.read_bytes())
        if not found.can_be_applied_for:
            continue
        yield (
            found.version,
            Listed(
                id=found.service,
                title=found.title,
                agency=found.owner,
                standard=found.standard,
                fees=_fees(found.steps),
                channels=catalogue.CHANNELS,
                more={
                    "version": found.version,
                    "legal_basis": _legal_basis(found.steps),
                    "officers": ", ".join(dict.fromkeys(step.group for step in found.steps if step.group)),
                    "requirements": _papers(found.form),
                    "form": list(found.form.get("properties", {})),
                    "calls": [step.operation for step in found.steps if step.kind == "agency"],
                    "steps": [_step(step.name, step.kind, step.operation, step.title) for step in found.steps],
                },
            ),
        )


def _step(name: str, kind: str, operation: str, title: str) -> dict[str, str | None]:
    return {"name": name, "kind": kind, "operation": operation or None, "title": title}


def _legal_basis(steps: Iterable[StepDefinition]) -> str | None:
    """By what right the agencies are asked, as their connectors say."""
    known = load()
    found = dict.fromkeys(known[step.operation]["legal_basis"] for step in steps if step.operation)
    return "; ".join(basis for basis in found if basis) or None


def _papers(form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The papers that a form asks for, as far as it keeps them apart from the rest."""
    papers = form.get("properties", {}).get("papers", {})
    model = form.get("$defs", {}).get(str(papers.get("$ref", "")).rpartition("/")[2], {})
    return [
        {"name": name, "title": {"en": each.get("description", name)}, "gathered": None}
        for name, each in model.get("properties", {}).items()
    ]


def _fees(steps: Iterable[StepDefinition]) -> tuple[int, ...]:
    """What a workflow's bill may come to: 0 without one, nothing where an amount is an agency's answer."""
    amounts = [(step.request["amount"], step.when) for step in steps if step.operation in _BILLS]
    if not amounts:
        return (0,)
    if len(amounts) > 1 or isinstance(amounts[0][0], str):
        return ()
    amount, when = amounts[0]
    found = set(amount["among"].values()) if isinstance(amount, dict) else {amount}
    return tuple(sorted(found | ({0} if when else set())))
