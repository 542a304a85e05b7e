"""Templates of words: where they stand, which values they take, and what they say with them."""

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from simpul.expressions import ExpressionError

Language = Literal["id", "en"]
M = TypeVar("M", bound="Template")

GIVEN: frozenset[str] = frozenset({"service", "number"})
"""What every template may say without being handed it: the service's title, and the application's number."""

FOLDER = Path(__file__).parent / "templates"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MONTHS: dict[Language, str] = {
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "en": "January February March April May June July August September October November December",
}


class TemplateError(ValueError):
    """A template cannot be read; the message says which and why."""


class Template(BaseModel):
    """What a template's file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def words(self) -> dict[str, tuple[Language, str]]:
        """Everything in it that is filled in, by where it stands, with its language."""
        raise NotImplementedError

    @property
    def variables(self) -> frozenset[str]:
        """The values that it takes, beside those that are `GIVEN`."""
        return frozenset().union(*(_names(text) for _, text in self.words().values())) - GIVEN


def read(model: type[M], kind: str, template: str | Path) -> tuple[str, M]:
    """A template by its name among those that come with Simpul, or by its own file.

    Raises:
        TemplateError: There is none, or it is malformed.
    """
    shipped = {file.stem: file for file in (FOLDER / kind).glob("*.toml")}
    file = template if isinstance(template, Path) else shipped.get(template)
    if file is None or not file.is_file():
        raise TemplateError(f"there is no template {str(template)!r} in {kind}; there are {', '.join(sorted(shipped))}")
    try:
        made = model.model_validate(tomllib.loads(file.read_text()))
        for place, (_, text) in made.words().items():
            _check(place, text)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors(include_input=False))
        raise TemplateError(f"template {file.name}: {faults}") from None
    except (tomllib.TOMLDecodeError, TemplateError) as error:
        raise TemplateError(f"template {file.name}: {error}") from None
    return file.stem, made


def misfits(template: Template, values: Collection[str]) -> list[str]:
    """What is wrong between a template and the values that a step hands it, in sentences."""
    wanted = template.variables
    given = set(values)
    sentences = [f"the template also needs {', '.join(missing)}"] if (missing := sorted(wanted - given)) else []
    if extra := sorted(given - wanted):
        sentences.append(
            f"the template does not say {', '.join(extra)}; it takes {', '.join(sorted(wanted)) or 'nothing'}"
        )
    return sentences


def say(text: str, language: Language, values: Mapping[str, Any]) -> str:
    """A text with its values in it.

    Raises:
        ExpressionError: A value is missing or of another kind; never quotes one.
    """
    try:
        said: str = _compiled(language, text).render(**{name: _plain(value) for name, value in values.items()})
    except (TemplateRuntimeError, SecurityError, TypeError, ValueError, ArithmeticError) as error:
        raise ExpressionError(f"the template's text does not fit its data ({type(error).__name__})") from None
    return said.strip()


def _plain(value: Any) -> Any:
    """Values on one line: a line break in a name would be a line of the template's."""
    return _CONTROL.sub(" ", value) if isinstance(value, str) else value


def _environment(language: Language) -> ImmutableSandboxedEnvironment:
    # Plain text, no HTML: escaping would show in names.
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    made.filters["day"] = lambda value: _day(value, language)
    made.filters["rupiah"] = _rupiah
    return made


def _day(value: str, language: Language) -> str:
    found = date.fromisoformat(value[:10])
    return f"{found.day} {_MONTHS[language].split()[found.month - 1]} {found.year}"


def _rupiah(value: Any) -> str:
    return f"Rp{Decimal(str(value)):,.0f}".replace(",", ".")


_ENVIRONMENTS: dict[Language, ImmutableSandboxedEnvironment] = {"id": _environment("id"), "en": _environment("en")}


@cache
def _compiled(language: Language, text: str) -> Any:
    return _ENVIRONMENTS[language].from_string(text)


@cache
def _names(text: str) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(_ENVIRONMENTS["id"].parse(text)))


def _check(place: str, text: str) -> None:
    try:
        _compiled("id", text)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{place}: {error.message}") from None
