"""A server that is told to end by SIGTERM has sent its runs, by the lifespan that the guide shows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.instrumentation.test_workers import run_ids
from tests.support import plain_http
from tests.support.collector import free_ports
from tests.support.otlp_recorder import recording
from tests.support.receivers import wait_until

SERVER = """
import sys
from contextlib import asynccontextmanager
import agenttrace, uvicorn
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    agenttrace.configure("worker")
    yield
    agenttrace.shutdown()

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def answer():
    with agenttrace.AgentTracer("worker").start_run() as run:
        return {"run": run.id}

uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def test_runs_of_a_server_arrive_when_it_is_told_to_end(tmp_path: Path) -> None:
    """Those of its last seconds too."""
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    (port,) = free_ports(1)
    with recording() as recorder:
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint}
        with subprocess.Popen([sys.executable, str(program), str(port)], env=environment) as server:
            wait_until(lambda: _answers(port), 30)
            asked = {plain_http.get(f"http://127.0.0.1:{port}/").json()["run"] for _ in range(5)}
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        assert asked <= run_ids(recorder)


def _answers(port: int) -> bool:
    try:
        return plain_http.get(f"http://127.0.0.1:{port}/docs").status_code == 200
    except httpx.HTTPError:
        return False
