"""Reading evaluation sets, and saying what is wrong with one."""

from pathlib import Path

import pytest

from portal.evaluation.evalset import EvalSetError, read_evalset
from tests.evaluation.sets import DOCUMENTS, QUESTIONS, write_set


def test_files_are_documents_by_their_names(tmp_path: Path) -> None:
    found = read_evalset(write_set(tmp_path / "set"))
    assert (found.name, found.language) == ("small", "en")
    assert {document.key: document.name for document in found.documents} == {name: name for name in DOCUMENTS}
    with found.documents[0].open() as content:
        assert content.read().decode() == DOCUMENTS["kettle.txt"]
    assert found.questions[0].documents == {"kettle.txt": 2}
    assert [question.answerable for question in found.questions] == [True, False]


def test_lines_are_documents_by_their_ids(tmp_path: Path) -> None:
    questions = [QUESTIONS[0] | {"documents": {"kettle": 1}}]
    found = read_evalset(write_set(tmp_path / "set", questions, as_lines=True))
    assert [(document.key, document.name) for document in found.documents] == [
        ("kettle", "kettle.txt"),
        ("travel", "travel.txt"),
    ]
    with found.documents[1].open() as content:
        assert content.read().decode() == DOCUMENTS["travel.txt"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("evalset.json", "no json", "evalset.json is no JSON"),
        ("questions.jsonl", '{"id": "q1"}', "line 1 of .*questions.jsonl has no “question”"),
        ("questions.jsonl", "[]", "line 1 of .*questions.jsonl is no JSON object"),
        ("questions.jsonl", "", "2 documents and 0 questions"),
        (
            "questions.jsonl",
            '{"id": "q9", "question": "?", "documents": {"gone.pdf": 1}}',
            "Question q9 .* names “gone.pdf”, which is not there",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, file: str, content: str, said: str) -> None:
    folder = write_set(tmp_path / "set")
    (folder / file).write_text(content)
    with pytest.raises(EvalSetError, match=said):
        read_evalset(folder)


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvalSetError, match="cannot be read: No such file"):
        read_evalset(tmp_path / "nothing")
