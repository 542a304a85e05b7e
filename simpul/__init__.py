"""The engine room of Simpul: bus, gateway, ledger, engine, workflow, console."""
