"""Connectors: one folder wraps one agency's system; the toolkit holds what they share."""
