"""How hosts are treated: their rules, requests at a time, rate and pauses, and what is not asked again."""

import gc
import gzip
import socket
import ssl
import threading
import time

import pytest
import trustme
from flaky_server import BODY, fetch, fetch_url, fetcher, serving

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.client import retry_after_s
from interloom.stages.fetch_images.failure import Failed, Fetched
from interloom.stages.fetch_images.hosts import Hosts, Manners
from interloom.stages.fetch_images.robots import product_token


@pytest.fixture
def server():
    with serving() as server:
        yield server


def fetch_many(server, paths, **parameters):
    return fetcher(**parameters).fetch([server.url + path for path in paths])


def test_robots_txt_is_asked_once_for_a_site_and_honoured(server):
    server.rules = b"User-agent: *\nDisallow: /ok/secret\n"
    answers = fetch_many(server, ["/ok/1", "/ok/secret/2", "/to/ok/secret", "/ok/3"], robots=True)
    forbidden = Failed(Drop("robots_disallowed"))
    assert [each if isinstance(each, Failed) else each.data for each in answers] == [BODY, forbidden, forbidden, BODY]
    assert server.requests["/robots.txt"] == 1 and not server.requests["/ok/secret"]


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        (b"User-agent: Tester\nDisallow: /", Drop("robots_disallowed")),
        (b"User-agent: other\nDisallow: /\n", BODY),
        (b"User-agent: *\nDisallow: /\n\nUser-agent: tester\nAllow: /ok", BODY),
        (b"User-agent: *\nDisallow: /*k$", Drop("robots_disallowed")),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /", Drop("robots_disallowed")),
        (b"\x00\xff" * 1000, BODY),
        (b"#" * (600 << 10) + b"\nUser-agent: *\nDisallow: /", BODY),
        (b"User-agent: *\n" + b"#\n" * 255_950 + b"Disallow: /\n" + b"#\n" * 99_000, Drop("robots_disallowed")),
        ("User-agent: *\nDisallow: /".encode("utf-16"), Drop("robots_disallowed")),
        ((203, b"User-agent: *\nDisallow: /"), Drop("robots_disallowed")),
        ((404, b"User-agent: *\nDisallow: /"), BODY),
        ((403, b""), BODY),
        ((503, b""), Drop("robots_unreachable")),
        ((429, b""), Drop("robots_unreachable")),
    ],
)
def test_robots_txt_is_read_as_rfc_9309_says(server, rules, outcome):
    server.rules = rules
    assert fetch(server, "/ok", robots=True) == outcome


@pytest.mark.parametrize(("path", "outcome"), [("/ok/secret", Drop("robots_disallowed")), ("/ok", BODY)])
def test_compressed_rules_are_cut_off_where_others_are(server, monkeypatch, path, outcome):
    rules = gzip.compress(b"User-agent: *\nDisallow: /ok/secret\n" + b"#\n" * 500_000)
    monkeypatch.setattr("flaky_server.Flaky.do_robots", lambda self: self.send(200, rules, Content_Encoding="gzip"))
    assert fetch(server, path, robots=True) == outcome


def test_a_redirect_of_robots_txt_to_an_impossible_url_is_no_rule(server, monkeypatch):
    monkeypatch.setattr("flaky_server.Flaky.do_robots", lambda self: self.send(302, b"", Location="http://[::1/"))
    assert fetch(server, "/ok", robots=True) == BODY


def test_robots_txt_is_not_read_if_it_does_not_count(server):
    server.rules = b"User-agent: *\nDisallow: /"
    assert fetch(server, "/ok", robots=False) == BODY
    assert server.requests["/robots.txt"] == 0


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("Mozilla/5.0 (compatible; interloom)", "interloom"),
        ("Mozilla/5.0 (compatible; Lab-Bot/2.1; +https://lab.example)", "Lab-Bot"),
        ("Lab-Bot/2 (+https://lab.example)", "Lab-Bot"),
        ("", "interloom"),
    ],
)
def test_the_name_in_robots_txt_is_that_of_the_user_agent(user_agent, token):
    assert product_token(user_agent) == token


def test_a_host_gets_so_many_requests_at_a_time(server):
    answers = fetch_many(server, [f"/held/{n}" for n in range(12)], manners=Manners(3, 0))
    assert all(isinstance(each, Fetched) for each in answers)
    assert server.most_held == 3


def test_requests_to_a_host_begin_at_a_rate(server):
    fetch_many(server, [f"/times/{n}" for n in range(5)], manners=Manners(4, 25))
    assert len(server.times) == 5 and max(server.times) - min(server.times) > 0.15


def test_a_crawl_delay_slows_the_host_down(server):
    server.rules = b"User-agent: *\nCrawl-delay: 0.1"
    fetch_many(server, [f"/times/{n}" for n in range(3)], robots=True)
    assert max(server.times) - min(server.times) > 0.19


def test_a_host_that_wants_a_pause_gets_it(server):
    assert fetch(server, "/busy/1/1", retries=1) == BODY
    assert server.times[1] - server.times[0] > 0.99


def test_a_host_that_wants_a_long_pause_is_left_alone(server):
    first, second = fetch_many(server, ["/busy/9/3600", "/busy/9/3600?again"], retries=3, manners=Manners(1, 0))
    assert first == second == Failed(Drop("http_429"), is_passing=True)
    assert len(server.times) == 1


def test_a_busy_host_whose_error_page_is_not_for_indexes_is_left_alone_too(server, monkeypatch):
    def busy(self, rest, times):
        self.server.times.append(time.monotonic())
        self.send(503, b"", X_Robots_Tag="noindex", Retry_After="3600")

    monkeypatch.setattr("flaky_server.Flaky.answer_busy", busy)
    answers = fetch_many(server, ["/busy/1", "/busy/2"], manners=Manners(1, 0))
    assert answers == [Failed(Drop("http_503"), is_passing=True)] * 2
    assert len(server.times) == 1


def test_hosts_that_are_to_be_left_alone_are_not_forgotten(monkeypatch):
    monkeypatch.setattr("interloom.stages.fetch_images.hosts._MOST_HOSTS", 2)
    hosts = Hosts(Manners(4, 0))
    hosts.named("busy").answered(503, 3600.0)
    plain = hosts.named("plain"), hosts.named("other")
    hosts.forget_if_many()
    assert hosts.named("busy").paused_until > time.monotonic() + 3000
    assert hosts.named("plain") not in plain


def test_a_crawl_delay_outlasts_a_host_that_was_forgotten(server, monkeypatch):
    monkeypatch.setattr("interloom.stages.fetch_images.hosts._MOST_HOSTS", 0)
    server.rules = b"User-agent: *\nCrawl-delay: 0.1"
    hosts = fetcher(robots=True, manners=Manners(4, 0))
    for _ in range(2):
        server.times.clear()
        hosts.fetch([f"{server.url}/times/{n}" for n in range(3)])
        assert max(server.times) - min(server.times) > 0.19
    assert server.requests["/robots.txt"] == 1


def test_a_host_that_is_down_is_not_asked_for_each_image():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        urls = [f"http://127.0.0.1:{closed.getsockname()[1]}/{n}" for n in range(200)]
        hosts = fetcher(retries=2)
        assert set(hosts.fetch(urls)) == {Failed(Drop("unreachable"), is_passing=True)}
        assert hosts._running[1]._hosts.named("127.0.0.1").failures < 20


def test_an_image_that_waits_too_long_is_left_to_a_later_step(server):
    answers = fetch_many(server, [f"/slow/{n}" for n in range(9)], manners=Manners(1, 0, patience_s=0.12))
    assert answers.count(Failed(Drop("host_busy", None, 0.12), is_passing=True)) >= 5
    assert isinstance(answers[0], Fetched)


@pytest.mark.parametrize(
    ("path", "is_passing"),
    [("/status/404", False), ("/status/503", True), ("/reset", True), ("/short", True), ("/ok/private", False)],
)
def test_a_failure_says_whether_a_later_attempt_may_succeed(server, path, is_passing):
    [answer] = fetch_many(server, [path], allow_private="private" not in path)
    assert answer.is_passing == is_passing


def test_a_connection_is_used_again(server, monkeypatch):
    monkeypatch.setattr("flaky_server.Flaky.protocol_version", "HTTP/1.1")
    hosts = fetcher(manners=Manners(1, 0))
    for _ in range(2):  # calls share connections, too
        assert [each.data for each in hosts.fetch([f"{server.url}/keeps/{n}" for n in range(3)])] == [BODY] * 3
    assert len(server.connections) == 1


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server, monkeypatch):
    monkeypatch.setattr("flaky_server.Flaky.protocol_version", "HTTP/1.1")
    hosts = fetcher(manners=Manners(1, 0))
    for _ in range(3):
        assert [each.data for each in hosts.fetch([f"{server.url}/keeps/once"])] == [BODY]
    assert len(server.connections) == 3


def test_a_failed_look_up_is_not_repeated_at_once(monkeypatch):
    asked = []

    def look_up(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    hosts = fetcher(retries=2, manners=Manners(1, 0))
    answers = hosts.fetch([f"http://nowhere.example/{n}" for n in range(4)])
    assert answers == [Failed(Drop("unreachable"))] * 4
    assert asked == ["nowhere.example"]


def test_a_look_up_that_fails_when_nobody_waits_any_more_says_nothing(monkeypatch, caplog):
    over = threading.Event()

    def look_up(*_, **__):
        over.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    hosts = fetcher(timeout_s=0.05)
    assert hosts.fetch(["http://slow.example/"]) == [Failed(Drop("timed_out", None, 0.05), is_passing=True)]
    over.set()
    while hosts._running[1]._client._addresses._asked:
        hosts.fetch(["http://"])
    gc.collect()
    assert caplog.text == ""


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_connection_that_ends_while_tls_is_agreed_on_may_pass(farewell):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(farewell)

        thread = threading.Thread(target=accept)
        thread.start()
        [answer] = fetcher().fetch([f"https://127.0.0.1:{listener.getsockname()[1]}/"])
        thread.join()
    assert answer == (Failed(Drop("tls_failed")) if farewell else Failed(Drop("unreachable"), is_passing=True))


@pytest.mark.parametrize(("name", "reason"), [("other.example", "tls_failed"), ("localhost", None)])
def test_a_certificate_must_be_for_the_name(monkeypatch, tmp_path, name, reason):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with serving(context) as server:
        answer = fetch_url(f"https://localhost:{server.server_port}/ok")
    assert answer == (Drop(reason) if reason else BODY)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), (" 0 ", 0.0), ("Thu, 01 Jan 1970 00:01:00 GMT", 30.0), ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0)],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert retry_after_s(value, 30.0) == seconds


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "Thu, 99 Jan 1970"])
def test_other_values_of_retry_after_do_not_count(value):
    assert retry_after_s(value, 30.0) is None


def test_a_crawl_delay_is_kept_by_all_workers_together(server):
    server.rules = b"User-agent: *\nCrawl-delay: 0.1"
    fetch_many(server, [f"/times/{n}" for n in range(3)], robots=True, manners=Manners(4, 0, workers=3))
    assert max(server.times) - min(server.times) > 0.59
