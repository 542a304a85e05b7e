"""From a plan to files. The texts are in `templates/`; what they write is formatted as the project is."""

import subprocess
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.scaffold.plan import OperationPlan, Plan, PlanError

_TEMPLATES = Path(__file__).with_name("templates")
_FILES = ("connector.py", "requests.py", "settings.py", "mapping.py", "verdicts.py", "sandbox.py", "README.md")


def write(plan: Plan, connectors: Path) -> list[Path]:
    """Writes the agency's folder.

    Args:
        connectors: Where it goes, `connectors/` of a checkout.

    Returns:
        The files.

    Raises:
        PlanError: There is such a folder already.
    """
    folder = connectors / plan.agency
    if folder.exists():
        raise PlanError(f"{folder} is there already: choose another name, or remove it")
    folder.mkdir()
    written = [_written(folder / "__init__.py", f'"""{plan.title}."""\n')]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - this writes Python, and every name has been made safe by the plan
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["py"] = repr
    for name in _FILES:
        text = environment.get_template(f"{name}.j2").render(plan=plan, url=_url)
        written.append(_written(folder / name, text))
    if plan.wire_module:
        written.append(_written(folder / "wire.py", plan.wire_module))
    for name, content in plan.files.items():
        (folder / name).write_bytes(content)
        written.append(folder / name)
    _format(folder)
    return written


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _url(operation: OperationPlan) -> str:
    """The path as an expression: what is data in it is quoted."""
    path = operation.path.lstrip("/")
    for field in operation.fields:
        if field.where == "path":
            path = path.replace("{" + field.wire + "}", "{quoted(request." + field.name + ")}")
    return f'f"{path}"' if "{" in path else f'"{path}"'


def _format(folder: Path) -> None:
    """As the project formats, where its formatter is at hand."""
    ruff = Path(sys.executable).with_name("ruff")
    if ruff.exists():
        for words in (["check", "--fix"], ["format"]):
            subprocess.run([ruff, *words, "--no-cache", folder], check=False, capture_output=True)  # noqa: S603
