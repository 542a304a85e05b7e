"""`Workflow`: the DAG of one service in one version, and the same facts as plain data for the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import DAG
from pydantic import BaseModel, ValidationError

from connectors import catalogue
from simpul.definition import Definition, StepDefinition
from simpul.workflow import airflow_facts, checks

if TYPE_CHECKING:
    from simpul.workflow.fans import Fan

_open: list["Workflow"] = []
_collected: list["Workflow"] | None = None


class Workflow(DAG):  # type: ignore[misc]
    """One service's workflow; used as `with Workflow(...):` around its steps.

    The DAG's id is the service's name, with `_v<version>` from version 2 on: Airflow always takes the latest file, so
    changed steps need a new version.

    Args:
        service: What a citizen applies for, as a name in code: `birth`.
        version: Raised whenever steps change; the old file stays until its last application has closed.
        title: What citizens call the service.
        standard: The service standard, as promised to citizens: "3 working days".
        owner: The agency, or the unit, that answers for the service.
        form: The model of what an applicant fills in.
        stops: Whose waits do not count towards the standard: `citizen`, `payment`, `outage`.
        clock: Steps after which the standard's clock does something: `stop`, `run` or `restart`, by the step's name.
        renamed: Steps of the version before, to their names here: `{"bill": "invoice"}`. Applications that are migrated
            keep what these steps came to.
    """

    def __init__(
        self,
        service: str,
        *,
        version: int,
        title: str,
        standard: str,
        owner: str,
        form: type[BaseModel],
        stops: Sequence[str] = ("citizen", "payment"),
        clock: Mapping[str, str] | None = None,
        renamed: Mapping[str, str] | None = None,
        **airflow: Any,
    ) -> None:
        super().__init__(**airflow_facts.of_dag(service, version, title, standard, owner), **airflow)
        self.service = service
        self.version = version
        self.title = title
        self.standard = standard
        self.owner_name = owner
        self.form = form
        self.stops = tuple(stops)
        self.clock = dict(clock or {})
        self.renamed = dict(renamed or {})
        self.fans: dict[str, Fan] = {}

    def __enter__(self) -> Self:
        """Collect steps."""
        _open.append(self)
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All steps and edges are known: check what they say about each other.

        Raises:
            WorkflowError: A path or condition names what will not be there.
        """
        super().__exit__(kind, value, trace)
        _open.pop()
        if kind is None:
            checks.check_fans(self.fans, self.task_ids)
            checks.check_paths(self.in_order, self.form_schema, catalogue.load())
            checks.check_standard(self.in_order, self.standard, self.clock)
            checks.check_renamed(self.version, self.renamed, [step.name for step in self.in_order])
            if _collected is not None:
                _collected.append(self)

    @cached_property
    def form_schema(self) -> dict[str, Any]:
        """The form as JSON Schema."""
        return self.form.model_json_schema()

    @property
    def in_order(self) -> tuple[StepDefinition, ...]:
        """The steps in topological order; among equals, as written.

        Raises:
            WorkflowError: They stand in a circle.
        """
        written = [(task.definition, task.upstream_task_ids) for task in self.tasks]
        ordered: dict[str, StepDefinition] = {}
        while len(ordered) < len(written):
            found = next(
                ((step, after) for step, after in written if step.name not in ordered and after <= ordered.keys()), None
            )
            if found is None:
                circle = ", ".join(step.name for step, _ in written if step.name not in ordered)
                raise checks.WorkflowError(f"workflow {self.service!r}: these steps wait for each other: {circle}")
            step, after = found
            ordered[step.name] = step.model_copy(update={"after": tuple(name for name in ordered if name in after)})
        return tuple(ordered.values())

    def definition(self) -> Definition:
        """The workflow as it is published to the ledger.

        Raises:
            WorkflowError: The service's facts are not usable.
        """
        try:
            return Definition(
                service=self.service,
                version=self.version,
                title=self.title,
                standard=self.standard,
                owner=self.owner_name,
                stops=self.stops,
                clock=self.clock,
                form=self.form_schema,
                steps=self.in_order,
                renamed=self.renamed,
            )
        except ValidationError as error:
            problems = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_input=False))
            raise checks.WorkflowError(f"workflow {self.service!r}: {problems}") from error


def current_workflow() -> Workflow | None:
    """The workflow whose `with` block we are in."""
    return _open[-1] if _open else None


@contextmanager
def collecting() -> Iterator[list[Workflow]]:
    """Collects the workflows that are completed inside the block, whether or not their files bind them to a name."""
    global _collected  # noqa: PLW0603 - DAG files register themselves by running
    previous, _collected = _collected, []
    try:
        yield _collected
    finally:
        _collected = previous
