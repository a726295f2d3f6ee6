"""Checks form-encoded requests against an OpenAPI description: unknown, missing and ill-typed fields are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def unflatten(pairs: list[tuple[str, str]]) -> Json:
    """`a[b][0]=c` to nested objects; objects with the keys 0, 1, ... and `a[]` become lists."""
    found: Json = {}
    for name, value in pairs:
        first, *rest = [part.rstrip("]") for part in name.split("[")]
        target, key = found, first
        for part in rest:
            target = target.setdefault(key, {})
            key = part or str(len(target))
        target[key] = value
    return {key: _lists(value) for key, value in found.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    return list(inner.values()) if inner and all(key.isdigit() for key in inner) else inner


class Description:
    """The operations of one OpenAPI document."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), item)
            for path, item in document["paths"].items()
        ]

    def operation(self, method: str, path: str) -> Json | None:
        """The described operation, or None."""
        exact = self.document["paths"].get(path)
        items = [exact] if exact else [item for pattern, item in self.paths if pattern.fullmatch(path)]
        return next((item[method.lower()] for item in items if method.lower() in item), None)

    def faults(self, operation: Json, *, query: Json, body: Json) -> list[str]:
        """What the description does not allow."""
        known = {
            parameter["name"]: parameter
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        found = [f"query {name} is unknown" for name in query if name not in known]
        for name, value in query.items():
            if name in known:
                found += self._faults(known[name]["schema"], value, name)
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/x-www-form-urlencoded", {}).get("schema", {})
        return [*found, *self._faults(schema, body, "body")]

    def _faults(self, schema: Json, value: Any, where: str) -> Iterator[str] | list[str]:
        if "$ref" in schema:
            target: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self._faults(target, value, where)
        if "anyOf" in schema:
            tried = [list(self._faults(option, value, where)) for option in schema["anyOf"]]
            return min(tried, key=len)
        if schema.get("type") == "object":
            return list(self._object_faults(schema, value, where))
        if schema.get("type") == "array":
            if not isinstance(value, list):
                return [f"{where} is no list"]
            return [fault for item in value for fault in self._faults(schema["items"], item, f"{where}[]")]
        return list(_scalar_faults(schema, value, where))

    def _object_faults(self, schema: Json, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        properties = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, item in value.items():
            if name in properties:
                yield from self._faults(properties[name], item, f"{where}.{name}")
            elif not schema.get("additionalProperties", not properties):
                yield f"{where}.{name} is unknown"


def _scalar_faults(schema: Json, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} is nested"
    elif schema.get("type") == "integer" and not re.fullmatch(r"-?\d+", value):
        yield f"{where} is no integer"
    elif schema.get("type") == "boolean" and value not in ("true", "false"):
        yield f"{where} is no boolean"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"
    elif len(value) > schema.get("maxLength", len(value)):
        yield f"{where} is too long"
