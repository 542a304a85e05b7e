"""What every shared record has in common: strictness, a name, a version. The records themselves live beside this."""

from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Text that says something: what an agency leaves blank is `None`, never an empty string."""


class Part(BaseModel):
    """A piece of a record that is never sent alone, such as an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Record(Part):
    """Canonical data about a subject, with a version and a JSON Schema frozen in `schemas/published/`.

    Writers are strict: an unknown field is an error. Readers of stored or received JSON use `from_json`, because a newer
    writer of the same version may have added optional fields.
    """

    schema_name: ClassVar[str]
    schema_version: ClassVar[int] = 1

    @classmethod
    def schema_id(cls) -> str:
        """Name and version, such as `birth-deed/1`."""
        return f"{cls.schema_name}/{cls.schema_version}"

    @classmethod
    def schema_urn(cls) -> str:
        """What an envelope's `dataschema` says, such as `urn:simpul:schema:birth-deed:1`."""
        return f"urn:simpul:schema:{cls.schema_name}:{cls.schema_version}"

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Read a record of this version, passing over fields that a newer writer added.

        Raises:
            ValidationError: the JSON is not this record.
        """
        return cls.model_validate_json(data, extra="ignore")
