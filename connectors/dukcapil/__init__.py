"""Dukcapil, the civil registry (Direktorat Jenderal Kependudukan dan Pencatatan Sipil)."""
