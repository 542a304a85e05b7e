"""The command that a running stack leaves in its work folder, which README and how-to tell people to use."""

import stat
import subprocess
from pathlib import Path

from simpul.embedded.stack import Plan, Stack

DAGS = Path(__file__).parents[2] / "dags"


def test_the_work_folders_command_speaks_to_the_stack_and_is_for_its_owner_alone(tmp_path):
    stack = Stack(Plan(folder=tmp_path, dags=DAGS, usual_ports=False))
    try:
        command = stack.write_command()
        assert stat.S_IMODE(command.stat().st_mode) == 0o700
        assert stack.database_url in command.read_text()
        asked = subprocess.run([command, "service", "check"], capture_output=True, text=True, check=True)
        assert "workflows are in order" in asked.stdout
    finally:
        stack.close()
        stack.remove_data()
