"""Secrets that the embedded stack makes for itself, each in a file that only its owner reads. Nothing is ever shown."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def _password() -> str:
    return secrets.token_urlsafe(24)


def kept(folder: Path, name: str, make: Callable[[], str] = _password) -> str:
    """The secret of that name, made at the first call and the same ever after."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make())
    return path.read_text()
