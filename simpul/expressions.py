"""Paths and conditions over a form and the records of earlier steps.

A request map holds paths (`form.nkk`, `deed.nik`, or a step's name for its whole record). Conditions (`when`,
`accept`) are Jinja expressions without templates: values keep their types, an undefined name is an error.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined)


class ExpressionError(ValueError):
    """A path or condition does not fit its data; the message names the expression, never a value."""


def resolve(path: str, scope: Mapping[str, Any]) -> Any:
    """The value at a dotted path; a number is a place in a list, counted from 0.

    Raises:
        ExpressionError: A part of the path is not there.
    """
    value: Any = scope
    for part in path.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        else:
            raise ExpressionError(f"the path {path!r} leads nowhere: there is no {part!r}")
    return value


def build(request: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    """A request from its map: paths are resolved; `=text` is the literal text; other values stand for themselves.

    A path that ends in `?` is optional: where it leads nowhere, or to null, the field is left out. A mapping
    `{"by": path, "among": {...}}` is a choice: the entry for the path's value. `{"all": [paths]}` is the list of what is there.

    Raises:
        ExpressionError: A path leads nowhere.
    """
    return {field: value for field, source in request.items() if (value := _value(source, scope)) is not _ABSENT}


_ABSENT = object()


def _value(source: Any, scope: Mapping[str, Any]) -> Any:
    if isinstance(source, Mapping):
        return _put_together(source, scope)
    if not isinstance(source, str):
        return source
    if source.startswith("="):
        return source[1:]
    if source.endswith("?"):
        try:
            found = resolve(source[:-1], scope)
        except ExpressionError:
            return _ABSENT
        return _ABSENT if found is None else found
    return resolve(source, scope)


def _put_together(source: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
    if source.keys() == {"by", "among"}:
        return _chosen(source["by"].removesuffix("?"), source["among"], scope)
    if source.keys() == {"all"}:
        return [value for path in source["all"] if (value := _value(path, scope)) is not _ABSENT]
    return source


def _chosen(path: str, among: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
    value = resolve(path, scope)
    if not isinstance(value, str) or value not in among:
        raise ExpressionError(f"the choice by {path!r} has no entry for what stands there")
    return among[value]


def roots(sources: Iterable[Any]) -> set[str]:
    """The names that a request map's values begin at: `form` and steps."""
    paths = [path for source in sources for path in _paths(source)]
    return {path.partition(".")[0].rstrip("?") for path in paths if isinstance(path, str) and not path.startswith("=")}


def _paths(source: Any) -> list[Any]:
    if not isinstance(source, Mapping):
        return [source]
    return [source["by"]] if "by" in source else list(source.get("all", ()))


def holds(expression: str, scope: Mapping[str, Any]) -> bool:
    """Whether a condition is true of the scope.

    Raises:
        ExpressionError: The condition is malformed or names what is not there.
    """
    try:
        return bool(compiled(expression)(**scope))
    except (UndefinedError, TypeError, SecurityError) as error:
        raise ExpressionError(f"the condition {expression!r} does not fit its data") from error


@lru_cache(maxsize=1000)
def compiled(expression: str) -> TemplateExpression:
    """A condition ready to evaluate.

    Raises:
        ExpressionError: Not a valid expression.
    """
    try:
        return _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)
    except TemplateSyntaxError as error:
        raise ExpressionError(f"the condition {expression!r} is malformed: {error.message}") from error


def names(expression: str) -> set[str]:
    """The free names of a condition: `form` and steps.

    Raises:
        ExpressionError: Not a valid expression.
    """
    compiled(expression)
    return meta.find_undeclared_variables(_ENVIRONMENT.parse("{{ " + expression + " }}"))
