-- First and last time of each trace, which Grafana's trace view asks for before it reads the spans.
CREATE OR REPLACE VIEW otel_traces_trace_id_ts ${on_cluster} AS
SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM otel_traces
GROUP BY TraceId;
