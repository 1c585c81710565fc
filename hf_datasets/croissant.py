"""Croissant metadata of a built dataset: what other tools than `datasets` need to read its Parquet files.

The vocabulary is MLCommons Croissant 1.0 (JSON-LD over schema.org). The Hub makes such a description for what it hosts; this
one lies in the folder, so that it is there before and without a Hub.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

VOCABULARY = "http://mlcommons.org/croissant/"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": VOCABULARY,
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "md5": "cr:md5",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
FORMAT = "application/x-parquet"


def croissant(
    out: Path,
    tables: Mapping[str, Sequence[Path]],
    digests: Mapping[str, str],
    title: str,
    description: str,
    licence: str,
) -> dict[str, Any]:
    """Describe Parquet files.

    Args:
        out: folder of the dataset; the description names files relative to it.
        tables: of each record set (a configuration's split), its files, which have one schema.
        digests: SHA-256 of files that are known, by their name in `out`; the others are read.
        title: of the dataset.
        description: of the dataset.
        licence: name or address of the licence.
    """
    files: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for name, parts in tables.items():
        identities = []
        for file in parts:
            identity = file.relative_to(out).as_posix()
            identities.append(identity)
            files.append(
                {"@type": "cr:FileObject", "@id": identity, "name": identity, "contentUrl": identity, "sha256": digests.get(identity) or _digest(file),
                 "encodingFormat": FORMAT, "contentSize": f"{file.stat().st_size} B"}
            )  # fmt: skip
        if len(parts) > 1:
            pattern = str(Path(identities[0]).with_name(f"{parts[0].name.split('-')[0]}-*.parquet"))
            source: dict[str, Any] = {"fileSet": {"@id": f"{name}-files"}}
            files.append(
                {"@type": "cr:FileSet", "@id": f"{name}-files", "name": f"{name}-files", "includes": pattern,
                 "containedIn": [{"@id": one} for one in identities], "encodingFormat": FORMAT}
            )  # fmt: skip
        else:
            source = {"fileObject": {"@id": identities[0]}}
        fields = [_field(name, column, source) for column in pq.read_schema(parts[0])]
        records.append({"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields})
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": f"{VOCABULARY}1.0",
        "name": title,
        "description": description,
        "license": licence,
        "distribution": files,
        "recordSet": records,
    }


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _field(record: str, column: pa.Field, source: Mapping[str, Any]) -> dict[str, Any]:
    """A column: its type, and whether it holds a list."""
    inner = column.type
    repeated = pa.types.is_list(inner) or pa.types.is_large_list(inner)
    if repeated:
        inner = inner.value_type
    kind = "sc:Text"
    if pa.types.is_integer(inner):
        kind = "sc:Integer"
    elif pa.types.is_floating(inner):
        kind = "sc:Float"
    elif pa.types.is_boolean(inner):
        kind = "sc:Boolean"
    told: dict[str, Any] = {
        "@type": "cr:Field", "@id": f"{record}/{column.name}", "name": column.name, "dataType": kind,
        "source": {**source, "extract": {"column": column.name}},
    }  # fmt: skip
    return {**told, "repeated": True} if repeated else told
