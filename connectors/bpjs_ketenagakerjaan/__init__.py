"""BPJS Ketenagakerjaan (workers' insurance). Kept empty of imports: the registry loads `connector.py` when asked."""
