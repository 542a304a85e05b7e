"""Checks of calls that the agency makes to us: taken when genuine, refused when not, and quiet about both."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from connectors.conformance.check import Check, Finding, check
from connectors.conformance.leaks import Words, telling
from connectors.conformance.subject import Subject, listening
from connectors.toolkit.callback import Callback, Handled, Received, Reply, Taken
from connectors.toolkit.errors import AgencyError, Misconfigured

LARGEST: Final = 16 * 1024 * 1024
_NO_PROOF: Final = frozenset({"content-type", "content-length", "accept", "host", "user-agent"})
_MALFORMED: Final = (b"", b"{", b"\xff\xfe\x00", b"<a>", b"[" * 5000, b"null", b'{"":')


@check(
    "callbacks.good_is_taken",
    proves="A call as the agency makes it is taken, means something, and is answered, the first time and the second.",
    matters="An agency that is answered with an error tries again for days, or stops calling.",
    remedy="Compare CALLS in sandbox.py with `take` and `answer`.",
)
def good_is_taken(subject: Subject) -> Iterable[Finding]:
    """Takes a good call, and answers it as new and as known."""
    for callback, call in _calls(subject):
        taken = callback.take(call, subject.settings)
        if not (taken.signals or taken.filings or taken.question or taken.once):
            yield Finding(callback.name, "a good call means nothing: no signal, filing, question or once")
        if taken.question is not None:
            # What it is answered depends on a record that only our side has.
            continue
        for handled in (Handled(new=_ids(taken)), Handled(repeated=taken.once is not None)):
            if not isinstance(callback.answer(taken, handled), Reply):
                yield Finding(callback.name, "a good call is not answered with a Reply")


@check(
    "callbacks.proof",
    proves="A call whose signature or credential is wrong is refused; a contract that has none says so.",
    matters="Anybody can call an open address: a forged payment would issue a passport.",
    remedy="Verify before reading, with `hmac.compare_digest`, and raise Misconfigured. Where the contract has no proof, set "
    "`Callback(unsigned=…)` to what stands in for it, and say it in the README.",
)
def proof(subject: Subject) -> Iterable[Finding]:
    """Falsifies each header, the query and each text of the body, one at a time, and looks for a refusal."""
    for callback, call in _calls(subject):
        refused = [
            forged for forged in _forgeries(call) if isinstance(_taken(subject, callback, forged), Misconfigured)
        ]
        if callback.unsigned is None and not refused:
            yield Finding(callback.name, "no forgery is refused, and `unsigned` does not say why")
        if callback.unsigned is not None and "no signature" not in subject.readme.lower():
            yield Finding(callback.name, "is unsigned, and the README does not say that the contract has no signature")


@check(
    "callbacks.replay",
    proves="The same call again is known to be the same, and another call is another.",
    matters="Agencies repeat calls that they think were lost, and so do attackers.",
    remedy="Make ids and keys from what the call is about, never from the time or at random; set `once` where the contract does.",
)
def replay(subject: Subject) -> Iterable[Finding]:
    """Takes a call twice, and another."""
    for callback, call in _calls(subject):
        first, again = callback.take(call, subject.settings), callback.take(call, subject.settings)
        other = callback.take(_call(subject, callback, 2), subject.settings)
        if (_ids(first), first.once) != (_ids(again), again.once):
            yield Finding(callback.name, "the same call again has other ids: it would count as new")
        if first.question is None and (_ids(first) | {first.once}) & (_ids(other) | {other.once}) - {None}:
            yield Finding(callback.name, "another call has the same ids: it would be lost")


@check(
    "callbacks.bounded",
    proves="There is a largest body, and one that is larger is refused.",
    matters="Whoever may call may also try to fill our memory.",
    remedy="Set `max_bytes` to a few times the largest genuine call.",
)
def bounded(subject: Subject) -> Iterable[Finding]:
    """Looks at the bound, and whether a good call is within it."""
    for callback, call in _calls(subject):
        if not 0 < callback.max_bytes <= LARGEST:
            yield Finding(callback.name, f"reads bodies of {callback.max_bytes} bytes")
        elif len(call.body) > callback.max_bytes:
            yield Finding(callback.name, "a good call is larger than `max_bytes`")


@check(
    "callbacks.malformed",
    proves="A body that cannot be read is refused with an AgencyError, and the refusal is worded as the agency's contract has it.",
    matters="What comes from outside must never crash the console, however it is made.",
    remedy="Validate the body with a wire model and raise BadData; let `refuse` word every AgencyError.",
)
def malformed(subject: Subject) -> Iterable[Finding]:
    """Sends bodies that are none, and good ones cut short."""
    for callback, call in _calls(subject):
        if not call.body:
            continue
        for body in (*_MALFORMED, call.body[: len(call.body) // 2]):
            sent = replace(call, body=body)
            error = _taken(subject, callback, sent)
            if not isinstance(error, AgencyError):
                what = "is taken" if isinstance(error, Taken) else f"ends in a bare {type(error).__name__}"
                yield Finding(callback.name, f"a malformed body of {len(body)} bytes {what}")
            elif callback.refuse is not None and not isinstance(callback.refuse(sent, error), Reply):
                yield Finding(callback.name, "a refusal is not worded")


@check(
    "callbacks.silence",
    proves="Neither errors, ids nor logs of a call say anything of what was called.",
    matters="A refused call is logged before anybody knows who sent it.",
    remedy="Hash what an id is made from; name fields, not values, in errors.",
)
def silence(subject: Subject) -> Iterable[Finding]:
    """Searches errors, ids and logs for the long words and numbers of the call, and for our secrets."""
    for callback, call in _calls(subject):
        words = Words(frozenset(map(str.casefold, _telling(call)))) | subject.secrets()
        with listening() as logs:
            for sent in (*_forgeries(call), *(replace(call, body=body) for body in (*_MALFORMED, call.body[:-2]))):
                error = _taken(subject, callback, sent)
                if isinstance(error, Exception):
                    for place in words.leaks(error, logs.said()):
                        yield Finding(callback.name, f"something of the call is in {place}")
            taken = _taken(subject, callback, call)
            if isinstance(taken, Taken) and any(map(words.in_text, filter(None, (*_ids(taken), taken.once)))):
                yield Finding(callback.name, "an id holds something personal in the open")


def _calls(subject: Subject) -> Iterator[tuple[Callback, Received]]:
    for callback in subject.connector_class.callbacks:
        if callback.name in subject.calls:
            yield callback, _call(subject, callback, 1)


def _call(subject: Subject, callback: Callback, number: int) -> Received:
    return subject.calls[callback.name](subject.settings, datetime.now(UTC), number)


def _taken(subject: Subject, callback: Callback, call: Received) -> Any:
    """What becomes of a call: `Taken`, or what was raised."""
    try:
        return callback.take(call, subject.settings)
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        return error


def _ids(taken: Taken) -> frozenset[str]:
    return frozenset([signal.id for signal in taken.signals] + [filing.key for filing in taken.filings])


def _forgeries(call: Received) -> Iterator[Received]:
    """The call without its headers, and with one thing changed."""
    if any(name not in _NO_PROOF for name in call.headers):
        yield replace(call, headers={name: value for name, value in call.headers.items() if name in _NO_PROOF})
    for name, value in call.headers.items():
        if name not in _NO_PROOF:
            yield replace(call, headers={**call.headers, name: _other(value)})
    path, mark, query = call.path.partition("?")
    for parameter in filter(None, query.split("&")):
        key, _, value = parameter.partition("=")
        yield replace(call, path=f"{path}{mark}{query.replace(parameter, f'{key}={_other(value)}')}")
    try:
        content = json.loads(call.body)
    except ValueError:
        return
    for changed in _changed(content):
        yield replace(call, body=json.dumps(changed).encode())


def _changed(value: Any) -> Iterator[Any]:
    """Copies of a JSON value with one of its texts changed."""
    if isinstance(value, str):
        yield _other(value)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in items:
        for changed in _changed(below):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[name] = changed
            yield copy


def _other(value: str) -> str:
    """Of the same length and alphabet, and not the same."""
    for position, letter in enumerate(value):
        if letter.isalnum():
            return f"{value[:position]}{'1' if letter != '1' else '2'}{value[position + 1 :]}"
    return f"{value}x"


def _telling(call: Received) -> Iterator[str]:
    """Numbers of ten digits and more, and texts of two words and more, anywhere in the call."""
    try:
        content = json.loads(call.body)
    except ValueError:
        return
    yield from telling(content)


CHECKS: Final[tuple[Check, ...]] = (good_is_taken, proof, replay, bounded, malformed, silence)
