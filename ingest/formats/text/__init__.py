"""Tables in text files: lines, cells, numbers and times, in blocks of bounded memory."""

from ingest.formats.text.bad_lines import BadLines
from ingest.formats.text.cells import Rows, TextTable, Wanted, rows, split
from ingest.formats.text.lines import UTF_8, fail, lines, place, refuse_packed

__all__ = ["UTF_8", "BadLines", "Rows", "TextTable", "Wanted", "fail", "lines", "place", "refuse_packed", "rows", "split"]
