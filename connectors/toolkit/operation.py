"""`@operation`: what turns a connector's method into one typed call that says what it does to the agency.

Effects, and the rule that a doubtful write is `InDoubt`, live here; transports and agencies do not.
"""

import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Concatenate, Final, Generic, Literal, ParamSpec, Self, TypeVar, overload

from pydantic import BaseModel, ValidationError

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, InDoubt
from schemas.base import Record

Effect = Literal["read", "idempotent", "repeatable", "write"]
Contract = Literal["D", "C", "G"]

PUBLIC_TASK: Final = "public task (UU 27/2022 art. 20(2)e)"
"""The legal basis of a call that rests on no law of its own but on the public service it is part of."""

_Self = TypeVar("_Self")
_Request = TypeVar("_Request", bound=BaseModel)
_Record = TypeVar("_Record")
_Rest = ParamSpec("_Rest")


@dataclass(frozen=True)
class Operation:
    """One operation of one connector, as the gateway, the catalogue and the CLI see it.

    Attributes:
        effect: `read`; `idempotent` (the agency honours our key); `repeatable` (a repeat leaves an inert orphan);
            `write` (must not happen twice).
        contract: Where the wire contract comes from: `D` official document, `C` public code, `G` our own design.
        reconcile: Name of the method that looks a write up by our reference, where the agency offers that.
        compensate: Name of the operation of the same agency that undoes this one.
        compensate_with: What the undoing request says beside what the undone request and its record know.
        lasts: What it did may stay when the application comes to nothing, as a notice does: there is nothing to undo.
        over: Of one that undoes: the refusals that say that nothing is left to undo.
    """

    agency: str
    name: str
    effect: Effect
    purpose: str
    legal_basis: str | None
    contract: Contract
    request: type[BaseModel]
    record: type[Record]
    method: str
    reconcile: str | None
    doc: str
    compensate: str | None = None
    compensate_with: Mapping[str, str] = field(default_factory=dict)
    lasts: bool = False
    over: tuple[str, ...] = ()

    @property
    def qualified(self) -> str:
        """`agency.operation`."""
        return f"{self.agency}.{self.name}"

    def invoke(self, connector: Any, request: BaseModel, reference: str | None = None) -> Record:
        """Calls the agency.

        Args:
            connector: The connector this operation belongs to.
            request: An instance of `self.request`.
            reference: Our reference; needed by every effect but `read`.

        Raises:
            AgencyError: One of its subclasses, whatever went wrong.
            ValueError: A reference is missing.
        """
        method = getattr(connector, self.method)
        return typing.cast(Record, method(request, **self._keywords(reference)))

    def look_up(self, connector: Any, request: BaseModel, reference: str) -> Record | None:
        """Asks the agency whether it knows our reference: its record, or None when the agency says it does not.

        Raises:
            AgencyError: No answer was to be had.
            ValueError: The agency offers no look-up for this operation.
        """
        if self.reconcile is None:
            raise ValueError(f"{self.qualified} cannot be looked up by reference")
        return typing.cast(Record | None, getattr(connector, self.reconcile)(request, reference=reference))

    def _keywords(self, reference: str | None) -> dict[str, str]:
        if self.effect == "read":
            return {}
        if not reference:
            raise ValueError(f"{self.qualified} needs a reference: it does something at the agency")
        return {"reference": reference}


class OperationMethod(Generic[_Self, _Request, _Rest, _Record]):
    """A connector's method with what `@operation` says about it; calling it names every error by what to do next."""

    def __init__(
        self,
        function: Callable[Concatenate[_Self, _Request, _Rest], _Record],
        *,
        effect: Effect,
        purpose: str,
        legal_basis: str | None,
        contract: Contract,
        compensate: str | None = None,
        compensate_with: Mapping[str, str] = MappingProxyType({}),
        lasts: bool = False,
        over: tuple[str, ...] = (),
    ) -> None:
        self.function = function
        self.effect = effect
        self.purpose = purpose
        self.legal_basis = legal_basis
        self.contract = contract
        self.compensate = compensate
        self.compensate_with = compensate_with
        self.lasts = lasts
        self.over = over
        self.reconciler: str | None = None
        self.name = function.__name__
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: _Self, owner: type) -> Callable[Concatenate[_Request, _Rest], _Record]: ...

    def __get__(self, instance: _Self | None, owner: type) -> Self | Callable[Concatenate[_Request, _Rest], _Record]:
        """The method bound to a connector, its errors already named."""
        if instance is None:
            return self
        bound: Callable[Concatenate[_Request, _Rest], _Record] = functools.partial(
            guarded, self.function, self.effect, instance
        )
        return bound

    def reconcile(
        self, function: Callable[Concatenate[_Self, _Request, _Rest], _Record | None]
    ) -> Callable[Concatenate[_Self, _Request, _Rest], _Record | None]:
        """Marks the method that looks this write up by our reference.

        It returns the record, or None when the agency says that it does not know the reference, and raises when no
        answer is to be had.
        """
        self.reconciler = function.__name__

        @functools.wraps(function)
        def named(instance: _Self, request: _Request, /, *args: _Rest.args, **kwargs: _Rest.kwargs) -> _Record | None:
            return typing.cast(_Record | None, guarded(function, "read", instance, request, *args, **kwargs))

        return typing.cast(Callable[Concatenate[_Self, _Request, _Rest], _Record | None], named)

    def describe(self, agency: str) -> Operation:
        """What the method's signature and decorator say, together."""
        hints = typing.get_type_hints(self.function)
        record = hints.pop("return")
        request = next(hint for name, hint in hints.items() if name not in {"self", "reference"})
        return Operation(
            agency=agency,
            name=self.name,
            effect=self.effect,
            purpose=self.purpose,
            legal_basis=self.legal_basis,
            contract=self.contract,
            request=request,
            record=record,
            method=self.name,
            reconcile=self.reconciler,
            doc=(self.function.__doc__ or "").strip().split("\n", 1)[0],
            compensate=self.compensate,
            compensate_with=self.compensate_with,
            lasts=self.lasts,
            over=self.over,
        )


def operation(
    *,
    effect: Effect,
    purpose: str,
    contract: Contract,
    legal_basis: str | None = None,
    compensate: str | None = None,
    compensate_with: Mapping[str, str] = MappingProxyType({}),
    lasts: bool = False,
    over: tuple[str, ...] = (),
) -> Callable[
    [Callable[Concatenate[_Self, _Request, _Rest], _Record]], OperationMethod[_Self, _Request, _Rest, _Record]
]:
    """Makes a connector's method an operation.

    The method takes one request model and returns one record; unless it is a `read` it also takes the keyword
    `reference`, our reference for what it does at the agency.

    Args:
        effect: What a call does to the agency, see `Operation`.
        purpose: Why personal data is asked for or sent, for the record of processing (UU 27/2022).
        contract: Where the wire contract comes from: `D`, `C` or `G`.
        legal_basis: The law the call rests on, or `PUBLIC_TASK`; the conformance kit asks for one.
        compensate: The operation of the same agency that undoes this one, when an application ends in nothing after it
            took effect. What it needs comes from the undone call's record and request, by the names of its fields.
        compensate_with: Fields of the undoing request that neither of them knows, such as a reason.
        lasts: What it did may stay. A write that says neither is undone by an operator.
        over: Of an operation that undoes: the codes of `Rejected` which say that what it would undo has ended by itself,
            or was undone already. They need no operator.
    """

    def decorate(
        function: Callable[Concatenate[_Self, _Request, _Rest], _Record],
    ) -> OperationMethod[_Self, _Request, _Rest, _Record]:
        return OperationMethod(
            function,
            effect=effect,
            purpose=purpose,
            legal_basis=legal_basis,
            contract=contract,
            compensate=compensate,
            compensate_with=compensate_with,
            lasts=lasts,
            over=over,
        )

    return decorate


def guarded(function: Callable[..., Any], effect: Effect, *args: Any, **kwargs: Any) -> Any:
    """Calls a connector's method so that every error comes out named by what to do next."""
    try:
        return function(*args, **kwargs)
    except AgencyError as error:
        if effect == "write" and error.doubtful and not isinstance(error, InDoubt):
            raise _in_doubt(error) from error
        raise
    except Exception as error:  # noqa: BLE001
        # A mapping that stumbles has met an answer that is not as the contract says, and its message may quote that
        # answer: only the place survives.
        unreadable = _unreadable(error)
        raise (_in_doubt(unreadable) if effect == "write" else unreadable) from None


def _in_doubt(error: AgencyError) -> InDoubt:
    return InDoubt(error.code, diagnosis=diagnoses.IN_DOUBT, owner=error.owner, detail=error.detail)


def _unreadable(error: Exception) -> BadData:
    field = None
    if isinstance(error, ValidationError):
        field = ".".join(str(part) for part in error.errors(include_input=False, include_context=False)[0]["loc"])
    return BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field=field, detail=_place(error))


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while (
        trace is not None and trace.tb_next is not None and "pydantic" not in trace.tb_next.tb_frame.f_code.co_filename
    ):
        trace = trace.tb_next
    where = f" in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{where}"
