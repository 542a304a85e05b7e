"""Calls that agencies make to us: what such a call is, what it means to us, and what the agency is answered.

A connector's functions are pure: they read a call and word the answer. Whoever serves the call (the console) stores what it
means before it is acknowledged, asks on our side where the caller asks something, and knows what came before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from connectors.toolkit.errors import AgencyError
from schemas.base import Record


@dataclass(frozen=True)
class Received:
    """A call as it came in.

    Attributes:
        path: As the caller wrote it, from the first slash on, with the query: what a signature may cover.
        headers: By lower-case name.
        peer: The caller's address, from the socket; empty where there is none.
        at: When it came, by our clock.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: str
    at: datetime


@dataclass(frozen=True)
class CallbackSignal:
    """One thing a call tells us.

    Attributes:
        kind: What kind of signal an application may wait for: `payment`.
        reference: What it is about, in the agency's terms: a billing code. Blinded before it is stored.
        id: Deterministic from the content, so that a repeated call is the same signal. Holds no personal data.
        raw: The bytes of this part of the message, for the ledger to seal.
    """

    kind: str
    reference: str
    id: str
    raw: bytes


@dataclass(frozen=True)
class Filing:
    """An application that a call starts.

    Attributes:
        service: Which one, such as `business`.
        form: What its form is filled in with.
        key: Deterministic from the content: the same call files one application. Holds no personal data.
    """

    service: str
    form: Mapping[str, Any]
    key: str


@dataclass(frozen=True)
class Question:
    """A read of ours that answers the call.

    Attributes:
        operation: `agency.operation`, a `read`.
        request: Of the operation's request model.
    """

    operation: str
    request: BaseModel


@dataclass(frozen=True)
class Taken:
    """What a call means to us.

    Attributes:
        once: An id that the caller must not use twice, such as its agency and X-EXTERNAL-ID and the day it counts for;
            none where a repeated call is simply the same again. Holds no personal data.
        more: What the answer needs beside, kept between `take` and `answer`.
    """

    signals: tuple[CallbackSignal, ...] = ()
    filings: tuple[Filing, ...] = ()
    question: Question | None = None
    once: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Handled:
    """What became of a call that was taken in.

    Attributes:
        new: Ids of the signals and keys of the filings that were not known before.
        repeated: Its `once` was used before, and nothing was done.
        record: What the question brought.
        error: Why it brought nothing.
        unfit: Keys of filings that the service's form refused, with the names of the fields.
    """

    new: frozenset[str] = frozenset()
    repeated: bool = False
    record: Record | None = None
    error: AgencyError | None = None
    unfit: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What the agency is answered."""

    body: bytes
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Callback:
    """A call the agency makes to us, served at `/v1/callbacks/<agency>/<name>`; the agency's first also without its name.

    Attributes:
        name: Lower case, as in its path.
        contract: Where the wire contract comes from: `D`, `C` or `G`.
        doc: What it is, in a line.
        take: Reads a call by the connector's settings. Raises `Misconfigured` when the caller does not prove who it is
            and `BadData` when the call cannot be read.
        answer: Words the answer to a call that was taken in.
        refuse: Words the answer to a call that `take` refused, or that could not be handled now (`Retriable`); problem
            JSON with 401, 422 or 503 when not given.
        max_bytes: A larger body is refused before it is read.
        unsigned: What stands in for a proof of who calls, where the contract has no signature and no credential at all; the
            conformance kit takes none for granted.
    """

    name: str
    contract: str
    doc: str
    take: Callable[[Received, Any], Taken]
    answer: Callable[[Taken, Handled], Reply]
    refuse: Callable[[Received, AgencyError], Reply] | None = None
    max_bytes: int = 256 * 1024
    unsigned: str | None = None
