"""docs/how-to/change-a-service.md, followed literally with one application under way."""

import shutil

import documents
import pytest
from documents import ROOT, blocks

from simpul.ledger import connect, intake, transaction
from simpul.workflow import publish

PAGE = "docs/how-to/change-a-service.md"


@pytest.fixture
def followed(database_url, settings, tmp_path, monkeypatch):
    """What the commands said, with a birth filed before the page begins."""
    (tmp_path / "dags" / "published").mkdir(parents=True)
    for file in ("dags/birth.py", "dags/published/birth.json"):
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.chdir(tmp_path)
    ours = settings()
    monkeypatch.setenv("SIMPUL_DATABASE_URL", database_url)
    monkeypatch.setenv("SIMPUL_MASTER_KEY", ours.master_key.get_secret_value())
    monkeypatch.setenv("SIMPUL_DAGS_FOLDER", str(tmp_path / "dags"))
    definitions = [found.definition for found in publish.read(tmp_path / "dags")]
    publish.publish(database_url, definitions, actor="test", now=ours.clock.now())
    (birth,) = definitions
    form = {
        "nkk": "9974014101900001",
        "enrol": False,
        "child": {"name": "Bayi", "sex": "female", "birth_date": "2026-01-01", "birth_place": "Kota"},
    }
    filed = intake.Intake(birth, "counter", form, "counter", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    with transaction(connect(database_url)) as connection:
        number = intake.file(connection, filed, ours.keys, ours.clock, "99").number
    return number, [said for _, block in blocks(PAGE, "sh") for said in documents.followed(block)]


@pytest.mark.timeout(300)
def test_the_page_is_followed_to_its_end(followed):
    number, (frozen, published, planned, went, spent, clean, again) = followed
    assert "birth_v2.json" in frozen
    assert "birth version 2: new" in published
    assert planned == f"{number}: would go over\n1 of 1 applications\n"
    assert went == f"{number}: migrated, runnable\n1 of 1 applications\n"
    assert "birth version 1 has no open application: its file and published/birth.json may be deleted" in spent
    assert "birth version 1" not in clean + again
