import json
import stat
from pathlib import Path

from connectors import sandbox_app
from simpul.crypto import Keys, decode_master_key

MAKE = Path(__file__).parents[2] / "deploy" / "make-secrets"


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_only_the_owner_gets_into_the_folder_and_everybody_inside_can_read(made_secrets):
    assert stat.S_IMODE(made_secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made_secrets.iterdir()} == {0o444}


def test_what_is_there_stays_as_it_is(make_secrets, made_secrets):
    before = contents(made_secrets)
    again = make_secrets(made_secrets)
    assert contents(made_secrets) == before
    assert again.stdout == ""


def test_a_missing_secret_is_made_alone(make_secrets, tmp_path):
    make_secrets(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "airflow-session-key").unlink()
    make_secrets(tmp_path)
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"airflow-session-key"}


def test_the_secrets_are_of_the_form_their_readers_want(made_secrets):
    from cryptography.fernet import Fernet

    made = contents(made_secrets)
    Keys(decode_master_key(made["master-key"]))
    Fernet(made["airflow-fernet-key"])
    assert json.loads(made["airflow-passwords.json"]) == {
        "admin": made["airflow-admin-password"],
        "simpul": made["airflow-password"],
    }
    assert made["postgres-password"] in made["database-url"]
    assert made["airflow-postgres-password"] in made["airflow-database-url"]


def test_two_installations_have_nothing_in_common_but_the_sandbox(make_secrets, made_secrets, tmp_path):
    make_secrets(tmp_path)
    mine, theirs = contents(made_secrets), contents(tmp_path)
    same = {name for name in mine if mine[name] == theirs[name]}
    assert same == set(sandbox_app.credentials())


def test_the_agencies_credentials_are_the_sandboxs_to_the_letter(made_secrets):
    assert {name: (made_secrets / name).read_text() for name in sandbox_app.credentials()} == sandbox_app.credentials()


def test_git_ignores_the_folder():
    assert "/secrets/" in (MAKE.parent / ".gitignore").read_text().split()
