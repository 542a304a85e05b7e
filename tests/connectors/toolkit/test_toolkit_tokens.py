import threading

import pytest

from connectors.toolkit.tokens import Token, TokenRefusedError, Tokens


class Agency:
    def __init__(self, seconds=None):
        self.issued = 0
        self.now = 0.0
        self.tokens = Tokens(lambda: self.issue(seconds), clock=lambda: self.now)

    def issue(self, seconds):
        self.issued += 1
        return Token(f"token-{self.issued}", seconds)


def test_a_token_is_fetched_once_and_used_until_shortly_before_its_end():
    agency = Agency(seconds=900)
    assert agency.tokens.current() == agency.tokens.current() == "token-1"
    agency.now = 869.0
    assert agency.tokens.current() == "token-1"
    agency.now = 870.0
    assert agency.tokens.current() == "token-2"


def test_a_short_lived_token_serves_half_its_life():
    agency = Agency(seconds=10)
    agency.tokens.current()
    agency.now = 4.9
    assert agency.tokens.current() == "token-1"
    agency.now = 5.0
    assert agency.tokens.current() == "token-2"


def test_a_refused_token_is_fetched_anew_once():
    agency = Agency()

    def call(token):
        if token == "token-1":
            raise TokenRefusedError
        return token

    assert agency.tokens.using(call) == "token-2"


def test_a_token_refused_twice_is_an_error_and_the_next_call_begins_anew():
    agency = Agency()

    def call(token):
        raise TokenRefusedError

    with pytest.raises(TokenRefusedError):
        agency.tokens.using(call)
    assert agency.issued == 2
    assert agency.tokens.current() == "token-3"


def test_many_threads_fetch_one_token():
    agency = Agency()
    together = threading.Barrier(8)
    seen = []

    def use():
        together.wait()
        seen.append(agency.tokens.using(lambda token: token))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {"token-1"}
