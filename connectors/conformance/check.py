"""What a check is and what it finds. The checks live in one module for each family."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. Never holds personal data or secrets.

    Attributes:
        where: Operation, field, file or callback.
        what: What was seen, in a sentence.
        note: Worth knowing, and no failure.
    """

    where: str
    what: str
    note: bool = False


@dataclass(frozen=True)
class Check:
    """One check of a connector.

    Attributes:
        name: `family.name`, unique.
        proves: What holds when it finds nothing.
        matters: What happens at a counter when it does not hold.
        remedy: What to do about a finding.
        run: Looks at a `Subject` (checks of `live`: at a `Site`), and yields what it finds.
    """

    name: str
    proves: str
    matters: str
    remedy: str
    run: Callable[[Any], Iterable[Finding]]


def check(
    name: str, *, proves: str, matters: str, remedy: str
) -> Callable[[Callable[[Any], Iterable[Finding]]], Check]:
    """Makes a function a check; see `Check`."""

    def decorate(run: Callable[[Any], Iterable[Finding]]) -> Check:
        return Check(name, proves, matters, remedy, run)

    return decorate
