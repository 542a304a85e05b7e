"""Guard: a sender who dawdles or hangs up holds nothing here."""

import asyncio
import json

from simpul.console.guard import Guard

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


def serve(messages, *, body_seconds):
    """What is sent, and the bodies that reach the app; after its messages the sender is silent."""
    sent, reached = [], []
    waiting = list(messages)

    async def app(scope, receive, send):
        reached.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, body_seconds=body_seconds)(dict(SCOPE), receive, send))
    return sent, reached


def part(body, *, more):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_does_not_come_is_408_and_closes_the_line():
    sent, reached = serve([part(b"{", more=True)], body_seconds=0.01)
    assert reached == []
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["type"] == "urn:simpul:problem:too-slow"


def test_half_a_body_of_a_sender_who_hung_up_is_no_request():
    assert serve([part(b"{}", more=True), {"type": "http.disconnect"}], body_seconds=60) == ([], [])


def test_a_body_in_parts_reaches_the_app_whole():
    sent, reached = serve([part(b"{", more=True), part(b"}", more=False)], body_seconds=60)
    assert (sent[0]["status"], reached) == (204, [b"{}"])
