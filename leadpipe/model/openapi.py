"""Describes the endpoint in OpenAPI: what may be posted, and every answer.

Only a request for the description imports this. `python -m tests.openapi_document` makes docs/openapi.json from it.
https://spec.openapis.org/oas/v3.0.3
"""

from typing import Any

import leadpipe
from leadpipe.model.lead import MAX_PAYLOAD_BYTES

NOT_A_LEAD = ("not_utf8", "not_json", "not_an_object", "nothing_in_it", "empty_body")
NOT_KEPT = ("storage_unavailable", "storage_settings", "keys_settings", "internal_error")
# What the storage account answered, where a post with a wrong key could not be counted.
STORAGE_FAILED = (
    "storage_error",
    "storage_unreachable",
    "storage_refused",
    "storage_keys_off",
    "storage_network_closed",
    "storage_role_missing",
    "storage_not_authenticated",
    "storage_no_token",
    "storage_account_disabled",
)
Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_PERSON = ("FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title")
_RETRY_AFTER: Json = {
    "Retry-After": {
        "description": "After how many seconds to post again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_EXAMPLE: Json = {
    "UserDetails": {
        "FirstName": "Some",
        "LastName": "One",
        "Email": "someone@contoso.com",
        "Phone": "16175555555",
        "Country": "USA",
        "Company": "Contoso",
        "Title": "Esquire",
    },
    "LeadSource": "AzureMarketplace",
    "ActionCode": "INS",
    "OfferTitle": "Test Microsoft",
    "Description": "Test run through Power Automate",
}


def document() -> Json:
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "leadpipe",
            "version": leadpipe.__version__,
            "description": "Takes leads from Microsoft's commercial marketplace, keeps each before it answers, and"
            " writes it into Dynamics 365 exactly once.",
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "servers": [{"url": "/api"}],
        "paths": {
            "/leads": {"post": _post()},
            "/health": {"get": _health()},
            "/openapi.json": {"get": _this()},
        },
        "components": {
            "schemas": {"Lead": _lead(), "Person": _person()},
            "securitySchemes": {
                "keyInHeader": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "keyInAddress": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }


def _post() -> Json:
    too_large = f"The post has more than {MAX_PAYLOAD_BYTES} bytes. Its start is kept as rejected."
    refused = "The post is not a lead. What was posted is kept as rejected, unless it is empty."
    key = (
        "The key is wrong or missing. Where the functions host checks keys (LEADPIPE_AUTH=host), the answer is the"
        " host's, without a body."
    )
    return {
        "operationId": "postLead",
        "summary": "Post a lead",
        "description": "A repeat is accepted too: delivery finds duplicates. After a 503 the lead is not kept.",
        "security": [{"keyInHeader": []}, {"keyInAddress": []}],
        "requestBody": {
            "required": True,
            "description": f"UTF-8, at most {MAX_PAYLOAD_BYTES} bytes. Not in chunks, which the functions host drops.",
            "content": {"application/json": {"schema": _ref("Lead"), "example": _EXAMPLE}},
        },
        "responses": {
            "202": _answer("The lead is kept.", _accepted()),
            "400": _answer(refused, _error(*NOT_A_LEAD)),
            "401": _answer(key, _error("wrong_key")),
            "413": _answer(too_large, _error("too_large")),
            "503": _answer("The lead is not kept: post it again.", _error(*NOT_KEPT, *STORAGE_FAILED), _RETRY_AFTER),
        },
    }


def _health() -> Json:
    return {
        "operationId": "getHealth",
        "summary": "Whether a lead posted now would be kept",
        "description": "Whatever the state of Dynamics: leads wait for it.",
        "security": [],
        "responses": {
            "200": _answer("It would be kept.", _object(status={"type": "string", "enum": ["ready"]})),
            "503": _answer("It would not; `detail` says why.", _error("not_ready"), _RETRY_AFTER),
        },
    }


def _this() -> Json:
    return {
        "operationId": "getOpenApi",
        "summary": "This document",
        "security": [],
        "responses": {"200": _answer("The document.", {"type": "object"})},
    }


def _lead() -> Json:
    keys = ("LeadSource", "ActionCode", "OfferTitle", "Description")
    return {
        "type": "object",
        "description": "As the marketplace posts it. Every key may be missing, but one of them has a value. Case,"
        " blanks, `_` and `-` in keys do not matter; other keys are kept.",
        "properties": {
            "UserDetails": {"anyOf": [_ref("Person"), {"type": "string", "description": "A JSON text of it."}]},
            **dict.fromkeys(keys, _TEXT),
        },
        "additionalProperties": True,
    }


def _person() -> Json:
    return {"type": "object", "properties": dict.fromkeys(_PERSON, _TEXT), "additionalProperties": True}


def _accepted() -> Json:
    return _object(status={"type": "string", "enum": ["accepted"]}, lead_id={"type": "string", "format": "uuid"})


def _error(*reasons: str) -> Json:
    return _object(error={"type": "string", "enum": [*reasons]}, detail=_TEXT)


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _answer(description: str, schema: Json, headers: Json | None = None) -> Json:
    answer = {"description": description, "content": {"application/json": {"schema": schema}}}
    return {**answer, "headers": headers} if headers else answer


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
