"""DJP, the national tax office (Direktorat Jenderal Pajak)."""
