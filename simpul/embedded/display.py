"""Shows what the supervised processes do: one coloured prefix per process, their happenings, their log lines."""

import threading
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simpul.embedded.supervisor import Happening

_COLOURS = (
    "cyan",
    "magenta",
    "green",
    "yellow",
    "blue",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
    "bright_blue",
)
_POLL = 0.25
_WORDS: dict[Happening, str] = {
    "starting": "starting",
    "ready": "ready",
    "finished": "done",
    "died": "died:",
    "stopping": "stopping",
    "stopped": "stopped",
}
_WIDTH = 22


class Display:
    """Prints lines as `process │ line`; give `happening` to the supervisor as its report."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._colours: dict[str, str] = {}
        self._lock = threading.Lock()

    def happening(self, name: str, what: Happening, words: str) -> None:
        """A process has started, is ready, died or ended."""
        self.line(name, f"{_WORDS[what]} {words}".rstrip(), "bold red" if what == "died" else "bold")

    def line(self, name: str, text: str, style: str = "") -> None:
        """One line of a process."""
        with self._lock:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        # Text is printed as it is: a log line may hold what rich would take for markup.
        line = Text.assemble((f"{name:>{_WIDTH}} │ ", colour), (text, style))
        self._console.print(line, soft_wrap=True, highlight=False)


def show_addresses(console: Console, addresses: Mapping[str, str]) -> None:
    """What to open, one line each; never wrapped, so that it can be copied."""
    console.print()
    for name, address in addresses.items():
        console.print(Text.assemble((f"{name:>{_WIDTH}}   ", "bold"), address), soft_wrap=True, highlight=False)
    console.print()


class LogFollower:
    """Prints what is appended to the log files of a folder, until `stop`."""

    def __init__(self, logs: Path, display: Display) -> None:
        self._logs = logs
        self._display = display
        self._stop = threading.Event()
        self._read: dict[Path, int] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, *, from_now: bool = False) -> None:
        """Begin, with what is in the files already or with what comes from now on."""
        if from_now:
            self._read = {log: log.stat().st_size for log in self._logs.glob("*.log")}
        self._thread.start()

    def stop(self) -> None:
        """Print what is left and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_POLL):
            self._once()
        self._once()

    def _once(self) -> None:
        for log in sorted(self._logs.glob("*.log")):
            with log.open("rb") as file:
                # A log that became shorter belongs to a new start.
                file.seek(min(self._read.get(log, 0), log.stat().st_size))
                block = file.read()
                whole = block.rfind(b"\n") + 1
                self._read[log] = file.tell() - (len(block) - whole)
            for line in block[:whole].decode(errors="replace").splitlines():
                self._display.line(log.stem, line)
