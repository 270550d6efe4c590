"""A small evaluation set, written to a folder."""

import json
from pathlib import Path

DOCUMENTS = {
    "kettle.txt": "The Falcon kettle has a warranty of 24 months.\n\nLimescale is not covered.",
    "travel.txt": "Hotels in Paris may cost 180 euros a night.\n\nMeals are paid at cost.",
}
QUESTIONS: list[dict[str, object]] = [
    {
        "id": "q1",
        "question": "How long is the warranty of the Falcon kettle?",
        "documents": {"kettle.txt": 2},
        "answers": ["24 months"],
        "evidence": ["The Falcon kettle has a warranty of 24 months."],
        "tags": ["warranty"],
    },
    {"id": "q2", "question": "Who won the football match in Lisbon?", "documents": {}, "answerable": False},
]


def write_set(
    folder: Path, questions: list[dict[str, object]] | None = None, *, as_lines: bool = False
) -> Path:
    """Write the set, its documents as files or as lines of JSON, and return its folder."""
    folder.mkdir(parents=True)
    (folder / "evalset.json").write_text(json.dumps({"name": "small", "language": "en"}))
    if as_lines:
        rows = [
            {"id": name.removesuffix(".txt"), "title": "", "text": text} for name, text in DOCUMENTS.items()
        ]
        (folder / "documents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    else:
        (folder / "documents").mkdir()
        for name, text in DOCUMENTS.items():
            (folder / "documents" / name).write_text(text)
    asked = QUESTIONS if questions is None else questions
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)))
    return folder
