"""REST of the knowledge base."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router, Schema

from convergio.accounts.requests import SignedInHttpRequest
from convergio.ai import actions, queries
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import json_answer, list_answer, schema_of

router = Router(tags=["ai"])
DocumentOut = schema_of(queries.Document)


class NewDocument(Schema):
    """A markdown text that replies may quote; of one inbox, or of all without `inbox_id`."""

    title: str
    body: str
    inbox_id: int | None = None
    is_active: bool = True


class DocumentChanges(Schema):
    """Fields that are absent keep their value; `inbox_id` null opens the document to all inboxes."""

    title: str = ""
    body: str = ""
    inbox_id: int | None = None
    is_active: bool = True


class DocumentQuery(Schema):
    """Which page of the list."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0


@router.get("/knowledge", response=list[DocumentOut], summary="Documents by title")  # type: ignore[valid-type]
def list_documents(request: SignedInHttpRequest, query: Query[DocumentQuery]) -> HttpResponse:  # noqa: ARG001
    page = Page.of(limit=query.limit, offset=query.offset)
    documents = queries.list_documents(limit=page.limit, offset=page.offset)
    return list_answer(documents, total=queries.count_documents(), next_cursor=None)


@router.post("/knowledge", response={201: DocumentOut}, summary="Add a document")
def add_document(request: SignedInHttpRequest, body: NewDocument) -> HttpResponse:
    document_id = actions.add_document(request.actor, **body.model_dump())
    return json_answer(queries.get_document(document_id), status=201)


@router.get("/knowledge/{int:document_id}", response=DocumentOut, summary="One document")
def get_document(request: SignedInHttpRequest, document_id: int) -> HttpResponse:  # noqa: ARG001
    return json_answer(queries.get_document(document_id))


@router.patch("/knowledge/{int:document_id}", response=DocumentOut, summary="Change a document")
def change_document(request: SignedInHttpRequest, document_id: int, body: DocumentChanges) -> HttpResponse:
    actions.change_document(request.actor, document_id, **body.model_dump(exclude_unset=True))
    return json_answer(queries.get_document(document_id))


@router.delete("/knowledge/{int:document_id}", response={204: None}, summary="Delete a document")
def delete_document(request: SignedInHttpRequest, document_id: int) -> HttpResponse:
    actions.delete_document(request.actor, document_id)
    return HttpResponse(status=204)
