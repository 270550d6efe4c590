"""Conversations: the questions of a person that follow each other, with their answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from portal.answers import conversations
from portal.answers.models import Conversation
from portal.api.answers import AnswerOut, kept_json
from portal.api.auth import caller, reads, writes
from portal.api.paging import PageOut, PagingQuery, page_of

router = Router(tags=["Search and answers"])


class ConversationOut(Schema):
    id: UUID
    title: str = Field(description="The first question.")
    created_at: datetime
    asked_at: datetime = Field(description="When the last question was asked.")
    questions_count: int


class ConversationsPage(PageOut):
    items: list[ConversationOut]


class TurnsOut(Schema):
    id: UUID
    title: str
    created_at: datetime
    asked_at: datetime
    turns: list[AnswerOut] = Field(description="The questions in their order, each as GET /answers/{id}.")


class DeletedOut(Schema):
    deleted: int = Field(description="How many conversations.")


@router.get("/conversations", auth=reads, response=ConversationsPage)
def read_conversations(request: HttpRequest, paging: PagingQuery) -> dict[str, object]:
    """List your conversations, the one asked in last first."""
    return page_of(conversations.recent_conversations(user=caller(request)), paging, _row)


def _row(conversation: Conversation) -> Conversation:
    return conversation


@router.get("/conversations/{uuid:conversation_id}", auth=reads, response=TurnsOut)
def read_conversation(request: HttpRequest, conversation_id: UUID) -> dict[str, Any]:
    """Return one of your conversations with its turns; answers that are closed to you by now say so."""
    user = caller(request)
    conversation = conversations.get_conversation(user=user, conversation_id=conversation_id)
    return {
        "id": conversation.pk,
        "title": conversation.title,
        "created_at": conversation.created_at,
        "asked_at": conversation.asked_at,
        "turns": [kept_json(user, question) for question in conversations.questions_of(conversation)],
    }


@router.delete("/conversations/{uuid:conversation_id}", auth=writes, response={204: None})
def remove_conversation(request: HttpRequest, conversation_id: UUID) -> Status[None]:
    """Delete a conversation with its questions and answers for good."""
    conversations.delete_conversation(user=caller(request), conversation_id=conversation_id)
    return Status(204, None)


@router.delete("/conversations", auth=writes, response=DeletedOut)
def remove_conversations(request: HttpRequest) -> dict[str, int]:
    """Delete all your conversations for good."""
    return {"deleted": conversations.delete_all_conversations(user=caller(request))}
