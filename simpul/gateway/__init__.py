"""Runs a connector on the bus: calls, attempts, governor."""
