"""Airflow's REST API as the engine needs it: start a run, see how runs and DAGs are. Imports no Airflow."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import requests

RunState = Literal["queued", "running", "success", "failed"]
DagState = Literal["active", "paused", "missing", "broken"]

_AT_ONCE = 40
"""Runs looked up in one request: their ids make its URL, and 8 KiB is what servers take for sure."""


@dataclass(frozen=True)
class Started:
    """The run is there: made now, or by an earlier request whose answer was lost."""


@dataclass(frozen=True)
class DagMissing:
    """Airflow has no such DAG."""


@dataclass(frozen=True)
class DagBroken:
    """Airflow has the DAG and will not run it.

    Attributes:
        detail: What Airflow says.
    """

    detail: str


@dataclass(frozen=True)
class Unreachable:
    """Whether the run was made is not known; ask again.

    Attributes:
        detail: What went wrong, without credentials.
    """

    detail: str


Start = Started | DagMissing | DagBroken | Unreachable


class AirflowUnreachableError(Exception):
    """No answer to be had. Says nothing about whether a run is there."""


class AirflowClient:
    """A client that logs in when it has to. Safe to use from several threads.

    Args:
        url: Of the API server.
        user: Service user.
        password: The service user's.
        deadline: Seconds to connect, and seconds of silence, before a request is given up.
    """

    def __init__(self, url: str, user: str, password: str, *, deadline: float = 10.0) -> None:
        self._url = url.rstrip("/")
        self._login = {"username": user, "password": password}
        self._deadline = deadline
        self._session = requests.Session()
        self._session.trust_env = False
        self._token: str | None = None
        self._lock = threading.Lock()

    def start(self, dag_id: str, wave_id: str) -> Start:
        """Start the run of a wave. Its id is the run's, so a repeat starts nothing new."""
        body = {"dag_run_id": wave_id, "logical_date": None, "conf": {"wave": wave_id}}
        try:
            answer = self._request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
            if answer.status_code == 409:
                return self._compare(dag_id, wave_id)
        except AirflowUnreachableError as error:
            return Unreachable(str(error))
        match answer.status_code:
            case 200 | 201:
                return Started()
            case 404:
                return DagMissing()
            case status if 400 <= status < 500 and status not in (401, 403, 408, 429):
                return DagBroken(_detail(answer))
            case status:
                return Unreachable(f"HTTP {status}")

    def states(self, waves: Sequence[tuple[str, str]]) -> dict[str, RunState | None]:
        """How the runs of waves are.

        Args:
            waves: DAG id and wave id of each.

        Returns:
            Wave id to state; None where Airflow, asked twice, has no such run.

        Raises:
            AirflowUnreachableError: No answer to be had.
        """
        found: dict[str, RunState | None] = {}
        for ids in _parts([wave for _, wave in waves]):
            query: dict[str, str | int] = {"run_id_prefix_pattern": "|".join(ids), "limit": 100}
            answer = self._sound(self._request("GET", "/api/v2/dags/~/dagRuns", params=query))
            runs = {(run["dag_id"], run["dag_run_id"]): run["state"] for run in answer.json()["dag_runs"]}
            found |= {wave: runs.get((dag, wave)) for dag, wave in waves if wave in ids}
        for dag, wave in waves:
            # "Not there" has consequences, so a list that left a run out is not taken for it.
            if found[wave] is None:
                found[wave] = self._state(dag, wave)
        return found

    def dag_state(self, dag_id: str) -> DagState:
        """How a DAG is.

        Raises:
            AirflowUnreachableError: No answer to be had.
        """
        answer = self._request("GET", f"/api/v2/dags/{dag_id}")
        if answer.status_code == 404:
            return "missing"
        dag = self._sound(answer).json()
        if dag["is_stale"]:
            return "missing"
        if dag["has_import_errors"]:
            return "broken"
        return "paused" if dag["is_paused"] else "active"

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _compare(self, dag_id: str, wave_id: str) -> Start:
        run = self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{wave_id}")
        if run.status_code == 200 and (run.json().get("conf") or {}).get("wave") == wave_id:
            return Started()
        # 409 has other causes too, such as a run deleted in between
        return Unreachable(f"HTTP 409, and the run answers HTTP {run.status_code}")

    def _state(self, dag_id: str, wave_id: str) -> RunState | None:
        answer = self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{wave_id}")
        if answer.status_code == 404:
            return None
        state: RunState = self._sound(answer).json()["state"]
        return state

    def _request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        token = self._token or self._log_in(None)
        answer = self._send(method, path, token, **arguments)
        if answer.status_code == 401:
            answer = self._send(method, path, self._log_in(token), **arguments)
        return answer

    def _log_in(self, refused: str | None) -> str:
        with self._lock:
            if self._token in (None, refused):
                answer = self._send("POST", "/auth/token", None, json=self._login)
                if answer.status_code not in (200, 201):
                    raise AirflowUnreachableError(
                        f"Airflow refused the service user's login: HTTP {answer.status_code}"
                    )
                self._token = answer.json()["access_token"]
            return str(self._token)

    def _send(self, method: str, path: str, token: str | None, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return self._session.request(
                method, self._url + path, headers=headers, timeout=self._deadline, allow_redirects=False, **arguments
            )
        except requests.RequestException as error:
            raise AirflowUnreachableError(f"Airflow at {self._url} did not answer: {type(error).__name__}") from error

    def _sound(self, answer: requests.Response) -> requests.Response:
        if answer.status_code != 200:
            raise AirflowUnreachableError(f"Airflow at {self._url} answered HTTP {answer.status_code}")
        return answer


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), _AT_ONCE):
        yield list(ids[first : first + _AT_ONCE])


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
