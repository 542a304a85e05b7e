"""Changes of an answer's shape, as an agency makes them without telling anyone: pure functions over dicts, lists and values."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

Change = Literal["renamed", "retyped", "added", "missing"]
Kind = Literal["text", "number", "object", "list", "null"]
Place = tuple[str | int, ...]


class NoSuchFieldError(LookupError):
    """The answer holds no such field; the message never holds any of it."""


def reshaped(value: Any, change: Change, field: str | None, to: str | None, chance: random.Random) -> Any:
    """A changed copy of an answer.

    Args:
        value: The answer; stays as it is.
        change: What happens to the field. `added` puts a new field beside it.
        field: Its path: names with dots between them, `0` for the first of a list and `*` for each; any field when None.
        to: The new name of what is renamed or added; the new type of what is retyped, see `Kind`.
        chance: Chooses among all fields when none is named.

    Raises:
        NoSuchFieldError: There is no such field.
    """
    places = list(_fields(value))
    if field is None:
        chosen = [chance.choice(places)] if places else []
    else:
        wanted = field.split(".")
        chosen = [place for place in places if _named(place, wanted)]
    if not chosen:
        raise NoSuchFieldError("no field of the answer has this path")
    for place in chosen:
        value = _at(value, place, lambda holder, name: _CHANGES[change](holder, name, to))
    return value


def _fields(value: Any, above: Place = ()) -> Iterator[Place]:
    """Every field of every object, depth first."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield (*above, name)
            yield from _fields(below, (*above, name))
    elif isinstance(value, list):
        for position, below in enumerate(value):
            yield from _fields(below, (*above, position))


def _named(place: Place, wanted: list[str]) -> bool:
    return len(place) == len(wanted) and all(name in {str(part), "*"} for part, name in zip(place, wanted, strict=True))


def _at(value: Any, place: Place, change: Callable[[dict[str, Any], str], dict[str, Any]]) -> Any:
    first, *rest = place
    if not rest:
        return change(value, str(first))
    if isinstance(value, list):
        return [_at(below, tuple(rest), change) if n == first else below for n, below in enumerate(value)]
    return {name: _at(below, tuple(rest), change) if name == first else below for name, below in value.items()}


def _renamed(holder: dict[str, Any], name: str, to: str | None) -> dict[str, Any]:
    return {(to or f"{name}_baru") if key == name else key: value for key, value in holder.items()}


def _retyped(holder: dict[str, Any], name: str, to: str | None) -> dict[str, Any]:
    return {key: _as(value, to) if key == name else value for key, value in holder.items()}


def _added(holder: dict[str, Any], name: str, to: str | None) -> dict[str, Any]:
    del name
    return {**holder, to or "field_baru": "BARU"}


def _missing(holder: dict[str, Any], name: str, to: str | None) -> dict[str, Any]:
    del to
    return {key: value for key, value in holder.items() if key != name}


_CHANGES: Mapping[Change, Callable[[dict[str, Any], str, str | None], dict[str, Any]]] = {
    "renamed": _renamed,
    "retyped": _retyped,
    "added": _added,
    "missing": _missing,
}


def _as(value: Any, to: str | None) -> Any:
    """Of another type. Without a wish: what a container is in a list of its own, anything else in an object."""
    if to is None:
        to = "list" if isinstance(value, dict) else "object"
    return _TYPES[to](value)


_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "text": lambda value: value if isinstance(value, str) else str(value),
    "number": lambda value: int(value) if str(value).isdigit() else 0,
    "object": lambda value: {"value": value},
    "list": lambda value: [value],
    "null": lambda _: None,
}
