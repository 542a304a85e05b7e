"""The nodes of a workflow. A step is a statement of what to ask of which agency; it runs nothing on a worker."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from airflow.sdk import BaseOperator

from connectors import catalogue
from simpul.definition import StepDefinition, Want
from simpul.papers import documents, notices
from simpul.papers.words import TemplateError
from simpul.workflow import airflow_facts, checks, fans
from simpul.workflow.dag import Workflow, current_workflow

T = TypeVar("T")


class _PositionalArguments(type(BaseOperator)):  # type: ignore[misc]
    """Lets a step be written `AgencyStep("parents", "dukcapil.get_family", {...})`; Airflow takes keywords only."""

    positional: tuple[str, ...]
    fans_out: bool

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        """Make a step, or with `for_each` one for each element of a list."""
        if len(arguments) > len(cls.positional):
            raise TypeError(f"{cls.__name__} takes {', '.join(cls.positional)} and then keywords")
        facts = {**dict(zip(cls.positional, arguments, strict=False)), **keywords}
        make = super().__call__
        over, at_most = facts.pop("for_each", None), facts.pop("at_most", None)
        if over is None:
            return make(**facts)
        if not cls.fans_out:
            raise checks.WorkflowError(f"step {facts['name']!r}: a {cls.__name__} is not there once for each of a list")
        fan = fans.fan(facts["name"], over, at_most, _workflow(facts["name"], facts).form_schema)
        steps = fans.Each([make(**facts, place=fans.Place(fan, index)) for index in range(fan.at_most)])
        _workflow(fan.name, facts).fans[fan.name] = fan
        return steps


class Step(BaseOperator, metaclass=_PositionalArguments):  # type: ignore[misc]
    """What all steps share: they start in the triggerer, end there, and are tried again while the ledger is away.

    Every step takes `for_each="form.children"`: it is then there once for each element, as `<name>_1`, `<name>_2` and so on, at most
    `at_most` (by default as many as the form allows), and `item` in its paths and conditions is the element. A later step over the
    same list refers by the bare name to the one of its own element; any other refers to the list of all records there are.
    """

    start_from_trigger = True
    kind: ClassVar[str]
    positional: ClassVar[tuple[str, ...]]
    fans_out: ClassVar[bool] = True

    def __init__(
        self,
        *,
        name: str,
        operation: str = "",
        request: Mapping[str, Any] | None = None,
        title: str = "",
        when: str | None = None,
        accept: str | None = None,
        expires: str | None = None,
        reference: str | None = None,
        more: Mapping[str, Any] | None = None,
        place: fans.Place | None = None,
        **airflow: Any,
    ) -> None:
        workflow = _workflow(name, airflow)
        if place:
            name, title, when = place.name, f"{title} {place.index + 1}".strip(), place.when(when, workflow.fans)
        super().__init__(**airflow_facts.of_step(name, title), **airflow)
        self.definition = StepDefinition.model_validate(
            {
                "name": name,
                "kind": self.kind,
                "operation": operation,
                "request": {
                    field: fans.bound(source, workflow.fans, place) for field, source in (request or {}).items()
                },
                "title": title,
                "when": when,
                "accept": accept,
                "expires": fans.single(f"step {name!r}, expires", expires, workflow.fans, place),
                "reference": fans.single(f"step {name!r}, reference", reference, workflow.fans, place),
                **(more or {}),
            }
        )
        _check(self.definition)
        self.start_trigger_args = airflow_facts.trigger(workflow.service, workflow.version, name)

    def execute(self, context: Any) -> NoReturn:
        """Never runs: a step starts and ends in the triggerer.

        Raises:
            RuntimeError: Somebody ran it on a worker all the same.
        """
        del context  # Airflow passes it by name
        raise RuntimeError(f"step {self.task_id!r} runs in the triggerer only; use a DAG run of the Workflow")


class AgencyStep(Step):
    """Ask one operation of one agency.

    Args:
        name: Unique in the workflow; later steps refer to its record by it.
        operation: `<agency>.<operation>`, as the catalogue of connectors has it.
        request: Request field to path (`form.nkk`, `deed.nik`, a step's name for its whole record), to `=text`, to
            `choose(...)`, or to a value. A path that ends in `?` may lead nowhere.
        title: What the step is called in front of citizens.
        when: Condition over the form and earlier records; where it is false the step is skipped.
        accept: Condition over `record`; while it is false the answer means "not yet" and the application waits.
    """

    kind = "agency"
    positional = ("name", "operation", "request")
    ui_color = "#dbe9f6"


class PaymentStep(Step):
    """Wait, parked, until a bill is paid or has lapsed.

    A signal or the deadline only makes us ask; nothing but the agency's answer counts as payment.

    Args:
        name: Unique in the workflow.
        bill: The step whose record is the bill.
        operation: Says whether it is paid.
        request: The operation's request; by default the bill's billing code.
        accept: Condition over `record` that means paid.
        expires: Path to the moment at which the wait lapses.
        reference: Path to what a payment signal refers to.
    """

    kind = "payment"
    positional = ("name", "bill")
    ui_color = "#fbe8c8"

    def __init__(
        self,
        *,
        name: str,
        bill: str,
        operation: str = "simponi.get_bill",
        request: Mapping[str, Any] | None = None,
        accept: str = "record.status == 'paid'",
        expires: str | None = None,
        reference: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            name=name,
            operation=operation,
            request=request or {"billing_code": f"{bill}.billing_code"},
            accept=accept,
            expires=expires or f"{bill}.expires_at",
            reference=reference or f"{bill}.billing_code",
            **options,
        )


class OfficerStep(Step):
    """Wait, parked, for an officer: approve, reject with a reason, or return to the citizen with what is missing.

    The record is a `Decision`; later steps reach what the officer entered as `<name>.findings.<want>`.

    Args:
        name: Unique in the workflow.
        group: Which officers: those whose key has the scope `decide`, for all groups or for this one.
        within: Span until it is overdue: "3 working days".
        overdue: What happens then: `escalate` (the group's supervisors get it, then an operator), `lapse`, or `approve`
            where the law takes silence for a yes.
        four_eyes: A second officer has to confirm.
        wants: What the officer may enter.
        title: What the step is called in front of citizens.
        when: Condition; where it is false the step is skipped.
    """

    kind = "officer"
    positional = ("name", "group")
    ui_color = "#e7def5"

    def __init__(
        self,
        *,
        name: str,
        group: str,
        within: str,
        overdue: str = "escalate",
        four_eyes: bool = False,
        wants: Sequence[Want] = (),
        **options: Any,
    ) -> None:
        asked = {"group": group, "within": within, "overdue": overdue, "four_eyes": four_eyes, "wants": _plain(wants)}
        super().__init__(name=name, more=asked, **options)


class CitizenStep(Step):
    """Wait, parked, for papers or answers of the citizen. The record is `Answers`: `<name>.answers.<want>`.

    Args:
        name: Unique in the workflow.
        wants: What is asked for.
        within: Span after which the step lapses.
        title: What the step is called in front of citizens.
        when: Condition; where it is false the step is skipped.
    """

    kind = "citizen"
    positional = ("name", "wants")
    ui_color = "#fdf3d0"

    def __init__(
        self, *, name: str, wants: Sequence[Want], within: str, consent: str | None = None, **options: Any
    ) -> None:
        asked = {"within": within, "overdue": "lapse", "wants": _plain(wants), "consent": consent}
        super().__init__(name=name, more=asked, **options)


class GatherStep(Step):
    """Fetch from an agency, with the citizen's consent, what they would otherwise bring on paper.

    Two steps: `<name>_consent` is a task of the citizen that says what would be fetched from whom (answered already where the
    application was filed with this consent), and `<name>` fetches it. Who refuses hands the paper in with the answer,
    `<name>_consent.answers.paper`, and `<name>` is skipped: steps after it read its record as `<name>.<field>?`.

    Args:
        name: Unique in the workflow.
        operation: A read, `<agency>.<operation>`.
        request: As of an `AgencyStep`.
        instead_of: The paper that is spared, as the citizen calls it.
        within: Span after which the question lapses.
        title: What the step is called in front of citizens.
        when: Condition; where it is false both steps are skipped.
    """

    kind = "agency"
    positional = ("name", "operation", "request")
    fans_out = False
    ui_color = "#cfe8e8"

    def __init__(
        self,
        *,
        name: str,
        operation: str,
        request: Mapping[str, Any],
        instead_of: str,
        within: str = "5 working days",
        when: str | None = None,
        **options: Any,
    ) -> None:
        checks.check_gather(name, operation, catalogue.load())
        asks = f"{name}_consent"
        agreed = f"{asks}.answers.agreed"
        wants = (
            Want(
                name="agreed",
                title=f"Setuju {instead_of} diambil langsung dari {operation.partition('.')[0]}",
                kind="yes_no",
            ),
            Want(name="paper", title=f"{instead_of} (bila tidak setuju)", kind="paper", required=False),
        )
        question = CitizenStep(
            name=asks, wants=wants, within=within, consent=name, title=f"Persetujuan: {instead_of}", when=when
        )
        super().__init__(
            name=name,
            operation=operation,
            request=request,
            when=agreed if when is None else f"({when}) and {agreed}",
            **options,
        )
        self._question: CitizenStep | None = None
        question.set_downstream(self)
        self._question = question

    @property
    def roots(self) -> list[BaseOperator]:
        """What comes before this step comes before its question."""
        return [self if self._question is None else self._question]

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Let `other` come before the question."""
        self.roots[0].set_upstream(other, edge_modifier)


class SignStep(Step):
    """Have a document signed electronically (BSrE). The record is a `SignedDocument`.

    Whoever checks the document is told the signed one's digest from then on, and copies are of the signed one.

    Args:
        name: Unique in the workflow.
        document: The step whose record's `content` is signed: a `DocumentStep`, or another `SignStep` before this one.
        signer: Who signs, by the name in the connector's settings (`SIMPUL_BSRE_SIGNERS`): no credential stands in a workflow.
        reason: Written into the signature.
        title: What the step is called in front of citizens.
        when: Condition; where it is false the step is skipped.
    """

    kind = "agency"
    positional = ("name", "document", "signer")
    ui_color = "#d3dcf2"

    def __init__(self, *, name: str, document: str, signer: str, reason: str | None = None, **options: Any) -> None:
        request = {"content": f"{document}.content", "signer": f"={signer}"}
        super().__init__(
            name=name,
            operation="bsre.sign_pdf",
            request=request | ({"reason": f"={reason}"} if reason else {}),
            **options,
        )


class NotifyStep(Step):
    """Tell the citizen, in the language and over the channel that the application was filed with.

    Skipped where no contact is known, and where the gateway takes no message for that number or address: a notice that
    cannot be sent changes nothing about the case.

    Args:
        name: Unique in the workflow.
        template: Name of a template in `simpul/papers/templates/notices`, or the path of one's own file.
        values: What the template says, each as in a request: a path, `=text`, `choose(...)` or a value. The service's title
            and the application's number are given.
        title: What the step is called in front of citizens.
        when: Condition; where it is false the step is skipped.
    """

    kind = "notify"
    positional = ("name", "template", "values")
    ui_color = "#d9f2e3"

    def __init__(
        self, *, name: str, template: str | Path, values: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        found, wording = _read(notices.read, name, template)
        super().__init__(
            name=name,
            operation="notify.send",
            request=values,
            more={"template": found, "wording": wording},
            **options,
        )


class DocumentStep(Step):
    """Make a document: a PDF with a QR code that leads to its public check page.

    Made by the engine, once, in the transaction that stores it. Its record is an `IssuedDocument`: `content` is what a
    `SignStep` signs, `check_url` what a notice may say.

    Args:
        name: Unique in the workflow.
        template: Name of a template in `simpul/papers/templates/documents`, or the path of one's own file.
        values: What the template says, each as in a request: a path, `=text`, `choose(...)` or a value. The service's title
            and the application's number are given.
        issuer: In whose name, as the citizen reads it; by default the workflow's owner.
        title: What the step is called in front of citizens.
        when: Condition; where it is false the step is skipped.
    """

    kind = "document"
    positional = ("name", "template", "values")
    ui_color = "#e8e4da"

    def __init__(
        self,
        *,
        name: str,
        template: str | Path,
        values: Mapping[str, Any] | None = None,
        issuer: str | None = None,
        **options: Any,
    ) -> None:
        found, wording = _read(documents.read, name, template)
        workflow = options.get("dag") or current_workflow()
        owner = workflow.owner_name if isinstance(workflow, Workflow) else None
        super().__init__(
            name=name,
            request=values,
            more={"template": found, "wording": wording, "issuer": issuer or owner},
            **options,
        )


class CompensateStep(Step):
    """Undo one thing that an ended application did to an agency; which, its compensation says.

    Only for the workflow `compensation`: the engine files its applications, with the requests as their forms. Where an
    application has less to undo than there are steps, the others are none of its own.

    Args:
        name: Unique in the workflow.
        title: What the step is called.
    """

    kind = "compensate"
    positional = ("name",)
    ui_color = "#f6d9d9"


def _read(read: Callable[[str | Path], tuple[str, T]], step: str, template: str | Path) -> tuple[str, T]:
    try:
        return read(template)
    except TemplateError as error:
        raise checks.WorkflowError(f"step {step!r}: {error}") from None


def _workflow(name: str, facts: Mapping[str, Any]) -> Workflow:
    workflow = facts.get("dag") or current_workflow()
    if not isinstance(workflow, Workflow):
        raise checks.WorkflowError(f"step {name!r} stands outside a Workflow: put it inside `with Workflow(...):`")
    return workflow


def _check(step: StepDefinition) -> None:
    if step.kind == "compensate":
        # What it calls is known only when an application is undone.
        return
    if step.asks_people:
        checks.check_task(step)
    elif step.template is not None:
        checks.check_wording(step)
    else:
        checks.check_call(step, catalogue.load())


def _plain(wants: Sequence[Want]) -> list[dict[str, Any]]:
    return [want.model_dump(mode="json") for want in wants]
