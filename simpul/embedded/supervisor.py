"""Keeps child processes running: starts them in the order of their needs, restarts what dies, ends them all.

Knows nothing of what the processes are (`stack.py` composes them) and prints nothing (`display.py` does). Each child is
the leader of a session of its own, writes into one log file, and carries a mark by which `guard.py` finds it and its
descendants, whatever becomes of this process.
"""

import json
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from simpul.embedded import guard

_POLL = 0.1
_STEADY = 10.0
_LONGEST_PAUSE = 10.0
_LINES_SHOWN = 20

Happening = Literal["starting", "ready", "finished", "died", "stopping", "stopped"]


class StartError(RuntimeError):
    """A process did not become ready; the message names it and ends with its last log lines."""


def at_once() -> bool:
    """Ready as soon as it runs."""
    return True


@dataclass(frozen=True, kw_only=True)
class Process:
    """One child, or one task to be done before others start.

    Attributes:
        command: The program; empty where `launch` gives it, and for a condition that `ready` alone waits for.
        launch: Called before each start, gives the command and what it adds to the environment.
        env: Added to the supervisor's environment.
        user: System user to run as; only root may say one.
        after: Names of processes that must be ready first, and that are stopped only after this one.
        prepare: Done before each start, in a thread of its own.
        ready: Asked until it is true; exceptions count as "not yet", except `StartError`, which counts as "never".
        once: Runs to its end; ready when it ended with status 0.
        start_seconds: How long it may take to become ready.
        tries: Starts without becoming ready after which there is no hope.
        stop_signal: Asks it to end; SIGKILL follows after `stop_seconds`.
        where: Its address, for the display.
    """

    name: str
    command: Sequence[str] = ()
    launch: Callable[[], tuple[Sequence[str], Mapping[str, str]]] | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    user: str | None = None
    after: tuple[str, ...] = ()
    prepare: Callable[[], object] | None = None
    ready: Callable[[], bool] = at_once
    once: bool = False
    start_seconds: float = 240.0
    tries: int = 3
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    where: str = ""


@dataclass(eq=False)
class _Child:
    process: Process
    ready: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    was_ready: bool = False
    running: "subprocess.Popen[bytes] | None" = None
    starts: int = 0

    @property
    def pid(self) -> int | None:
        running = self.running
        return running.pid if running and running.returncode is None else None


class Supervisor:
    """Runs processes from `start` until `stop`; use it as a context manager.

    Args:
        folder: Gets `logs/<name>.log` and `state.json` (name → pid, starts, ready), by which others find the processes.
        report: Told of every happening: process name, what, a few words.
        environment: What every process gets, this process's own environment by default.
    """

    def __init__(
        self,
        folder: Path,
        report: Callable[[str, Happening, str], None] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.environment = dict(os.environ if environment is None else environment)
        self.logs = folder / "logs"
        self.facts: dict[str, object] = {}
        self._report = report or (lambda _name, _happening, _words: None)
        # The mark by which everything of this supervisor's is found.
        self.session = uuid.uuid4().hex
        self._children: dict[str, _Child] = {}
        self._stopping = False
        self._failure: str | None = None
        self._changed = threading.Condition()
        self._spawning = threading.Lock()
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *processes: Process) -> None:
        """Start processes and wait until all of them are ready.

        Raises:
            StartError: One of them did not become ready. The others keep running until `stop`.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        self._start_guard()
        children = [_Child(process) for process in processes]
        self._children |= {child.process.name: child for child in children}
        for child in children:
            self.log(child.process.name).write_bytes(b"")
            threading.Thread(target=self._drive, args=(child,), name=child.process.name, daemon=True).start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._failure or self._stopping or all(child.ready.is_set() for child in children)
            )
        if self._failure:
            raise StartError(self._failure)

    def stop(self) -> None:
        """End all processes, those that others need last; nothing is left when this returns."""
        if self._guard is None:
            return
        self._stopping = True
        for child in self._children.values():
            child.stopping.set()
        self._notify()
        try:
            with ThreadPoolExecutor(max_workers=max(1, len(self._children))) as pool:
                list(pool.map(self._end_in_turn, self._children.values()))
        finally:
            self._guard.communicate()
            self._guard = None
            self._write_state()

    def stop_one(self, name: str) -> None:
        """End one process for good."""
        child = self._children[name]
        child.stopping.set()
        self._notify()
        self._end(child)

    def pid(self, name: str) -> int:
        """The process id of a running child.

        Raises:
            ProcessLookupError: It does not run at the moment.
        """
        pid = self._children[name].pid
        if pid is None:
            raise ProcessLookupError(name)
        return pid

    def starts(self, name: str) -> int:
        """How often a child was started: 1 when it never died."""
        return self._children[name].starts

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a child a signal; returns the process id that got it."""
        pid = self.pid(name)
        os.kill(pid, how)
        return pid

    def wait_until_ready(self, name: str, *, starts: int = 1, seconds: float = 60.0) -> None:
        """Wait until a child is ready and was started at least so often.

        Raises:
            TimeoutError: It is not after so many seconds.
        """
        child = self._children[name]
        with self._changed:
            if not self._changed.wait_for(lambda: child.ready.is_set() and child.starts >= starts, seconds):
                raise TimeoutError(f"{name} is not ready after {seconds:.0f} s")

    def log(self, name: str) -> Path:
        """The file that a child writes to."""
        return self.logs / f"{name}.log"

    def names(self) -> list[str]:
        """All processes, in the order in which they were given."""
        return list(self._children)

    def _start_guard(self) -> None:
        if self._guard is None:
            self._guard = subprocess.Popen(  # noqa: S603  # our own file
                [sys.executable, "-I", "-S", guard.__file__, self.session],
                stdin=subprocess.PIPE,
                env={key: value for key, value in os.environ.items() if key != guard.VARIABLE},
                start_new_session=True,
            )

    def _drive(self, child: _Child) -> None:
        """A child's life, in a thread of its own."""
        fruitless = 0
        while self._wait_for_needs(child):
            began = time.monotonic()
            hopeless = False
            try:
                trouble = self._live(child)
            except Exception as error:  # noqa: BLE001  # `prepare` may raise anything, and start() must hear of it
                trouble = str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
                hopeless = True
            if child.stopping.is_set() or not trouble:
                break
            fruitless = 1 if time.monotonic() - began > _STEADY else fruitless + 1
            self._report(child.process.name, "died", trouble)
            if not child.was_ready and (hopeless or fruitless >= child.process.tries):
                self._fail(child, trouble)
                break
            self._set_ready(child, ready=False)
            child.stopping.wait(min(0.25 * 2 ** (fruitless - 1), _LONGEST_PAUSE))
        child.ended.set()
        self._notify()

    def _live(self, child: _Child) -> str:
        """From preparation to the end of one run of a child; says how it ended, empty when it was done."""
        process, began = child.process, time.monotonic()
        self._report(process.name, "starting", process.where)
        if process.prepare:
            process.prepare()
        if process.launch or process.command:
            running = self._spawn(child)
            trouble = self._finish(running, process) if process.once else self._become_ready(child, running, began)
            if not process.once and not trouble:
                self._report(process.name, "ready", f"{process.where} ({time.monotonic() - began:.1f} s)".strip())
                self._set_ready(child, ready=True)
                trouble = _ending(running.wait())
            # What a dead leader left behind must not work beside its successor.
            guard.sweep(f"{self.session}/{process.name}")
        else:
            trouble = self._become_ready(child, None, began)
        if trouble:
            return trouble
        self._report(process.name, "finished", f"({time.monotonic() - began:.1f} s)")
        self._set_ready(child, ready=True)
        return ""

    def _spawn(self, child: _Child) -> "subprocess.Popen[bytes]":
        process = child.process
        command, added = process.launch() if process.launch else (process.command, {})
        marks = {guard.VARIABLE: f"{self.session}/{process.name}", "SPT_NOENV": "1", "PYTHONUNBUFFERED": "1"}
        with self._spawning, self.log(process.name).open("ab") as log:
            if child.stopping.is_set():
                raise StartError("stopping")
            running = subprocess.Popen(  # noqa: S603  # the commands are the stack's own
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=process.cwd,
                env={**self.environment, **process.env, **added, **marks},
                start_new_session=True,
                **_identity(process.user),
            )
            child.running = running
        child.starts += 1
        if self._guard and self._guard.stdin:
            with suppress(OSError):
                self._guard.stdin.write(f"{running.pid}\n".encode())
                self._guard.stdin.flush()
        self._notify()
        return running

    def _become_ready(self, child: _Child, running: "subprocess.Popen[bytes] | None", began: float) -> str:
        """Wait for it; says what went wrong, empty when nothing did."""
        last = ""
        while not child.stopping.is_set() and (running is None or running.poll() is None):
            try:
                if child.process.ready():
                    return ""
            except StartError:
                raise
            except Exception as error:  # noqa: BLE001  # servers that are not up yet fail in many ways
                last = f": {type(error).__name__}"
            if time.monotonic() - began > child.process.start_seconds:
                if running:
                    running.kill()
                    running.wait()
                return f"was not ready after {child.process.start_seconds:.0f} s{last}"
            child.stopping.wait(_POLL)
        return _ending(running.wait()) if running else "stopped"

    def _finish(self, running: "subprocess.Popen[bytes]", process: Process) -> str:
        try:
            code = running.wait(process.start_seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            return f"was not done after {process.start_seconds:.0f} s"
        return "" if code == 0 else _ending(code)

    def _end_in_turn(self, child: _Child) -> None:
        for other in self._dependents(child.process.name):
            other.ended.wait()
        self._end(child)

    def _end(self, child: _Child) -> None:
        name = child.process.name
        with self._spawning:
            running = child.running
        if running and running.poll() is None:
            self._report(name, "stopping", "")
            with suppress(ProcessLookupError):
                running.send_signal(child.process.stop_signal)
            try:
                running.wait(child.process.stop_seconds)
            except subprocess.TimeoutExpired:
                self._report(name, "stopping", f"killed after {child.process.stop_seconds:.0f} s")
                running.kill()
            self._report(name, "stopped", "")
        child.ended.wait()

    def _dependents(self, name: str) -> list[_Child]:
        """All that need a process, directly or by way of others."""
        direct = [child for child in self._children.values() if name in child.process.after]
        return direct + [other for child in direct for other in self._dependents(child.process.name)]

    def _wait_for_needs(self, child: _Child) -> bool:
        needs = [self._children[name].ready for name in child.process.after]
        with self._changed:
            self._changed.wait_for(
                lambda: child.stopping.is_set() or child.was_ready or all(need.is_set() for need in needs)
            )
        return not child.stopping.is_set()

    def _set_ready(self, child: _Child, *, ready: bool) -> None:
        if ready:
            child.ready.set()
            child.was_ready = True
        else:
            child.ready.clear()
        self._notify()

    def _fail(self, child: _Child, trouble: str) -> None:
        log = self.log(child.process.name)
        lines = log.read_text(errors="replace").splitlines()[-_LINES_SHOWN:]
        where = [f"(all of it: {log})"] if lines else []
        self._failure = "\n  ".join([f"{child.process.name}: {trouble}", *lines, *where])

    def _notify(self) -> None:
        with self._changed:
            self._write_state()
            self._changed.notify_all()

    def _write_state(self) -> None:
        processes = {
            name: {"pid": child.pid, "starts": child.starts, "ready": child.ready.is_set()}
            for name, child in self._children.items()
            if child.process.command or child.process.launch
        }
        state = {"supervisor": os.getpid(), "session": self.session, "processes": processes, **self.facts}
        new = self.folder / "state.json.new"
        new.write_text(json.dumps(state, indent=2) + "\n")
        new.replace(self.folder / "state.json")


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def _identity(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
