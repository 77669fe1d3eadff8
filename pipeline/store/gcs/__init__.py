"""Objects in Google Cloud Storage: what `object_stores.ObjectStore` lists."""

from interloom.pipeline.store.gcs.client import credentials_problem
from interloom.pipeline.store.gcs.objects import ages, head, listing, put, put_if, put_once, read, remove, upload

__all__ = ["ages", "credentials_problem", "head", "listing", "put", "put_if", "put_once", "read", "remove", "upload"]
