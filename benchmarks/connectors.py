"""CPU a call through every connector, beside bare requests and zeep: the same as `simpul bench connectors`.

python -m benchmarks.connectors [AGENCY]... [--calls N] [--json]
"""

from typer.main import get_command

from simpul.commands.bench import app

if __name__ == "__main__":
    get_command(app).commands["connectors"](prog_name="benchmarks.connectors")  # type: ignore[attr-defined]
