"""What can go wrong with people, teams and their secrets."""


class LinkError(Exception):
    """A link is unknown, used or expired; the message says how to get a new one."""


class TooManyAttemptsError(Exception):
    """Too many failed sign-ins; the message says how long to wait."""
