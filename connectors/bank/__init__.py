"""Banks that speak SNAP BI. Kept empty of imports: the registry loads `connector.py` when asked."""
