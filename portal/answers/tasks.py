"""What is done with questions in the background: one line each."""

from celery import shared_task

from portal.answers import conversations, watching


@shared_task
def look_again() -> None:
    """Ask again what somebody waits for, where documents have arrived since."""
    watching.look_again()


@shared_task
def erase_old() -> None:
    """Erase the conversations whose time is over."""
    conversations.erase_old_conversations()
