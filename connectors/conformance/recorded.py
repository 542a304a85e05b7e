"""Recorded payloads: what the sandbox answered to an example, in plain values, and the record that came of it.

They live in the connector's folder as `recorded/<operation>.json`. What an agency encrypts is recorded plain and encrypted
again when it is replayed, so that keys made from the time of day do no harm.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from connectors.conformance.inside import Inside, inside
from connectors.conformance.subject import Subject
from connectors.toolkit.asgi import Answer
from connectors.toolkit.errors import AgencyError
from connectors.toolkit.examples import Scene

SCENE = 7
"""Its family is that of every recording."""


def path(subject: Subject, name: str) -> Path:
    """Where an operation's recording is."""
    return subject.folder / "recorded" / f"{name}.json"


def record(subject: Subject, name: str) -> Path:
    """Writes an operation's recording anew.

    Raises:
        AgencyError: The sandbox does not answer the example with a record.
    """
    operation, answers = subject.operations[name], []
    with _scene(subject) as (scene, there):
        request = operation.request.model_validate(subject.examples[name](scene))
        reference = None if operation.effect == "read" else "RECORDED-1"

        def keep(route: str, answer: Answer) -> Answer:
            answers.append({"route": route, **_plain(answer)})
            return answer

        there.change = keep
        brought = operation.invoke(scene.connector, request, reference)
    content = {
        "request": request.model_dump(mode="json", exclude_none=True),
        "reference": reference,
        "answers": answers,
        "record": brought.model_dump(mode="json", exclude_none=True),
    }
    file = path(subject, name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def differences(subject: Subject, name: str) -> Iterator[str]:
    """The fields that an operation's recording gives another value now; `the whole` when it gives no record."""
    kept, operation = json.loads(path(subject, name).read_text(encoding="utf-8")), subject.operations[name]
    request = operation.request.model_validate_json(json.dumps(kept["request"]))
    left = list(kept["answers"])
    with _scene(subject) as (scene, there):
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
def _scene(subject: Subject) -> Iterator[tuple[Scene, Inside]]:
    """The scene of recordings, at a sandbox that has forgotten everything before."""
    subject.at.reset()
    try:
        with subject.connector_class(subject.settings) as fresh, inside(fresh, subject.at) as there:
            yield Scene(fresh, subject.running.app.world, SCENE), there
    finally:
        subject.forget()


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
