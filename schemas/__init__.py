"""Shared records that every agency's data is normalised to; imports pydantic only."""
