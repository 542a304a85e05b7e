"""Notices: what a citizen is told, in their language, over the channel that they asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from simpul.expressions import ExpressionError
from simpul.papers import words
from simpul.papers.words import Language, Template

LONGEST: Final[Mapping[str, int]] = {"subject": 200, "text": 4000}
"""What `notify.send` takes."""


class Wording(BaseModel):
    """A notice in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=4000)


class NoticeTemplate(Template):
    """A notice in both languages."""

    kind: Literal["notice"] = "notice"
    id: Wording
    en: Wording

    def words(self) -> dict[str, tuple[Language, str]]:
        """Everything in it that is filled in."""
        languages: tuple[Language, ...] = ("id", "en")
        return {
            f"{language}.{part}": (language, getattr(getattr(self, language), part))
            for language in languages
            for part in LONGEST
        }


def read(template: str | Path) -> tuple[str, NoticeTemplate]:
    """A notice's template, by name or file.

    Raises:
        TemplateError: There is none, or it is malformed.
    """
    return words.read(NoticeTemplate, "notices", template)


def message(template: NoticeTemplate, values: Mapping[str, Any], contact: Mapping[str, Any]) -> dict[str, Any]:
    """A request of `notify.send`.

    Args:
        contact: `channel`, `recipient` and `language`, as intake stores it.

    Raises:
        ExpressionError: The values do not fit, or the message is longer than may be sent.
    """
    language: Language = contact["language"]
    wording = getattr(template, language)
    said = {part: words.say(getattr(wording, part), language, values) for part in LONGEST}
    for part, longest in LONGEST.items():
        if not 0 < len(said[part]) <= longest:
            raise ExpressionError(f"the notice's {part} would be empty or longer than {longest} characters")
    return {"channel": contact["channel"], "recipient": contact["recipient"], **said}
