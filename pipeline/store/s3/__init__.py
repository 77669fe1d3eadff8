"""Objects on any S3 endpoint: what `object_stores.ObjectStore` lists."""

from interloom.pipeline.store.s3.client import credentials_problem
from interloom.pipeline.store.s3.conditional import put_if, put_once
from interloom.pipeline.store.s3.objects import ages, head, listing, put, read, remove, upload

__all__ = ["ages", "credentials_problem", "head", "listing", "put", "put_if", "put_once", "read", "remove", "upload"]
