"""Writes the reference pages that are made from code: events and configuration. `--check` only compares.

Run it as `.venv/bin/python docs/generate.py` after changing settings or events; a test fails while a page is old.
"""
# ruff: noqa: INP001 - a script by itself

import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors import registry
from connectors.toolkit.settings import ConnectorSettings
from simpul.config import Settings
from simpul.ledger.events import ACTIONS, Event

REFERENCE = Path(__file__).parent / "reference"

_NOTE = "<!-- Made by docs/generate.py: change the code it is made from, then run it. -->\n\n"

_FIELDS: Mapping[str, str] = {
    "at": "when, by the clock of the process that recorded it",
    "actor": "API key name, `user:<operating-system user>` for commands, `gateway:<agency>`, an agency for its "
    "signals, or a process's role",
    "action": "one of those below",
    "id": "the same thing told twice has the same id and is stored once",
    "application": "number of the application it is about; none for agencies, services and keys",
    "service": "what was applied for",
    "step": "the step it is about",
    "revision": "of that step: rises only with an amendment or a rerun",
    "agency": "the agency asked, stopped or resumed",
    "operation": "the call: `agency.operation`",
    "purpose": "why personal data were asked for, as the connector states it",
    "legal_basis": "on what legal basis, as the connector states it",
    "digest": "SHA-256 of the ciphertext it speaks of; nothing in clear",
    "state": "the application's state after it, where it changed",
    "detail": "small facts: wave, outcome, reason, the four times of a call",
}


def events() -> str:
    """The page on events."""
    fields = [(f"`{name}`", _FIELDS[name]) for name in Event.__dataclass_fields__]
    about = (
        f"# Events\n\n{_NOTE}"
        "Everything that happened is an event: a row of the ledger's table `event`, only ever added. An event holds no "
        "personal data in clear. `simpul trace NUMBER` and `GET /v1/applications/{number}/events` read them, and an "
        "application's state can be rebuilt from them alone.\n\n"
    )
    parts = [
        about,
        "## What an event holds\n\n" + _table(("field", "meaning"), fields) + "\n## Actions\n\n",
    ]
    groups = dict.fromkeys(action.partition(".")[0] for action in ACTIONS)
    for group in groups:
        rows = [(f"`{action}`", meaning) for action, meaning in ACTIONS.items() if action.startswith(f"{group}.")]
        parts.append(f"### {group}\n\n{_table(('action', 'meaning'), rows)}\n")
    return "".join(parts).rstrip() + "\n"


def configuration() -> str:
    """The page on settings."""
    about = (
        f"# Configuration\n\n{_NOTE}"
        "Settings are environment variables. Each variable `X` below may be given as `X_FILE` instead: the value is then "
        "that file's content, as Docker and Kubernetes mount secrets. Secrets are marked; give them as files.\n\n"
        "Processes on one installation must agree on the master key, the installation's digits and the topic prefix.\n\n"
        "## Simpul's processes\n\n"
    )
    of_agencies = (
        "\n## Every agency\n\nWith the agency's name for `<AGENCY>`: `SIMPUL_DUKCAPIL_BASE_URL`. The gateway of an "
        "agency reads them, and the console where the agency calls us.\n\n"
    )
    parts = [
        about,
        _settings("SIMPUL_", Settings.model_fields.items()),
        "\n## The command line alone\n\n",
        _table(
            ("variable", "default", "meaning"),
            [
                ("`SIMPUL_WORK_FOLDER`", "`.work`", "Where `simpul demo` and `simpul up` keep what they write."),
                ("`SIMPUL_CACHE`", "`~/.cache/simpul`", "Where the embedded Kafka's jars are kept."),
            ],
        ),
        of_agencies,
        _settings("SIMPUL_<AGENCY>_", ConnectorSettings.model_fields.items()),
    ]
    for agency in registry.agencies():
        model = registry.connector_class(agency).settings_class()
        own = [item for item in model.model_fields.items() if item[0] not in ConnectorSettings.model_fields]
        parts += [f"\n### {agency}\n\n", _settings(model.variable(""), own)]
    return "".join(parts)


PAGES = {"events.md": events, "configuration.md": configuration}


def _settings(prefix: str, fields: Iterable[tuple[str, FieldInfo]]) -> str:
    rows = []
    for name, field in fields:
        secret = "**Secret.** " if _is_secret(field) else ""
        rows.append(
            (f"`{prefix}{name.upper()}`", _default(field), secret + (field.description or "") + _choices(field))
        )
    return _table(("variable", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (None, "", (), PydanticUndefined):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *typing.get_args(field.annotation))


def _choices(field: FieldInfo) -> str:
    if isinstance(field.annotation, types.UnionType) or typing.get_origin(field.annotation) is not Literal:
        return ""
    return " One of " + ", ".join(f"`{each}`" for each in typing.get_args(field.annotation)) + "."


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(words: Sequence[str]) -> int:
    """Write or, with `--check`, compare; the number of pages that were old."""
    old = [name for name, page in PAGES.items() if _text(REFERENCE / name) != page()]
    for name in old:
        if "--check" not in words:
            (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"docs/reference/{name} {'is old' if '--check' in words else 'written'}")  # noqa: T201 - a command
    return len(old) if "--check" in words else 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
