"""What all operations of the API's document have in common: how they refuse, by the shape of the operation."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI

_UNSAFE = frozenset({"post", "put", "patch", "delete"})
_REFUSAL = {
    "title": "Refusal",
    "description": "Why nothing was changed; some refusals have further facts, like `field` or `retry_after`.",
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "One sentence for people"},
        "code": {"type": "string", "description": "For programs; it does not change"},
    },
    "required": ["error", "code"],
}
_WORDS = {
    400: "A value cannot be used, or the body is no JSON object.",
    401: "No session or key, or one that does not hold.",
    403: "Known, and not allowed.",
    404: "There is no such object in this workspace.",
    409: "The object's state does not allow this, or it exists already.",
    413: "The body is larger than this address takes.",
    422: "A field is missing or has another type.",
    429: "Too many requests; Retry-After says how long to wait.",
    502: "Another server that this needs refused.",
    503: "The database or another server does not answer; try again.",
}


class DocumentedApi(NinjaAPI):
    """A NinjaAPI whose document tells the refusals, too."""

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        document["components"].setdefault("schemas", {})["Refusal"] = _REFUSAL
        for verbs in document["paths"].values():
            for verb, operation in verbs.items():
                for status in sorted(_statuses(verb, operation)):
                    operation["responses"].setdefault(status, _response(status))
        return document


def _statuses(verb: str, operation: dict[str, Any]) -> set[int]:
    found = {400, 429, 503}
    found |= {401, 403}  # sign-in itself is refused by these, too
    if "content" not in next(iter(operation["responses"].values())):
        found |= {404}  # a file may be missing
    if operation.get("parameters"):
        found |= {404, 422}
    if "requestBody" in operation:
        found |= {404, 413, 422}
    if verb in _UNSAFE:
        found |= {409, 502}
    return found


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Refusal"}
    return {"description": _WORDS[status], "content": {"application/json": {"schema": schema}}}
