"""Makes the answers that several parts give."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response


def json_reply(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, mimetype="application/json")


def no_content() -> Response:
    return Response(status=204)
