"""How a log record is written: one line each, whatever a document's name or text holds."""

import logging

_ESCAPES = {number: f"\\x{number:02x}" for number in [*range(32), *range(127, 160)]} | {
    number: f"\\u{number:04x}"
    for number in [*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
}


class OneLine(logging.Formatter):
    """Formats a record as one line: control, line and direction characters are escaped in the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_ESCAPES)
        return super().formatMessage(record)
