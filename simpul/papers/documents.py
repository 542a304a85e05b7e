"""Documents: what a template of one holds. Drawn by `simpul.papers.pdf`, which alone needs a library."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from simpul.papers import words
from simpul.papers.words import Language, Template


class DocumentTemplate(Template):
    """A document in Indonesian, from top to bottom. Its title is shown to whoever checks it, so nothing is filled in there."""

    kind: Literal["document"] = "document"
    title: str = Field(min_length=1, max_length=100, pattern=r"^[^{}\x00-\x1f]+$")
    opening: str = Field(default="", max_length=4000)
    fields: dict[str, str] = Field(
        default_factory=dict, max_length=60, description="Label to text; empty ones are left out"
    )
    closing: str = Field(default="", max_length=4000)

    def words(self) -> dict[str, tuple[Language, str]]:
        """Everything in it that is filled in."""
        texts = {"opening": self.opening, "closing": self.closing}
        return {
            place: ("id", text) for place, text in (texts | {f"fields.{k}": v for k, v in self.fields.items()}).items()
        }

    def said(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Everything that is filled in, with its values.

        Raises:
            ExpressionError: They do not fit.
        """
        return {place: words.say(text, language, values) for place, (language, text) in self.words().items()}


def read(template: str | Path) -> tuple[str, DocumentTemplate]:
    """A document's template, by name or file.

    Raises:
        TemplateError: There is none, or it is malformed.
    """
    return words.read(DocumentTemplate, "documents", template)
