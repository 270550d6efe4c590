"""What this layer needs to know of people and teams, which live above it."""

# ruff: noqa: ANN401 - keys and managers of models that this layer does not know

from typing import Any, Protocol


class Person(Protocol):
    """Anyone who asks, signed in or not."""

    @property
    def pk(self) -> Any: ...

    @property
    def is_authenticated(self) -> bool: ...

    @property
    def is_active(self) -> bool: ...


class Member(Person, Protocol):
    """Someone who is signed in. `memberships` is the manager of their places in teams."""

    @property
    def is_admin(self) -> bool: ...

    @property
    def memberships(self) -> Any: ...


class Group(Protocol):
    """A team."""

    @property
    def pk(self) -> Any: ...


def is_in_one_of(user: Member, teams: "list[Group]") -> bool:
    """Return whether the person belongs to at least one of these teams."""
    return bool(user.memberships.filter(team__in=[team.pk for team in teams]).exists())
