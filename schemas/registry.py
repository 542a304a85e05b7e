"""All shared records by name and version. Add a record here and freeze it with `simpul schema publish`."""

from types import MappingProxyType

from schemas.application import Application, Outcome
from schemas.base import Record
from schemas.civil import BirthDeed, ChildCard, Family, FamilyCard, Person, PersonMatch
from schemas.envelope import Envelope
from schemas.health import HealthMembership
from schemas.messages import OutcomeData, RequestData
from schemas.payments import Bill, Payment


def _by_id(*records: type[Record]) -> MappingProxyType[str, type[Record]]:
    return MappingProxyType({record.schema_id(): record for record in records})


RECORDS = _by_id(Person, Family, BirthDeed, FamilyCard, ChildCard, PersonMatch, HealthMembership, Bill, Payment)
"""What operations bring from agencies; each has a topic of its own."""

CONTRACTS = MappingProxyType({**RECORDS, **_by_id(Application, Outcome, Envelope, RequestData, OutcomeData)})
"""Everything whose schema is frozen: the records, and what carries them."""

RETIRED: frozenset[str] = frozenset()
"""Names of records that were published and are no more. Their files stay, for whoever still holds such data."""


def record(schema_id: str) -> type[Record]:
    """The class of a record, such as `person/1`.

    Raises:
        KeyError: no record has this name and version; the message lists those there are.
    """
    try:
        return RECORDS[schema_id]
    except KeyError:
        raise KeyError(f"there is no record {schema_id}; there are {', '.join(RECORDS)}") from None
