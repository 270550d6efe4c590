"""The addresses of the pages. tests/test_url_walk.py says who may open each."""

from django.urls import URLPattern, path

from portal.web import account, answers, ask, collections, documents, health, manage, teams

urlpatterns: list[URLPattern] = [
    path("", ask.home, name="home"),
    path("ask", ask.ask, name="ask"),
    path("search", ask.results, name="search"),
    path("history", ask.history, name="history"),
    path("questions/<uuid:question_id>", answers.show, name="question"),
    path("questions/<uuid:question_id>/stream", answers.stream, name="question_stream"),
    path("documents/<uuid:document_id>", documents.show, name="document"),
    path(
        "documents/<uuid:document_id>/pages/<int:number>.webp",
        documents.page_image_of,
        name="document_page_image",
    ),
    path("documents/<uuid:document_id>/file", documents.download, name="document_file"),
    path("documents/<uuid:document_id>/delete", documents.delete, name="document_delete"),
    path("documents/<uuid:document_id>/retry", documents.retry, name="document_retry"),
    path("documents/<uuid:document_id>/cancel", documents.cancel, name="document_cancel"),
    path("documents/<uuid:document_id>/narrow", documents.narrow, name="document_narrow"),
    path("collections", collections.index, name="collections"),
    path("collections/<slug:slug>", collections.show, name="collection"),
    path("collections/<slug:slug>/rows", collections.rows, name="collection_rows"),
    path("collections/<slug:slug>/upload", collections.upload, name="collection_upload"),
    path(
        "collections/<slug:slug>/delete-documents",
        collections.delete_documents,
        name="collection_delete_documents",
    ),
    path("collections/<slug:slug>/settings", collections.edit, name="collection_settings"),
    path("collections/<slug:slug>/delete", collections.delete, name="collection_delete"),
    path("manage", manage.overview, name="manage"),
    path("teams", teams.index, name="teams"),
    path("teams/<slug:slug>", teams.show, name="team"),
    path("teams/<slug:slug>/invite", teams.invite, name="team_invite"),
    path("teams/<slug:slug>/members/<int:user_id>/role", teams.change_role, name="team_role"),
    path("teams/<slug:slug>/members/<int:user_id>/remove", teams.remove, name="team_remove"),
    path("account/password", account.password, name="password"),
    path("account/tokens", account.api_tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke", account.revoke_token, name="token_revoke"),
    path("sign-in", account.sign_in, name="sign_in"),
    path("sign-out", account.sign_out, name="sign_out"),
    path("link/<str:secret>", account.sign_in_link, name="sign_in_link"),
    path("invitation/<str:secret>", account.invitation, name="invitation"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
