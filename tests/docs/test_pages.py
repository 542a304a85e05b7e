"""What the pages say about the repository is so: links, paths, settings, commands, routes, tests, generated pages."""

import ast
import importlib.util
import re
import shlex
from functools import cache

import pytest
import yaml
from documents import OURS, PAGES, ROOT, blocks, prose, text

from simpul import config

every_page = pytest.mark.parametrize("page", PAGES, ids=str)
our_pages = pytest.mark.parametrize("page", OURS, ids=str)


@every_page
def test_links_inside_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not target.startswith(("https://", "#")):
            path = ((ROOT / page).parent / target.partition("#")[0]).resolve()
            assert path.exists(), target
            assert path.is_relative_to(ROOT)


@our_pages
def test_paths_that_are_named_are_there(page):
    # The tutorial's agency and service are made by its reader.
    made_by_readers = re.compile(r"kelurahan|domicile|<|\*|deploy/secrets")
    for path in re.findall(r"`((?:simpul|connectors|schemas|dags|tests|deploy|docs)/[^`\s]+)`", text(page)):
        if not made_by_readers.search(path):
            assert (ROOT / path).exists(), path


@our_pages
def test_settings_that_are_named_exist(page):
    from connectors import registry

    known = {f"SIMPUL_{name.upper()}" for name in config.Settings.model_fields} | {"SIMPUL_WORK_FOLDER", "SIMPUL_CACHE"}
    for agency in registry.agencies():
        model = registry.connector_class(agency).settings_class()
        known |= {model.variable(name) for name in model.model_fields}
        known |= {f"SIMPUL_<AGENCY>_{name.upper()}" for name in model.model_fields}
    named = set(re.findall(r"SIMPUL_[A-Z_<>]*[A-Z]\b", text(page)))
    assert {name for name in named if "KELURAHAN" not in name and name.removesuffix("_FILE") not in known} <= known


@cache
def commands():
    """Every command of the command line with the options that it takes."""
    from typer.main import get_command

    from simpul.cli import CHAPTERS, _load, app

    get_command(app)
    found = {}
    for name in CHAPTERS:
        command = _load(name)
        leaves = dict(getattr(command, "commands", {}))
        if not leaves or command.invoke_without_command:
            leaves[None] = command
        for sub, leaf in leaves.items():
            words = (name,) if sub is None else (name, sub)
            found[words] = {option for parameter in leaf.params for option in parameter.opts + parameter.secondary_opts}
    return found


def mentions(page):
    """Every `simpul …` command on a page, as words."""
    written = [block.replace("\\\n", "") for language in ("sh", "console") for _, block in blocks(page, language)]
    lines = [line for block in written for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", prose(page))
    for line in lines:
        if found := re.search(r"(?:^|[\s/$])simpul ((?:[a-z]|-).*)", line.partition(" #")[0]):
            yield shlex.split(found[1])


@every_page
def test_commands_that_are_named_exist_with_their_options(page):
    for words in mentions(page):
        if words == ["--help"] or words[0] == "&":
            continue
        command = tuple(words[:2]) if tuple(words[:2]) in commands() else (words[0],)
        groups = {known[0] for known in commands()}
        if command not in commands():
            # A group by itself, such as `simpul connector`.
            assert len(words) == 1, words
            assert words[0] in groups, words
            continue
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= commands()[command] | {"--help"}, words


@our_pages
def test_make_targets_that_are_named_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = " ; ".join([text for _, text in blocks(page, "sh")] + re.findall(r"`([^`\n]+)`", prose(page)))
    for line in re.findall(r"\bmake ([a-z][a-z ]*)", code):
        assert set(line.split()) <= targets, line


@our_pages
def test_services_and_options_of_compose_commands_exist(page):
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for _, block in blocks(page, "sh"):
        for words in re.findall(r"docker compose exec (\S+)|docker compose stop (\S+)|--force-recreate (\S+)", block):
            name = next(word for word in words if word) if any(words) else "#"
            assert name.startswith("#") or name in services, name


@our_pages
def test_routes_that_are_named_exist(page, settings):
    from simpul.console.app import create

    routes = {
        (method.upper(), re.sub(r"\{\w+\}", "NUMBER", path))
        for path, methods in create(settings()).openapi()["paths"].items()
        for method in methods
    }
    for method, path in re.findall(r"\b(GET|POST) (/[\w/{}]+)", text(page)):
        assert (method, re.sub(r"\{\w+\}", "NUMBER", path)) in routes, (method, path)


@our_pages
def test_metrics_that_are_named_exist(page):
    code = "".join(
        file.read_text() for folder in ("console", "gateway") for file in (ROOT / "simpul" / folder).glob("*.py")
    )
    for name in re.findall(r"`(simpul_[a-z_]+)`", text(page)):
        assert f'"{name}"' in code


def functions(path):
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_transition_names_tests_that_exist_and_every_test_of_the_state_machine_is_named():
    page = text("docs/reference/state-machine.md")
    named = set(re.findall(r"`(test_\w+)`", page))
    there = set().union(*map(functions, (ROOT / "tests").rglob("test_*.py")))
    assert named <= there, named - there
    tests = {name for name in functions(ROOT / "tests/ledger/test_state_machine.py") if name.startswith("test_")}
    assert tests <= named, tests - named
    races = {name for name in functions(ROOT / "tests/ledger/test_races.py") if name.startswith("test_")}
    assert races <= named, races - named
    rows = [line for line in page.partition("## Transitions")[2].splitlines() if line.startswith("| ")]
    for row in rows:
        assert "`test_" in row or row.endswith((" test |", "--- |")), row


def test_generated_pages_are_up_to_date():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, page in generate.PAGES.items():
        assert text(f"docs/reference/{name}") == page(), f"run .venv/bin/python docs/generate.py ({name} is old)"


def test_every_decision_is_in_the_list_of_decisions():
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", text("docs/adr/README.md")))
    assert listed == {path.name for path in (ROOT / "docs/adr").glob("0*.md")}


@every_page
def test_pages_name_no_package_registry(page):
    hosts = r"pypi|docker\.io|ghcr|quay\.io|registry\.|repo1?\.maven|index-url"
    assert not re.search(hosts, text(page), re.IGNORECASE)


@pytest.mark.parametrize("path", ["docker-compose.yml", "deploy/Dockerfile", "deploy/make-secrets"])
def test_what_is_deployed_names_no_package_registry(path):
    assert not re.search(r"pypi|docker\.io|ghcr|quay\.io|registry|https?://(?!127|airflow-api)", text(path))
