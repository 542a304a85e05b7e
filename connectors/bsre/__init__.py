"""BSrE, the state's electronic signature (Balai Besar Sertifikasi Elektronik, BSSN)."""
