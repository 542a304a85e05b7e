"""Utility (PLN electricity, PDAM water). Kept empty of imports: the registry loads `connector.py` when asked."""
