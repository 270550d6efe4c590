"""How much one file may cost. Every parser and the sandbox read the same figures."""

import json
from dataclasses import asdict, dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for one file. Seconds and bytes; ``memory_bytes`` is private memory (RLIMIT_DATA)."""

    cpu_seconds: int = 120
    wall_seconds: float = 180
    memory_bytes: int = 1 << 30
    output_bytes: int = 64 * _MIB
    file_bytes: int = 256 * _MIB
    max_pages: int = 5000
    ocr_pages: int = 100
    zip_entries: int = 10_000
    zip_total_bytes: int = 512 * _MIB
    zip_ratio: int = 200
    text_bytes: int = 64 * _MIB
    table_cells: int = 500_000
    table_columns: int = 2000
    image_pixels: int = 80_000_000
    attachments: int = 1000
    attachment_bytes: int = 384 * _MIB
    temp_bytes: int = 480 * _MIB

    def to_json(self) -> str:
        """Return the limits as a JSON object for the child's command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: str) -> "Limits":
        """Read what ``to_json`` wrote."""
        return cls(**json.loads(data))
