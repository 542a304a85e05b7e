"""SATUSEHAT (national health data exchange). Kept empty of imports: the registry loads `connector.py` when asked."""
