"""What a new connector is to consist of, whatever it is made from. Pure data, and the plan made from nothing."""

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["rest", "soap"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[A-Z]+")
_AGENCY = re.compile(r"[a-z][a-z0-9_]{1,40}")


class PlanError(ValueError):
    """No connector can be planned from this; the message says what to give instead."""


@dataclass(frozen=True)
class Field:
    """One field of a request.

    Attributes:
        name: Ours, in snake case.
        wire: The agency's name.
        type: As written in Python: `str`, `int`, `float`, `bool`, `date`.
        where: `path`, `query` or `body`.
        example: A value that the sandbox takes.
    """

    name: str
    wire: str
    type: str = "str"
    required: bool = True
    where: str = "body"
    example: Any = "CONTOH"


@dataclass(frozen=True)
class OperationPlan:
    """One operation.

    Attributes:
        name: Ours, in snake case.
        wire: The agency's: an operation of the WSDL, or method and path.
        doc: Its first sentence.
        answer: An answer as the agency would give it, for the sandbox.
        answer_model: Its class in the generated wire module, where there is one.
    """

    name: str
    effect: Literal["read", "write"]
    doc: str
    wire: str = ""
    method: str = "GET"
    path: str = ""
    fields: tuple[Field, ...] = ()
    answer: Any = None
    answer_model: str | None = None

    @property
    def class_name(self) -> str:
        """Of its request model."""
        return "".join(word.capitalize() for word in self.name.split("_")) + "Request"


@dataclass(frozen=True)
class Plan:
    """A connector to be written.

    Attributes:
        contract: `D` where the agency's own document was given, else `G`.
        wire_module: Text of the generated wire models, where there is a document.
        files: Further files of the folder, by name: the document itself.
    """

    agency: str
    kind: Kind
    operations: tuple[OperationPlan, ...]
    contract: Literal["D", "G"] = "G"
    title: str = ""
    wire_module: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    binding: str = ""
    namespace: str = ""
    document: str = ""

    def __post_init__(self) -> None:
        if not _AGENCY.fullmatch(self.agency) or keyword.iskeyword(self.agency) or self.agency == "toolkit":
            raise PlanError(
                "an agency's name has 2 to 41 small letters, digits and underscores, and begins with a letter"
            )
        if not self.operations:
            raise PlanError("the document describes no operation")

    @property
    def class_name(self) -> str:
        """Of the connector."""
        return "".join(word.capitalize() for word in self.agency.split("_"))

    @property
    def uses_date(self) -> bool:
        """Whether a request holds a date."""
        return any(each.type == "date" for operation in self.operations for each in operation.fields)


def plain(agency: str) -> Plan:
    """A REST connector made from nothing: one read, to begin with."""
    found = OperationPlan(
        name="get_status",
        effect="read",
        doc="How an application stands at the agency.",
        method="GET",
        path="/applications/{number}",
        fields=(Field("number", "number", where="path", example="99-0001"),),
        answer={"number": "99-0001", "status": "DITERIMA"},
    )
    return Plan(agency, "rest", (found,), title=agency.replace("_", " ").title())


def snake(name: str) -> str:
    """A name in snake case that Python takes."""
    words = [word.lower() for word in _WORD.findall(name)] or ["field"]
    found = "_".join(words)
    found = f"n_{found}" if found[0].isdigit() else found
    return f"{found}_" if keyword.iskeyword(found) else found


def unique(names: Iterable[str]) -> list[str]:
    """The same names, numbered where they repeat."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found
