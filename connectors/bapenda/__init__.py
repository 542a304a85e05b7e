"""Bapenda, the local tax office (Badan Pendapatan Daerah)."""
