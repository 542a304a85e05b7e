"""The table of all checks, and how they are run."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from connectors.conformance import callbacks, effects, faults, mapping, structural
from connectors.conformance.check import Check, Finding
from connectors.conformance.subject import Subject
from connectors.toolkit.errors import AgencyError

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {check.name: check for family in (structural, effects, faults, mapping, callbacks) for check in family.CHECKS}
)
"""By name, the cheap ones first."""


@dataclass(frozen=True)
class Result:
    """What one check found."""

    check: Check
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Nothing was found but notes."""
        return all(found.note for found in self.findings)


def run(check: Check, subject: Any) -> Result:
    """Runs one check; a connector, sandbox or example that breaks it off is a finding, too."""
    began = time.monotonic()
    found: list[Finding] = []
    try:
        subject.settle()
        found.extend(check.run(subject))
    except AgencyError as error:
        # Its text holds no input.
        found.append(Finding(subject.agency, f"the check could not go on: {error}"))
    except Exception as error:  # noqa: BLE001  (whatever a connector under examination does)
        found.append(Finding(subject.agency, f"the check could not go on: {_place(error)}"))
    return Result(check, tuple(dict.fromkeys(found)), time.monotonic() - began)


def examine(agency: str, names: Sequence[str] | None = None) -> Iterator[Result]:
    """Runs the suite against an agency's connector and its sandbox, one result as each check ends.

    Args:
        agency: Its name in the registry.
        names: Of checks or families; all when not given.

    Raises:
        KeyError: There is no such agency.
    """
    with Subject(agency) as subject:
        for check in chosen(names):
            yield run(check, subject)


def chosen(names: Sequence[str] | None = None) -> list[Check]:
    """The checks of these names or families.

    Raises:
        KeyError: There is no such check; the message names those there are.
    """
    if names is None:
        return list(CHECKS.values())
    found = [check for name, check in CHECKS.items() if {name, name.split(".")[0]} & set(names)]
    if unknown := [name for name in names if not any(name in {c.name, c.name.split(".")[0]} for c in found)]:
        raise KeyError(f"no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    return found


def _place(error: Exception) -> str:
    """What was raised and where, without its message, which may quote input."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{where}"
