"""Objects in Azure Blob Storage: what `object_stores.ObjectStore` lists."""

from interloom.pipeline.store.azure.client import credentials_problem
from interloom.pipeline.store.azure.objects import ages, head, listing, put, put_if, put_once, read, remove, upload

__all__ = ["ages", "credentials_problem", "head", "listing", "put", "put_if", "put_once", "read", "remove", "upload"]
