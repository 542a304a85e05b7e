"""What every connector is, whatever it speaks: an agency's name, its settings, its operations, feeds and callbacks."""

import typing
from typing import ClassVar, Generic, Self, TypeVar

from connectors.toolkit.callback import Callback
from connectors.toolkit.contracts import ContractDocument
from connectors.toolkit.feed import Feed, FeedMethod
from connectors.toolkit.operation import Operation, OperationMethod
from connectors.toolkit.settings import ConnectorSettings, from_environment

S = TypeVar("S", bound=ConnectorSettings)


class Connector(Generic[S]):
    """Base of `RestConnector` and `SoapConnector`; an agency's package subclasses one of those.

    Instances may be used from several threads at once.

    Args:
        settings: The connector's settings; read from the environment when not given.
    """

    agency: ClassVar[str]
    callbacks: ClassVar[tuple[Callback, ...]] = ()
    contracts: ClassVar[tuple[ContractDocument, ...]] = ()
    """What the agency publishes of its contract, with our pinned copies: watched for drift."""

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

    @classmethod
    def feeds(cls) -> dict[str, Feed]:
        """The connector's feeds by name."""
        return {
            name: attribute.describe(cls.agency)
            for base in reversed(cls.__mro__)
            for name, attribute in vars(base).items()
            if isinstance(attribute, FeedMethod)
        }

    def close(self) -> None:
        """Lets go of connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
