"""The catalogue's files: what is wrong in them is said with file, line and field; what was frozen does not change unnoticed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simpul.commands.service import app
from simpul.workflow.catalogue import CatalogueError, Source

FILE = "djp.yaml"


@pytest.fixture(autouse=True)
def _airflow_home(airflow_home: None) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path, dags_folder: Path) -> Path:
    """One agency's part of the catalogue, to be changed."""
    for part in ("catalogue", "published/catalogue"):
        (tmp_path / part).mkdir(parents=True)
    shutil.copy(dags_folder / "catalogue_djp.py", tmp_path)
    shutil.copy(dags_folder / "catalogue" / FILE, tmp_path / "catalogue")
    shutil.copy(dags_folder / "published/catalogue/djp.json", tmp_path / "published/catalogue")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[..., str]:
    def go(*words: str) -> str:
        found = CliRunner().invoke(app, [*words, "--dags", str(folder)])
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return f"{found.output}exit {found.exit_code}"

    return go


def edit(folder: Path, old: str, new: str) -> int:
    """Changes the file; returns the line in which `old` began."""
    file = folder / "catalogue" / FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("standard: 2 working hours", "standard: soon", "services[0].standard: 'soon' is no span"),
        ("kind: npwp", "kind: npwq", "fields.npwp.kind: Input should be"),
        ("fields: [npwp]", "fields: [nwpw]", "services[0].fields[0]: there is no 'nwpw' above; did you mean 'npwp'?"),
        ("requirements: [statement]", "requirements: [statment]", "did you mean 'statement'?"),
        ("id: djp_efin", "id: tax_efin", "'tax_efin' does not begin with djp_"),
        ("id: djp_efin", "id: djp_kswp", "'djp_kswp' version 1 stands there twice"),
        ("ask: djp.get_taxpayer, with", "ask: djp.get_taxpaier, with", "did you mean 'djp.get_taxpayer'?"),
        ("licence_code: form.licence_code", "licence_code: form.licence", "the form has no 'licence'"),
        ("result: {id: Data wajib pajak", "reslt: {id: Data wajib pajak", "services[0].reslt: Extra inputs"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    folder: Path, run: Callable[..., str], old: str, new: str, said: str
) -> None:
    line = edit(folder, old, new)
    found = run("check")
    assert said in found
    assert f"catalogue/{FILE}:{line}: " in found
    assert found.endswith("exit 1")


def test_state_revenue_needs_a_tariff(folder: Path) -> None:
    line = edit(folder, "standard: 2 working hours", "standard: 2 working hours\n    fee: 5000")
    with pytest.raises(CatalogueError, match=rf"{FILE}:{line - 2}: services\[0\].tariff: state revenue needs"):
        Source(folder / "catalogue" / FILE).read()


def test_what_is_no_yaml_is_said_with_its_line(folder: Path) -> None:
    edit(folder, "agency: djp", "agency: [djp")
    with pytest.raises(CatalogueError, match=rf"catalogue/{FILE}:\d+: this is no YAML"):
        Source(folder / "catalogue" / FILE).read()


def test_a_changed_step_without_a_raised_version_is_refused(folder: Path, run: Callable[..., str]) -> None:
    before = (folder / "published/catalogue/djp.json").read_text()
    edit(folder, "licence_code: form.licence_code", "licence_code: =PP01")
    said = run("check", "--freeze")
    assert "the steps of djp_kswp version 1 differ from those in published/catalogue/djp.json: copy the service" in said
    assert said.endswith("exit 1")
    assert (folder / "published/catalogue/djp.json").read_text() == before


def test_a_corrected_title_changes_one_line_of_what_is_frozen(folder: Path, run: Callable[..., str]) -> None:
    before = (folder / "published/catalogue/djp.json").read_text().splitlines()
    edit(folder, "title: {id: Informasi data NPWP", "title: {id: Informasi NPWP")
    assert "djp_npwp_info was corrected" in run("check")
    assert run("check", "--freeze").endswith("exit 0")
    after = (folder / "published/catalogue/djp.json").read_text().splitlines()
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def test_a_new_service_is_published_only_once_it_is_frozen(folder: Path, run: Callable[..., str]) -> None:
    edit(folder, "id: djp_efin", "id: djp_efin_new")
    said = run("publish")
    assert "djp_efin_new is not frozen" in said
    assert said.endswith("exit 1")


def test_a_service_that_vanished_is_asked_about(folder: Path, run: Callable[..., str]) -> None:
    edit(folder, "id: djp_efin", "id: djp_efin_new")
    assert "remove its line from published/catalogue/djp.json" in run("check")


def test_a_file_without_its_generator_is_refused(folder: Path, run: Callable[..., str]) -> None:
    shutil.copy(folder / "catalogue_djp.py", folder / "catalogue_tax.py")
    assert "catalogue_tax.py: there is no catalogue/tax.yaml" in run("check")
    (folder / "catalogue_tax.py").unlink()
    shutil.copy(folder / "catalogue" / FILE, folder / "catalogue" / "tax.yaml")
    assert "catalogue/tax.yaml: Airflow needs a file catalogue_tax.py" in run("check")


def test_airflow_gets_the_steps_that_are_published(dags_folder: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    from simpul.workflow import publish

    read = publish.read(dags_folder)
    ours = {found.definition.dag_id: found.definition for found in read}
    for agency in ("dukcapil", "polri"):
        file = dags_folder / f"catalogue_{agency}.py"
        bag = DagBag(dag_folder=str(file), bundle_path=dags_folder, bundle_name="test")
        assert bag.import_errors == {}
        assert bag.dags.keys() == {found.definition.dag_id for found in read if found.file == file}
        for name, dag in bag.dags.items():
            assert dag.fileloc == str(file)
            assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == {
                step.name: set(step.after) for step in ours[name].steps
            }
            assert all(
                task.start_trigger_args.trigger_kwargs
                == {"service": ours[name].service, "version": ours[name].version, "step": task.task_id}
                for task in dag.tasks
            )


def test_there_are_160_services_of_17_agencies_and_the_workflows_in_python(dags_folder: Path) -> None:
    found = json.loads(CliRunner().invoke(app, ["list", "--json", "--dags", str(dags_folder)]).stdout)
    catalogue = [service for service in found if service["id"].startswith(f"{service['agency']}_")]
    assert len(catalogue) >= 160
    assert len({service["agency"] for service in catalogue}) >= 17
    written = {service["id"] for service in found if service not in catalogue}
    assert {"birth", "business", "death", "land", "marriage", "move", "passport"} <= written
    assert "compensation" not in written
    wanted = {"id", "title", "agency", "standard", "fee", "channels"}
    assert all(wanted <= service.keys() and service["title"] and service["channels"] for service in found)


def test_a_service_is_shown_with_its_requirements(dags_folder: Path) -> None:
    shown = CliRunner().invoke(app, ["show", "imigrasi_passport_lost", "--dags", str(dags_folder)])
    told = json.loads(shown.stdout)
    assert [paper["name"] for paper in told["requirements"]] == ["police_letter", "deed"]
    assert told["fee"] == 1_650_000
    assert [step["kind"] for step in told["steps"]][-2:] == ["document", "notify"]
    assert told["legal_basis"]
    written = CliRunner().invoke(app, ["show", "marriage", "--dags", str(dags_folder)])
    of_marriage = json.loads(written.stdout)
    assert {"name": "birth_deeds", "title": {"en": "Both birth deeds"}, "gathered": None} in of_marriage["requirements"]
    assert "PMA" in of_marriage["legal_basis"]
    assert "ceremony" in [step["name"] for step in of_marriage["steps"]]
    wrong = CliRunner().invoke(app, ["show", "passprt", "--dags", str(dags_folder)])
    assert "did you mean 'passport'?" in wrong.output
    assert wrong.exit_code == 1
