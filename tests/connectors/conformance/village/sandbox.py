"""The simulated village."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from connectors.toolkit.callback import Received
from connectors.toolkit.examples import Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer
from village.settings import VillageSettings

TOKEN = "sandbox-token"


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("village", world)
    orders: dict[str, Any] = {}
    cards: dict[str, Any] = {}

    def made(request: Incoming) -> tuple[str, dict[str, Any]]:
        body = request.json()
        return body["key"], {"found": True, "nik": body["nik"], "card": f"KIA-99{body['key']}"}

    def resident(request: Incoming) -> Answer:
        person = world.person(request.parameters["nik"])
        return json_answer({"found": True, "nik": person.nik, "name": person.name} if person else {"found": False})

    def order(request: Incoming) -> Answer:
        key, card = made(request)
        if key not in orders:
            orders[key] = card
            agency.wrote("order_card", key)
        return json_answer(orders[key])

    def draft(request: Incoming) -> Answer:
        key, card = made(request)
        agency.wrote("draft_card", key)
        return json_answer(card)

    def card(request: Incoming) -> Answer:
        key, issued = made(request)
        cards[key] = issued
        agency.wrote("issue_card", key)
        return json_answer(issued)

    def found(request: Incoming) -> Answer:
        return json_answer(cards.get(request.parameters["key"], {"found": False}))

    agency.on("GET", "/residents/{nik}", "get_resident", resident)
    agency.on("POST", "/orders", "order_card", order)
    agency.on("POST", "/drafts", "draft_card", draft)
    agency.on("POST", "/cards", "issue_card", card)
    agency.on("GET", "/references/{key}", "find_card", found)
    agency.on_reset(orders.clear)
    agency.on_reset(cards.clear)
    return agency


def settings(base_url: str) -> VillageSettings:
    """Settings for this sandbox."""
    return VillageSettings(base_url=f"{base_url}/village", user="us", token=SecretStr(TOKEN))


def somebody(scene: Scene) -> Mapping[str, Any]:
    """A resident of the scene's own."""
    return {"nik": scene.family.father.nik}


EXAMPLES = dict.fromkeys(("get_resident", "order_card", "draft_card", "issue_card"), somebody)


def printed(ours: VillageSettings, now: datetime, number: int) -> Received:
    """A card was printed."""
    body = json.dumps({"id": number, "nik": f"990101010190{number:04d}"}).encode()
    signature = hmac.new(ours.token.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    return Received("POST", "/v1/callbacks/village/printed", {"x-signature": signature}, body, "", now)


CALLS = {"printed": printed}
