"""The connector to the village: one operation for each effect, and a signed call. Right in every respect."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.toolkit import RestConnector, diagnoses, operation
from connectors.toolkit.callback import Callback, CallbackSignal, Handled, Received, Reply, Taken
from connectors.toolkit.errors import BadData, Misconfigured, Rejected, Retriable
from schemas.civil import ChildCard, Person
from schemas.identifiers import NIK
from schemas.text import Text
from village.settings import VillageSettings

NO = Text(id="Tidak tercatat di desa.", en="Not on the village's list.")


class Ask(BaseModel):
    """One resident."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    nik: NIK


class Push(BaseModel):
    """A card that was printed."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id: int
    nik: NIK


def take(received: Received, settings: VillageSettings) -> Taken:
    """One signal."""
    secret = settings.token.get_secret_value().encode()
    right = hmac.new(secret, received.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(received.headers.get("x-signature", "").encode(), right.encode()):
        raise Misconfigured("SIGNATURE", diagnosis=diagnoses.CREDENTIALS)
    try:
        push = Push.model_validate_json(received.body)
    except ValidationError:
        raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE) from None
    signal = CallbackSignal(kind="card", reference=push.nik, id=f"card-{push.id}", raw=received.body)
    return Taken(signals=(signal,))


def answer(taken: Taken, handled: Handled) -> Reply:
    """Thanks."""
    return Reply(json.dumps({"new": len(handled.new), "of": len(taken.signals)}).encode())


class Village(RestConnector[VillageSettings]):
    """Village office. Contract: [G]."""

    agency = "village"
    callbacks = (Callback(name="printed", contract="G", doc="A card was printed.", take=take, answer=answer),)

    def headers(self) -> Mapping[str, str]:
        """The token."""
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    @operation(effect="read", purpose="proof of domicile", legal_basis="UU 24/2013", contract="G")
    def get_resident(self, query: Ask) -> Person:
        """One resident by NIK."""
        found = self.asked("GET", f"residents/{query.nik}")
        return Person(nik=found["nik"], name=found["name"])

    @operation(effect="idempotent", purpose="issue of a card", legal_basis="UU 24/2013", contract="G")
    def order_card(self, query: Ask, *, reference: str) -> ChildCard:
        """Orders a card under a key that the office honours."""
        found = self.asked("POST", "orders", {"nik": query.nik, "key": reference})
        return ChildCard(nik=found["nik"], card_number=found["card"], reference=reference)

    @operation(effect="repeatable", purpose="issue of a card", legal_basis="UU 24/2013", contract="G")
    def draft_card(self, query: Ask, *, reference: str) -> ChildCard:
        """Drafts a card."""
        found = self.asked("POST", "drafts", {"nik": query.nik, "key": reference})
        return ChildCard(nik=found["nik"], card_number=found["card"], reference=reference)

    @operation(effect="write", purpose="issue of a card", legal_basis="UU 24/2013", contract="G")
    def issue_card(self, query: Ask, *, reference: str) -> ChildCard:
        """Issues a card."""
        found = self.asked("POST", "cards", {"nik": query.nik, "key": reference})
        return ChildCard(nik=found["nik"], card_number=found["card"], reference=reference)

    @issue_card.reconcile
    def find_card(self, query: Ask, *, reference: str) -> ChildCard | None:
        """The card issued under our reference."""
        try:
            found = self.asked("GET", f"references/{reference}")
        except Rejected:
            return None
        return ChildCard(nik=found["nik"], card_number=found["card"], reference=reference)

    def asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What was asked for."""
        found = self.exchange(method, path, json=body).json()
        if found["found"] == "later":
            raise Retriable("LATER", diagnosis=diagnoses.BUSY, doubtful=True)
        if found["found"] is False:
            raise Rejected("NO", reason=NO)
        if found["found"] is not True:
            raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field="found")
        return found
