"""A JSON document that is posted to be stored: who sends it is known before anything of it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from starlette.requests import Request

from agenttrace_collector.api.deps import ApiDeps
from agenttrace_collector.errors import UnsupportedMedia
from agenttrace_collector.receivers.body import JSON, BodyLimits, admitted_body, coding_of
from agenttrace_collector.server.auth import Role
from agenttrace_collector.server.inflate import Coding


class Posted(NamedTuple):
    """The body as it came, its content coding, and the tenant that sends it."""

    body: bytes
    tenant: str
    coding: Coding


@asynccontextmanager
async def posted_document(request: Request, built: ApiDeps, limits: BodyLimits) -> AsyncIterator[Posted]:
    """The document of a sender with the role ingest; its memory is given back at the end.

    Raises what refuses the sender, the tenant's quota, another type or encoding (415), or a body beyond the limits.
    """
    sender = built.authenticator.identify(request.headers.get("authorization"), Role.INGEST)
    built.ingest.quotas.check(sender.tenant)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        message = f"the content type must be {JSON}"
        raise UnsupportedMedia(message)
    coding = coding_of(request)
    async with admitted_body(request, built.ingest.flow, sender, limits) as body:
        yield Posted(body, sender.tenant, coding)
