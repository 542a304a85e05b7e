"""What people add to a case: an officer's decision, a citizen's answers. Kept in the case; they travel on no topic."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Filled, Part, Record
from schemas.privacy import personal


class Supplement(Part):
    """What the citizen brought after an officer had sent the case back."""

    asked: tuple[Filled, ...] = Field(description="What was missing, in the officer's words")
    given: Annotated[dict[str, Any], personal("specific")] = Field(description="The citizen's answers by name")
    at: AwareDatetime


class Decision(Record):
    """An officer's yes. A no is the step's rejection, with its reason."""

    schema_name: ClassVar[str] = "decision"

    decision: Literal["approved", "deemed"] = Field(
        description="deemed: the deadline passed and the law takes silence for a yes (UU 30/2014 art. 53)"
    )
    at: AwareDatetime
    by: Filled | None = Field(None, description="Who decided, as the counter's system names them")
    second_by: Filled | None = Field(None, description="Who confirmed it, where four eyes are asked for")
    note: Annotated[Filled, personal("specific")] | None = None
    findings: Annotated[dict[str, Any], personal("specific")] = Field(
        default_factory=dict, description="What the officer entered, by name: a date, a result"
    )
    supplements: tuple[Supplement, ...] = ()


class Answers(Record):
    """What the citizen answered or handed in."""

    schema_name: ClassVar[str] = "answers"

    answers: Annotated[dict[str, Any], personal("specific")]
    at: AwareDatetime
    by: Filled | None = Field(None, description="Who took it in")


KEPT: tuple[type[Record], ...] = (Decision, Answers)
