"""Whether an agency's system still is what its connector was written against: contracts and the shapes of payloads.

Shapes are recorded in the agency's folder (`shapes.json`); samples come from calls made for the purpose, or from the gateways'.
No value of a payload is kept or shown.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from connectors import registry
from connectors.toolkit import contracts, shapes
from connectors.toolkit.connector import Connector
from connectors.toolkit.contracts import ContractDocument, ContractError
from connectors.toolkit.errors import AgencyError
from connectors.toolkit.http import HttpConnector
from connectors.toolkit.shapes import Difference, Shape
from connectors.toolkit.transport import watching


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, and the operations it touches.

    Attributes:
        where: The operation whose answers differ, or the contract document.
    """

    agency: str
    where: str
    difference: Difference
    touches: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"agency": self.agency, "where": self.where, "touches": list(self.touches), **asdict(self.difference)}


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that could not be compared, and why; an unanswered question is no drift."""

    where: str
    why: str


def recorded(agency: str) -> dict[str, Shape]:
    """The shapes that were recorded for an agency's operations; empty when none ever were."""
    path = registry.folder(agency) / "shapes.json"
    found: dict[str, Shape] = json.loads(path.read_bytes()) if path.exists() else {}
    return found


def record(agency: str, seen: Mapping[str, Shape]) -> None:
    """Record shapes, in place of those known for the same operations."""
    known = {**recorded(agency), **seen}
    text = json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False)
    (registry.folder(agency) / "shapes.json").write_text(text + "\n", encoding="utf-8")


def sampled(
    connector: Connector[Any], operation: str, request: Mapping[str, Any], reference: str | None
) -> Shape | None:
    """The shape of an operation's answers, all exchanges of the one call together; None when none had a shape.

    Raises:
        AgencyError: The call came to nothing.
    """
    found: list[Shape] = []

    def watch(body: bytes) -> None:
        if (shape := shapes.of_body(body)) is not None:
            found.append(shape)

    described = connector.operations()[operation]
    with watching(watch):
        described.invoke(connector, described.request.model_validate(request), reference)
    return found[-1] if found else None


def compare(agency: str, seen: Mapping[str, Shape]) -> list[Drift]:
    """What sampled shapes have that the recorded ones have not, and the other way round; unrecorded operations are left out."""
    known = recorded(agency)
    return [
        Drift(agency, operation, difference, (operation,))
        for operation, shape in sorted(seen.items())
        if operation in known
        for difference in shapes.differences(known[operation], shape)
    ]


def published(connector: Connector[Any]) -> tuple[list[Drift], list[Unseen]]:
    """What the agency's published contracts say otherwise than our pinned copies."""
    drifts: list[Drift] = []
    unseen: list[Unseen] = []
    for document in connector.contracts:
        try:
            drifts += _of_document(connector, document)
        except AgencyError as error:
            unseen.append(Unseen(document.file, str(error)))
        except ContractError as error:
            unseen.append(Unseen(document.file, f"what is published there is no contract: {error}"))
    return drifts, unseen


def sentence(drift: Mapping[str, Any]) -> str:
    """One difference (`Drift.as_json`) in words, which name fields and types and no values."""
    path = drift["path"] or "the whole answer"
    before, now = (" or ".join(drift[side]) or "nothing" for side in ("before", "now"))
    said = {
        "added": f"{path} is new ({now})",
        "missing": f"{path} is missing (was {before})",
        "retyped": f"{path} was {before} and is {now}",
    }[drift["change"]]
    return f"{drift['where']}: {said}; touches {', '.join(drift['touches'])}"


def _of_document(connector: Connector[Any], document: ContractDocument) -> list[Drift]:
    if not isinstance(connector, HttpConnector):
        raise ContractError("this connector speaks no HTTP")
    pinned = (registry.folder(connector.agency) / document.file).read_bytes()
    headers = {**connector.gateway_headers(), **connector.headers()}
    reply = connector.transport.exchange("GET", f"{connector.address}{document.path}", headers=headers)
    touches = document.operations or tuple(connector.operations())
    return [
        Drift(connector.agency, document.file, difference, touches)
        for difference in contracts.differences(pinned, reply.body)
    ]
