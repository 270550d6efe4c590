"""`python -m bench.tools.load FOLDER...`: a team and a collection for each folder, its files added.

Runs in a portal's environment and prints one JSON object: a token of the admin who did it, and how many
files were added.
"""

import json
import sys
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django had to be set up first

from ingestion.documents import add_document  # noqa: E402
from portal.accounts.models import ApiToken, User  # noqa: E402
from portal.accounts.teams import create_team  # noqa: E402
from portal.accounts.tokens import create_token  # noqa: E402
from retrieval.collections import create_collection  # noqa: E402


def load(folder: Path, admin: User) -> int:
    """Add a folder's files to a new collection; return how many."""
    team = create_team(user=admin, name=folder.name)
    collection = create_collection(user=admin, title=folder.name, owner_team=team)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        with path.open("rb") as content:
            add_document(user=admin, collection=collection, name=path.name, content=content)
    return len(files)


def main() -> None:
    admin = User.objects.get(email=settings.ADMIN_EMAIL)
    added = sum(load(Path(folder), admin) for folder in sys.argv[1:])
    token = create_token(user=admin, name="bench", scopes=ApiToken.Scope.values, days=1)[1]
    sys.stdout.write(json.dumps({"token": token, "added": added}) + "\n")


if __name__ == "__main__":
    main()
