"""The edge to the disk, for every room that reads or writes: opens files, reads documents and writes private files.

A given path may be a named pipe, a device, a decompression bomb or nonsense. It is then refused with a clear message; nothing
here waits or takes memory without bound.
"""

from on_disk.documents import MOST_TOML_BYTES, json_document, read_given_json, read_json, read_toml, shown, toml_document
from on_disk.locks import LockFile, is_held
from on_disk.opening import check_file, open_file, read_bytes, read_text
from on_disk.partial import LEFT_S, partial_folder, sweep_partial
from on_disk.private import (
    HAS_MODES,
    close_to_others,
    copy_private,
    make_private_folder,
    make_private_parents,
    open_private,
    open_to_others,
    others_may_read,
    private_opener,
    replace_whole,
    write_private,
)
from on_disk.toml_writer import toml_text, with_tables, with_value, without_tables, write_toml

__all__ = [
    "HAS_MODES",
    "LEFT_S",
    "MOST_TOML_BYTES",
    "LockFile",
    "check_file",
    "close_to_others",
    "copy_private",
    "is_held",
    "json_document",
    "make_private_folder",
    "make_private_parents",
    "open_file",
    "open_private",
    "open_to_others",
    "others_may_read",
    "partial_folder",
    "private_opener",
    "read_bytes",
    "read_given_json",
    "read_json",
    "read_text",
    "read_toml",
    "replace_whole",
    "shown",
    "sweep_partial",
    "toml_document",
    "toml_text",
    "with_tables",
    "with_value",
    "without_tables",
    "write_private",
    "write_toml",
]
