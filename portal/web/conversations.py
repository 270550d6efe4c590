"""What people do with their questions and conversations: answer again, edit, wait, delete."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.answers import changing, conversations, services, watching
from portal.answers.models import Question
from portal.web.requests import SignedInRequest, signed_in

PAGE = 50


@require_safe
@signed_in
def history(request: SignedInRequest) -> HttpResponse:
    """List one's conversations, what documents answer by now, and what is waited for."""
    recent = conversations.recent_conversations(user=request.user)
    context = {
        "rows": Paginator(recent, PAGE).get_page(request.GET.get("page")),
        "answered": watching.now_answered(user=request.user),
        "waiting": watching.waited_for(user=request.user),
        "section": "history",
    }
    return render(request, "answers/history.html", context)


@require_safe
@signed_in
def show(request: SignedInRequest, conversation_id: UUID) -> HttpResponse:
    """Go to the last question of a conversation: its page shows the turns."""
    conversation = conversations.get_conversation(user=request.user, conversation_id=conversation_id)
    last = conversations.questions_of(conversation).last()
    return _to_question(last) if last else redirect("history")


@signed_in
def delete(request: SignedInRequest, conversation_id: UUID) -> HttpResponse:
    """Ask whether a conversation is to go for good; POST deletes it."""
    conversation = conversations.get_conversation(user=request.user, conversation_id=conversation_id)
    if request.method != "POST":
        context = {"conversation": conversation, "section": "history"}
        return render(request, "answers/delete.html", context)
    conversations.delete_conversation(user=request.user, conversation_id=conversation.pk)
    messages.success(request, "The conversation was deleted.")
    return redirect("history")


@signed_in
def delete_all(request: SignedInRequest) -> HttpResponse:
    """Ask whether all conversations are to go for good; POST deletes them."""
    if request.method != "POST":
        return render(request, "answers/delete.html", {"section": "history"})
    conversations.delete_all_conversations(user=request.user)
    messages.success(request, "All your conversations were deleted.")
    return redirect("history")


@require_POST
@signed_in
def again(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Answer a question anew, in place of the answer that it has."""
    question = services.get_question(user=request.user, question_id=question_id)
    changing.answer_again(user=request.user, question=question)
    return _to_question(question)


@require_POST
@signed_in
def edit(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Ask something else in the place of a question."""
    question = services.get_question(user=request.user, question_id=question_id)
    changing.edit_question(user=request.user, question=question, text=request.POST.get("q", ""))
    return _to_question(question)


@require_POST
@signed_in
def search_for(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Search for what the asker says that a follow-up means."""
    question = services.get_question(user=request.user, question_id=question_id)
    changing.search_for(user=request.user, question=question, text=request.POST.get("q", ""))
    return _to_question(question)


@require_POST
@signed_in
def watch(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Wait for documents that answer a refused question, or wait no longer."""
    question = services.get_question(user=request.user, question_id=question_id)
    if request.POST.get("action") == "stop":
        watching.stop_watching(question=question)
        messages.success(request, "You will not be told about this question.")
    else:
        watching.watch_question(user=request.user, question=question)
        messages.success(request, "You will be told at the top of the page when documents answer this.")
    return _to_question(question)


def _to_question(question: Question) -> HttpResponse:
    return redirect(f"{reverse('question', args=[question.pk])}#now")
