"""The catalogue of services that one agency answers for alone, as `dags/catalogue/<agency>.yaml` describes them.

Read and checked here, without Airflow; `simpul.workflow.catalogue_dags` makes the workflows. What is wrong is said with
file, line and field.
"""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.text import Text
from simpul import worktime
from simpul.definition import Want
from simpul.workflow.checks import WorkflowError

FOLDER = "catalogue"
IDENTITY = "dukcapil.get_person"
"""What every service begins with: its record stands for the identity card that nobody has to copy any more."""

Channel = Literal["counter", "mobile", "kiosk", "web"]
CHANNELS: tuple[Channel, ...] = ("counter", "mobile", "kiosk", "web")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Kind = Literal[
    "text",
    "short",
    "texts",
    "date",
    "moment",
    "number",
    "yes_no",
    "choice",
    "phone",
    "nik",
    "nkk",
    "npwp",
    "nib",
    "nop",
    "nip",
    "address",
]
Loc = tuple[str | int, ...]


class CatalogueError(WorkflowError):
    """A catalogue that cannot be used; a line for each thing that is wrong, with file, line and field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Paper(_Part):
    """A requirement: gathered from the agency that holds it, or brought by the citizen.

    Attributes:
        gathered: The operation whose record takes the paper's place.
        request: That operation's request, as in `AgencyStep`.
    """

    title: Text
    gathered: str | None = None
    request: dict[str, Any] = Field(default_factory=dict, alias="with")


class Asked(_Part):
    """A field of the form, beside the applicant's NIK and the papers."""

    kind: Kind
    title: Text
    required: bool = True
    choices: tuple[str, ...] = ()


class Call(_Part):
    """What is asked of an agency once the officer has approved and the fee is paid."""

    operation: str = Field(alias="ask")
    request: dict[str, Any] = Field(default_factory=dict, alias="with")
    title: str = Field(min_length=1, description="As the citizen reads it, in Indonesian")
    name: Name | None = None

    @property
    def step(self) -> str:
        """Its step's name: the operation's, unless another is given."""
        return self.name or self.operation.rpartition(".")[2]


class Choice(_Part):
    """An amount or a text that follows from a field of the form."""

    by: str
    among: dict[str, int | str]


class Service(_Part):
    """One service.

    Attributes:
        id: The service's name in code; begins with its agency's.
        check: How long the officer has; all of the standard when left out.
        fee: Rupiah, 0 where it is free.
        tariff: The tariff's code, where the fee is state revenue (PNBP).
        collected_by: `simponi` for state revenue, `bank` (virtual account) for what the region charges.
        requirements: Names of the file's papers.
        fields: Names of the file's fields.
        findings: What the officer enters.
        renamed: Steps of the version before, to their names here, as in `Workflow`.
        result: What the citizen gets.
    """

    id: Name
    version: int = Field(1, ge=1)
    title: Text
    standard: str
    check: str | None = None
    fee: int | Choice = Field(0, ge=0)
    tariff: str | Choice | None = None
    collected_by: Literal["simponi", "bank"] = "simponi"
    channels: tuple[Channel, ...] | None = Field(None, min_length=1)
    legal_basis: str | None = None
    group: Name | None = None
    requirements: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    findings: tuple[Want, ...] = ()
    calls: tuple[Call, ...] = ()
    renamed: dict[Name, Name] = Field(default_factory=dict)
    result: Text

    @property
    def fees(self) -> tuple[int, ...]:
        """Every amount that it may cost."""
        found = self.fee.among.values() if isinstance(self.fee, Choice) else [self.fee]
        return tuple(sorted(int(amount) for amount in found))


class Agency(_Part):
    """A file of the catalogue. What stands here counts for its services unless they say otherwise.

    Attributes:
        agency: Who answers for the services: a connector's name, or a unit of the hall that has none.
        group: Which officers check.
    """

    agency: Name
    title: Text
    group: Name
    channels: tuple[Channel, ...] = Field(CHANNELS, min_length=1)
    legal_basis: str | None = None
    papers: dict[Name, Paper] = Field(default_factory=dict)
    fields: dict[Name, Asked] = Field(default_factory=dict)
    services: tuple[Service, ...] = Field(min_length=1)

    def gathered(self, service: Service) -> dict[str, Paper]:
        """The requirements that the agencies give us, without the applicant's own identity."""
        return {name: self.papers[name] for name in service.requirements if self.papers[name].gathered}

    def brought(self, service: Service) -> dict[str, Paper]:
        """The requirements that the citizen brings."""
        return {name: self.papers[name] for name in service.requirements if not self.papers[name].gathered}


class Source:
    """A file of the catalogue and where in it things stand."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.text = file.read_text(encoding="utf-8")

    def read(self) -> Agency:
        """The file, checked for all that can be known without the operations.

        Raises:
            CatalogueError: It is no YAML, or something in it is not as it should be.
        """
        try:
            found = Agency.model_validate(yaml.load(self.text, yaml.CSafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            at = f"{self.name}:{mark.line + 1}" if mark else self.name
            raise CatalogueError(f"{at}: this is no YAML: {error.problem}") from None
        except ValidationError as error:
            faults = [(fault["loc"], fault["msg"]) for fault in error.errors(include_input=False, include_url=False)]
            raise self.error(faults) from None
        if faults := list(_faults(found, self.file.stem)):
            raise self.error(faults)
        return found

    @property
    def name(self) -> str:
        """The file as people name it."""
        return f"{FOLDER}/{self.file.name}"

    def error(self, faults: Collection[tuple[Loc, str]]) -> CatalogueError:
        """Faults in words, with the line and the field of each."""
        return CatalogueError("\n".join(f"{self.name}:{self.line(loc)}: {_field(loc)}{why}" for loc, why in faults))

    def line(self, loc: Loc) -> int:
        """The line in which a field stands; of what should hold it where it is missing."""
        node = yaml.compose(self.text, yaml.CSafeLoader)
        line = 1
        for part in loc:
            found = _inside(node, part)
            if found is None:
                break
            mark, node = found
            line = mark.line + 1
        return line


def _inside(node: Any, part: str | int) -> tuple[Any, Any] | None:
    """Where a part of a node begins, and its node."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    return None


def _field(loc: Loc) -> str:
    """`services[3].fee: `; nothing for the file itself."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    return f"{written}: " if written else ""


def _faults(agency: Agency, stem: str) -> Iterator[tuple[Loc, str]]:
    """What a model of one part cannot see."""
    if agency.agency != stem:
        yield ("agency",), f"the file of {agency.agency!r} is {agency.agency}.yaml"
    seen: set[tuple[str, int]] = set()
    for index, service in enumerate(agency.services):
        at: Loc = ("services", index)
        if not service.id.startswith(f"{stem}_"):
            yield (*at, "id"), f"{service.id!r} does not begin with {stem}_"
        if (service.id, service.version) in seen:
            yield (*at, "id"), f"{service.id!r} version {service.version} stands there twice"
        seen.add((service.id, service.version))
        yield from _service_faults(agency, service, at)


def _service_faults(agency: Agency, service: Service, at: Loc) -> Iterator[tuple[Loc, str]]:
    for field, known in (("requirements", agency.papers), ("fields", agency.fields)):
        for position, name in enumerate(getattr(service, field)):
            if name not in known:
                yield (*at, field, position), f"there is no {name!r} above{nearest(name, known)}"
    for field in ("standard", "check"):
        written = getattr(service, field)
        try:
            worktime.span(written or "1 working day")
        except worktime.CalendarError as error:
            yield (*at, field), str(error)
    if service.fees[-1] and service.collected_by == "simponi" and service.tariff is None:
        yield (*at, "tariff"), "state revenue needs the code of its tariff"
    if not all(isinstance(amount, int) for amount in getattr(service.fee, "among", {}).values()):
        yield (*at, "fee"), "an amount is a whole number of rupiah"


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """What is put behind a sentence about a name that is not known: the nearest one that is."""
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; did you mean {near[0]!r}?" if near else ""


def files(dags: Path) -> list[Path]:
    """The files of the catalogue in a folder of workflows."""
    return sorted((dags / FOLDER).glob("*.yaml"))
