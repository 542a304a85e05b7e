import socket
import threading
import time

import pytest
from misbehaving import CARD, Ask, answering, dripping, http

from connectors.toolkit import errors
from connectors.toolkit.deadline import WATCHDOG, not_after

# Each of these servers goes on for ever: without a total deadline these tests would never end.
ENDLESS = {
    "silence": dripping(b"", b""),
    "slow headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "slow body of known length": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    "slow body of unknown length": dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
    "slow chunks": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS)
def test_a_call_ends_at_its_deadline_however_the_agency_stalls(serve, connect, behaviour):
    connector = connect(serve(behaviour).url, call_deadline=0.3)

    with pytest.raises(errors.Retriable) as caught:
        connector.read(Ask())

    assert caught.value.code == "DEADLINE"
    assert caught.value.doubtful
    assert not WATCHDOG._calls


@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS)
def test_a_write_that_met_its_deadline_is_in_doubt(serve, connect, behaviour):
    with pytest.raises(errors.InDoubt):
        connect(serve(behaviour).url, call_deadline=0.3).write(Ask(), reference="R")


def test_the_deadline_holds_under_tls(serve, connect, certify):
    certificate = certify("agency")
    server = serve(ENDLESS["slow body of unknown length"], tls=certificate.server_context())
    connector = connect(f"https://127.0.0.1:{server.port}", ca_file=certificate.certificate, call_deadline=0.3)

    with pytest.raises(errors.Retriable) as caught:
        connector.read(Ask())

    assert caught.value.code == "DEADLINE"


def test_the_deadline_holds_when_the_tls_handshake_never_ends(serve, connect):
    server = serve(lambda server, connection: server.ended.wait())
    connector = connect(f"https://127.0.0.1:{server.port}", call_deadline=0.3)

    with pytest.raises(errors.Retriable) as caught:
        connector.write(Ask(), reference="R")

    assert not caught.value.doubtful


def test_nothing_is_sent_after_the_deadline(serve, connect, monkeypatch):
    server = serve(answering(http()))
    connector = connect(server.url, call_deadline=0.2)
    resolve = socket.getaddrinfo
    over = threading.Event()

    def slow_resolver(*arguments, **keywords):
        # The system's resolver cannot be interrupted: it comes back when the deadline is long over.
        call = next(iter(WATCHDOG._calls.values()))
        while not call.expired:
            over.wait(0.01)
        return resolve(*arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", slow_resolver)
    with pytest.raises(errors.Retriable) as caught:
        connector.write(Ask(), reference="R")

    assert not caught.value.doubtful
    assert server.requests == []


def test_a_caller_may_set_an_earlier_end_and_past_it_nothing_is_sent(serve, connect):
    server = serve(answering(http()))
    connector = connect(server.url)

    with not_after(time.monotonic() - 1), pytest.raises(errors.Retriable) as caught:
        connector.write(Ask(), reference="R")

    assert not caught.value.doubtful
    assert server.requests == []
    assert connector.read(Ask()).card_number == "KIA-99"


def test_a_connector_is_as_good_as_new_after_a_deadline(serve, connect):
    stalled = threading.Event()

    def behave(server, connection):
        if not stalled.is_set():
            stalled.set()
            ENDLESS["slow headers"](server, connection)
        answering(http())(server, connection)

    connector = connect(serve(behave).url, call_deadline=0.3)
    with pytest.raises(errors.Retriable):
        connector.read(Ask())

    assert connector.read(Ask()).card_number == "KIA-99"


def test_an_answer_in_time_is_not_cut_by_a_neighbours_deadline(serve, connect):
    slow = connect(serve(ENDLESS["silence"]).url, call_deadline=0.3)
    quick = connect(serve(answering(http())).url, call_deadline=20)
    caught = []

    def stall():
        try:
            slow.read(Ask())
        except errors.Retriable as error:
            caught.append(error.code)

    thread = threading.Thread(target=stall)
    thread.start()
    answers = 0
    while thread.is_alive():
        assert quick.read(Ask()).card_number == "KIA-99"
        answers += 1
    thread.join()

    assert caught == ["DEADLINE"]
    assert answers > 0


def test_a_whole_answer_that_ends_with_the_connection_is_an_answer(serve, connect):
    def behave(server, connection):
        server.request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + CARD)

    assert connect(serve(behave).url).read(Ask()).card_number == "KIA-99"
