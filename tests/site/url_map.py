"""The whole URL map as data: every operation of the API's document, and every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver

from convergio.site.api import api
from convergio.site.urls import urlpatterns

UNSAFE = {"post", "put", "patch", "delete"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body or a query, with the value that its schema takes."""

    name: str
    required: bool
    sample: Any
    many: bool
    inner: tuple[Field, ...] = ()

    def holding(self, value: Any) -> Any:
        """The value as this field takes it."""
        return [value] if self.many else value


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of one address; `path` holds its parameters in braces."""

    verb: str
    path: str
    parameters: tuple[str, ...] = ()
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    multipart: bool = False
    public: bool = False

    def __str__(self) -> str:
        return f"{self.verb.upper()} {self.path}"

    def send(self, client: Client, values: dict[str, Any], **extra: Any) -> Any:
        """Request it with the smallest body that its schema takes; `extra` replaces fields of body or query."""
        path = self.path.format(**values)
        if self.verb == "get":
            return client.get(path, {**_samples(self.query), **extra})
        body = {**_samples(self.body), **extra}
        if self.multipart:
            return getattr(client, self.verb)(path, body)
        if not self.path.startswith("/api/"):
            return client.post(path, body)
        return getattr(client, self.verb)(path, body, content_type="application/json")


def content_of(answer: Any) -> bytes:
    """The body of an answer, also of one that is streamed."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def _samples(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {field.name: field.sample for field in fields if field.required}


def api_operations() -> list[Operation]:
    """Every operation of the API, from its own OpenAPI document."""
    document: dict[str, Any] = api.get_openapi_schema()
    schemas = document.get("components", {}).get("schemas", {})
    return [
        _operation(verb, path, described, schemas)
        for path, verbs in document["paths"].items()
        for verb, described in verbs.items()
    ]


def _operation(verb: str, path: str, described: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    parameters = described.get("parameters", [])
    content = described.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    return Operation(
        verb=verb,
        path=path,
        parameters=tuple(one["name"] for one in parameters if one["in"] == "path"),
        query=tuple(_field(one, one, schemas) for one in parameters if one["in"] == "query"),
        body=tuple(_body_fields(content.get(kind, {}).get("schema", {}), schemas)),
        multipart=kind == "multipart/form-data",
        public=not described.get("security"),
    )


def _field(described: dict[str, Any], parameter: dict[str, Any], schemas: dict[str, Any]) -> Field:
    schema = _resolve(described.get("schema", {}), schemas)
    return Field(
        parameter["name"],
        parameter.get("required", False),
        _sample(schema, schemas),
        schema.get("type") == "array",
    )


def _body_fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[Field]:
    schema = _resolve(schema, schemas)
    required = set(schema.get("required", []))
    for name, described in schema.get("properties", {}).items():
        inner = _resolve(described, schemas)
        items = _resolve(inner.get("items", {}), schemas)
        yield Field(
            name,
            name in required,
            _sample(inner, schemas),
            inner.get("type") == "array",
            tuple(_body_fields(items if items.get("type") == "object" else inner, schemas)),
        )


def _resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and take the first choice that is not null."""
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        elif choices := schema.get("anyOf") or schema.get("allOf") or schema.get("oneOf"):
            schema = next((one for one in choices if one.get("type") != "null"), {})
        else:
            return schema


def _sample(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value that fits the schema."""
    schema = _resolve(schema, schemas)
    if "enum" in schema or "const" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    if schema.get("format") == "binary":
        return SimpleUploadedFile("sample.txt", b"sample")
    if schema.get("format") == "date-time":
        return "2030-01-01T00:00:00Z"
    if schema.get("format") == "date":
        return "2030-01-01"
    if schema.get("type") == "array":
        return [_sample(schema.get("items", {}), schemas)]
    if schema.get("type") == "object":
        return {field.name: field.sample for field in _body_fields(schema, schemas) if field.required}
    return {"integer": 1, "number": 1.0, "boolean": True}.get(schema.get("type", ""), "sample text")


def pages() -> list[Operation]:
    """GET and POST of every page: routes outside /api/."""
    found = []
    for route, converters in _walk(list(urlpatterns), ""):
        path = "/" + route
        for name in converters:
            path = _braced(path, name)
        found += [Operation(verb, path, tuple(converters)) for verb in ("get", "post")]
    return found


def _walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, list[str]]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith("api/"):
            continue  # the API's own document has them; /api/events is no page
        if isinstance(pattern, URLPattern):
            yield route, list(pattern.pattern.converters)
        elif isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)


def _braced(path: str, name: str) -> str:
    return re.sub(rf"<(\w+:)?{name}>", f"{{{name}}}", path)
