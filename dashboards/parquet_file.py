"""The Parquet files of the tables: how they are written, and what each states of itself in the file's own metadata.

Whoever has only the file learns from it whose and of when it is, by which estimator it was computed, and the unit of every
column. Units and descriptions are also metadata of each field, which not every reader shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from on_disk import write_private

ZONE = "UTC"
"""The time zone of the start."""


def open_parquet(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer of a new table for its owner alone. OSError."""
    # Byte-stream-split with Snappy: as fast as no compression at all, a third smaller than Snappy alone.
    floats = [f.name for f in schema if pa.types.is_floating(f.type)]
    # the library opens the file by itself, with the permissions of that moment
    write_private(path, b"")
    return pq.ParquetWriter(
        path,
        schema,
        compression="snappy",
        use_dictionary=[f.name for f in schema if f.name not in floats],
        use_byte_stream_split=floats,
        write_statistics=["time_s", "start_s", "placement"],
        write_page_checksum=True,
    )


def head(schema: pa.Schema, summary: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of a table of the session that `summary` describes. A start that is not known is empty.

    The session is named by its start and its athlete and not by its folder: a replay into another one gives the same file.
    """
    units = {f.name: f.metadata[b"unit"].decode() for f in schema if f.metadata and f.metadata.get(b"unit")}
    words = {name: str(summary[name] or "") for name in ("athlete", "start", "estimator")}
    words["session"] = "_".join(filter(None, (words["start"].replace(":", "-"), words["athlete"])))
    return {f"hiphinge.{name}": word for name, word in {**words, "zone": ZONE, "units": json.dumps(units)}.items()}


def say_head(writer: pq.ParquetWriter, schema: pa.Schema, summary: Mapping[str, Any]) -> None:
    """Put the metadata into a table that is about to be closed."""
    writer.add_key_value_metadata(head(schema, summary))


def correct_head(path: Path, summary: Mapping[str, Any]) -> None:
    """Let a table state the athlete and start of `summary`; its rows stay, bit for bit. Atomic. OSError.

    A table that cannot be read stays as it is: its reader reports the damage.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = _without_head(file.schema_arrow)
            if file.metadata.metadata is not None and head(schema, summary).items() <= _texts(file.metadata.metadata).items():
                return
            with open_parquet(beside, schema) as out:
                for i in range(file.num_row_groups):
                    group = file.read_row_group(i).replace_schema_metadata(schema.metadata)
                    out.write_table(group, row_group_size=max(len(group), 1))
                say_head(out, schema, summary)
        beside.replace(path)
    except pa.ArrowException:
        return
    finally:
        beside.unlink(missing_ok=True)


def _without_head(schema: pa.Schema) -> pa.Schema:
    kept = ("hiphinge.table", "hiphinge.schema")
    return schema.with_metadata({key: value for key, value in (schema.metadata or {}).items() if key.decode() in kept})


def _texts(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in metadata.items()}
