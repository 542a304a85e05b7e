"""BPJS Kesehatan (national health insurance). Kept empty of imports: the registry loads `connector.py` when asked."""
