"""What connectors are made of; agencies live in the folders beside this one."""

from connectors.toolkit import errors
from connectors.toolkit.callback import Callback, CallbackSignal, Filing, Handled, Question, Received, Reply, Taken
from connectors.toolkit.connector import Connector
from connectors.toolkit.feed import Change, Feed, Page, feed
from connectors.toolkit.operation import PUBLIC_TASK, Operation, operation
from connectors.toolkit.rest import RestConnector
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.soap import SoapConnector

__all__ = [
    "PUBLIC_TASK",
    "Callback",
    "CallbackSignal",
    "Change",
    "Connector",
    "ConnectorSettings",
    "Feed",
    "Filing",
    "Handled",
    "Operation",
    "Page",
    "Question",
    "Received",
    "Reply",
    "RestConnector",
    "SoapConnector",
    "Taken",
    "errors",
    "feed",
    "operation",
]
