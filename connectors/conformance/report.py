"""The suite's results as a person reads them, and as JSON."""

from collections.abc import Iterable
from typing import Any

from connectors.conformance.suite import Result


def as_json(agency: str, results: Iterable[Result]) -> dict[str, Any]:
    """Everything, for machines."""
    checks = [
        {
            "check": result.check.name,
            "passed": result.passed,
            "seconds": round(result.seconds, 3),
            "proves": result.check.proves,
            "findings": [{"where": found.where, "what": found.what, "note": found.note} for found in result.findings],
            **({} if result.passed else {"matters": result.check.matters, "remedy": result.check.remedy}),
        }
        for result in results
    ]
    return {"agency": agency, "passed": all(check["passed"] for check in checks), "checks": checks}


def table(agency: str, results: Iterable[Result]) -> Any:
    """A table of all checks: a line for each, and under it what was found, why it matters and what to do."""
    from rich.table import Table  # noqa: PLC0415  (only who prints needs it)
    from rich.text import Text  # noqa: PLC0415

    made = Table(title=f"Conformance of {agency}", box=None, pad_edge=False, title_justify="left", show_header=False)
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for result in results:
        mark, style = ("✓", "green") if result.passed else ("✗", "bold red")
        made.add_row(Text(mark, style), result.check.name, Text(result.check.proves, "dim" if result.passed else ""))
        for found in result.findings:
            bullet = ("  · ", "dim") if found.note else ("  • ", "red")
            made.add_row("", "", Text.assemble(bullet, (found.where, "bold"), f": {found.what}"))
        if result.passed:
            continue
        made.add_row("", "", Text.assemble(("  why: ", "italic"), result.check.matters))
        made.add_row("", "", Text.assemble(("  do:  ", "italic"), result.check.remedy))
    return made
