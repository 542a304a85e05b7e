"""Recorded payloads: what the sandbox answered to an example, in plain values, and the record that came of it.

They live in the connector's folder as `recorded/<operation>.json`. What an agency encrypts is recorded plain and encrypted
again when it is replayed, so that keys made from the time of day do no harm.
"""

import base64
import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from connectors import sandbox_app
from connectors.conformance.inside import Inside, inside
from connectors.conformance.subject import Subject
from connectors.toolkit.asgi import Answer
from connectors.toolkit.errors import AgencyError
from connectors.toolkit.examples import Scene
from connectors.toolkit.population import WIB

SCENE = 7
"""Its family is that of every recording."""

AT = datetime(2026, 3, 2, 9, 0, tzinfo=WIB)
"""The time at the agency in every recording, where the connector's own clock can be set too (`now`)."""


def path(subject: Subject, name: str) -> Path:
    """Where an operation's recording is."""
    return subject.folder / "recorded" / f"{name}.json"


def record(subject: Subject, name: str) -> Path:
    """Writes an operation's recording anew.

    Raises:
        AgencyError: The sandbox does not answer the example with a record.
    """
    try:
        content = _recording(subject, name, AT)
    except AgencyError:
        # It stamps its calls with a clock that cannot be set, and the sandbox compares it with its own.
        content = _recording(subject, name, None)
    file = path(subject, name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def _recording(subject: Subject, name: str, at: datetime | None) -> dict[str, Any]:
    operation = subject.operations[name]
    answers: list[dict[str, Any]] = []
    with _scene(subject, at) as (scene, there):
        request = operation.request.model_validate(subject.examples[name](scene))
        reference = None if operation.effect == "read" else "RECORDED-1"

        def keep(route: str, answer: Answer) -> Answer:
            answers.append({"route": route, **_plain(answer)})
            return answer

        there.change = keep
        brought = operation.invoke(scene.connector, request, reference)
    return {
        "at": None if at is None else at.isoformat(),
        "request": request.model_dump(mode="json", exclude_none=True),
        "reference": reference,
        "answers": answers,
        "record": brought.model_dump(mode="json", exclude_none=True),
    }


def differences(subject: Subject, name: str) -> Iterator[str]:
    """The fields that an operation's recording gives another value now; `the whole` when it gives no record."""
    kept, operation = json.loads(path(subject, name).read_text(encoding="utf-8")), subject.operations[name]
    request = operation.request.model_validate_json(json.dumps(kept["request"]))
    left = list(kept["answers"])
    with _scene(subject, kept["at"] and datetime.fromisoformat(kept["at"])) as (scene, there):
        # What the example does first brings the sandbox to where it answers in the same form.
        subject.examples[name](scene)

        def replay(route: str, answer: Answer) -> Answer:
            at = next((n for n, recorded in enumerate(left) if recorded["route"] == route), None)
            return answer if at is None else _encoded(left.pop(at), answer)

        there.change = replay
        try:
            brought = operation.invoke(scene.connector, request, kept["reference"])
        except AgencyError as error:
            yield f"the whole ({type(error).__name__} {error.code})"
            return
    now = brought.model_dump(mode="json", exclude_none=True)
    for field in sorted(now.keys() | kept["record"].keys()):
        if now.get(field) != kept["record"].get(field):
            yield field


@contextmanager
def _scene(subject: Subject, at: datetime | None) -> Iterator[tuple[Scene, Inside]]:
    """The scene of recordings, at a sandbox of its own where it is always this time."""
    clock = None if at is None else lambda: at
    app = sandbox_app.app([subject.agency], clock=clock)
    settings = sandbox_app.settings(subject.agency, "http://127.0.0.1:1")
    takes_clock = "now" in inspect.signature(subject.connector_class).parameters
    made: Any = subject.connector_class
    with (
        made(settings, now=clock) if takes_clock and clock else made(settings) as connector,
        inside(connector, app.agencies[subject.agency]) as there,
    ):
        yield Scene(connector, app.world, SCENE), there


def _plain(answer: Answer) -> dict[str, Any]:
    plain: dict[str, Any] = {"status": answer.status, "media_type": answer.media_type}
    if answer.encode is not None:
        return plain | {"value": to_jsonable_python(answer.value)}
    return plain | {"body": base64.b64encode(answer.body).decode()}


def _encoded(kept: dict[str, Any], live: Answer) -> Answer:
    if "body" in kept or live.encode is None:
        body = base64.b64decode(kept["body"]) if "body" in kept else json.dumps(kept["value"]).encode()
    else:
        body = live.encode(kept["value"])
    return replace(live, body=body, status=kept["status"], media_type=kept["media_type"])
