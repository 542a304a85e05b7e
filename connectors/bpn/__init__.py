"""BPN, the land office (Kementerian ATR/BPN)."""
