"""The clients for Azure Blob Storage of a process, made by obstore.

Account and credentials come from the usual AZURE_* environment (an account key, a SAS, a service principal, a workload or
managed identity), or from AZURE_STORAGE_CONNECTION_STRING. Tokens that expire are fetched anew by obstore, which also tries
requests again, after pauses that grow and are spread.
"""

from __future__ import annotations

import importlib.util
import os
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store.store_answers import time_at

if TYPE_CHECKING:
    from obstore.store import AzureStore

ATTEMPTS = 8
"""How often a request is tried, as on S3. Our choice."""
SHORT_S, LONG_S = 120, 3600
"""How long a request may take, and one that sends a whole file."""
_NAMES = {
    "account_name": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"),
    "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"),
    "endpoint": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
"""Names in the environment: those that obstore knows, and that of the `az` command."""
_IN_A_STRING = {
    "account_name": "AccountName",
    "account_key": "AccountKey",
    "endpoint": "BlobEndpoint",
    "sas_key": "SharedAccessSignature",
}


def _settings() -> dict[str, str]:
    """What the environment says of the account, by obstore's names; obstore itself reads the rest of it."""
    string = os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    pairs = dict(pair.split("=", 1) for pair in string.split(";") if "=" in pair)
    settings = {name: pairs[key] for name, key in _IN_A_STRING.items() if key in pairs}
    for name, variables in _NAMES.items():
        if values := [os.environ[variable] for variable in variables if os.environ.get(variable)]:
            settings[name] = values[0]
    return settings


def container_client(container: str, seconds: int = SHORT_S) -> AzureStore:
    """A container's client, made anew when the environment changes. Raises ConfigError in a process that was forked after another
    one: obstore's threads are missing there, and it would wait for them forever."""
    if _first_user() != os.getpid():
        way_out = "start workers by 'spawn' (of a DataLoader: multiprocessing_context='spawn')"
        raise ConfigError(f"az://{container}: Azure cannot be used in a process that is forked after its first use; {way_out}")
    environment = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AZURE_")))
    return _made(container, seconds, environment)


@lru_cache(maxsize=1)
def _first_user() -> int:
    return os.getpid()


@lru_cache(maxsize=16)
def _made(container: str, seconds: int, environment: tuple[tuple[str, str], ...]) -> AzureStore:
    from obstore.store import AzureStore

    settings = _settings()
    options: Any = {"timeout": timedelta(seconds=seconds), "connect_timeout": timedelta(seconds=10)}
    options |= {"allow_http": True} if settings.get("endpoint", "").startswith("http://") else {}
    return AzureStore(container, config=settings, client_options=options, retry_config={"max_retries": ATTEMPTS - 1})  # type: ignore[arg-type]


def store_time() -> datetime:
    """What the store's clock says."""
    settings = _settings()
    return time_at(settings.get("endpoint") or f"https://{settings['account_name']}.blob.core.windows.net/")


def credentials_problem(path: str) -> str | None:
    """Why objects cannot be reached from here, found without the network. An identity of the machine cannot be seen from here."""
    if not _is_installed():
        return f"{path}: obstore is not installed; pip install 'interloom[azure]'"
    if "account_name" not in _settings():
        return f"{path}: no storage account; set AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_CONNECTION_STRING"
    return None


@lru_cache(maxsize=1)
def _is_installed() -> bool:
    return importlib.util.find_spec("obstore") is not None
