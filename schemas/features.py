"""Says in the terms of Hugging Face `datasets` what the columns of a table hold: in the metadata of a Parquet file, which its
reader follows, and in the YAML of a dataset card."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pyarrow as pa

_KEY = b"huggingface"
_IMAGE = {"_type": "Image"}
_NAMES = {pa.float64(): "float64", pa.float32(): "float32", pa.float16(): "float16"}
"""Types whose names in `datasets` are not those of Arrow."""


def with_features(schema: pa.Schema, images: Collection[str] = ()) -> pa.Schema:
    """Returns the schema with metadata by which `datasets` shows columns as pictures.

    Parameters:
        schema: The schema of a table.
        images: The columns with the structs {bytes, path} of encoded images, or with lists of them.
    """
    features = {field.name: _feature(field.type, field.name in images) for field in schema}
    return schema.with_metadata({**(schema.metadata or {}), _KEY: json.dumps({"info": {"features": features}}).encode()})


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Returns `dataset_info.features` of a dataset card for a schema from `with_features`.

    Example: a column `texts` of lists of strings -> `{"name": "texts", "list": "string"}`.
    """
    features = json.loads(schema.metadata[_KEY])["info"]["features"]
    return _named(features)


def _feature(kind: pa.DataType, is_image: bool) -> Any:
    if pa.types.is_list(kind):  # a list of one, which all versions of `datasets` read, unlike "List" and "Sequence"
        return [_feature(kind.value_type, is_image)]
    if pa.types.is_struct(kind):
        return _IMAGE if is_image else {field.name: _feature(field.type, False) for field in kind}
    return {"dtype": _NAMES.get(kind, str(kind)), "_type": "Value"}


def _named(features: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **_in_card(feature)} for name, feature in features.items()]


def _in_card(feature: Any) -> dict[str, Any]:
    if isinstance(feature, list):
        value = _in_card(feature[0])
        return {"list": value.get("struct", value.get("dtype", value))}
    if "_type" in feature:
        return {"dtype": feature.get("dtype", feature["_type"].lower())}
    return {"struct": _named(feature)}
