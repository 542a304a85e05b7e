"""What the demo prints of its processes."""

import io

from rich.console import Console

from simpul.embedded.display import Display, LogFollower, show_addresses


def _console():
    return Console(file=io.StringIO(), width=60)


def test_each_line_begins_with_its_process():
    console = _console()
    display = Display(console)
    display.happening("kafka", "ready", "127.0.0.1:9092 (3.1 s)")
    display.line("gateway-dukcapil", "[bold]not markup[/bold] " + "x" * 80)
    assert console.file.getvalue().splitlines() == [
        "                 kafka │ ready 127.0.0.1:9092 (3.1 s)",
        "      gateway-dukcapil │ [bold]not markup[/bold] " + "x" * 80,
    ]


def test_log_lines_are_shown_once_and_whole(tmp_path):
    console = _console()
    (tmp_path / "a.log").write_text("old\n")
    follower = LogFollower(tmp_path, Display(console))
    follower.start(from_now=True)
    with (tmp_path / "a.log").open("a") as log:
        log.write("new\nhalf")
    (tmp_path / "b.log").write_text("first\n")
    follower.stop()
    assert [line.split("│ ")[1] for line in console.file.getvalue().splitlines()] == ["new", "first"]


def test_addresses_are_not_wrapped():
    console = _console()
    show_addresses(console, {"Airflow": "http://127.0.0.1:8080  (user admin, password " + "x" * 40 + ")"})
    assert "password " + "x" * 40 + ")" in console.file.getvalue()
