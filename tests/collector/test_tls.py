"""TLS and mutual TLS on the listeners, with certificates made for the test."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
import trustme

from agenttrace_collector.config.sections import Tls
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import EXPORT_TRACES, Receivers, Settings, receivers

BODY = traces(ASpan(attributes=STEP))


@dataclass(frozen=True)
class Certificates:
    """Files of an authority, a server and a client."""

    authority: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Fresh ones."""
    directory = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.crt")

    def issued(name: str) -> tuple[Path, Path]:
        pair = directory / f"{name}.crt", directory / f"{name}.key"
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(pair[0])
        certificate.private_key_pem.write_to_path(pair[1])
        return pair

    return Certificates(directory / "ca.crt", issued("server"), issued("client"))


@pytest.fixture(params=["tls", "mutual"])
def live(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[tuple[Receivers, bool]]:
    """Receivers with certificates, and whether they ask for the client's."""
    mutual = request.param == "mutual"
    cert, key = certificates.server
    tls = Tls(cert_file=cert, key_file=key, client_ca_file=certificates.authority if mutual else None)
    with receivers(Settings(tls=tls)) as listening:
        yield listening, mutual


def over_grpc(live: Receivers, certificates: Certificates, *, with_own: bool) -> bytes:
    """Send a request over gRPC, with a certificate of one's own or without."""
    cert, key = (path.read_bytes() for path in certificates.client) if with_own else (None, None)
    credentials = grpc.ssl_channel_credentials(certificates.authority.read_bytes(), key, cert)
    with grpc.secure_channel(live.grpc, credentials) as channel:
        answer: bytes = channel.unary_unary(EXPORT_TRACES, None, None)(BODY, timeout=10)
        return answer


def over_http(live: Receivers, certificates: Certificates, *, with_own: bool) -> int:
    """The same over HTTP; the status."""
    context = ssl.create_default_context(cafile=str(certificates.authority))
    if with_own:
        context.load_cert_chain(*certificates.client)
    headers = {"content-type": "application/x-protobuf"}
    url = live.http + "/v1/traces"
    return httpx.post(url, content=BODY, headers=headers, verify=context, trust_env=False).status_code


def test_a_client_with_a_certificate_is_let_in(
    live: tuple[Receivers, bool], certificates: Certificates
) -> None:
    """With TLS and with mutual TLS."""
    assert over_grpc(live[0], certificates, with_own=True) == b""
    assert over_http(live[0], certificates, with_own=True) == 200


def test_a_client_without_one_only_where_none_is_asked_for(
    live: tuple[Receivers, bool], certificates: Certificates
) -> None:
    """Mutual TLS ends the connection before a request is read."""
    listening, mutual = live
    if not mutual:
        assert over_grpc(listening, certificates, with_own=False) == b""
        assert over_http(listening, certificates, with_own=False) == 200
        return
    with pytest.raises(grpc.RpcError):
        over_grpc(listening, certificates, with_own=False)
    with pytest.raises(httpx.TransportError):
        over_http(listening, certificates, with_own=False)


def test_plain_text_is_not_understood(live: tuple[Receivers, bool]) -> None:
    """Nobody sends by accident what others can read."""
    with pytest.raises(grpc.RpcError):
        live[0].export(BODY)
    with pytest.raises(httpx.TransportError):
        httpx.post(live[0].http.replace("https", "http") + "/v1/traces", content=BODY, trust_env=False)
