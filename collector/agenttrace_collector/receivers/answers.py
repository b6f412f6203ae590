"""OTLP responses: partial success for batches, `google.rpc.Status` for failures."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.errors import FAULT, CollectorError, Unavailable, UnsupportedMedia, wire_status
from agenttrace_collector.receivers.signals import OtlpSignal, Response
from agenttrace_collector.server.inflate import Coding
from agenttrace_schemas.rules import RULES, UNREAD

_TIME: Final = "time.range"
_NOT_STORED: Final = "metrics are not stored here (receivers.otlp.metrics): traces and logs are"
_NAMED_RULES: Final = 5
INTERNAL: Final = "internal error; the collector's log has its place"


def response_to(signal: OtlpSignal, batch: Batch) -> Response:
    """The answer to a stored batch; `partial_success` is set only where something was refused or not read."""
    response = signal.response()
    if not batch.refused and not batch.refusals and not batch.changes:
        return response
    if message := "; ".join(filter(None, (refusal_message(batch), unread_message(batch)))):
        response.partial_success.error_message = message
        if isinstance(response, ExportMetricsServiceResponse):
            response.partial_success.rejected_data_points = batch.refused
        elif isinstance(response, ExportLogsServiceResponse):
            response.partial_success.rejected_log_records = batch.refused
        else:
            response.partial_success.rejected_spans = batch.refused
    return response


def refusal_message(batch: Batch) -> str:
    """The most frequent rules with their counts, bounded whatever was sent; empty where there are none."""
    if not batch.refusals:
        return _NOT_STORED if batch.refused else ""
    rules: Counter[str] = Counter()
    for (_, rule), count in batch.refusals.items():
        rules[rule] += count
    named = rules.most_common(_NAMED_RULES)
    parts = [f"{rule} {count}" for rule, count in named]
    if len(rules) > len(named):
        parts.append(f"{len(rules) - len(named)} more rules {rules.total() - sum(n for _, n in named)}")
    allowed = f" ({_TIME} allows {RULES[_TIME].allowed})" if _TIME in rules else ""
    return f"{rules.total()} records refused by rule: {', '.join(parts)}{allowed}; agent_rejections has each"


def unread_message(batch: Batch) -> str:
    """Which fields of the protocol had values of another form; empty where there are none."""
    fields = Counter({change.key: count for change, count in batch.changes.items() if change.rule == UNREAD})
    named = ", ".join(f"{field} {count}" for field, count in fields.most_common(_NAMED_RULES))
    return f"{fields.total()} values not read ({RULES[UNREAD].allowed} is wanted): {named}" if fields else ""


def status_of(error: CollectorError) -> status_pb2.Status:
    """The failure as a status with the detail that tells the sender what to do."""
    code = code_pb2.Code.Value(wire_status(error).grpc)
    status = status_pb2.Status(code=code, message=str(error))
    if isinstance(error, Unavailable):
        _attach(status, retry_info(error))
    elif code == code_pb2.INVALID_ARGUMENT:
        _attach(status, BadRequest(field_violations=[_violation(error)]))
    return status


def internal_status() -> status_pb2.Status:
    """The status of an internal error, without its text, which may repeat what was sent."""
    return status_pb2.Status(code=code_pb2.Code.Value(FAULT.grpc), message=INTERNAL)


def retry_info(error: Unavailable) -> RetryInfo:
    """The delay after which the request may be sent again."""
    delay = Duration()
    delay.FromMilliseconds(int(error.retry_after * 1000))
    return RetryInfo(retry_delay=delay)


def headers_of(error: CollectorError) -> dict[str, str]:
    """The HTTP headers of a failure: Retry-After and WWW-Authenticate."""
    headers = {}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    if wire_status(error).http == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, UnsupportedMedia):
        headers["accept-encoding"] = ", ".join(Coding)
    if wire_status(error).http == 413:
        # The rest of the body is not read.
        headers["connection"] = "close"
    return headers


def _violation(error: CollectorError) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(field="body", description=str(error))


def _attach(status: status_pb2.Status, detail: RetryInfo | BadRequest) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)
