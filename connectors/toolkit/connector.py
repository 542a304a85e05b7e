"""What every connector is, whatever it speaks: an agency's name, its settings, its operations and its callbacks."""

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from connectors.toolkit.operation import Operation, OperationMethod
from connectors.toolkit.settings import ConnectorSettings, from_environment

S = TypeVar("S", bound=ConnectorSettings)


@dataclass(frozen=True)
class CallbackSignal:
    """One thing a callback tells us.

    Attributes:
        kind: What kind of signal an application may wait for: `payment`.
        reference: What it is about, in the agency's terms: a billing code.
        id: Deterministic from the content, so that a repeated callback is the same signal.
        raw: The bytes of this part of the message, for the ledger to seal.
    """

    kind: str
    reference: str
    id: str
    raw: bytes


@dataclass(frozen=True)
class Callback:
    """A call the agency makes to us.

    Attributes:
        parse: Body, headers and settings to signals. Raises `BadData` when it cannot be read, `Misconfigured` when
            the caller does not prove who it is.
        answer: The signals, each with whether it was new to us, to status, body and media type of our answer.
    """

    name: str
    parse: Callable[[bytes, Mapping[str, str], Any], list[CallbackSignal]]
    answer: Callable[[list[tuple[CallbackSignal, bool]]], tuple[int, bytes, str]]


class Connector(Generic[S]):
    """Base of `RestConnector` and `SoapConnector`; an agency's package subclasses one of those.

    Instances may be used from several threads at once.

    Args:
        settings: The connector's settings; read from the environment when not given.
    """

    agency: ClassVar[str]
    callbacks: ClassVar[tuple[Callback, ...]] = ()

    def __init__(self, settings: S | None = None) -> None:
        self.settings: S = from_environment(self.settings_class()) if settings is None else settings

    @classmethod
    def settings_class(cls) -> type[S]:
        """The settings model named in the brackets of the base class."""
        for base in cls.__mro__:
            for generic in getattr(base, "__orig_bases__", ()):
                for argument in typing.get_args(generic):
                    if isinstance(argument, type) and issubclass(argument, ConnectorSettings):
                        return typing.cast(type[S], argument)
        raise TypeError(f"{cls.__name__} names no settings class: class X(RestConnector[XSettings])")

    @classmethod
    def operations(cls) -> dict[str, Operation]:
        """The connector's operations by name, in the order they are written."""
        found: dict[str, Operation] = {}
        for base in reversed(cls.__mro__):
            for name, attribute in vars(base).items():
                if isinstance(attribute, OperationMethod):
                    found[name] = attribute.describe(cls.agency)
        return found

    def close(self) -> None:
        """Lets go of connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
