"""Readers of files for which a mapping is not enough: one for each maker's format."""

from ingest.formats.makers.apdm import import_apdm
from ingest.formats.makers.axivity import import_axivity
from ingest.formats.makers.mobilised import import_mobilised
from ingest.formats.makers.mvnx import import_mvnx
from ingest.formats.makers.opensense import import_opensense
from ingest.formats.makers.ximu3_log import import_ximu3
from ingest.formats.makers.xsens_mt import import_xsens

__all__ = [
    "import_apdm",
    "import_axivity",
    "import_mobilised",
    "import_mvnx",
    "import_opensense",
    "import_ximu3",
    "import_xsens",
]
