"""Which agencies there are, and their connectors; nothing of an agency is imported before it is asked for.

A folder with a `connector.py` is an agency; so is a package that names itself under the entry point
`simpul.connectors`.
"""

import importlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.toolkit import Connector, ConnectorSettings

ENTRY_POINTS = "simpul.connectors"


@cache
def _packages() -> dict[str, str]:
    """Agency to package: folders of this package, and other packages' entry points (`agency = "their.package"`)."""
    packages = {entry.name: entry.value for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    here = Path(__file__).parent
    packages |= {folder.parent.name: f"connectors.{folder.parent.name}" for folder in here.glob("*/connector.py")}
    packages.pop("toolkit", None)
    return dict(sorted(packages.items()))


def agencies() -> list[str]:
    """The names of all agencies, sorted."""
    return list(_packages())


@cache
def folder(agency: str) -> Path:
    """Where an agency's package is.

    Raises:
        KeyError: There is no such agency; the message names those there are.
    """
    spec = importlib.util.find_spec(_package(agency))
    if spec is None or spec.origin is None:
        raise KeyError(f"the package {_package(agency)} of {agency!r} is not installed")
    return Path(spec.origin).parent


def module(agency: str, name: str) -> ModuleType:
    """One module of an agency's package, such as `sandbox`.

    Raises:
        KeyError: There is no such agency; the message names those there are.
    """
    return importlib.import_module(f"{_package(agency)}.{name}")


def connector_class(agency: str) -> "type[Connector[Any]]":
    """The one `Connector` of an agency's `connector.py`.

    Raises:
        KeyError: There is no such agency.
        TypeError: Its `connector.py` has no connector of that agency, or several.
    """
    from connectors.toolkit import Connector  # noqa: PLC0415  (who only wants the names needs no HTTP)

    found = [
        value
        for value in vars(module(agency, "connector")).values()
        if isinstance(value, type) and issubclass(value, Connector) and getattr(value, "agency", None) == agency
    ]
    if len(found) != 1:
        raise TypeError(f"connector.py of {agency} must define one Connector with agency = {agency!r}")
    return found[0]


def connect(
    agency: str, settings: "ConnectorSettings | None" = None, *, now: Callable[[], datetime] | None = None
) -> "Connector[Any]":
    """A connector, with the settings given or those of the environment.

    Args:
        now: The clock that it dates and signs with, where it does; the machine's when not given.

    Raises:
        KeyError: There is no such agency.
        Misconfigured: The environment lacks a setting.
    """
    made = connector_class(agency)
    if now is None or "now" not in inspect.signature(made).parameters:
        return made(settings)
    keeping_time: Callable[..., Connector[Any]] = made
    return keeping_time(settings, now=now)


def _package(agency: str) -> str:
    if agency not in _packages():
        raise KeyError(f"no agency {agency!r}; there are {', '.join(_packages())}")
    return _packages()[agency]
