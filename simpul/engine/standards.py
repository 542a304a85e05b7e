"""Service standards that come to their warning or their end; what they come to is `simpul.ledger.standards`."""

from collections.abc import Callable

import structlog

from simpul.clock import Clock
from simpul.ledger import Database, standards, transaction
from simpul.worktime import Calendar

log = structlog.get_logger(__name__)


class Standards:
    """Looks after the clocks of open applications.

    Args:
        calendar: Gives the calendar as it is now, since an operator may edit it.
        share: Of a standard, at which a warning goes out.
    """

    def __init__(self, database: Database, clock: Clock, calendar: Callable[[], Calendar], *, share: float) -> None:
        self._database = database
        self._clock = clock
        self._calendar = calendar
        self._share = share
        self._counted_by = ""

    def once(self) -> int:
        """One look; returns how many applications were looked at."""
        calendar, now = self._calendar(), self._clock.now()
        with transaction(self._database) as connection:
            looked = standards.look(connection, calendar=calendar, share=self._share, now=now)
        if looked or calendar.digest == self._counted_by:
            return looked
        # Once per edit and process: two engines with different files do not undo each other's counting for ever.
        with transaction(self._database) as connection:
            counted = standards.recount(connection, calendar=calendar, share=self._share, now=now)
        if not counted:
            log.info("standards are counted by the calendar", calendar=calendar.digest)
            self._counted_by = calendar.digest
        return counted
