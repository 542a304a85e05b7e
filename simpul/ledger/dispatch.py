"""How each workflow's DAG is in Airflow, as the engine last saw it; the console and the incidents speak from here."""

from datetime import datetime

from sqlalchemy import Connection, text

from simpul.ledger.events import Event, record
from simpul.ledger.transitions import Incident, open_incidents

_SET = text("""
INSERT INTO dispatch AS d (service, version, state, since) VALUES (:service, :version, :state, :now)
ON CONFLICT (service, version) DO UPDATE SET state = :state, since = :now WHERE d.state <> :state
RETURNING state
""")
_RESOLVE = text("""
UPDATE incident SET resolved_at = :now, resolved_by = 'engine'
WHERE service = :service AND kind = :kind AND resolved_at IS NULL
""")
_DIAGNOSIS = {
    "missing": {
        "id": "DAG layanan ini tidak ada di Airflow: periksa folder dags dan dag-processor.",
        "en": "Airflow does not have this service's DAG: look at the dags folder and the dag-processor.",
    },
    "broken": {
        "id": "Airflow tidak dapat memuat DAG layanan ini: lihat Import Errors di Airflow.",
        "en": "Airflow cannot load this service's DAG: look at Import Errors in Airflow.",
    },
}


def observe(connection: Connection, service: str, version: int, state: str, *, now: datetime) -> bool:
    """Remember a DAG's state: active, paused, missing, broken or unreachable.

    A DAG that is missing or broken opens one incident for its service; active again resolves it.

    Returns:
        Whether the state is new.
    """
    parameters = {"service": service, "version": version, "state": state, "now": now}
    changed = connection.execute(_SET, parameters).first() is not None
    if changed and state in _DIAGNOSIS:
        incident = Incident(kind=_kind(version), diagnosis=_DIAGNOSIS[state], service=service)
        open_incidents(connection, [incident], actor="engine", now=now)
    if changed and state in ("active", "paused"):
        about = {"now": now, "service": service, "kind": _kind(version)}
        if connection.execute(_RESOLVE, about).rowcount:
            solved = Event(
                at=now, actor="engine", action="incident.resolved", service=service, detail={"kind": _kind(version)}
            )
            record(connection, [solved])
    return changed


def _kind(version: int) -> str:
    return "dag" if version == 1 else f"dag_v{version}"


def states(connection: Connection) -> dict[tuple[str, int], str]:
    """(service, version) to the last observed state."""
    return {(row.service, row.version): row.state for row in connection.execute(text("SELECT * FROM dispatch"))}
