"""Comparing what gateways saw of agencies' systems with what is recorded, from Airflow; runs in the triggerer.

No agency is called: the gateways collect shapes and contracts, this reads them in the ledger.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskFailedEvent, TaskSuccessEvent, TriggerEvent

TRIGGER = "simpul.workflow.drift_watch.DriftTrigger"


class DriftWatch(BaseOperator):  # type: ignore[misc]
    """Opens an incident for every agency whose system is not as recorded any more, and settles those that are."""

    start_from_trigger = True

    def __init__(self, **airflow: Any) -> None:
        super().__init__(retries=3, **airflow)
        self.start_trigger_args = StartTriggerArgs(trigger_cls=TRIGGER, next_method="execute", trigger_kwargs={})

    def execute(self, context: Any) -> NoReturn:
        """Never runs: it starts and ends in the triggerer.

        Raises:
            RuntimeError: Somebody ran it on a worker all the same.
        """
        del context  # Airflow passes it by name
        raise RuntimeError("the drift watch runs in the triggerer only")


class DriftTrigger(BaseTrigger):  # type: ignore[misc]
    """One look at everything that was collected."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Path and arguments, from which another triggerer makes it again."""
        return f"{DriftTrigger.__module__}.{DriftTrigger.__qualname__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look once; always exactly one event."""
        try:
            found = await asyncio.to_thread(look)
        except Exception as error:  # noqa: BLE001 - raised into Airflow it would run a worker to fail
            self.log.error("no look was had: %s; Airflow tries again", type(error).__name__)  # noqa: TRY400
            yield TaskFailedEvent()
            return
        for agency, sentences in found.items():
            for sentence in sentences:
                self.log.warning("%s: %s", agency, sentence)
        yield TaskSuccessEvent(xcoms={"return_value": {agency: len(sentences) for agency, sentences in found.items()}})


def look() -> dict[str, list[str]]:
    """Compare, and report in the ledger; by agency, what differs, in sentences without values."""
    from connectors import drift, registry  # noqa: PLC0415 - a DAG file must cost nothing
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import connect, shapes, transaction  # noqa: PLC0415

    settings = config.load()
    engine = connect(settings.database_url, pool_size=1)
    try:
        with transaction(engine) as connection:
            drifted: dict[str, list[str]] = {}
            for seen in shapes.latest(connection):
                if seen.agency in registry.agencies():
                    for found in drift.compare(seen.agency, {seen.operation: seen.shape}):
                        drifted.setdefault(seen.agency, []).append(drift.sentence(found.as_json()))
            for agency, differences in shapes.contracts(connection).items():
                drifted.setdefault(agency, []).extend(map(drift.sentence, differences))
            shapes.report(connection, drifted, now=settings.clock.now())
    finally:
        engine.dispose()
    return drifted
