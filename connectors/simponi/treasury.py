"""The sandbox agency's books: bills, payments and a clock that can be turned. No HTTP and no XML here."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

TELLER: Final = "7012"


@dataclass(frozen=True)
class Receipt:
    """A payment as the bank and the state have booked it."""

    ntb: str
    ntpn: str
    paid_at: datetime
    bank: str = "999"
    channel: str = TELLER


@dataclass(frozen=True)
class Entry:
    """One bill."""

    billing_code: str
    transaction_id: str
    reference: str
    payer: str
    amount: Decimal
    issued_at: datetime
    expires_at: datetime
    receipt: Receipt | None = None


class NotPayableError(Exception):
    """The bill is unknown or has expired."""


@dataclass
class Treasury:
    """All bills of one simulated agency; safe to use from several threads.

    Attributes:
        clock: The world's time.
        offset: Added to it.
    """

    clock: Callable[[], datetime]
    offset: timedelta = timedelta()
    _entries: dict[str, Entry] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> datetime:
        """The agency's time, whole seconds: it knows no smaller unit."""
        return (self.clock() + self.offset).replace(microsecond=0)

    def issue(self, *, reference: str, payer: str, amount: Decimal, expires_at: datetime) -> Entry:
        """A new bill, whatever the reference: the agency does not mind the same one twice."""
        with self._lock:
            now = self.now()
            entry = Entry(
                billing_code=self._unused_code(now),
                transaction_id=secrets.token_hex(8).upper(),
                reference=reference,
                payer=payer,
                amount=amount,
                issued_at=now,
                expires_at=expires_at,
            )
            self._entries[entry.billing_code] = entry
            return entry

    def find(self, billing_code: str) -> Entry | None:
        """The bill with a code."""
        return self._entries.get(billing_code)

    def lapsed(self, entry: Entry) -> bool:
        """Whether a bill can no longer be paid."""
        return entry.receipt is None and self.now() >= entry.expires_at

    def pay(self, billing_code: str) -> Entry:
        """Pays a bill. Paid again, the first payment stands.

        Raises:
            NotPayableError: Unknown or expired.
        """
        with self._lock:
            entry = self._entries.get(billing_code)
            if entry is None or self.lapsed(entry):
                raise NotPayableError
            if entry.receipt is None:
                receipt = Receipt(
                    ntb=f"{secrets.randbelow(10**12):012d}", ntpn=secrets.token_hex(8).upper(), paid_at=self.now()
                )
                entry = replace(entry, receipt=receipt)
                self._entries[billing_code] = entry
            return entry

    def clear(self) -> None:
        """Forgets everything, and sets the clock right."""
        with self._lock:
            self._entries.clear()
            self.offset = timedelta()

    def _unused_code(self, now: datetime) -> str:
        while True:
            code = f"82{now:%y%m%d}{secrets.randbelow(10**7):07d}"
            if code not in self._entries:
                return code
