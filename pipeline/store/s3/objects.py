"""Objects on any S3 endpoint, with errors in one clear line."""

from __future__ import annotations

import errno
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import AccessError, ConfigError, DamageError, InterloomError, UnitError, in_a_line
from interloom.pipeline.store.object_stores import parts, url
from interloom.pipeline.store.s3.client import ATTEMPTS, client, tell_of_retries
from interloom.pipeline.store.store_answers import with_errors_told

MULTIPART_BYTES = 64 << 20

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_DENIED = {"401", "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "InvalidToken"}
_DENIED |= {"SignatureDoesNotMatch"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNSAID = "400"
"""An answer to HEAD has no body that would say what is wrong (expired credentials, for example); one to another request has."""
_UNSAID_DENIAL = "403"
"""The same of credentials that are refused."""
_SKEWED = "RequestTimeTooSkewed"
_TOO_SHORT = {"416", "InvalidRange"}


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Says what went wrong with `path` in our own errors."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translated(path, str(error.response["Error"].get("Code", "")), error) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        code = str(cause.response["Error"].get("Code", "")) if isinstance(cause, ClientError) else ""
        raise _translated(path, code, error) from error
    except BotoCoreError as error:
        raise _of_this_side(path, error) from error


clearly = with_errors_told(_told)
"""Of functions whose first argument is the path."""


def _of_this_side(path: str, error: Exception) -> InterloomError:
    """For what boto3 says without an answer of the store."""
    from botocore import exceptions

    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return AccessError(f"{path}: {in_a_line(error)}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE")
    of_credentials = (exceptions.CredentialRetrievalError, exceptions.SSOError, exceptions.TokenRetrievalError)
    if isinstance(error, (*of_credentials, exceptions.ProfileNotFound)):
        return AccessError(f"{path}: no credentials: {in_a_line(error)}; renew them")
    if isinstance(error, (exceptions.ParamValidationError, exceptions.NoRegionError)):
        return ConfigError(f"{path}: {in_a_line(error)}")
    return UnitError(f"{path}: {in_a_line(error)}")


def _translated(path: str, code: str, error: Exception) -> Exception:
    if code == "NoSuchBucket":
        return ConfigError(f"{path}: no such bucket; create it or check its name")
    if code in _MISSING:
        return FileNotFoundError(errno.ENOENT, "no such object or bucket", path)
    if code in _EXPIRED:
        return AccessError(f"{path}: the credentials have expired ({code}); renew them")
    if code == _SKEWED:
        return AccessError(f"{path}: the store refuses us ({code}), because the clock of {socket.gethostname()} is wrong; set it")
    if code == _UNSAID_DENIAL:
        return AccessError(
            f"{path}: access denied ({code}); check the AWS_* credentials, which may have expired, and the bucket's policy"
        )
    if code in _DENIED:
        return AccessError(f"{path}: access denied ({code}); check the AWS_* credentials and the bucket's policy")
    if code in _TOO_SHORT:
        return DamageError(path, "it is shorter than it was; it is cut or was replaced")
    return UnitError(f"{path}: {in_a_line(error)}")


@clearly
def read(path: str, span: tuple[int, int] | None = None, etag: str = "") -> bytes:
    """The object's bytes, or those of `span` (first, last); a connection that breaks within the body is tried again.

    With `etag` an object that was replaced meanwhile is a UnitError.
    """
    from botocore.exceptions import ConnectionError as Broken
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    bucket, key = parts(path)
    options: dict[str, Any] = {"Bucket": bucket, "Key": key}
    options |= {"Range": f"bytes={span[0]}-{span[1]}"} if span else {}
    options |= {"IfMatch": etag} if etag else {}
    for attempt in range(ATTEMPTS):
        body = client().get_object(**options)["Body"]
        try:
            return bytes(body.read())
        except (IncompleteReadError, Broken, HTTPClientError) as error:
            if attempt == ATTEMPTS - 1:
                raise
            tell_of_retries(f"{type(error).__name__} in an answer")
            time.sleep(random.random() * min(0.2 * 2**attempt, 10.0))
    raise AssertionError("unreachable")


@clearly
def head(path: str) -> tuple[int, str] | None:
    """Size in bytes and etag; None when there is no such object."""
    from botocore.exceptions import ClientError

    bucket, key = parts(path)
    if not key:
        return None
    try:
        answer = client().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        code = error.response["Error"].get("Code")
        if code in _MISSING:
            return None
        if code == _UNSAID:
            client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        raise
    return answer["ContentLength"], answer["ETag"].strip('"')


@clearly
def put(path: str, data: bytes) -> None:
    bucket, key = parts(path)
    client().put_object(Bucket=bucket, Key=key, Body=data)


@clearly
def upload(path: str, local_file: Path) -> None:
    """A file of any size, in parts when it is large; what was sent of a failed upload is taken back."""
    from boto3.s3.transfer import TransferConfig

    bucket, key = parts(path)
    plan = TransferConfig(multipart_threshold=MULTIPART_BYTES, multipart_chunksize=16 << 20, max_concurrency=4)
    client().upload_file(str(local_file), bucket, key, Config=plan)


@clearly
def ages(folder: str) -> dict[str, float]:
    """How many seconds ago each object right in a folder was written, by the store's clock."""
    bucket, key = parts(folder.rstrip("/") + "/")
    age_of: dict[str, float] = {}
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/"):
        now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
        age_of |= {o["Key"].removeprefix(key): (now - o["LastModified"]).total_seconds() for o in page.get("Contents", ())}
    return age_of


def listing(prefix: str, *, deep: bool = True) -> list[tuple[str, int, str]]:
    """(path, size, etag) of all objects whose path starts with `prefix`, or of those before the next slash, where deeper
    ones show as one path that ends in a slash."""
    bucket, key = parts(prefix)
    options: dict[str, Any] = {"Bucket": bucket, "Prefix": key} | ({} if deep else {"Delimiter": "/"})
    entries: list[tuple[str, int, str]] = []
    try:
        with _told(prefix):
            for page in client().get_paginator("list_objects_v2").paginate(**options):
                entries += [(url(prefix, o["Key"]), o["Size"], o["ETag"].strip('"')) for o in page.get("Contents", ())]
                entries += [(url(prefix, o["Prefix"]), 0, "") for o in page.get("CommonPrefixes", ())]
    except FileNotFoundError:
        return []
    return sorted(entries)


@clearly
def remove(path: str) -> None:
    """Deletes the object; S3 does not mind if it is not there."""
    bucket, key = parts(path)
    client().delete_object(Bucket=bucket, Key=key)
