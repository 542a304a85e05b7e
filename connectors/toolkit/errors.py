"""What can go wrong at an agency, named by what to do next.

Transports raise these and nothing else; making them from HTTP, SOAP or socket trouble is the work of `transport` and
`soap`.
"""

from typing import ClassVar, Literal

from schemas.text import Text

Owner = Literal["us", "agency", "citizen", "network"]
Kind = Literal["retriable", "rejected", "misconfigured", "in_doubt", "bad_data"]


class AgencyError(Exception):
    """An agency call that gave no record.

    `str()` shows class, code and diagnosis only: never what was sent or received, so it may be logged and stored.

    Args:
        code: The agency's own code, where our table knows it, or ours in capitals (`HTTP_503`, `DEADLINE`). What an agency
            sends as a code may be anything, so an unknown one is never passed on as it came.
        diagnosis: What happened and what to do, for a human.
        owner: Who has the next move.
        detail: Technical addition for the operator; must hold no input either.
        doubtful: The request may have taken effect at the agency although no good answer came. A `write` turns such
            an error into `InDoubt`; for every other effect asking again does no harm.
    """

    kind: ClassVar[Kind]

    def __init__(
        self, code: str, *, diagnosis: Text, owner: Owner, detail: str | None = None, doubtful: bool = False
    ) -> None:
        super().__init__(code)
        self.code = code
        self.diagnosis = diagnosis
        self.owner: Owner = owner
        self.detail = detail
        self.doubtful = doubtful

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.code}: {self.diagnosis.en}"


class Retriable(AgencyError):  # noqa: N818  (rule 8's own word)
    """Back off and ask again.

    Args:
        retry_after: Seconds the agency asked us to wait, where it did.
    """

    kind = "retriable"

    def __init__(
        self,
        code: str,
        *,
        diagnosis: Text,
        owner: Owner = "agency",
        detail: str | None = None,
        doubtful: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, diagnosis=diagnosis, owner=owner, detail=detail, doubtful=doubtful)
        self.retry_after = retry_after


class Rejected(AgencyError):  # noqa: N818  (rule 8's own word)
    """The agency's business no. Final for this request.

    Args:
        reason: What the citizen is told.
    """

    kind = "rejected"

    def __init__(
        self,
        code: str,
        *,
        reason: Text,
        diagnosis: Text | None = None,
        owner: Owner = "citizen",
        detail: str | None = None,
    ) -> None:
        super().__init__(code, diagnosis=diagnosis or reason, owner=owner, detail=detail)
        self.reason = reason


class Misconfigured(AgencyError):  # noqa: N818  (rule 8's own word)
    """Credentials, quota, certificate or contract: stop the connector and call the operator."""

    kind = "misconfigured"

    def __init__(
        self, code: str, *, diagnosis: Text, owner: Owner = "us", detail: str | None = None, doubtful: bool = False
    ) -> None:
        super().__init__(code, diagnosis=diagnosis, owner=owner, detail=detail, doubtful=doubtful)


class InDoubt(AgencyError):  # noqa: N818  (rule 8's own word)
    """A write that may or may not have happened: ask by our reference, never send again blindly."""

    kind = "in_doubt"

    def __init__(self, code: str, *, diagnosis: Text, owner: Owner = "agency", detail: str | None = None) -> None:
        super().__init__(code, diagnosis=diagnosis, owner=owner, detail=detail, doubtful=True)


class BadData(AgencyError):  # noqa: N818  (rule 8's own word)
    """This one exchange cannot be understood: quarantine it.

    Args:
        field: Path of the field that is wrong, where known; never its value.
    """

    kind = "bad_data"

    def __init__(
        self,
        code: str,
        *,
        diagnosis: Text,
        owner: Owner = "agency",
        detail: str | None = None,
        doubtful: bool = True,
        field: str | None = None,
    ) -> None:
        super().__init__(code, diagnosis=diagnosis, owner=owner, detail=detail, doubtful=doubtful)
        self.field = field
