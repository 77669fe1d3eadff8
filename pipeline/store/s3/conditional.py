"""Objects that are written on a condition: only if nobody else wrote them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from interloom.pipeline.store.object_stores import parts
from interloom.pipeline.store.s3.client import client
from interloom.pipeline.store.s3.objects import MULTIPART_BYTES, clearly, head, put, upload
from interloom.pipeline.store.store_answers import undisturbed

_REFUSED = {"PreconditionFailed", "412"}
_AT_ONCE = {"ConditionalRequestConflict", "409"}
_GONE = {"NoSuchKey", "404"}
_NO_CONDITIONS = {"501", "NotImplemented", "InvalidArgument", "InvalidRequest"}
_PART_BYTES = 16 << 20
_PARTS_AT_ONCE = 4


@clearly
def put_once(path: str, data: bytes) -> bool:
    """Whether this call made the object. A put that was retried after its answer got lost says False: it is there."""

    def attempt() -> bool | None:
        code = _code_of(partial(_send, path, data, {"IfNoneMatch": "*"}))
        if code in _REFUSED:
            return False
        if code in _NO_CONDITIONS:
            return _put_if_absent(path, data)
        return None if code else True

    return undisturbed(path, attempt)


def _put_if_absent(path: str, data: bytes) -> bool:
    """For stores without conditional writes; two writers in the same instant may both be told True."""
    if head(path) is not None:
        return False
    put(path, data)
    return True


@clearly
def put_if(path: str, body: bytes | Path, allow: Callable[[], object]) -> None:
    """Writes an object, bytes or a local file, if `allow` does not raise and nobody writes the object after `allow` was asked.

    `allow` is asked again when somebody did. Stores without conditional writes keep the first promise alone.
    """

    def attempt() -> bool | None:
        there = head(path)
        allow()
        condition = {"IfMatch": f'"{there[1]}"'} if there else {"IfNoneMatch": "*"}
        code = _code_of(partial(_send, path, body, condition))
        if code in _NO_CONDITIONS:
            if isinstance(body, Path):
                upload(path, body)
            else:
                put(path, body)
            return True
        return None if code else True

    undisturbed(path, attempt)


def _code_of(call: Callable[[], None]) -> str:
    """Empty if the call succeeds, else why its condition was refused. Other errors are raised."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        code = str(error.response["Error"].get("Code", ""))
        if code not in _REFUSED | _AT_ONCE | _GONE | _NO_CONDITIONS:
            raise
        return code
    return ""


def _send(path: str, body: bytes | Path, condition: Mapping[str, str]) -> None:
    bucket, key = parts(path)
    if isinstance(body, bytes):
        client().put_object(Bucket=bucket, Key=key, Body=body, **condition)
    elif body.stat().st_size <= MULTIPART_BYTES:
        with body.open("rb") as file:
            client().put_object(Bucket=bucket, Key=key, Body=file, **condition)
    else:
        _send_in_parts({"Bucket": bucket, "Key": key}, body, condition)


def _send_in_parts(place: Mapping[str, str], file: Path, condition: Mapping[str, str]) -> None:
    """Sends a large file; what was sent is taken back unless the whole appears."""
    upload_id = client().create_multipart_upload(**place)["UploadId"]
    whole = False
    try:
        with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
            numbers = range(1, -(-file.stat().st_size // _PART_BYTES) + 1)
            sent = list(pool.map(lambda number: _send_part(place, upload_id, file, number), numbers))
        client().complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload={"Parts": sent}, **condition)
        whole = True
    finally:
        if not whole:
            client().abort_multipart_upload(**place, UploadId=upload_id)


def _send_part(place: Mapping[str, str], upload_id: str, file: Path, number: int) -> dict[str, Any]:
    with file.open("rb") as data:
        data.seek((number - 1) * _PART_BYTES)
        sent = client().upload_part(**place, UploadId=upload_id, PartNumber=number, Body=data.read(_PART_BYTES))
    return {"PartNumber": number, "ETag": sent["ETag"]}
