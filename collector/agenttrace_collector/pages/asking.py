"""Who looks at a page: by a cookie that only this origin sends, or by a bearer token."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError
from starlette.requests import Request

from agenttrace_collector.api.asking import Asker, answers
from agenttrace_collector.api.parameters import allowed_in
from agenttrace_collector.api.problems import InvalidField
from agenttrace_collector.auth import Role
from agenttrace_collector.pages.filters import Filters

COOKIE: Final = "agenttrace_token"


def asker(request: Request) -> Asker:
    """The one who looks; raises `Unauthenticated` or `Forbidden`."""
    built = answers(request)
    cookie = request.cookies.get(COOKIE)
    stated = f"Bearer {cookie}" if cookie else request.headers.get("authorization")
    return Asker(built, built.authenticator.identify(stated, Role.READ))


def filters(request: Request) -> Filters:
    """What the URL filters; raises `InvalidField` or `UnknownValue`."""
    try:
        return Filters.model_validate(dict(request.query_params)).checked()
    except ValidationError as error:
        problems = [
            allowed_in(str(each["loc"][-1]), each["type"]) for each in error.errors(include_input=False)
        ]
        raise InvalidField(problems) from None
