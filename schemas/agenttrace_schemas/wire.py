"""Names on the wire: event names and attribute keys of the contract (specification section 3)."""

from __future__ import annotations

from typing import Final

EVENT_DECISION: Final = "agenttrace.decision"
EVENT_SIGNAL: Final = "agenttrace.quality_signal"
EVENT_FAILURE: Final = "agenttrace.failure"
EVENT_EVALUATION: Final = "agenttrace.evaluation"
# The same of OpenTelemetry's conventions, as others send it.
EVENT_EVALUATION_RESULT: Final = "gen_ai.evaluation.result"
# How a run ended, said by whoever comes to know it later.
EVENT_OUTCOME: Final = "agenttrace.outcome"
EVALUATIONS: Final = frozenset({EVENT_EVALUATION, EVENT_EVALUATION_RESULT})
EVENT_NAMES: Final = frozenset({EVENT_DECISION, EVENT_SIGNAL, EVENT_FAILURE, EVENT_OUTCOME, *EVALUATIONS})

DECISION_TYPE: Final = "agenttrace.decision.type"
DECISION_SELECTED: Final = "agenttrace.decision.selected"
DECISION_REASON_CODE: Final = "agenttrace.decision.reason_code"
DECISION_CONFIDENCE: Final = "agenttrace.decision.confidence"
DECISION_CANDIDATES: Final = "agenttrace.decision.candidates"
DECISION_TOOL_NAME: Final = "agenttrace.decision.tool_name"
DECISION_WAIT_MS: Final = "agenttrace.decision.wait_ms"
DECISION_ID: Final = "agenttrace.decision.id"

SIGNAL_TYPE: Final = "agenttrace.signal.type"
SIGNAL_CODE: Final = "agenttrace.signal.code"
SIGNAL_VALUE: Final = "agenttrace.signal.value"
SIGNAL_WEIGHT: Final = "agenttrace.signal.weight"
SIGNAL_ID: Final = "agenttrace.signal.id"

FAILURE_TYPE: Final = "agenttrace.failure.type"
FAILURE_CODE: Final = "agenttrace.failure.code"
FAILURE_MESSAGE: Final = "agenttrace.failure.message"
FAILURE_ID: Final = "agenttrace.failure.id"

EVALUATION_NAME: Final = "agenttrace.evaluation.name"
EVALUATION_SCORE: Final = "agenttrace.evaluation.score"
EVALUATION_LABEL: Final = "agenttrace.evaluation.label"
EVALUATION_ID: Final = "agenttrace.evaluation.id"

OUTCOME_STATUS: Final = "agenttrace.outcome.status"
OUTCOME_FAILURE_TYPE: Final = "agenttrace.outcome.failure_type"
OUTCOME_FAILURE_CODE: Final = "agenttrace.outcome.failure_code"
OUTCOME_ID: Final = "agenttrace.outcome.id"

METADATA_PREFIX: Final = "agenttrace.metadata."

RUN_ID: Final = "agenttrace.run.id"
PARENT_RUN_ID: Final = "agenttrace.run.parent_id"
RUN_STATUS: Final = "agenttrace.run.status"
STEP_ID: Final = "agenttrace.step.id"
STEP_TYPE: Final = "agenttrace.step.type"
STEP_SEQ: Final = "agenttrace.step.seq"
STEP_NAME: Final = "agenttrace.step.name"
STEP_ATTEMPT: Final = "agenttrace.step.attempt"
STEP_DECISION_ID: Final = "agenttrace.step.decision_id"
STEP_RETRIEVAL_COUNT: Final = "agenttrace.step.retrieval_count"
AGENT_ID: Final = "agenttrace.agent.id"
AGENT_VERSION: Final = "agenttrace.agent.version"
ENVIRONMENT: Final = "agenttrace.environment"

# A short child span that only carries events past the first hundred of its parent; never a step.
EVENTS_SPAN: Final = "agenttrace.events"

# In W3C baggage: the run that crosses a process, as `<run id>` or `<run id>/<id of its parent>`.
BAGGAGE_RUN: Final = "agenttrace.run"

# On what a collector forwards: its version, and a digest of the policy that it enforced.
GATE: Final = "agenttrace.gate"

SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
DEPLOYMENT_ENVIRONMENT_OLD: Final = "deployment.environment"

ERROR_TYPE: Final = "error.type"
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"

# OpenTelemetry GenAI conventions, as far as our own spans carry them and the collector reads them.
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_AGENT_VERSION: Final = "gen_ai.agent.version"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
GEN_AI_EVALUATION_LABEL: Final = "gen_ai.evaluation.score.label"
GEN_AI_EVALUATION_NAME: Final = "gen_ai.evaluation.name"
GEN_AI_EVALUATION_SCORE: Final = "gen_ai.evaluation.score.value"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_creation.input_tokens"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"

UNKNOWN_SERVICE: Final = "unknown_service"
UNKNOWN: Final = "unknown"
DEFAULT_ENVIRONMENT: Final = "default"
DEFAULT_TENANT: Final = "default"
