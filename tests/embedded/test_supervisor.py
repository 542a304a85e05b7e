"""The supervisor: order, restarts, ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from simpul.embedded import guard, ports
from simpul.embedded.interrupts import as_ctrl_c
from simpul.embedded.supervisor import Process, StartError, Supervisor

_SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
# A server that needs a child in a process group of its own, as Airflow and Postgres do.
_FAMILY_SOURCE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
_FAMILY = [sys.executable, "-S", "-c", _FAMILY_SOURCE]
_STUBBORN_SOURCE = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(600)
"""
_STUBBORN = [sys.executable, "-S", "-c", _STUBBORN_SOURCE]


def _eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  # a zombie is dead
        return file.read().rpartition(")")[2].split()[0] != "Z"


def _says(supervisor: Supervisor, name: str) -> str:
    _eventually(lambda: supervisor.log(name).read_text().endswith("\n"))
    return supervisor.log(name).read_text()


def test_a_process_starts_only_when_what_it_needs_is_ready(tmp_path):
    happened = []
    with Supervisor(tmp_path, lambda name, what, _: happened.append((name, what))) as supervisor:
        supervisor.start(
            Process(name="third", command=_SLEEPER, after=("second",)),
            Process(name="second", command=[sys.executable, "-c", "pass"], once=True, after=("first",)),
            Process(name="first", command=_SLEEPER, ready=(tmp_path / "logs" / "first.log").exists),
        )
    order = [happening for happening in happened if happening[1] in {"starting", "ready", "finished"}]
    assert order == [
        ("first", "starting"),
        ("first", "ready"),
        ("second", "starting"),
        ("second", "finished"),
        ("third", "starting"),
        ("third", "ready"),
    ]


def test_what_others_need_is_stopped_last(tmp_path):
    happened = []
    with Supervisor(tmp_path, lambda name, what, _: happened.append((name, what))) as supervisor:
        supervisor.start(
            Process(name="database", command=_SLEEPER),
            Process(name="migration", command=[sys.executable, "-c", "pass"], once=True, after=("database",)),
            Process(name="server", command=_SLEEPER, after=("migration",)),
        )
    stops = [happening for happening in happened if happening[1] in {"stopping", "stopped"}]
    assert stops == [
        ("server", "stopping"),
        ("server", "stopped"),
        ("database", "stopping"),
        ("database", "stopped"),
    ]


@pytest.mark.parametrize("times", [1, 3])
def test_a_killed_process_is_started_again(tmp_path, times):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="server", command=_SLEEPER))
        pids = set()
        for n in range(times):
            pids.add(supervisor.kill("server"))
            supervisor.wait_until_ready("server", starts=n + 2)
        assert supervisor.pid("server") not in pids
        assert supervisor.starts("server") == times + 1


def test_what_a_killed_process_left_behind_is_ended_before_its_successor_starts(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="family", command=_FAMILY))
        orphan = int(_says(supervisor, "family"))
        supervisor.kill("family")
        supervisor.wait_until_ready("family", starts=2)
        assert not _lives(orphan)


def test_the_state_file_says_where_the_processes_are(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="server", command=_SLEEPER))
        state = json.loads((tmp_path / "state.json").read_text())
        assert state["processes"] == {"server": {"pid": supervisor.pid("server"), "starts": 1, "ready": True}}
        assert state["supervisor"] == os.getpid()


def test_a_process_that_dies_at_its_start_fails_the_start_with_its_last_words(tmp_path):
    with Supervisor(tmp_path) as supervisor, pytest.raises(StartError) as failed:
        supervisor.start(
            Process(
                name="server",
                command=[sys.executable, "-c", "raise SystemExit('the port is taken')"],
                ready=lambda: False,
            )
        )
    assert str(failed.value).startswith("server: ended with status 1\n  the port is taken")


def test_a_task_that_fails_is_tried_again(tmp_path):
    once_more = f"import pathlib; pathlib.Path({str(tmp_path / 'seen')!r}).mkdir()"
    with Supervisor(tmp_path) as supervisor:
        (tmp_path / "seen").mkdir()
        supervisor.start(
            Process(
                name="task",
                command=[sys.executable, "-c", once_more],
                once=True,
                # Clears the way at the second start.
                prepare=lambda: supervisor.starts("task") and (tmp_path / "seen").rmdir(),
            )
        )
        assert supervisor.starts("task") == 2


def test_a_process_that_is_never_ready_fails_the_start(tmp_path):
    with Supervisor(tmp_path) as supervisor, pytest.raises(StartError, match=r"server: was not ready after 0 s"):
        supervisor.start(Process(name="server", command=_SLEEPER, ready=lambda: False, start_seconds=0.2, tries=1))


def test_a_failed_start_stops_what_had_started(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="good", command=_SLEEPER))
        good = supervisor.pid("good")
        with pytest.raises(StartError):
            supervisor.start(
                Process(name="bad", command=[sys.executable, "-c", "raise SystemExit(3)"], once=True, tries=1)
            )
    assert not _lives(good)


def test_a_process_that_does_not_heed_the_signal_is_killed(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="stubborn", command=_STUBBORN, stop_seconds=0.5))
        _says(supervisor, "stubborn")
        pid = supervisor.pid("stubborn")
    assert not _lives(pid)


def test_nothing_survives_a_stop(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="family", command=_FAMILY))
        pids = [supervisor.pid("family"), int(_says(supervisor, "family"))]
    assert [pid for pid in pids if _lives(pid)] == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_the_supervisors_own_end(tmp_path, how):
    program = (
        "import signal, sys, time\nfrom pathlib import Path\nfrom simpul.embedded.supervisor import *\n"
        # it is ignored where the tests themselves run in the background of a shell
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with Supervisor(Path(sys.argv[1])) as supervisor:\n"
        "    supervisor.start(Process(name='family', command=sys.argv[2:]))\n"
        "    print('up', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), *_FAMILY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout.readline() == b"up\n"
        log = tmp_path / "logs" / "family.log"
        _eventually(lambda: log.read_text().endswith("\n"))
        state = json.loads((tmp_path / "state.json").read_text())
        pids = [state["processes"]["family"]["pid"], int(log.read_text())]
        assert all(_lives(pid) for pid in pids)
        running.send_signal(how)
    _eventually(lambda: not any(_lives(pid) for pid in pids))


def test_sigterm_ends_a_command_as_ctrl_c_does():
    with pytest.raises(KeyboardInterrupt), as_ctrl_c():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_mark_of_one_session_is_not_taken_for_another(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Process(name="server", command=_SLEEPER))
        (entry,) = [
            variable.partition(b"=")[2].decode()
            for variable in (_proc(supervisor.pid("server")) / "environ").read_bytes().split(b"\0")
            if variable.startswith(guard.VARIABLE.encode())
        ]
        session, _, name = entry.partition("/")
        assert name == "server"
        assert guard.marked(session) == [supervisor.pid("server")]
        assert guard.marked(session[:-1]) == []
        assert guard.marked(f"{session}/serv") == []


def test_a_taken_port_is_passed_over():
    taken = ports.pick()
    with ports.socket.create_server((ports.LOOPBACK, taken)):
        assert not ports.is_free(taken)
        assert ports.is_open(taken)
        assert ports.pick(taken) != taken


def test_no_port_is_given_out_twice():
    picked = [ports.pick(8080) for _ in range(20)]
    assert len(set(picked)) == 20


def test_no_port_is_given_to_two_processes_that_live():
    picked = ports.pick()
    program = f"from simpul.embedded import ports; print(ports.pick({picked}))"
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert int(other.stdout) != picked


def _proc(pid):
    from pathlib import Path

    return Path("/proc") / str(pid)
