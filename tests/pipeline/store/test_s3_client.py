"""How S3 is asked: page by page, again after pauses, with credentials that others renew; and what is said of it."""

import datetime
import logging
import socket
import sys
from pathlib import Path

import pytest
from answering_server import Stub, fault

from interloom.pipeline.errors import AccessError, ConfigError, UnitError
from interloom.pipeline.store import storage
from interloom.pipeline.store.s3 import client

OK = (200, b"data", 4)


def page(*names: str, token: str = "") -> tuple[int, bytes, int]:
    """A page of a listing; with a token others follow."""
    entries = "".join(f"<Contents><Key>{name}</Key><Size>1</Size><ETag>e</ETag></Contents>" for name in names)
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = f"<ListBucketResult>{more}{entries}</ListBucketResult>".encode()
    return 200, body, len(body)


def key_of(stub: type[Stub], number: int) -> str:
    """The id of the key with which a request was signed."""
    return stub.headers_seen[number]["Authorization"].partition("Credential=")[2].partition("/")[0]


def test_a_listing_goes_on_with_the_next_page(stub: type[Stub]) -> None:
    stub.plan += [page("in/a", "in/b", token="after-b"), page("in/c")]
    assert storage.list_names("s3://b/in") == ["a", "b", "c"]
    assert "continuation-token=after-b" in stub.paths[1]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_store_that_has_too_much_to_do_is_asked_again(stub: type[Stub], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stub.plan += [(status, b"", 0), (status, b"", 0), OK]
    assert storage.read("s3://b/x") == b"data"


def test_pauses_grow_and_are_spread(stub: type[Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    stub.plan += [(429, b"", 0)] * 7 + [OK]
    storage.read("s3://b/x")
    assert [pause <= min(2**n, 20) for n, pause in enumerate(pauses)] == [True] * 7
    assert len(set(pauses)) == 7, "each pause is drawn"


def test_a_store_that_is_gone_is_given_up_after_eight_tries(stub: type[Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stub.plan += [fault(503, "SlowDown")] * 20
    with pytest.raises(UnitError, match=r"^s3://b/x: .*SlowDown"):
        storage.read("s3://b/x")
    assert len(stub.asked) == client.ATTEMPTS


def test_retries_are_told_once(stub: type[Stub], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stub.plan += [fault(503, "SlowDown"), fault(503, "SlowDown"), OK, fault(500, "InternalError"), OK]
    with caplog.at_level(logging.WARNING, "interloom.store"):
        storage.read("s3://b/x")
        storage.read("s3://b/x")
    [message] = caplog.messages
    assert message.partition(": ")[2] == (
        "SlowDown to GetObject; it is asked again after pauses, up to 8 times a request (told once)"
    )


def test_an_answer_that_is_no_fault_is_not_told(stub: type[Stub], caplog: pytest.LogCaptureFixture) -> None:
    stub.plan += [(404, b"", 0)]
    assert not storage.exists("s3://b/x")
    assert caplog.messages == []


def test_credentials_that_end_soon_are_fetched_anew(stub: type[Stub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gives credentials for a minute, with another key each time; boto3 asks it again before they end."""
    ends = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)).isoformat()
    answer = {"Version": 1, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": ends}
    (tmp_path / "keys.py").write_text(
        f"import json, pathlib\ncount = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "count.write_text(count.read_text() + 'x' if count.exists() else 'x')\n"
        f"print(json.dumps({answer!r} | {{'AccessKeyId': 'key' + str(len(count.read_text()))}}))\n"
    )
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {tmp_path / 'keys.py'}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    stub.plan += [OK, OK]
    storage.read("s3://b/x")
    storage.read("s3://b/x")
    assert key_of(stub, 0) != key_of(stub, 1)


def test_a_file_of_credentials_that_others_renew_is_read_again(
    stub: type[Stub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    stub.plan += [OK, OK]
    for key in ("first", "second"):
        (tmp_path / "credentials").write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n")
        storage.read("s3://b/x")
    assert [key_of(stub, 0), key_of(stub, 1)] == ["first", "second"]


def test_credentials_that_have_expired_are_told_in_a_line(stub: type[Stub]) -> None:
    stub.plan += [fault(400, "ExpiredToken")]
    with pytest.raises(ConfigError) as error:
        storage.read("s3://b/x")
    assert str(error.value) == "s3://b/x: the credentials have expired (ExpiredToken); renew them"


def test_an_answer_that_does_not_say_what_is_wrong_is_asked_for_it(stub: type[Stub]) -> None:
    stub.plan += [(400, b"", 0), (400, b"", 0), fault(400, "ExpiredToken")]  # boto3 itself asks for the bucket's region
    with pytest.raises(ConfigError, match=r"^s3://b/x: the credentials have expired \(ExpiredToken\); renew them$"):
        storage.exists("s3://b/x")


def test_a_denial_that_does_not_say_why_may_be_of_expired_credentials(stub: type[Stub]) -> None:
    stub.plan += [(403, b"", 0)] * 2
    with pytest.raises(AccessError) as error:
        storage.exists("s3://b/x")
    problem = "access denied (403); check the AWS_* credentials, which may have expired, and the bucket's policy"
    assert str(error.value) == f"s3://b/x: {problem}"


def test_a_clock_that_is_wrong_is_told_in_a_line(stub: type[Stub]) -> None:
    stub.plan += [fault(403, "RequestTimeTooSkewed")] * 8
    with pytest.raises(AccessError) as error:
        storage.read("s3://b/x")
    problem = f"the store refuses us (RequestTimeTooSkewed), because the clock of {socket.gethostname()} is wrong; set it"
    assert str(error.value) == f"s3://b/x: {problem}"


def test_an_endpoint_without_a_scheme_is_told_in_a_line(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9000")
    with pytest.raises(ConfigError) as error:
        storage.read("s3://b/x")
    assert str(error.value) == "AWS_ENDPOINT_URL: Invalid endpoint: localhost:9000; write http://HOST:PORT or https://HOST"


def test_a_profile_that_is_not_there_is_told_in_a_line(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(ConfigError, match=r"^s3://b/x: no credentials: The config profile \(none\) could not be found; renew"):
        storage.read("s3://b/x")
