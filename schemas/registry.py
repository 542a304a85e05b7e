"""All shared records by name and version. A module that holds records lists them in `RECORDS`; add it here and freeze them with `simpul schema publish`."""

from types import MappingProxyType

from schemas import (
    acknowledgement,
    business,
    civil,
    civil_service,
    decisions,
    documents,
    employment,
    health,
    immigration,
    land,
    notices,
    payments,
    signing,
    tax,
    utility,
)
from schemas.application import Application, Outcome
from schemas.base import Record
from schemas.envelope import Envelope
from schemas.messages import ExchangeData, OutcomeData, ReplyData, RequestData


def _by_id(*records: type[Record]) -> MappingProxyType[str, type[Record]]:
    return MappingProxyType({record.schema_id(): record for record in records})


RECORDS = _by_id(
    *acknowledgement.RECORDS,
    *business.RECORDS,
    *civil.RECORDS,
    *civil_service.RECORDS,
    *documents.RECORDS,
    *employment.RECORDS,
    *health.RECORDS,
    *immigration.RECORDS,
    *land.RECORDS,
    *notices.RECORDS,
    *payments.RECORDS,
    *signing.RECORDS,
    *tax.RECORDS,
    *utility.RECORDS,
)
"""What operations bring from agencies; each has a topic of its own."""

CONTRACTS = MappingProxyType(
    {
        **RECORDS,
        **_by_id(*decisions.KEPT, *documents.KEPT, Application, Outcome),
        **_by_id(Envelope, RequestData, OutcomeData, ExchangeData, ReplyData),
    }
)
"""Everything whose schema is frozen: the records, what people add to a case, and what carries them."""

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
