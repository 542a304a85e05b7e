"""Which fields are personal data and of which class (UU PDP 27/2022 art. 4), and how they are masked.

Encryption lives elsewhere (`simpul.crypto`): this module only says what has to be protected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

PersonalClass = Literal["general", "specific"]
"""`general`: art. 4(3), what identifies a person. `specific`: art. 4(2), health, biometric, genetic, criminal record,
child and personal financial data, which do more harm when they leak."""

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field, or an identifier type, as personal data. Made by `personal`."""

    klass: PersonalClass
    kind: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        schema["x-personal"] = {"class": self.klass, "kind": self.kind}
        return schema


def personal(klass: PersonalClass, *, kind: str = "identity") -> Personal:
    """Mark a field as personal data.

    Used as `Annotated[str, personal("specific", kind="health")]`. The mark on a field overrules that of its type, so
    that a NIK (general) in a child's record can be specific. A mark on a field that holds parts counts for everything
    in them.

    Args:
        klass: class by UU PDP 27/2022 art. 4.
        kind: what sort of data it is, such as `identity`, `contact`, `child`, `health` or `financial`.
    """
    return Personal(klass, kind)


def mask(value: object) -> str:
    """Hide a value, leaving just enough to tell two apart at a counter.

    A number of eight digits or more keeps its first and last two; other text keeps its first letter; anything else is
    hidden altogether.
    """
    if not isinstance(value, str) or not value:
        return HIDDEN
    if value.isdigit() and len(value) >= 8:
        return f"{value[:2]}{'*' * (len(value) - 4)}{value[-2:]}"
    return f"{value[0]}{HIDDEN}" if value[0].isalpha() else HIDDEN


@cache
def classification(model: type[BaseModel]) -> dict[str, PersonalClass]:
    """Every personal field of a model by its path, `*` standing for any item: `{"members.*.nik": "specific"}`."""
    return dict(_classified(model, inherited=None))


def redact(value: BaseModel | Mapping[str, Any], model: type[BaseModel] | None = None) -> dict[str, Any]:
    """A JSON-like copy with specific data hidden and general data masked.

    A field that the model does not know is hidden, since nobody has said what it holds.

    Args:
        value: an instance, or a mapping that claims to be one (it need not validate).
        model: whose classification applies; may be left out for an instance.
    """
    if isinstance(value, BaseModel):
        return _redacted(value.model_dump(mode="json"), model or type(value), inherited=None)
    if model is None:
        raise TypeError("redact needs the model whose fields a mapping holds")
    return _redacted(value, model, inherited=None)


def _classified(
    model: type[BaseModel], inherited: PersonalClass | None, prefix: str = ""
) -> Iterator[tuple[str, PersonalClass]]:
    for name, field in model.model_fields.items():
        klass = _stronger(inherited, _mark(field))
        part, many = _part(field.annotation)
        if part is not None:
            yield from _classified(part, klass, f"{prefix}{name}.{'*.' if many else ''}")
        elif klass is not None:
            yield f"{prefix}{name}", klass


def _redacted(value: Mapping[str, Any], model: type[BaseModel], inherited: PersonalClass | None) -> dict[str, Any]:
    redacted: dict[str, Any] = {}
    for name, item in value.items():
        field = model.model_fields.get(name)
        if field is None:
            redacted[name] = HIDDEN
            continue
        part, many = _part(field.annotation)
        redacted[name] = _hide(item, part, _stronger(inherited, _mark(field)), many=many)
    return redacted


def _hide(item: Any, part: type[BaseModel] | None, klass: PersonalClass | None, *, many: bool) -> Any:
    if item is None or (part is None and klass is None):
        return item
    if isinstance(item, BaseModel):
        item = item.model_dump(mode="json")
    if isinstance(item, list | tuple):
        return [_hide(each, part, klass, many=False) for each in item]
    if isinstance(item, Mapping) and many:
        return {key: _hide(each, part, klass, many=False) for key, each in item.items()}
    if isinstance(item, Mapping) and part is not None:
        return _redacted(item, part, klass)
    return mask(item) if klass == "general" else HIDDEN


def _part(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model inside an annotation, and whether there may be several of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in get_args(annotation):
        part, many = _part(argument)
        if part is not None:
            return part, many or get_origin(annotation) in {list, tuple, dict}
    return None, False


def _mark(field: FieldInfo) -> PersonalClass | None:
    marks = [item for item in field.metadata if isinstance(item, Personal)]
    return marks[-1].klass if marks else _inner_mark(field.annotation)


def _inner_mark(annotation: Any) -> PersonalClass | None:
    marks = [item for item in getattr(annotation, "__metadata__", ()) if isinstance(item, Personal)]
    if marks:
        return marks[-1].klass
    strongest: PersonalClass | None = None
    for argument in get_args(annotation):
        strongest = _stronger(strongest, _inner_mark(argument))
    return strongest


def _stronger(one: PersonalClass | None, other: PersonalClass | None) -> PersonalClass | None:
    return "specific" if "specific" in (one, other) else one or other
