"""Fetching against a real server that misbehaves in every way we know."""

import socket
from urllib.parse import quote

import pytest
from flaky_server import BODY, fetch, fetch_url, serving

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.addresses import is_public
from interloom.stages.fetch_images.worker import pause_s


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        yield server


@pytest.mark.parametrize(
    "path",
    ["/ok", "/chunked/whole", "/old", "/longer", "/gzip/whole", "/keeps/once", "/to/ok", "/to/to/to/to/to/ok", "/recovers/0"],
)
def test_the_whole_body_is_returned(server, path):
    assert fetch(server, path) == BODY


def test_the_user_agent_is_sent(server):
    fetch(server, "/ok")
    assert server.headers_seen["User-Agent"] == "Tester/1"
    assert server.headers_seen["Host"] == server.url.removeprefix("http://")


def test_spaces_and_letters_of_other_alphabets_are_encoded(server):
    assert fetch(server, "/ok/a b/é?q=ü v#part") == BODY
    assert server.requests["/ok/a%20b/%C3%A9?q=%C3%BC%20v"] == 1


def answering(server, raw, **parameters):
    """What becomes of an answer of these bytes."""
    return fetch(server, f"/raw/{quote(raw)}", **parameters)


@pytest.mark.parametrize(
    ("location", "path"),
    [("/ok/ü".encode(), "/ok/%C3%BC"), ("/ok/ü".encode("latin-1"), "/ok/%FC"), (b"/ok/%FC b", "/ok/%FC%20b")],
)
def test_a_redirect_leads_where_its_bytes_say(server, location, path):
    assert answering(server, b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location) == BODY
    assert server.requests[path] == 1


@pytest.mark.parametrize("location", ["http://[::1/", "//[x]/", "http://h:99999/", "https://"])
def test_a_redirect_to_an_impossible_url_is_bad(server, location):
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    assert answering(server, head.encode()) == Drop("bad_url")


def test_a_url_that_libcurl_refuses_is_bad():
    assert fetch_url("http://127.0.0.1/" + "x" * 9_000_000) == Drop("bad_url")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nHTTP/x: y\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nHTTP/1.1 404: x\r\nX-Robots-Tag: noai\r\n\r\n",
        b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 103 Early Hints\r\nX-Robots-Tag: noai\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
def test_only_the_first_line_of_an_answer_tells_its_status(server, answer, capfd):
    assert answering(server, answer) == b"hi"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("length", ["9223372036854775807", "99999999999999999999999"])
def test_an_absurd_size_that_is_announced_can_be_stored(server, length):
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
    assert answering(server, head.encode()) == Drop("too_large", 1 << 53, 1 << 20)


@pytest.mark.parametrize("status", [404, 503])
def test_the_headers_of_an_error_are_no_opt_out_of_the_picture(server, status):
    head = f"HTTP/1.1 {status} Sorry\r\nX-Robots-Tag: noindex\r\nContent-Length: 0\r\n\r\n"
    assert answering(server, head.encode()) == Drop(f"http_{status}")


def test_a_body_that_is_not_an_image_is_returned_too(server):
    assert fetch(server, "/html") == b"<html>not here</html>"


@pytest.mark.parametrize("status", [404, 403, 410, 204, 206, 304])
def test_a_final_status_is_the_reason_and_is_requested_once(server, status):
    path = f"/status/{status}"
    assert fetch(server, path, retries=3) == Drop(f"http_{status}")
    assert server.requests[path] == 1


def test_a_transient_failure_is_tried_again(server):
    assert fetch(server, "/recovers/2", retries=2) == BODY
    assert server.requests["/recovers/2"] == 3


def test_the_number_of_retries_is_limited(server):
    assert fetch(server, "/recovers/99", retries=1) == Drop("http_500")
    assert server.requests["/recovers/99"] == 2


@pytest.mark.timeout(60)  # without its own limit it would wait for ever
@pytest.mark.parametrize("path", ["/silent", "/drips", "/dripshead"])
def test_a_slow_server_costs_no_more_than_the_timeout(server, path):
    assert fetch(server, path, timeout_s=0.3) == Drop("timed_out", None, 0.3)


def test_a_declared_size_above_the_limit_is_not_read(server):
    assert fetch(server, "/huge/2000", max_bytes=1999) == Drop("too_large", 2000, 1999)
    assert len(fetch(server, "/huge/2000", max_bytes=2000)) == 2000


def test_an_endless_body_is_cut_off(server):
    assert fetch(server, "/endless", max_bytes=300_000) == Drop("too_large", None, 300_000)


def test_broken_chunks_are_no_image(server):
    assert fetch(server, "/badchunks").reason in ("bad_response", "cut_short")  # as the pieces come in


def test_a_gzip_bomb_is_too_large(server):
    assert fetch(server, "/gzip/bomb", max_bytes=1 << 20) == Drop("too_large", None, 1 << 20)


@pytest.mark.parametrize("path", ["/short", "/chunked/cut"])
def test_a_body_shorter_than_announced_is_cut_short(server, path):
    assert fetch(server, path, retries=1) == Drop("cut_short")
    assert server.requests[path] == 2


def test_the_number_of_redirects_is_limited(server):
    assert fetch(server, "/loop/") == Drop("too_many_redirects", None, 5)
    assert server.requests["/loop/xxxxx"] == 1 and server.requests["/loop/xxxxxx"] == 0


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        *(("/garbage", "bad_response"), ("/reset", "unreachable"), ("/twolengths", "bad_response")),
        *(("/longheaders", "bad_response"), ("/brokengzip", "broken_coding")),
    ],
)
def test_a_broken_answer_is_no_image(server, path, reason):
    assert fetch(server, path) == Drop(reason)


def test_a_closed_port_is_unreachable():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert fetch_url(f"http://127.0.0.1:{held.getsockname()[1]}/") == Drop("unreachable")


@pytest.mark.parametrize("tags", ["noai", "all,_NoIndex", "tester:_noai"])
def test_an_opt_out_is_respected(server, tags):
    assert fetch(server, f"/robots/{tags}") == Drop("opted_out")


@pytest.mark.parametrize("tags", ["all", "otherbot:_noai", "nofollow", "unavailable_after:_2030-01-01"])
def test_other_tags_are_ignored(server, tags):
    assert fetch(server, f"/robots/{tags}") == BODY


def test_a_private_address_is_refused_before_it_is_asked(server):
    assert fetch(server, "/ok/private", allow_private=False) == Drop("refused_address")
    assert fetch_url(f"http://localhost:{server.server_port}/ok/private", allow_private=False) == Drop("refused_address")
    assert server.requests["/ok/private"] == 0


def test_a_name_that_resolves_to_a_private_address_is_refused_as_a_whole(server, monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("93.184.216.34", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    url = f"http://rebinding.example:{server.server_port}/ok/inside"
    assert fetch_url(url, allow_private=False) == Drop("refused_address")
    assert server.requests["/ok/inside"] == 0


def test_a_redirect_to_a_private_address_is_refused(server, monkeypatch):
    """The server plays the public internet: only its own address passes the check, as a public one would."""
    monkeypatch.setattr("interloom.stages.fetch_images.addresses.is_public", lambda address: address == "127.0.0.1")
    assert fetch(server, "/ok/public", allow_private=False) == BODY
    target = f"http://127.0.0.2:{server.server_port}/ok/inside"
    assert fetch(server, f"/to/{target}", allow_private=False) == Drop("refused_address")
    assert server.requests["/ok/inside"] == 0


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
def test_other_schemes_are_refused(server, scheme):
    assert fetch_url(scheme) == Drop("refused_address")
    assert fetch(server, f"/to/{scheme}") == Drop("refused_address")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://h:99999/", "http://" + "a" * 70 + ".example/", "http://a..b/"])
def test_an_impossible_url_is_bad(url):
    assert fetch_url(url) == Drop("bad_url")


def test_a_header_cannot_be_smuggled_in(server):
    fetch(server, "/ok/x HTTP/1.1\r\nX-Evil: 1\r\n")
    assert "X-Evil" not in server.headers_seen


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
        *("240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1"),
    ],
)
def test_addresses_of_private_networks_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


def test_pauses_double_and_are_spread_by_the_url():
    assert all(0.5 <= pause_s(f"http://h/{n}", 0, 1.0) <= 1.5 for n in range(50))
    assert all(2.0 <= pause_s(f"http://h/{n}", 2, 1.0) <= 6.0 for n in range(50))
    assert pause_s("http://h/1", 1, 1.0) == pause_s("http://h/1", 1, 1.0)
    assert len({pause_s(f"http://h/{n}", 0, 1.0) for n in range(50)}) == 50
    assert pause_s("http://h/", 60, 1.0) <= 12.0
