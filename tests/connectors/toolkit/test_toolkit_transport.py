import gzip
import json
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from misbehaving import CARD, Ask, answering, http

from connectors.toolkit import errors

Retriable, Misconfigured, BadData, InDoubt = errors.Retriable, errors.Misconfigured, errors.BadData, errors.InDoubt

# status: error of a read, of a write
STATUSES = {
    "301 Moved": (Misconfigured, InDoubt),
    "303 See Other": (Misconfigured, InDoubt),
    "307 Temporary Redirect": (Misconfigured, Misconfigured),
    "308 Permanent Redirect": (Misconfigured, Misconfigured),
    "400 Bad Request": (BadData, BadData),
    "401 Unauthorized": (Misconfigured, Misconfigured),
    "403 Forbidden": (Misconfigured, Misconfigured),
    "404 Not Found": (Misconfigured, Misconfigured),
    "405 Method Not Allowed": (Misconfigured, Misconfigured),
    "408 Request Timeout": (Retriable, InDoubt),
    "409 Conflict": (BadData, InDoubt),
    "422 Unprocessable": (BadData, BadData),
    "429 Too Many Requests": (Retriable, Retriable),
    "500 Internal Server Error": (Retriable, InDoubt),
    "501 Not Implemented": (Misconfigured, Misconfigured),
    "502 Bad Gateway": (Retriable, InDoubt),
    "503 Service Unavailable": (Retriable, InDoubt),
    "504 Gateway Timeout": (Retriable, InDoubt),
}


@pytest.mark.parametrize(("status", "expected"), STATUSES.items(), ids=STATUSES)
def test_every_status_is_named_by_what_to_do_next(serve, connect, status, expected):
    connector = connect(serve(answering(http(b"", status))).url)

    with pytest.raises(errors.AgencyError) as reading:
        connector.read(Ask())
    with pytest.raises(errors.AgencyError) as writing:
        connector.write(Ask(), reference="R")

    assert (type(reading.value), type(writing.value)) == expected
    assert reading.value.code == writing.value.code == f"HTTP_{status[:3]}"


def test_an_idempotent_operation_may_be_asked_again_after_a_fault(serve, connect):
    with pytest.raises(Retriable):
        connect(serve(answering(http(b"", "502 Bad Gateway"))).url).put(Ask(), reference="R")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 7"], 7.0),
        (["Retry-After: Wed, 21 Oct 2015 07:28:30 GMT", "Date: Wed, 21 Oct 2015 07:28:00 GMT"], 30.0),
        (["Retry-After: Wed, 21 Oct 2015 07:28:30 GMT"], None),
        (["Retry-After: soon"], None),
        ([], None),
    ],
)
def test_the_agency_says_how_long_to_wait(serve, connect, headers, seconds):
    with pytest.raises(Retriable) as caught:
        connect(serve(answering(http(b"", "429 Too Many Requests", *headers))).url).read(Ask())

    assert caught.value.retry_after == seconds


def test_a_redirect_is_not_followed(serve, connect):
    elsewhere = serve(answering(http()))
    agency = serve(answering(http(b"", "307 Temporary Redirect", f"Location: {elsewhere.url}/card")))

    with pytest.raises(Misconfigured):
        connect(agency.url).read(Ask())

    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        http(b" " * 5000),
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 5000,
        http(gzip.compress(b" " * 500_000), "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["announced", "unannounced", "compressed"],
)
def test_an_answer_above_the_limit_is_refused(serve, connect, answer):
    def behave(server, connection):
        server.request(connection)
        connection.sendall(answer)

    connector = connect(serve(behave).url, max_response_bytes=4096)
    with pytest.raises(BadData) as reading:
        connector.read(Ask())
    with pytest.raises(InDoubt):
        connector.write(Ask(), reference="R")

    assert reading.value.code == "TOO_LARGE"


def test_an_answer_of_exactly_the_limit_is_read(serve, connect):
    connector = connect(serve(answering(http())).url, max_response_bytes=len(CARD))

    assert connector.read(Ask()).card_number == "KIA-99"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", Retriable), (b" <html>", Retriable), (b"{", BadData), (b"[" * 100_000, BadData), (b'{"x": 1}', BadData)],
    ids=["nothing", "a page", "half", "deep", "something else"],
)
def test_what_is_no_answer_is_asked_again_and_what_breaks_the_contract_is_not(serve, connect, body, kind):
    connector = connect(serve(answering(http(body))).url)

    with pytest.raises(kind):
        connector.read(Ask())
    with pytest.raises(InDoubt):
        connector.write(Ask(), reference="R")


def test_connections_are_kept(serve, connect):
    server = serve(answering(http()))
    connector = connect(server.url)

    for _ in range(5):
        connector.read(Ask())

    assert (server.connections, len(server.requests)) == (1, 5)


def test_a_kept_connection_that_dies_under_a_write_is_in_doubt_and_nothing_is_sent_twice(serve, connect):
    def behave(server, connection):
        server.request(connection)
        connection.sendall(http())
        server.request(connection)

    server = serve(behave)
    connector = connect(server.url)
    connector.write(Ask(), reference="first")
    with pytest.raises(InDoubt) as caught:
        connector.write(Ask(), reference="second")

    assert caught.value.code == "CONNECTION_LOST"
    assert len(server.requests) == 2


def test_a_kept_connection_that_the_agency_closed_meanwhile_is_replaced(serve, connect):
    closed = threading.Event()

    def behave(server, connection):
        server.request(connection)
        connection.sendall(http())
        connection.close()
        closed.set()

    server = serve(behave)
    connector = connect(server.url)
    for reference in ("first", "second"):
        connector.write(Ask(), reference=reference)
        closed.wait()
        closed.clear()

    assert server.connections == 2


def test_an_agency_that_does_not_listen_was_never_sent_anything(connect):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    with pytest.raises(Retriable) as caught:
        connect(f"http://127.0.0.1:{port}").write(Ask(), reference="R")

    assert (caught.value.code, caught.value.owner, caught.value.doubtful) == ("UNREACHABLE", "network", False)


def test_a_host_that_dns_does_not_know_was_never_sent_anything(connect, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Retriable) as caught:
        connect("https://agency.invalid").write(Ask(), reference="R")

    assert (caught.value.code, caught.value.doubtful) == ("UNKNOWN_HOST", False)


def test_what_is_not_http_at_all_leaves_a_write_in_doubt(serve, connect):
    def behave(server, connection):
        server.request(connection)
        connection.sendall(b"SSH-2.0-OpenSSH\r\n")

    with pytest.raises(InDoubt):
        connect(serve(behave).url).write(Ask(), reference="R")


def test_the_environments_proxy_is_not_used(serve, connect, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert connect(serve(answering(http())).url).read(Ask()).card_number == "KIA-99"


def test_cookies_are_not_kept(serve, connect):
    server = serve(answering(http(CARD, "200 OK", "Set-Cookie: session=1")))
    connector = connect(server.url)
    connector.read(Ask())
    connector.read(Ask())

    assert b"session=1" not in server.requests[1]


def test_many_threads_get_their_own_answers(serve, connect):
    def behave(server, connection):
        while request := server.request(connection):
            nik = json.loads(request.partition(b"\r\n\r\n")[2])["nik"]
            connection.sendall(http(json.dumps({"card_number": f"KIA-{nik}", "nik": nik}).encode()))

    connector = connect(serve(behave).url, concurrency=4)
    niks = [f"99990101019{number:05d}" for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        cards = list(pool.map(lambda nik: connector.read(Ask(nik=nik)), niks))

    assert [card.card_number for card in cards] == [f"KIA-{nik}" for nik in niks]


def test_neither_logs_nor_errors_show_what_was_asked(serve, connect, caplog):
    caplog.set_level(logging.DEBUG)
    connector = connect(serve(answering(http(b'{"nik": "9999010101900001", "card_number": ["9999010101900001"]}'))).url)

    connector.exchange("GET", "person/9999010101900001")
    with pytest.raises(BadData) as caught:
        connector.read(Ask())

    error = caught.value
    shown = f"{error} {error!r} {error.detail} {error.field} {error.__cause__} {caplog.text}"
    assert "9999010101900001" not in shown
    assert error.field == "card_number"


def test_a_path_quotes_what_it_is_given(serve, connect):
    server = serve(answering(http(b"{}")))
    connect(f"{server.url}/base").get("find", "../a?b#c", params={"d": "e f"})

    assert server.requests[0].startswith(b"GET /base/find/..%2Fa%3Fb%23c?d=e+f HTTP/1.1\r\n")
