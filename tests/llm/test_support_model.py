"""A model that compares a sentence with its sources: shares in time, or a typed error."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from llm.breaker import Breaker
from llm.embedding import Embedder
from llm.errors import SupportError
from llm.grounding import DENIED, IN_PART, NOT_SAID, Grounder
from llm.providers.local_support import LocalSupportModel
from llm.support_model import Meaning, SupportModel, SupportSpec, load_support_model
from tests.fakes.reranker_model import write_reranker
from tests.llm.conftest import passage

SOURCES = ["Soup is served at noon.", "The kettle has a warranty of two years.", "soup " * 700]
SENTENCE = "The kettle is under warranty for two years."
NLI = ("contradiction", "entailment", "neutral")
PASSAGES = [
    passage("Costs of a hotel room in Paris are refunded up to 180 euros. Breakfast counts.", key="a"),
    passage("Meals are paid at cost. Keep every receipt for seven years.", key="b"),
]
# Half of its words stand there, in other places: the words alone do not decide.
PARAPHRASE = "A refund for a hotel room in Paris covers what somebody had to spend there overnight."


class Told(SupportModel):
    """Says what it is told to, as slowly as it is told to; `sources` are those of each call."""

    meaning = Meaning(0.5)
    pause = 0.0

    def __init__(self, seconds: float = 5.0) -> None:
        super().__init__(SupportSpec("told", seconds), Breaker(failures=3, cool_down=60))
        self.sources: list[Sequence[str]] = []

    def _weigh(self, sentence: str, sources: Sequence[str], *, deadline: float) -> Sequence[Meaning]:
        self.sources.append(sources)
        time.sleep(self.pause)
        return [self.meaning] * len(sources)


class Broken(Told):
    def _weigh(self, sentence: str, sources: Sequence[str], *, deadline: float) -> Sequence[Meaning]:
        self.sources.append(sources)
        raise SupportError("it is broken")


def test_a_model_of_three_labels_gives_shares_of_what_its_config_calls_them(tmp_path: Path) -> None:
    folder = write_reranker(tmp_path, words=" ".join(SOURCES), names=NLI)
    model = load_support_model(SupportSpec(folder))
    found = model.weigh(SENTENCE, SOURCES, seconds=60)
    assert len({one.says for one in found}) == len(SOURCES)
    assert all(0 < one.says + one.denies < 1 for one in found), "neutral has the rest"
    alone = [model.weigh(SENTENCE, [source], seconds=60)[0].says for source in SOURCES]
    assert [one.says for one in found] == pytest.approx(alone, abs=1e-4)
    assert load_support_model(SupportSpec(folder)) is model


def test_the_place_of_a_label_is_read_and_not_guessed(tmp_path: Path) -> None:
    one, other = (
        LocalSupportModel(SupportSpec(write_reranker(tmp_path / name, words=SENTENCE, names=names)))
        for name, names in (("one", NLI), ("other", ("ENTAILMENT", "contradiction", "neutral")))
    )
    (mine,), (theirs,) = (model.weigh(SENTENCE, SOURCES[:1], seconds=60) for model in (one, other))
    assert (mine.says, mine.denies) == pytest.approx((theirs.denies, theirs.says), abs=1e-5)


def test_a_model_of_one_number_gives_likeness(tmp_path: Path) -> None:
    model = LocalSupportModel(SupportSpec(write_reranker(tmp_path, words=SENTENCE)))
    found = model.weigh(SENTENCE, SOURCES, seconds=60)
    assert all(0 < one.says < 1 and one.denies == 0 for one in found)
    with pytest.raises(SupportError, match="in time") as caught:
        model._weigh(SENTENCE, SOURCES, deadline=0.0)
    assert caught.value.late


def test_what_is_no_such_model_is_refused_and_nothing_is_downloaded(tmp_path: Path) -> None:
    strange = write_reranker(tmp_path / "strange", names=("good", "bad"))
    with pytest.raises(SupportError, match="none of them entailment"):
        LocalSupportModel(SupportSpec(strange)).warm_up()
    with pytest.raises(SupportError, match="no folder") as caught:
        LocalSupportModel(SupportSpec("cross-encoder/nli-MiniLM2-L6-H768")).warm_up()
    assert caught.value.permanent
    (tmp_path / "none").mkdir()
    with pytest.raises(SupportError, match="could not be loaded"):
        LocalSupportModel(SupportSpec(str(tmp_path / "none"))).warm_up()


@pytest.mark.parametrize("meaning", [Meaning(1.5), Meaning(float("nan")), Meaning(0.5, -0.1)])
def test_what_is_no_share_is_an_error(meaning: Meaning) -> None:
    model = Told()
    model.meaning = meaning
    with pytest.raises(SupportError, match="a share each"):
        model.weigh(SENTENCE, SOURCES, seconds=5)


@pytest.mark.parametrize(
    ("meaning", "support", "reason"),
    [
        (Meaning(0.9, 0.05), "supported", ""),
        (Meaning(0.05, 0.9), "unsupported", DENIED),
        (Meaning(0.3, 0.3), "weak", IN_PART),
    ],
)
def test_the_model_decides_where_words_do_not(
    embedder: Embedder, meaning: Meaning, support: str, reason: str
) -> None:
    model = Told()
    model.meaning = meaning
    judged = Grounder(PASSAGES, embedder, "en", model=model).judge(PARAPHRASE, [1])
    assert (judged.support, judged.reason) == (support, reason)
    assert model.sources


def test_facts_and_words_are_not_the_models_to_decide(embedder: Embedder) -> None:
    model = Told()
    model.meaning = Meaning(1.0)
    grounder = Grounder(PASSAGES, embedder, "en", model=model)
    changed = "Costs of a hotel room in Paris are refunded up to 280 euros."
    assert grounder.judge(changed, [1]).support == "unsupported"
    assert grounder.judge("Cats sleep most of the day.", [1]).reason == NOT_SAID
    model.meaning = Meaning(0.0, 1.0)
    said = "Costs of a hotel room in Paris are refunded, up to 180 euros."
    assert grounder.judge(said, [1]).support == "supported"
    assert not model.sources


def test_one_that_fails_or_is_slow_leaves_the_embeddings_word(
    embedder: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    alone = Grounder(PASSAGES, embedder, "en").judge(PARAPHRASE, [1])
    broken = Broken()
    assert Grounder(PASSAGES, embedder, "en", model=broken).judge(PARAPHRASE, [1]) == alone
    assert "support model: it is broken" in caplog.text
    slow = Told(seconds=0.1)
    slow.pause, slow.meaning = 0.5, Meaning(0.0, 1.0)
    assert Grounder(PASSAGES, embedder, "en", model=slow).judge(PARAPHRASE, [1]) == alone
    assert "did not answer in time" in caplog.text
    assert len(slow.sources) == 1, "the time is that of the sentence, whatever is tried for it"


def test_one_that_fails_repeatedly_is_left_alone(embedder: Embedder) -> None:
    broken = Broken()
    for _ in range(6):
        Grounder(PASSAGES, embedder, "en", model=broken).judge(PARAPHRASE, [1])
    assert len(broken.sources) == 3
