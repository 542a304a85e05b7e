"""`for_each`: a step that is there once for each element of a list in the form, laid out when its file is imported.

So the steps of a version are known beforehand, have outcomes of their own, and are frozen like any other. Where an element is
missing, its step is skipped. What comes after the step comes after all of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import BaseOperator

from simpul import expressions
from simpul.workflow.checks import WorkflowError

ITEM = "item"
"""What an element is called in paths and conditions of its own step."""


@dataclass(frozen=True, slots=True)
class Fan:
    """Steps `<name>_1` to `<name>_<at_most>`, one for each element of the list at `over`."""

    name: str
    over: str
    at_most: int

    @property
    def steps(self) -> list[str]:
        """Their names, in the order of the list."""
        return [f"{self.name}_{place + 1}" for place in range(self.at_most)]

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.steps[0]} to {self.steps[-1]}, one for each of {self.over}"


@dataclass(frozen=True, slots=True)
class Place:
    """One of a fan's steps, counted from 0."""

    fan: Fan
    index: int

    @property
    def name(self) -> str:
        """The step's name."""
        return self.fan.steps[self.index]

    def when(self, condition: str | None, fans: Mapping[str, Fan]) -> str:
        """The condition under which this element is there and its step applies."""
        there = f"{self.fan.over} | length > {self.index}"
        if condition is None:
            return there
        mine = {ITEM: f"{self.fan.over}[{self.index}]"} | {
            name: fan.steps[self.index] for name, fan in fans.items() if fan.over == self.fan.over
        }
        found = expressions.names(condition) & mine.keys()
        for name in found:
            condition = re.sub(rf"(?<![\w.'\"]){name}\b(?!['\"])", mine[name], condition)
        plain = not re.search(r"\b(or|if)\b", condition)
        bound = condition if plain else f"({condition})"
        # An element is looked at only where it is there.
        return f"{there} and {bound}" if found else f"{bound} and {there}"


class Each(list[BaseOperator]):
    """The steps of a fan, to be put before or after others like one."""

    def __rshift__(self, other: Any) -> Any:
        """All of these come before."""
        for step in self:
            step.set_downstream(list(other) if isinstance(other, list | tuple) else other)
        return other

    def __lshift__(self, other: Any) -> Any:
        """All of these come after."""
        for step in self:
            step.set_upstream(list(other) if isinstance(other, list | tuple) else other)
        return other

    def __rrshift__(self, other: list[BaseOperator]) -> "Each":
        """Steps in a list come before all of these."""
        Each(other) >> self
        return self

    def __add__(self, other: list[BaseOperator]) -> "Each":
        """Two fans as one."""
        return Each([*self, *other])


def fan(name: str, over: str, at_most: int | None, form: Mapping[str, Any]) -> Fan:
    """A fan over a list of the form, whose schema says how long it may be.

    Raises:
        WorkflowError: There is no such list, or it may be longer.
    """
    schema: Mapping[str, Any] = form
    root, *parts = over.split(".")
    if root != "form" or not parts:
        raise WorkflowError(f"step {name!r}, for_each: {over!r} is no list of the form, such as 'form.children'")
    for part in parts:
        schema = schema.get("properties", {}).get(part, {})
        if "$ref" in schema:
            schema = form["$defs"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") != "array":
        raise WorkflowError(f"step {name!r}, for_each: {over!r} is no list of the form that is always there")
    longest = schema.get("maxItems")
    if not longest or longest > (at_most or longest):
        raise WorkflowError(
            f"step {name!r}, for_each: {over} may have {longest or 'any number of'} elements, so some would have no step: say "
            f"`Field(max_length={at_most or '...'})` in the form"
        )
    return Fan(name, over, at_most or longest)


def bound(source: Any, fans: Mapping[str, Fan], place: Place | None) -> Any:
    """A value of a request with fans resolved: `item` to its element, a step of the same list to the one of the same place.

    A fan over another list, or seen from outside, is a list: `{"all": [paths]}`.
    """
    if isinstance(source, Mapping) and source.keys() == {"by", "among"}:
        return {**source, "by": single("choose", source["by"], fans, place)}
    if not isinstance(source, str) or source.startswith("="):
        return source
    written = source.removesuffix("?")
    root, dot, rest = written.partition(".")
    if place and root == ITEM:
        return f"{place.fan.over}.{place.index}{dot}{rest}?"
    if root not in fans:
        return source
    if place and fans[root].over == place.fan.over:
        return fans[root].steps[place.index] + source.removeprefix(root)
    return {"all": [f"{step}{dot}{rest}?" for step in fans[root].steps]}


def single(field: str, source: str | None, fans: Mapping[str, Fan], place: Place | None) -> Any:
    """The same for a field that takes one path.

    Raises:
        WorkflowError: It names all of a fan.
    """
    found = None if source is None else bound(source, fans, place)
    if isinstance(found, dict):
        raise WorkflowError(f"{field}: {source!r} is a list of records, and one is needed")
    return found
