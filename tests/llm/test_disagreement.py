"""Sources that say another number or date of the same subject are found; others are not."""

import pytest

from llm.disagreement import Disagreements
from llm.grounding import Source
from tests.llm.conftest import passage

OURS = "Staff may spend up to 180 euros a night on a hotel in Paris."


@pytest.mark.parametrize(
    ("ours", "theirs", "pair"),
    [
        (OURS, "Staff may spend up to 150 euros a night on a hotel in Paris.", ("180", "150")),
        (OURS, "On a hotel in Paris, staff may spend 150 euros a night.", ("180", "150")),
        ("The lease of the office ends on 1 May 2025.", "The office's lease ends on 1 June 2025.",
         ("1 May 2025", "1 June 2025")),
        (OURS, "Staff may spend up to 150 euros a night on a hotel in Rome.", None),
        (OURS, "Staff may spend up to 180 euros a night on a hotel in Paris.", None),
        (OURS, "Staff may spend up to 180 euros a night on a hotel in Paris since 2020.", None),
        (OURS, "Staff may not spend 150 euros a night on a hotel in Paris.", None),
        ("Revenue in 2020 was 5 million euros.", "Revenue in 2021 was 7 million euros.", None),
        ("Hotel Paris | 180", "Hotel Paris | 150", None),
    ],
)  # fmt: skip
def test_finds_the_one_number_that_differs(ours: str, theirs: str, pair: tuple[str, str] | None) -> None:
    passages = [passage(ours, key="a"), passage(f"Nothing else. {theirs}", key="b")]
    found = Disagreements(passages, "en").with_sources([Source(0, 0, len(ours))])
    assert [(one.ours, one.theirs) for one in found] == ([pair] if pair else [])
    for one in found:
        assert passages[one.passage].text[one.start : one.end] == theirs
