"""Bearer tokens: who is let in, as whom, and that a token shows nowhere."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import grpc
import pytest

from agenttrace_collector.config import ConfigError
from agenttrace_collector.errors import Forbidden, Unauthenticated
from agenttrace_collector.server.auth import ANYONE, Authenticator, Identity, Role, Token
from agenttrace_schemas.rows import StepRow
from tests.fakes import MemorySink
from tests.support import plain_http
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import Settings, receivers

FILE = f"""\
tokens:
  - {{token: for-acme, tenant: acme, role: ingest}}
  - {{sha256: {sha256(b"for-reading").hexdigest()}, tenant: acme, role: read}}
  - {{token: for-all, role: operator}}
"""
BODY = traces(ASpan(attributes=STEP))


@pytest.fixture
def authenticator(tmp_path: Path) -> Authenticator:
    """One that knows the tokens of `FILE`."""
    file = tmp_path / "tokens.yaml"
    file.write_text(FILE)
    return Authenticator.from_file(file)


def test_without_tokens_everyone_is_let_in() -> None:
    """What keeps others out then is where the collector listens."""
    assert Authenticator().identify(None, Role.OPERATOR) == ANYONE


@pytest.mark.parametrize(
    ("header", "role", "identity"),
    [
        ("Bearer for-acme", Role.INGEST, Identity("acme", Role.INGEST)),
        ("bearer for-acme", Role.INGEST, Identity("acme", Role.INGEST)),
        ("Bearer  for-reading ", Role.READ, Identity("acme", Role.READ)),
        ("Bearer for-all", Role.READ, Identity("default", Role.OPERATOR)),
    ],
)
def test_a_known_token_has_tenant_and_role(
    authenticator: Authenticator, header: str, role: Role, identity: Identity
) -> None:
    """Given itself or by its digest; an operator may do what others may."""
    assert authenticator.identify(header, role) == identity


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "for-acme", "Basic for-acme", "Bearer for-acm"]
)
def test_others_are_unauthenticated(authenticator: Authenticator, header: str | None) -> None:
    """Also the right token under another scheme."""
    with pytest.raises(Unauthenticated):
        authenticator.identify(header, Role.INGEST)


def test_a_role_allows_only_itself(authenticator: Authenticator) -> None:
    """A sender cannot read."""
    with pytest.raises(Forbidden):
        authenticator.identify("Bearer for-acme", Role.READ)


def test_an_empty_tokens_file_lets_nobody_in(tmp_path: Path) -> None:
    """The last token taken away must not open the door."""
    file = tmp_path / "tokens.yaml"
    file.write_text("tokens: []")
    with pytest.raises(Unauthenticated):
        Authenticator.from_file(file).identify("Bearer for-acme", Role.INGEST)


def test_a_file_that_is_gone_from_the_configuration_lets_nobody_in(tmp_path: Path) -> None:
    """Reloaded without it, a collector would make everybody an operator; that needs a restart."""
    file = tmp_path / "tokens.yaml"
    file.write_text("tokens: [{token: first}]")
    authenticator = Authenticator.from_file(file)
    with pytest.raises(ConfigError, match=r"extensions\.auth\.tokens_file"):
        authenticator.reload(None)
    with pytest.raises(Unauthenticated):
        authenticator.identify(None, Role.OPERATOR)
    assert authenticator.identify("Bearer first", Role.INGEST).role is Role.INGEST


@pytest.mark.parametrize(
    "entry",
    [
        "{}",
        "{token: ''}",
        "{token: secret, sha256: secret}",
        "{token: secret, role: owner}",
        "{tokn: secret}",
    ],
)
def test_wrong_entries_are_problems_without_their_values(tmp_path: Path, entry: str) -> None:
    """With the line of the file."""
    file = tmp_path / "tokens.yaml"
    file.write_text(f"tokens:\n  - {entry}\n")
    with pytest.raises(ConfigError, match=r"tokens\.yaml:2") as caught:
        Authenticator.from_file(file)
    assert "secret" not in str(caught.value)


def test_a_reload_that_fails_changes_nothing(authenticator: Authenticator, tmp_path: Path) -> None:
    """The old tokens stay good until a file can be read."""
    with pytest.raises(ConfigError):
        authenticator.reload(tmp_path / "none.yaml")
    assert authenticator.identify("Bearer for-acme", Role.INGEST).tenant == "acme"


def test_tokens_are_not_in_a_repr(authenticator: Authenticator) -> None:
    """Nor their digests."""
    shown = repr(authenticator) + repr(Token.model_validate({"token": "secret"}))
    assert "secret" not in shown
    assert "\\x" not in shown


def test_both_receivers_ask_and_the_tenant_is_on_every_row(authenticator: Authenticator) -> None:
    """The token decides whose rows they are."""
    sink = MemorySink()
    with receivers(Settings(sink=sink, authenticator=authenticator)) as live:
        assert live.refused(BODY).code() is grpc.StatusCode.UNAUTHENTICATED
        reading = live.refused(BODY, metadata=[("authorization", "Bearer for-reading")])
        assert reading.code() is grpc.StatusCode.PERMISSION_DENIED
        assert live.export(BODY, metadata=[("authorization", "Bearer for-acme")]) == b""
        headers = {"content-type": "application/x-protobuf"}
        url = live.http + "/v1/traces"
        answer = plain_http.post(url, content=BODY, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        headers["authorization"] = "Bearer for-all"
        assert plain_http.post(url, content=BODY, headers=headers).status_code == 200
    rows = [batch.blocks[StepRow.TABLE].data for batch in sink.batches]
    assert [b"acme" in row for row in rows] == [True, False]
