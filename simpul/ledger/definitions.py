"""The published workflows: what `simpul service publish` writes and everything else reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from simpul.definition import Definition
from simpul.ledger import events
from simpul.ledger.cases import Case
from simpul.ledger.events import Event
from simpul.ledger.tables import definition as table


class VersionNeedsRaisingError(Exception):
    """The steps of a published version changed; applications under way would change with them."""


class VersionVanishedError(Exception):
    """Applications under way go by a version that is to be published no more."""


class DefinitionError(Exception):
    """A service's workflow cannot be had: nothing about its applications can be decided here and now."""


class UnknownServiceError(DefinitionError, LookupError):
    """No such service, or not in this version."""


class UnreadableDefinitionError(DefinitionError):
    """The published definition is of a newer Simpul than this process."""


def publish(
    connection: Connection, definition: Definition, *, actor: str, now: datetime
) -> Literal["new", "same", "corrected"]:
    """Store a workflow's definition. Titles, standards and forms of a published version may be corrected.

    Raises:
        VersionNeedsRaisingError: The steps differ from those published under this version.
    """
    body = definition.model_dump(mode="json")
    found = connection.execute(
        select(table.c.body, table.c.digest)
        .where(table.c.service == definition.service, table.c.version == definition.version)
        .with_for_update()
    ).first()
    if found and found.body == body:
        return "same"
    if found and found.digest != definition.digest:
        raise VersionNeedsRaisingError(
            f"the steps of {definition.service} version {definition.version} differ from the published ones: "
            f"raise the version to {definition.version + 1} and keep the old file until its last application closes"
        )
    values = {"body": body, "digest": definition.digest, "published_at": now}
    connection.execute(
        insert(table)
        .values(service=definition.service, version=definition.version, **values)
        .on_conflict_do_update(index_elements=["service", "version"], set_=values)
    )
    _CACHE.pop((definition.service, definition.version), None)
    events.record(
        connection,
        [
            Event(
                at=now,
                actor=actor,
                action="service.published",
                service=definition.service,
                detail={"version": definition.version, "digest": definition.digest},
            )
        ],
    )
    return "corrected" if found else "new"


_CARRYING = text("""
SELECT d.service, d.version, count(a.number) AS open,
       d.version = max(d.version) OVER (PARTITION BY d.service) AS newest
FROM definition d
LEFT JOIN application a ON a.service = d.service AND a.version = d.version AND a.closed_at IS NULL
GROUP BY d.service, d.version ORDER BY d.service, d.version
""")


@dataclass(frozen=True, slots=True)
class Carrying:
    """A published version and how many open applications go by it; `newest` is what new ones get."""

    service: str
    version: int
    open: int
    newest: bool


def carrying(connection: Connection) -> list[Carrying]:
    """Every published version, by name, with its open applications."""
    return [Carrying(*row) for row in connection.execute(_CARRYING)]


_CACHE: dict[tuple[str, int], Definition] = {}
"""Steps of a version never change, so a definition once read is good for routing as long as the process lives."""


def definition(connection: Connection, service: str, version: int) -> Definition:
    """A service's workflow in one version.

    Raises:
        UnknownServiceError: Not published.
        UnreadableDefinitionError: Published by a newer Simpul than this.
    """
    if (service, version) not in _CACHE:
        body = connection.execute(
            select(table.c.body).where(table.c.service == service, table.c.version == version)
        ).scalar()
        if body is None:
            raise UnknownServiceError(f"{service} version {version} is not published: run `simpul service publish`")
        try:
            _CACHE[service, version] = Definition.model_validate(body)
        except ValidationError:
            raise UnreadableDefinitionError(
                f"{service} version {version} was published by a newer Simpul: update this process"
            ) from None
    return _CACHE[service, version]


def definition_of(connection: Connection, case: Case) -> Definition:
    """The workflow as one application goes by it: `compensate` steps call what the application says.

    Raises:
        DefinitionError: As `definition`.
    """
    return filled(definition(connection, case.service, case.version), case.operations)


_FILLED: dict[tuple[str, tuple[tuple[str, str], ...]], Definition] = {}


def filled(found: Definition, operations: Mapping[str, str]) -> Definition:
    """A workflow with the operations that one application's `compensate` steps call."""
    if found.can_be_applied_for:
        return found
    known = (found.digest, tuple(sorted(operations.items())))
    if known not in _FILLED:
        _FILLED[known] = found.calling(operations)
    return _FILLED[known]


def latest(connection: Connection, service: str) -> Definition:
    """A service's workflow in its highest version.

    Raises:
        DefinitionError: Not published, or by a newer Simpul.
    """
    version = connection.execute(
        select(table.c.version).where(table.c.service == service).order_by(table.c.version.desc()).limit(1)
    ).scalar()
    return definition(connection, service, version or 1)


def current(connection: Connection) -> list[Definition]:
    """The highest published version of each service, freshly read, by name."""
    rows = connection.execute(select(table.c.body).order_by(table.c.service, table.c.version))
    # the last one of a service wins
    return list({found.service: found for found in (Definition.model_validate(row.body) for row in rows)}.values())
