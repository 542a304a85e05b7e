"""Whether a form fits its service: JSON Schema (Draft 2020-12) in words that name the field and never the value."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, get_args

import referencing
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from schemas import identifiers
from schemas.identifiers import Digits
from schemas.text import Text
from simpul.console.problems import FieldProblem

_MOST_ERRORS = 50

_FORMATS = FormatChecker(["date", "email", "ipv4", "ipv6", "uuid", "regex"])


@_FORMATS.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return datetime.fromisoformat(value).tzinfo is not None


_NUMBERS: dict[str, Digits] = {
    part.format: part
    for name in identifiers.__all__
    for part in get_args(getattr(identifiers, name))
    if isinstance(part, Digits)
}
"""The numbers that `schemas.identifiers` knows, by the `format` under which a form names them."""


def _is_number(number: Digits) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        return not isinstance(value, str) or bool(number.normalise(value))

    return fits


for _name, _number in _NUMBERS.items():
    _FORMATS.checks(_name, raises=ValueError)(_is_number(_number))


@cache
def _ecma(pattern: str) -> re.Pattern[str]:
    r"""A schema's pattern as JSON Schema means it (ECMA-262): `$` is the end, while Python's also stands before a last \n."""
    parts = re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL)
    return re.compile("".join(r"\Z" if part == "$" else part for part in parts))


def _matches(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _ecma(pattern).search(instance):
        yield ValidationError("does not match")


_Validator = extend(Draft202012Validator, {"pattern": _matches})  # type: ignore[no-untyped-call]  # theirs


class Form:
    """A service's form, ready to check what is filed. Built once for each published definition.

    Args:
        schema: The form's JSON Schema; references to anywhere else are not followed.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        # Left in, `$schema` would bring back the library's own validator wherever the form refers to its root.
        ours = {name: part for name, part in schema.items() if name != "$schema"}
        self._validator = _Validator(ours, registry=referencing.Registry(), format_checker=_FORMATS)
        self._names = set(_property_names(schema))

    def problems(self, form: Any) -> list[FieldProblem]:
        """What does not fit, field by field; empty when the form can be filed."""
        try:
            found = [problem for error in self._validator.iter_errors(form) for problem in self._told(error)]
            found += [FieldProblem(self._pointer(path), text) for path, text in _unusable(form)]
        except (ArithmeticError, RecursionError):
            return [FieldProblem("/form", _say("terlalu besar atau terlalu dalam", "is too large or nested too deep"))]
        return list(dict.fromkeys(found))[:_MOST_ERRORS]

    def _told(self, error: ValidationError) -> Iterator[FieldProblem]:
        if error.validator in ("anyOf", "oneOf") and error.context:
            branches = list(_likely(error.context))
            if branches:
                for inner in branches:
                    yield from self._told(inner)
                return
        here = self._pointer(error.absolute_path)
        if error.validator == "required":
            for name in _rule(error):
                if name not in _instance(error):
                    yield FieldProblem(f"{here}/{_escape(name)}", _say("wajib diisi", "is required"))
            return
        rule = _RULES.get(str(error.validator))
        yield FieldProblem(here, rule(error) if rule else _other(error))

    def _pointer(self, path: Iterable[str | int]) -> str:
        # A name that the form does not know came from the sender: it could be anything, a NIK as well.
        parts = (str(part) if isinstance(part, int) or part in self._names else "*" for part in path)
        return "".join(f"/{_escape(part)}" for part in ("form", *parts))


def _unusable(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Text]]:
    """Texts that no form means, whatever its schema: only blanks, or with a NUL, which neither XML nor databases take."""
    if isinstance(value, str):
        if "\0" in value:
            yield path, _say("memuat karakter NUL", "has a NUL character")
        elif value and not value.strip():
            yield path, _say("hanya berisi spasi", "has nothing but blanks")
    elif isinstance(value, dict):
        for name, part in value.items():
            if "\0" in name:
                yield (*path, name), _say("memuat karakter NUL", "has a NUL character")
            yield from _unusable(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _unusable(part, (*path, index))


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _property_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            yield from properties
        for part in schema.values():
            yield from _property_names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _property_names(part)


def _likely(context: list[ValidationError]) -> Iterator[ValidationError]:
    """The errors of the branch that the sender most likely meant.

    A branch that fails for its type was not meant, unless all do; of several, the one with the fewest errors.
    """
    branches: dict[int, list[ValidationError]] = {}
    for error in context:
        branches.setdefault(int(error.relative_schema_path[0]), []).append(error)
    meant = [errors for errors in branches.values() if not any(_wrong_type(error) for error in errors)]
    if not meant:
        meant = [errors for errors in branches.values() if not any(_null(error) for error in errors)]
    yield from min(meant, key=len, default=[])


def _wrong_type(error: ValidationError) -> bool:
    return error.validator == "type" and len(error.relative_path) == 0


def _null(error: ValidationError) -> bool:
    return _wrong_type(error) and error.validator_value == "null"


def _rule(error: ValidationError) -> Any:
    return error.validator_value


def _instance(error: ValidationError) -> Any:
    return error.instance


def _say(indonesian: str, english: str) -> Text:
    return Text(id=indonesian, en=english)


_TYPES: dict[str, tuple[str, str]] = {
    "string": ("teks", "text"),
    "integer": ("bilangan bulat", "a whole number"),
    "number": ("angka", "a number"),
    "boolean": ("ya atau tidak (true/false)", "yes or no (true/false)"),
    "object": ("kumpulan isian", "an object with fields"),
    "array": ("daftar", "a list"),
    "null": ("kosong (null)", "empty (null)"),
}
_DIGITS = re.compile(r"\^?(?:\[0-9\]|\\d)\{(\d+)\}\$?")


def _type(error: ValidationError) -> Text:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    names = [_TYPES.get(str(kind), (str(kind), str(kind))) for kind in wanted]
    return _say(
        f"harus berupa {' atau '.join(name[0] for name in names)}", f"must be {' or '.join(name[1] for name in names)}"
    )


def _pattern(error: ValidationError) -> Text:
    alternatives = [_DIGITS.fullmatch(part) for part in str(error.validator_value).split("|")]
    lengths = [found.group(1) for found in alternatives if found]
    if len(lengths) == len(alternatives):
        return _say(f"harus {' atau '.join(lengths)} digit angka", f"must be {' or '.join(lengths)} digits")
    return _say(
        f"harus ditulis menurut pola {error.validator_value}",
        f"must be written after the pattern {error.validator_value}",
    )


_FORMAT_WORDS: dict[str, tuple[str, str]] = {
    "date": ("tanggal yang ada, ditulis TTTT-BB-HH", "a date that exists, written YYYY-MM-DD"),
    "date-time": ("tanggal dan jam dengan zona waktu (RFC 3339)", "a date and time with its zone (RFC 3339)"),
    "email": ("alamat surel", "an e-mail address"),
}


def _format(error: ValidationError) -> Text:
    name = str(error.validator_value)
    number = _NUMBERS.get(name)
    if number is not None:
        lengths = number.lengths
        own, foreign = (
            (", dengan digit pemeriksa yang benar", ", with a right check digit") if number.damm else ("", "")
        )
        return _say(
            f"harus {' atau '.join(map(str, lengths))} digit angka{own}",
            f"must be {' or '.join(map(str, lengths))} digits{foreign}",
        )
    indonesian, english = _FORMAT_WORDS.get(name, (name, name))
    return _say(f"harus berupa {indonesian}", f"must be {english}")


def _enum(error: ValidationError) -> Text:
    values = ", ".join(str(value) for value in _rule(error))
    return _say(f"harus salah satu dari: {values}", f"must be one of: {values}")


def _unknown_fields(error: ValidationError) -> Text:
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    many = len([name for name in _instance(error) if name not in known])
    names = ", ".join(known)
    return _say(
        f"memuat {many} isian yang tidak dikenal formulir ini; yang dikenal: {names}",
        f"has {many} field{'s'[: many != 1]} that this form does not know; it knows: {names}",
    )


def _bound(indonesian: str, english: str) -> Callable[[ValidationError], Text]:
    def rule(error: ValidationError) -> Text:
        return _say(indonesian.format(error.validator_value), english.format(error.validator_value))

    return rule


def _other(error: ValidationError) -> Text:
    return _say(
        f"tidak memenuhi aturan {error.validator!r} formulir", f"does not meet the form's rule {error.validator!r}"
    )


_RULES: dict[str, Callable[[ValidationError], Text]] = {
    "type": _type,
    "pattern": _pattern,
    "format": _format,
    "enum": _enum,
    "const": _bound("harus bernilai {}", "must be {}"),
    "additionalProperties": _unknown_fields,
    "unevaluatedProperties": _unknown_fields,
    "minLength": _bound("paling sedikit {} huruf", "must have at least {} characters"),
    "maxLength": _bound("paling banyak {} huruf", "must have at most {} characters"),
    "minimum": _bound("paling kecil {}", "must be at least {}"),
    "maximum": _bound("paling besar {}", "must be at most {}"),
    "exclusiveMinimum": _bound("harus lebih dari {}", "must be more than {}"),
    "exclusiveMaximum": _bound("harus kurang dari {}", "must be less than {}"),
    "minItems": _bound("paling sedikit {} baris", "must have at least {} items"),
    "maxItems": _bound("paling banyak {} baris", "must have at most {} items"),
}
