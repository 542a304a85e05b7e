"""Against a server that answers like Airflow's, faults included; `test_airflow.py` has the real one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from simpul.engine.airflow_client import (
    AirflowClient,
    AirflowUnreachableError,
    DagBroken,
    DagMissing,
    Started,
    Unreachable,
)


@dataclass
class Server:
    """Runs and DAGs as Airflow would know them, and what to answer instead."""

    runs: dict[tuple[str, str], dict[str, object]] = field(default_factory=dict)
    dags: dict[str, dict[str, object]] = field(default_factory=dict)
    bodies: list[dict[str, object]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    logins: int = 0
    instead: dict[str, tuple[int, dict[str, object]]] = field(default_factory=dict)
    forgets_logins: int = 0
    hides_from_lists: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, method: str, target: str, token: str | None, body: dict[str, object]) -> tuple[int, object]:
        parts = urlsplit(target)
        self.requests.append(f"{method} {parts.path}")
        if parts.path == "/auth/token":
            self.logins += 1
            return (201, {"access_token": f"t{self.logins}"}) if body["password"] == "right" else (401, {})
        if token != f"Bearer t{self.logins}" or self.forgets_logins:
            self.forgets_logins = max(0, self.forgets_logins - 1)
            return 401, {"detail": "Invalid JWT token"}
        if (instead := self.instead.get(f"{method} {parts.path}")) is not None:
            return instead
        _, _, _, _, dag, *rest = parts.path.split("/")
        if method == "POST":
            return self._start(dag, body)
        return self._show(dag, rest, parts.query)

    def _show(self, dag: str, rest: list[str], query: str) -> tuple[int, object]:
        if not rest:
            return (200, self.dags[dag]) if dag in self.dags else (404, {})
        if dag == "~":
            ids = parse_qs(query)["run_id_prefix_pattern"][0].split("|")
            found = [run for (_, run_id), run in self.runs.items() if run_id in ids]
            return 200, {"dag_runs": [run for run in found if run["dag_run_id"] not in self.hides_from_lists]}
        run = self.runs.get((dag, rest[1]))
        return (200, run) if run else (404, {})

    def _start(self, dag: str, body: dict[str, object]) -> tuple[int, object]:
        self.bodies.append(body)
        if dag not in self.dags:
            return 404, {"detail": "not found"}
        key = (dag, str(body["dag_run_id"]))
        if key in self.runs:
            return 409, {"detail": "Unique constraint violation"}
        self.runs[key] = {"dag_id": dag, "dag_run_id": key[1], "state": "queued", "conf": body["conf"]}
        return 200, self.runs[key]


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server(dags={"birth": {"is_paused": False, "is_stale": False, "has_import_errors": False}})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            arguments = (self.command, self.path, self.headers.get("Authorization"), json.loads(body or b"{}"))
            status, answer = state.answer(*arguments)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _serve  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state.url = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[AirflowClient]:
    made = AirflowClient(server.url, "simpul", "right", deadline=5)
    yield made
    made.close()


def test_a_run_is_told_the_waves_id_and_nothing_else(server: Server, client: AirflowClient) -> None:
    assert client.start("birth", "w1") == Started()
    assert server.bodies == [{"dag_run_id": "w1", "logical_date": None, "conf": {"wave": "w1"}}]


def test_a_run_that_is_there_already_counts_as_started(client: AirflowClient) -> None:
    client.start("birth", "w1")
    assert client.start("birth", "w1") == Started()


def test_a_conflict_over_a_run_that_is_not_the_waves_says_nothing(server: Server, client: AirflowClient) -> None:
    server.instead["POST /api/v2/dags/birth/dagRuns"] = (409, {})
    assert isinstance(client.start("birth", "w1"), Unreachable)


def test_a_missing_dag_is_told_from_a_broken_one(server: Server, client: AirflowClient) -> None:
    assert client.start("nobody", "w1") == DagMissing()
    server.instead["POST /api/v2/dags/birth/dagRuns"] = (400, {"detail": "has import errors"})
    assert client.start("birth", "w1") == DagBroken("has import errors")


@pytest.mark.parametrize("status", [403, 408, 429, 500, 503])
def test_an_answer_that_says_nothing_about_the_run_is_not_taken_for_one(
    server: Server, client: AirflowClient, status: int
) -> None:
    server.instead["POST /api/v2/dags/birth/dagRuns"] = (status, {})
    server.instead["GET /api/v2/dags/~/dagRuns"] = (status, {})
    assert client.start("birth", "w1") == Unreachable(f"HTTP {status}")
    with pytest.raises(AirflowUnreachableError):
        client.states([("birth", "w1")])


def test_a_server_that_is_away_is_unreachable_and_never_an_empty_list() -> None:
    client = AirflowClient("http://127.0.0.1:9", "simpul", "right", deadline=1)
    assert isinstance(client.start("birth", "w1"), Unreachable)
    with pytest.raises(AirflowUnreachableError):
        client.states([("birth", "w1")])
    with pytest.raises(AirflowUnreachableError):
        client.dag_state("birth")


def test_a_login_is_kept_and_renewed_when_it_is_refused(server: Server, client: AirflowClient) -> None:
    client.start("birth", "w1")
    client.start("birth", "w2")
    assert server.logins == 1
    server.forgets_logins = 1
    assert client.start("birth", "w3") == Started()
    assert server.logins == 2


def test_a_refused_login_is_unreachable_and_does_not_show_the_password(server: Server) -> None:
    answer = AirflowClient(server.url, "simpul", "wrong-password").start("birth", "w1")
    assert isinstance(answer, Unreachable)
    assert "wrong-password" not in answer.detail


def test_many_runs_are_looked_up_in_one_request(server: Server, client: AirflowClient) -> None:
    for number in range(30):
        client.start("birth", f"w{number}")
    server.runs["birth", "w3"]["state"] = "failed"
    server.requests.clear()
    states = client.states([("birth", f"w{number}") for number in range(30)])
    assert states == {f"w{number}": "failed" if number == 3 else "queued" for number in range(30)}
    assert server.requests == ["GET /api/v2/dags/~/dagRuns"]


def test_a_run_counts_as_gone_only_when_airflow_says_so_about_that_run(server: Server, client: AirflowClient) -> None:
    client.start("birth", "w1")
    server.hides_from_lists = {"w1"}
    assert client.states([("birth", "w1"), ("birth", "w2")]) == {"w1": "queued", "w2": None}


def test_the_run_of_another_dag_is_not_the_waves(server: Server, client: AirflowClient) -> None:
    server.runs["other", "w1"] = {"dag_id": "other", "dag_run_id": "w1", "state": "running"}
    assert client.states([("birth", "w1")]) == {"w1": None}


def test_no_waves_are_no_request(server: Server, client: AirflowClient) -> None:
    assert client.states([]) == {}
    assert server.requests == []


@pytest.mark.parametrize(
    ("fact", "state"), [("is_paused", "paused"), ("is_stale", "missing"), ("has_import_errors", "broken")]
)
def test_how_a_dag_is(server: Server, client: AirflowClient, fact: str, state: str) -> None:
    assert client.dag_state("birth") == "active"
    server.dags["birth"][fact] = True
    assert client.dag_state("birth") == state
    assert client.dag_state("nobody") == "missing"
