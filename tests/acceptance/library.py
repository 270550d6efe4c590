"""Three teams with a collection each, filled with the real PDFs of us-public through the real pipeline."""

import json
from dataclasses import dataclass
from pathlib import Path

from ingestion.documents import add_document
from ingestion.pipeline import work_on_next
from portal.accounts.models import Membership, Team, User
from portal.accounts.teams import create_team
from retrieval.collections import create_collection
from retrieval.generations import ensure_first_generation
from retrieval.models import Collection

GROUPS = {
    "aviation": ("Flight safety", "Flight safety reports"),
    "clinical-trials": ("Medical research", "Medical research protocols"),
    "agencies": ("Public affairs", "Public affairs plans"),
}
_QUESTIONS = Path(__file__).with_name("us_public_questions.json")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the one page that answers it; the answer has `must_contain` in it."""

    group: str
    question: str
    document: str
    page: int
    must_contain: str


QUESTIONS = [Question(**row) for row in json.loads(_QUESTIONS.read_text())]


@dataclass(frozen=True, slots=True)
class Library:
    """The member, team and collection of each group."""

    members: dict[str, User]
    teams: dict[str, Team]
    collections: dict[str, Collection]

    def outsiders(self, group: str) -> list[User]:
        return [member for other, member in self.members.items() if other != group]


def build(corpus: Path) -> Library:
    """Return the library after every upload has been worked on to its end, one way or the other."""
    ensure_first_generation()
    admin = User.objects.create_user(email="admin@library.example.com", is_admin=True)
    library = Library({}, {}, {})
    for group, (name, title) in GROUPS.items():
        team = create_team(user=admin, name=name)
        member = User.objects.create_user(email=f"{group}@library.example.com", name=f"Member of {name}")
        Membership.objects.create(team=team, user=member, role=Membership.Role.MANAGER)
        library.teams[group], library.members[group] = team, member
        library.collections[group] = create_collection(user=member, title=title, owner_team=team)
        _upload(member, library.collections[group], corpus / group)
    while work_on_next():
        pass
    return library


def _upload(member: User, collection: Collection, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with path.open("rb") as content:
            add_document(user=member, collection=collection, name=path.name, content=content)
