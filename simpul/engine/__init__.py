"""Drives applications: waves, requests, outbox relay, timers, recovery."""
