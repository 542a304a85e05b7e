"""Interactive reads: request and reply over the bus through the same gateways, for who waits at a counter or is an agency.

Not for steps of applications, and for reads alone.
"""

from simpul.exchange.desk import BusyError, Desk
from simpul.exchange.question import Answer, Question, of_operation

__all__ = ["Answer", "BusyError", "Desk", "Question", "of_operation"]
