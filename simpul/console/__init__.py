"""The HTTP API: intake, status, callbacks."""
