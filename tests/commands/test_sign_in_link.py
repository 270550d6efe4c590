import io

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.services import use_sign_in_link
from tests import factories

pytestmark = pytest.mark.django_db


def _link(email: str) -> str:
    out = io.StringIO()
    call_command("sign_in_link", email, stdout=out)
    return out.getvalue().strip()


def test_the_link_signs_its_person_in() -> None:
    person = factories.user("alice@example.com")
    link = _link("Alice@Example.com")
    assert link.startswith("http://localhost:8000/")
    assert use_sign_in_link(secret=link.rstrip("/").rsplit("/", 1)[1]) == person


def test_nobody_and_closed_accounts_get_none() -> None:
    closed = factories.user("closed@example.com")
    closed.is_active = False
    closed.save()
    for email in ("nobody@example.com", "closed@example.com"):
        with pytest.raises(CommandError, match=email):
            _link(email)
