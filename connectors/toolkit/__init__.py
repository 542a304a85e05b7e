"""What connectors are made of; agencies live in the folders beside this one."""

from connectors.toolkit import errors
from connectors.toolkit.connector import Callback, CallbackSignal, Connector
from connectors.toolkit.operation import Operation, operation
from connectors.toolkit.rest import RestConnector
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.soap import SoapConnector

__all__ = [
    "Callback",
    "CallbackSignal",
    "Connector",
    "ConnectorSettings",
    "Operation",
    "RestConnector",
    "SoapConnector",
    "errors",
    "operation",
]
