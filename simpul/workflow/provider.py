"""What Airflow lists this package as: entry point `apache_airflow_provider`."""

from importlib.metadata import version
from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Name and version; the steps need neither connections nor hooks, because they hold no credentials."""
    return {
        "package-name": "simpul",
        "name": "Simpul",
        "description": "Carries applications through the systems of many agencies, a wave of them in a run.",
        "versions": [version("simpul")],
        "triggers": [{"integration-name": "Simpul", "python-modules": ["simpul.workflow.trigger"]}],
    }
