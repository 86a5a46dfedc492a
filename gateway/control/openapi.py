"""The control API as an OpenAPI document, made of the table of calls."""

from __future__ import annotations

import http
import inspect
import json
from typing import Any

import msgspec

from gateway import __version__
from gateway.control.calls import CALLS, CONTROL_VERSIONS, Call

_REFERENCES = "#/components/schemas/{name}"
_DESCRIPTION = """\
What a gateway answers on its machine's loopback, to whoever has the token of this gateway. A client reaches it through
SSH. Errors are `{"error", "hint"}`: 400 a question that cannot be right, 401 no token, 404 and 405 no such call, 503 a
gateway that stops."""


def document() -> dict[str, Any]:
    """Return the document."""
    found: dict[int, Any] = {
        id(kind): kind for call in CALLS for kind in (call.body, *call.answers.values()) if kind is not None
    }
    schemas, components = msgspec.json.schema_components(found.values(), ref_template=_REFERENCES)
    schema_of = dict(zip(found, schemas, strict=True))
    paths: dict[str, Any] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of a skytf gateway",
            "version": f"{CONTROL_VERSIONS[-1]}",
            "description": _DESCRIPTION,
            "x-program-version": __version__,
        },
        "paths": paths,
        "components": {
            "schemas": {name: _described(schema) for name, schema in sorted(components.items())},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def text() -> bytes:
    """Return the document as it stands in docs/control.openapi.json."""
    return json.dumps(document(), indent=2, ensure_ascii=False).encode() + b"\n"


def _operation(call: Call, schema_of: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": call.name, "summary": call.summary}
    if call.query:
        operation["parameters"] = [
            {"name": one.name, "in": "query", "required": False, "description": one.means, "schema": one.schema}
            for one in call.query
        ]
    if call.body is not None:
        content = {"application/json": {"schema": schema_of[id(call.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {
        str(status): _answer(kind, schema_of, call.media_type if status == call.status else "application/json", status)
        for status, kind in call.answers.items()
    }
    return operation


def _answer(kind: Any, schema_of: dict[int, Any], media_type: str, status: int) -> dict[str, Any]:
    described = {"description": http.HTTPStatus(status).phrase}
    return described if kind is None else described | {"content": {media_type: {"schema": schema_of[id(kind)]}}}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """Return *schema* with its docstring as Markdown has it."""
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"]).replace("``", "`")
    return schema
