"""What is wrong with a workflow, found when its file is imported: a typo is an import error, not a failed case.

Pure functions over step definitions, the form's JSON Schema and the connectors' catalogue; no Airflow here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jinja2 import Environment, nodes

from simpul import expressions, worktime
from simpul.definition import StepDefinition
from simpul.papers import words


class WorkflowError(ImportError):
    """A workflow that cannot run. The message names the step, the field and the nearest right name."""


def check_call(step: StepDefinition, catalogue: Mapping[str, Any]) -> None:
    """Check a step's operation and the names of its request's fields.

    Raises:
        WorkflowError: The catalogue has no such operation, the operation no such field, or its answer cannot be waited
            for.
    """
    if step.operation not in catalogue:
        raise _wrong(step, f"there is no operation {step.operation!r}", step.operation, catalogue)
    fields = catalogue[step.operation]["request"]["fields"]
    for field in step.request:
        if field not in fields:
            raise _wrong(step, f"{step.operation} has no request field {field!r}", field, fields)
    missing = [name for name, field in fields.items() if field.get("required") and name not in step.request]
    if missing:
        raise WorkflowError(f"step {step.name!r}: {step.operation} also needs {', '.join(missing)}")
    if step.accept is not None:
        _check_waiting(step, catalogue[step.operation].get("effect"))


def check_gather(name: str, operation: str, catalogue: Mapping[str, Any]) -> None:
    """Check that what a citizen is asked to agree to only reads.

    Raises:
        WorkflowError: It does more. An operation that there is not is found when the step is made.
    """
    effect = catalogue.get(operation, {}).get("effect", "read")
    if effect != "read":
        raise WorkflowError(f"step {name!r}: {operation} is no read ({effect}): gathering changes nothing at an agency")


def check_task(step: StepDefinition) -> None:
    """Check a step that asks people.

    Raises:
        WorkflowError: Its deadline is no span, or it asks for nothing or for the same thing twice.
    """
    try:
        worktime.span(step.within or "")
    except worktime.CalendarError as error:
        raise WorkflowError(f"step {step.name!r}, within: {error}") from error
    names = [want.name for want in step.wants]
    if step.kind == "citizen" and not names:
        raise WorkflowError(f"step {step.name!r}: say with `wants` what the citizen is asked for")
    if len(names) != len(set(names)):
        raise WorkflowError(f"step {step.name!r}, wants: a name stands there twice")


def check_wording(step: StepDefinition) -> None:
    """Check that a step hands its template what that says, and nothing else.

    Raises:
        WorkflowError: It does not.
    """
    if step.wording is None:
        raise WorkflowError(f"step {step.name!r}: a {step.kind} step has a template")
    if problems := words.misfits(step.wording, step.request):
        raise WorkflowError(f"step {step.name!r}, {step.template}: {'; '.join(problems)}")


def check_standard(steps: Sequence[StepDefinition], standard: str, clock: Mapping[str, str]) -> None:
    """Check what a workflow says about its service standard.

    Raises:
        WorkflowError: The standard is no span, or a step that is to move its clock does not exist.
    """
    if standard.strip():
        try:
            worktime.span(standard)
        except worktime.CalendarError as error:
            raise WorkflowError(f"standard: {error}") from error
    names = [step.name for step in steps]
    for name in clock:
        if name not in names:
            near = get_close_matches(name, names, 1)
            raise WorkflowError(f"clock: there is no step {name!r}" + (f"; {near[0]!r} is meant?" if near else ""))


def _check_waiting(step: StepDefinition, effect: str | None) -> None:
    """A "not yet" is asked about again: that must do no harm, and something must bring it about."""
    if effect == "write":
        raise WorkflowError(
            f"step {step.name!r}, accept: {step.operation} is a write, and each asking again would be a second one; "
            "let a later step ask with a read and put `accept` there"
        )
    missing = [name for name in ("expires", "reference") if getattr(step, name) is None]
    if missing:
        raise WorkflowError(
            f"step {step.name!r}, accept: an answer that is not accepted yet would wait for ever; say with "
            f"{' and '.join(f'`{name}`' for name in missing)} until when it waits and which signal makes us ask again"
        )


def check_paths(steps: Sequence[StepDefinition], form: Mapping[str, Any], catalogue: Mapping[str, Any]) -> None:
    """Check every path and condition of a workflow.

    Args:
        steps: In topological order, with `after`.
        form: JSON Schema of the form.
        catalogue: The connectors' operations.

    Raises:
        WorkflowError: A name leads nowhere, or to what may not be there.
    """
    by_name = {step.name: step for step in steps}
    before: dict[str, set[str]] = {}
    for step in steps:
        before[step.name] = set(step.after).union(*(before[name] for name in step.after))
        scope = _Scope(step, form, {name: by_name[name] for name in by_name if name in before[step.name]}, catalogue)
        for path in _paths(step, "when"):
            scope.check("when", path)
        for field, source in step.request.items():
            _check_source(scope, field, source)
        for field, written in (("expires", step.expires), ("reference", step.reference)):
            if written is not None:
                scope.check(field, written)
        for path in _paths(step, "accept"):
            root, _, rest = path.partition(".")
            if root != "record":
                raise WorkflowError(f"step {step.name!r}, accept: {path!r} is not about the answer: only `record` is")
            scope.check_record("accept", step, path, rest.removesuffix("?"))


def check_fans(fans: Collection[str], steps: Collection[str]) -> None:
    """Check that the name by which later steps mean all steps of a list is no step's own.

    Raises:
        WorkflowError: It is.
    """
    for name in fans:
        if name in steps or name in ("form", "record", "item"):
            raise WorkflowError(f"step {name!r}, for_each: the name means all its steps, and is taken")


def check_renamed(version: int, renamed: Mapping[str, str], steps: Sequence[str]) -> None:
    """Check what a workflow says about the names that its steps had in the version before.

    Raises:
        WorkflowError: There is no version before, a name is no step of this one, or stands there twice.
    """
    if renamed and version == 1:
        raise WorkflowError("renamed: version 1 comes after no other")
    for old, new in renamed.items():
        if new not in steps:
            near = get_close_matches(new, steps, n=1, cutoff=0.0)
            raise WorkflowError(f"renamed: there is no step {new!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        if old in steps:
            raise WorkflowError(f"renamed: {old!r} is a step of this version too, so what it came to stays its own")
    if len(set(renamed.values())) < len(renamed):
        raise WorkflowError("renamed: two steps cannot have become one, since each has an outcome of its own")


class _Scope:
    """What one step's paths may refer to: the form and the steps before it."""

    def __init__(
        self,
        step: StepDefinition,
        form: Mapping[str, Any],
        earlier: Mapping[str, StepDefinition],
        catalogue: Mapping[str, Any],
    ) -> None:
        self.step, self.form, self.earlier, self.catalogue = step, form, earlier, catalogue

    def check(self, field: str, written: str) -> None:
        """Check one path; a `?` at its end allows it to lead nowhere, but not to be misspelt."""
        optional = written.endswith("?")
        root, _, rest = written.removesuffix("?").partition(".")
        if root == "form":
            sure = self._check_form(field, written, rest)
        elif root in self.earlier:
            sure = self.check_record(field, self.earlier[root], written, rest)
        else:
            known = ["form", *self.earlier]
            raise _wrong(
                self.step, f"{field}: {written!r} begins with neither the form nor an earlier step", root, known
            )
        if not sure and not optional:
            raise WorkflowError(
                f"step {self.step.name!r}, {field}: {written!r} is not always there; write {written + '?'!r} if the "
                "field may be left out"
            )

    def check_record(self, field: str, source: StepDefinition, written: str, rest: str) -> bool:
        """Check the part of a path that is inside a step's record; the catalogue knows its first level."""
        fields = source.record_fields or self.catalogue[source.operation]["record"]["fields"]
        name, _, deeper = rest.partition(".")
        if name and name not in fields:
            who = source.operation or f"the {source.kind}"
            raise _wrong(self.step, f"{field}: {written!r}: {who} answers without {name!r}", name, fields)
        if deeper and name in ("answers", "findings"):
            wants = {want.name: want.required for want in source.wants}
            if deeper not in wants:
                raise _wrong(self.step, f"{field}: {written!r}: {source.name!r} does not ask for it", deeper, wants)
            return self._comes_before(source) and wants[deeper]
        return self._comes_before(source)

    def _comes_before(self, source: StepDefinition) -> bool:
        """Whether there is an answer whenever this step is reached: the other is never skipped, or only where this one is."""
        # A notice is skipped where no contact is known.
        mine = _clauses(self.step.when)
        return source.kind != "notify" and all(clause in mine for clause in _clauses(source.when))

    def _check_form(self, field: str, written: str, rest: str) -> bool:
        sure = True
        schema: Mapping[str, Any] = self.form
        for part in filter(None, rest.split(".")):
            if part.isdecimal() and "items" in schema:
                # A list may be shorter.
                sure, schema = False, self.resolved(schema["items"])
                continue
            properties = schema.get("properties", {})
            if part not in properties:
                raise _wrong(self.step, f"{field}: {written!r}: the form has no {part!r}", part, properties)
            sure = sure and part in schema.get("required", ())
            schema = self.resolved(properties[part])
        return sure

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part of the form's schema, references followed, the non-null side of an optional taken."""
        if "$ref" in schema:
            return self.resolved(self.form["$defs"][schema["$ref"].rpartition("/")[2]])
        for branch in schema.get("anyOf", ()):
            if branch.get("type") != "null":
                return self.resolved(branch)
        return schema

    def choices(self, path: str) -> Collection[str] | None:
        """The values that a form field allows, where it lists them."""
        schema: Mapping[str, Any] = self.form
        for part in path.split(".")[1:]:
            schema = self.resolved(schema["items"] if part.isdecimal() else schema["properties"][part])
        found: list[str] | None = [schema["const"]] if "const" in schema else schema.get("enum")
        return found


def _check_source(scope: _Scope, field: str, source: Any) -> None:
    if isinstance(source, str) and not source.startswith("="):
        scope.check(field, source)
    elif isinstance(source, dict) and source.keys() == {"by", "among"}:
        scope.check(field, source["by"])
        allowed = scope.choices(source["by"].removesuffix("?")) if source["by"].startswith("form.") else None
        missing = [value for value in allowed or () if value not in source["among"]]
        if missing:
            raise WorkflowError(f"step {scope.step.name!r}, {field}: the choice says nothing for {', '.join(missing)}")
    elif isinstance(source, dict) and source.keys() == {"all"}:
        for path in source["all"]:
            scope.check(field, path)


def _paths(step: StepDefinition, field: str) -> Iterator[str]:
    """The dotted names in a condition, `form.child.name`, `record.status`; what it asks `is defined` of ends in `?`."""
    condition: str | None = getattr(step, field)
    if condition is None:
        return
    try:
        expressions.compiled(condition)
    except expressions.ExpressionError as error:
        raise WorkflowError(f"step {step.name!r}, {field}: {error}") from error
    tree = Environment(autoescape=True).parse("{{ " + condition + " }}")
    inner = {id(chain.node) for chain in tree.find_all(nodes.Getattr)}
    inner |= {id(chain.node) for chain in tree.find_all(nodes.Getitem)}
    asked = [path for test in tree.find_all(nodes.Test) if test.name == "defined" and (path := _dotted(test.node))]
    for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Name)):
        if id(node) not in inner and (path := _dotted(node)):
            # Who looks at a place in a list asks for its length first.
            counted = "| length >" in condition and any(part.isdecimal() for part in path.split("."))
            optional = counted or any(path == one or path.startswith(f"{one}.") for one in asked)
            yield f"{path}?" if optional else path


def _clauses(condition: str | None) -> list[nodes.Node]:
    """What must all be true for a condition to hold."""
    if condition is None:
        return []
    (output,) = Environment(autoescape=True).parse("{{ " + condition + " }}").find_all(nodes.Output)
    found: list[nodes.Node] = []
    left: list[nodes.Node] = list(output.nodes)
    while left:
        one = left.pop()
        if isinstance(one, nodes.And):
            left += [one.left, one.right]
        else:
            found.append(one)
    return found


def _dotted(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (before := _dotted(node.node)):
        return f"{before}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and (before := _dotted(node.node)):
        return f"{before}.{node.arg.value}"
    return None


def _wrong(step: StepDefinition, problem: str, name: str, right: Collection[str]) -> WorkflowError:
    near = get_close_matches(name, right, n=1, cutoff=0.0)
    return WorkflowError(f"step {step.name!r}: {problem}" + (f"; did you mean {near[0]!r}?" if near else ""))
