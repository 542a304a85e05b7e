"""`@feed`: a connector's pull of what changed at the agency. Who keeps the cursor and publishes is the gateway."""

import functools
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, Self, TypeVar, overload

from connectors.toolkit.operation import Contract, guarded
from schemas.base import Record

R = TypeVar("R", bound=Record)
_Self = TypeVar("_Self")


@dataclass(frozen=True)
class Change(Generic[R]):
    """One thing that changed at the agency.

    Attributes:
        id: Deterministic: the same change has the same id however often it is pulled. It travels in the open, so it
            must hold no personal data: hash what does.
        subject: Whom or what it is about, such as a NIK; blinded before it leaves the gateway.
    """

    id: str
    subject: str
    record: R


@dataclass(frozen=True)
class Page(Generic[R]):
    """What one pull brought.

    Attributes:
        cursor: Where the next pull begins; holds no personal data.
        more: There is more already: ask again at once.
    """

    changes: Sequence[Change[R]]
    cursor: str
    more: bool = False


@dataclass(frozen=True)
class Feed:
    """One feed of one connector, as the gateway and the catalogue see it."""

    agency: str
    name: str
    every: timedelta
    purpose: str
    legal_basis: str | None
    contract: Contract
    record: type[Record]
    method: str
    doc: str

    @property
    def qualified(self) -> str:
        """`agency.feed`."""
        return f"{self.agency}.{self.name}"

    def pull(self, connector: Any, cursor: str | None) -> Page[Any]:
        """Asks the agency what changed since the cursor.

        Args:
            connector: The connector this feed belongs to.
            cursor: As the last page gave it; None for the first pull.

        Raises:
            AgencyError: One of its subclasses, whatever went wrong.
        """
        return typing.cast(Page[Any], getattr(connector, self.method)(cursor))


class FeedMethod(Generic[_Self, R]):
    """A connector's method with what `@feed` says about it; calling it names every error by what to do next."""

    def __init__(self, function: Callable[[_Self, str | None], Page[R]], **about: Any) -> None:
        self.function = function
        self.about = about
        self.name = function.__name__
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: _Self, owner: type) -> Callable[[str | None], Page[R]]: ...

    def __get__(self, instance: _Self | None, owner: type) -> Self | Callable[[str | None], Page[R]]:
        """The method bound to a connector, its errors already named."""
        if instance is None:
            return self
        return functools.partial(guarded, self.function, "read", instance)

    def describe(self, agency: str) -> Feed:
        """What the method's signature and decorator say, together."""
        (record,) = typing.get_args(typing.get_type_hints(self.function)["return"])
        return Feed(
            agency=agency,
            name=self.name,
            record=record,
            method=self.name,
            doc=(self.function.__doc__ or "").strip().split("\n", 1)[0],
            **self.about,
        )


def feed(
    *, every: timedelta, purpose: str, contract: Contract, legal_basis: str | None = None
) -> Callable[[Callable[[_Self, str | None], Page[R]]], FeedMethod[_Self, R]]:
    """Makes a connector's method a feed: it takes the cursor (None at first) and returns a `Page` of changes.

    Args:
        every: How often the gateway pulls when there was nothing more.
        purpose: Why personal data is asked for (UU 27/2022).
        contract: Where the wire contract comes from: `D`, `C` or `G`.
        legal_basis: The law the pull rests on, or `PUBLIC_TASK`; the conformance kit asks for one.
    """

    def decorate(function: Callable[[_Self, str | None], Page[R]]) -> FeedMethod[_Self, R]:
        return FeedMethod(function, every=every, purpose=purpose, contract=contract, legal_basis=legal_basis)

    return decorate
