"""What must not be said, and where it might be: errors with their causes and tracebacks, logs, `repr`."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel

from connectors.toolkit.errors import AgencyError
from schemas.privacy import redact


@dataclass(frozen=True)
class Words:
    """Personal values and secrets, folded for comparison."""

    values: frozenset[str]

    @classmethod
    def of(cls, models: Iterable[BaseModel | None], secrets: Iterable[str] = ()) -> Self:
        """The personal values of these models, and these secrets."""
        found = [value for model in models if model is not None for value in personal_values(model)]
        return cls(frozenset(word.casefold() for word in [*found, *secrets] if _tells(word)))

    def __or__(self, other: Iterable[str]) -> "Words":
        return Words(self.values | {word.casefold() for word in other if _tells(word)})

    def in_text(self, text: str) -> bool:
        """Whether a text says one of them."""
        folded = text.casefold()
        return any(word in folded for word in self.values)

    def leaks(self, error: BaseException, logged: Iterable[str] = ()) -> Iterator[str]:
        """Where one of them is said."""
        for place, text in places(error):
            if self.in_text(text):
                yield f"{place} of {type(error).__name__}"
        if any(map(self.in_text, logged)):
            yield "a log message"


def places(error: BaseException) -> Iterator[tuple[str, str]]:
    """Every text that an error carries."""
    yield "str", str(error)
    yield "repr", repr(error)
    yield "traceback", "".join(traceback.format_exception(error))
    if isinstance(error, AgencyError):
        for name, value in vars(error).items():
            yield name, str(value)


def personal_values(model: BaseModel) -> Iterator[str]:
    """What `redact` would hide in a model, and every long number."""
    yield from _differences(model.model_dump(mode="json"), redact(model))


def telling(value: Any) -> Iterator[str]:
    """Numbers of ten digits and more, and texts of several words, anywhere in plain values."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
        elif len(text := str(one)) >= 10 and (text.isdigit() or " " in text):
            yield text


def _differences(plain: Any, hidden: Any) -> Iterator[str]:
    if isinstance(plain, Mapping):
        for name, value in plain.items():
            yield from _differences(value, hidden.get(name) if isinstance(hidden, Mapping) else hidden)
    elif isinstance(plain, list):
        for position, value in enumerate(plain):
            yield from _differences(value, hidden[position] if isinstance(hidden, list) else hidden)
    elif isinstance(plain, str) and (plain != hidden or (plain.isdigit() and len(plain) >= 10)):
        yield plain


def _tells(word: str) -> bool:
    """Long and particular enough not to be met by chance: no lower-case word of a vocabulary, no short number."""
    return len(word) >= 6 and not word.isalpha() if word.islower() else len(word) >= 5
