"""OSS-RBA, the national licensing of businesses by risk (Ministry of Investment, BKPM)."""
