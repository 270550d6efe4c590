# ruff: noqa: ANN401 - the recogniser has no type stubs
"""Text recognition with RapidOCR. Its one model, in the wheel, reads Latin letters, Chinese and Japanese."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ingestion.parsing._ocr import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINES_SIDE = 960  # pixels of the longer side


@cache
def _recogniser() -> Any:
    from rapidocr import RapidOCR  # 200 MB; only for pages without text

    params = {"Global.log_level": "error", "Global.use_cls": False}
    # Lines are looked for in a smaller picture and read in the whole one: half the memory and half the time.
    return RapidOCR(params=params | {"Det.limit_type": "max", "Det.limit_side_len": _LINES_SIDE})


def recognise(picture: NDArray[np.uint8]) -> list[Seen]:
    """Return the pieces of text on a picture (height, width, 3), in no order."""
    found = _recogniser()(picture)
    if found.boxes is None:
        return []
    corners = np.asarray(found.boxes, dtype=float)
    least, most = corners.min(axis=1).tolist(), corners.max(axis=1).tolist()
    return [
        Seen(text, left, top, right, bottom, float(score))
        for text, (left, top), (right, bottom), score in zip(
            found.txts, least, most, found.scores, strict=True
        )
    ]
