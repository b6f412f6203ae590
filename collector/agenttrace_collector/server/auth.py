"""Authentication: bearer tokens, each with a tenant and a role; never logged, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, model_validator

from agenttrace_collector.config.load import load_file
from agenttrace_collector.config.problems import ConfigError, Position, Problem
from agenttrace_collector.config.section import Section
from agenttrace_collector.errors import Forbidden, Unauthenticated
from agenttrace_schemas import patterns, wire

_SETTING: Final = "extensions.auth.tokens_file"
_LOST: Final = "it was configured at the start: to let everybody in needs a restart"


class Role(StrEnum):
    """What a token allows: an operator reads, sends and erases for its tenant, an admin sees every tenant by SQL."""

    INGEST = "ingest"
    READ = "read"
    METRICS = "metrics"
    OPERATOR = "operator"
    ADMIN = "admin"


# What a role allows beside itself.
_INCLUDED: Final = {
    Role.OPERATOR: frozenset({Role.INGEST, Role.READ}),
    Role.ADMIN: frozenset({Role.INGEST, Role.READ, Role.METRICS, Role.OPERATOR}),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """The tenant and role of a request."""

    tenant: str
    role: Role

    def allows(self, role: Role) -> bool:
        """True if this role is, or includes, the given one."""
        return role is self.role or role in _INCLUDED.get(self.role, frozenset())


# Without any token everything that can reach the collector may use it, as one tenant.
ANYONE: Final = Identity(wire.DEFAULT_TENANT, Role.ADMIN)


class Token(Section):
    """One token: itself (from the environment, say `${env:TOKEN}`) or its SHA-256 as 64 hex digits."""

    token: SecretStr | None = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$", repr=False)] = None
    tenant: Annotated[str, Field(pattern=f"^{patterns.IDENTIFIER}$", max_length=128)] = wire.DEFAULT_TENANT
    role: Role = Role.INGEST

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.token and self.token.get_secret_value()) == bool(self.sha256):
            message = "must be either a token that is not empty or its sha256"
            raise ValueError(message)
        return self

    def digest(self) -> bytes:
        """The SHA-256 of the token."""
        if self.sha256:
            return bytes.fromhex(self.sha256)
        return sha256(self.token.get_secret_value().encode()).digest() if self.token else b""


class Tokens(Section):
    """The tokens file."""

    tokens: tuple[Token, ...] = ()


@dataclass(slots=True)
class Authenticator:
    """Authenticates requests by the digests of tokens; without tokens everyone is `ANYONE`."""

    _known: list[tuple[bytes, Identity]] = field(default_factory=list, repr=False)
    required: bool = False

    @classmethod
    def from_file(cls, file: Path | None) -> Authenticator:
        """The authenticator of a tokens file; raises `ConfigError`."""
        authenticator = cls()
        authenticator.reload(file)
        return authenticator

    def reload(self, file: Path | None) -> None:
        """Replaces the tokens by those of this file; raises `ConfigError` and keeps the old ones if it is invalid.

        If tokens were required, they remain required, even if the file is no longer configured.
        """
        if self.required and file is None:
            raise ConfigError([Problem(Position("configuration"), _SETTING, _LOST)])
        tokens = read_tokens(file) if file else ()
        self._known = [(token.digest(), Identity(token.tenant, token.role)) for token in tokens]
        self.required = file is not None

    def identify(self, authorization: str | None, role: Role) -> Identity:
        """Returns the identity of a request; raises `Unauthenticated`, or `Forbidden` if its role does not suffice."""
        return self.identify_digest(token_digest(authorization), role)

    def identify_digest(self, digest: bytes | None, role: Role) -> Identity:
        """The same by a token's `token_digest`."""
        if not self.required:
            return ANYONE
        identity = self._find(digest or b"")
        if identity is None:
            message = "a valid bearer token is required"
            raise Unauthenticated(message)
        if not identity.allows(role):
            message = f"this token does not allow the role {role}"
            raise Forbidden(message)
        return identity

    def _find(self, digest: bytes) -> Identity | None:
        found = None
        # Every token is compared, so that the time taken says nothing of which one fits.
        for known, identity in self._known:
            if hmac.compare_digest(digest, known):
                found = identity
        return found


def token_digest(authorization: str | None) -> bytes | None:
    """The SHA-256 of the token in an Authorization header; None if it has no bearer token."""
    scheme, _, token = (authorization or "").partition(" ")
    return sha256(token.strip().encode("utf-8", "replace")).digest() if scheme.lower() == "bearer" else None


def read_tokens(file: Path) -> Sequence[Token]:
    """The tokens of a file; raises `ConfigError` with its lines and none of its values."""
    return load_file(Tokens, file).tokens
