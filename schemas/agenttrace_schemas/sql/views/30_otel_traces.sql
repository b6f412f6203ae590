-- The stored steps under the column names of the OpenTelemetry ClickHouse exporter, and whose they are.
CREATE OR REPLACE VIEW otel_traces ${on_cluster} AS
SELECT
    started_at AS Timestamp,
    lower(hex(UUIDToNum(trace_id))) AS TraceId,
    leftPad(lower(hex(span_id)), 16, '0') AS SpanId,
    if(parent_span_id = 0, '', leftPad(lower(hex(parent_span_id)), 16, '0')) AS ParentSpanId,
    '' AS TraceState,
    trim(concat(operation, ' ', name)) AS SpanName,
    multiIf(role = 'leaf' AND operation IN ('chat', 'text_completion', 'generate_content', 'embeddings'), 'Client', 'Internal') AS SpanKind,
    agent_id AS ServiceName,
    map(
        'service.name', toString(agent_id), 'service.version', toString(agent_version),
        'deployment.environment.name', toString(environment)
    ) AS ResourceAttributes,
    'agenttrace' AS ScopeName,
    '' AS ScopeVersion,
    mapFilter(
        (key, value) -> value != '',
        map(
            'gen_ai.operation.name', toString(operation), 'gen_ai.agent.name', toString(actor),
            'gen_ai.tool.name', toString(tool_name), 'gen_ai.request.model', toString(model),
            'gen_ai.response.model', toString(response_model),
            'gen_ai.usage.input_tokens', ifNull(toString(input_tokens), ''),
            'gen_ai.usage.output_tokens', ifNull(toString(output_tokens), ''),
            'gen_ai.response.finish_reasons', toString(finish_reason), 'gen_ai.output.type', toString(output_type),
            'error.type', toString(error_type), 'agenttrace.run.id', toString(run_id),
            'agenttrace.step.id', toString(step_id), 'agenttrace.step.type', toString(step_type)
        )
    ) AS SpanAttributes,
    toUInt64(round(latency_ms * 1000000)) AS Duration,
    multiIf(status = 'error', 'Error', status = 'ok', 'Ok', 'Unset') AS StatusCode,
    '' AS StatusMessage,
    CAST([], 'Array(DateTime64(9))') AS `Events.Timestamp`,
    CAST([], 'Array(LowCardinality(String))') AS `Events.Name`,
    CAST([], 'Array(Map(LowCardinality(String), String))') AS `Events.Attributes`,
    CAST([], 'Array(String)') AS `Links.TraceId`,
    CAST([], 'Array(String)') AS `Links.SpanId`,
    CAST([], 'Array(String)') AS `Links.TraceState`,
    CAST([], 'Array(Map(LowCardinality(String), String))') AS `Links.Attributes`,
    tenant
FROM agent_steps FINAL;
