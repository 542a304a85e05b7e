"""SIMKAH, the marriage registry of the offices of religious affairs (KUA), Kementerian Agama."""
