"""The servers that the other tests are given."""

import psycopg

from simpul.embedded import kafka as embedded_kafka


def test_each_test_gets_a_database_of_its_own_with_a_ledger_in_it(database_url):
    with psycopg.connect(database_url) as connection:
        tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        assert "application" in tables
        connection.execute("DROP TABLE application CASCADE")


def test_what_a_test_does_to_its_database_is_gone_for_the_next(database_url):
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM application").fetchone() == (0,)
        connection.execute("DROP TABLE application CASCADE")


def test_the_broker_answers(kafka):
    assert embedded_kafka.is_ready(kafka)


def test_settings_of_two_installations_share_nothing(settings, database_url):
    one, other = settings(), settings()
    assert one.topic_prefix != other.topic_prefix
    assert one.database_url == database_url
    assert one.keys.blind("x") != other.keys.blind("x")
