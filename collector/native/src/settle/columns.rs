//! The columns of the tables that settling reads and writes, in the order that Python gives.

use crate::columns::{
    columns as listed, Decision, Failure, Link, Run, Signal, Step, Tables, LOW, OPTIONAL_UUID, SPAN, TEXT,
    TIME, UUID,
};

const NUMBER: &str = "UInt32";
const SUM: &str = "UInt64";
const FLAG: &str = "UInt8";
const OPTIONAL_SUM: &str = "Nullable(UInt64)";
const KEYS: &str = "Array(LowCardinality(String))";
const COUNTS: &str = "Array(UInt32)";
const TIMES: &str = "Array(Int64)";
const SUMS: &str = "Array(Float64)";
const IDS: &str = "Array(UUID)";
const FRACTION: &str = "Nullable(Float64)";

columns! { Outcome:
    Id "outcome_id" UUID, RunId "run_id" UUID, Status "status" LOW, FailureType "failure_type" LOW,
    FailureCode "failure_code" LOW, RecordedAt "recorded_at" TIME, CreatedAt "created_at" TIME,
    Tenant "tenant" LOW, Source "source" LOW,
}
columns! { Told:
    Tenant "tenant" LOW, RunId "run_id" UUID, StepId "step_id" OPTIONAL_UUID, Stated "stated" TEXT,
    Kind "kind" TEXT, Type "type" LOW, Code "code" LOW, AgentId "agent_id" LOW, AgentVersion "agent_version" LOW,
    Environment "environment" LOW, Time "time" TIME, Number "number" FRACTION,
}
columns! { RunFacts:
    RunId "run_id" UUID, AgentId "agent_id" LOW, AgentVersion "agent_version" LOW, Environment "environment" LOW,
    Status "status" LOW, StartedAt "started_at" TIME, EndedAt "ended_at" TIME, CreatedAt "created_at" TIME,
    Tenant "tenant" LOW, TraceId "trace_id" UUID, SpanId "span_id" SPAN, ParentRunId "parent_run_id" OPTIONAL_UUID,
    Conversation "conversation_id" TEXT, Actor "actor" LOW, Source "source" LOW, ErrorType "error_type" LOW,
    Steps "steps" NUMBER, FailedSteps "failed_steps" NUMBER, ModelCalls "model_calls" NUMBER,
    ToolCalls "tool_calls" NUMBER, Retrievals "retrievals" NUMBER, Retries "retries" NUMBER,
    InputTokens "input_tokens" SUM, OutputTokens "output_tokens" SUM, Documents "documents" OPTIONAL_SUM,
    StepIds "step_ids" IDS, RulesVersion "rules_version" NUMBER, SettledAt "settled_at" TIME,
    IsDeleted "is_deleted" FLAG, Counted "counted" FLAG,
    DecisionKeys "decision_keys" KEYS, DecisionRecorded "decision_recorded" COUNTS,
    DecisionDerived "decision_derived" COUNTS, DecisionFirstRecorded "decision_first_recorded" TIMES,
    DecisionFirstDerived "decision_first_derived" TIMES, DecisionConfidences "decision_confidences" COUNTS,
    DecisionConfidenceSums "decision_confidence_sums" SUMS,
    SignalKeys "signal_keys" KEYS, SignalRecorded "signal_recorded" COUNTS, SignalDerived "signal_derived" COUNTS,
    SignalRecordedTrue "signal_recorded_true" COUNTS, SignalDerivedTrue "signal_derived_true" COUNTS,
    FailureKeys "failure_keys" KEYS, FailureRecorded "failure_recorded" COUNTS,
    FailureDerived "failure_derived" COUNTS, FailureLast "failure_last" TIMES,
}
columns! { Uncounted:
    RunId "run_id" UUID, AgentId "agent_id" LOW, Tenant "tenant" LOW, Earliest "earliest" TIME,
    Latest "latest" TIME, SettledAt "settled_at" TIME, IsDeleted "is_deleted" FLAG,
}
columns! { Version:
    Rule "rule" LOW, RulesVersion "rules_version" NUMBER, SettledAt "settled_at" TIME, IsDeleted "is_deleted" FLAG,
}

/// A column of a derived row: one of the row that an agent records, or one that says which round made it.
#[derive(Clone, Copy)]
pub enum Made<C> {
    Row(C),
    Version(Version),
}

/// The tables of blocks, in the order of blocks and ends.
pub const TABLES: [&str; 6] = [
    "run_facts",
    "settled_steps",
    "derived_failures",
    "derived_decisions",
    "derived_signals",
    "uncounted_runs",
];

pub struct Layout {
    pub steps: Vec<Step>,
    pub links: Vec<Link>,
    pub candidates: Vec<Run>,
    pub outcomes: Vec<Outcome>,
    pub told: Vec<Told>,
    pub facts: Vec<RunFacts>,
    pub settled: Vec<Made<Step>>,
    pub failures: Vec<Made<Failure>>,
    pub decisions: Vec<Made<Decision>>,
    pub signals: Vec<Made<Signal>>,
    pub uncounted: Vec<Uncounted>,
}

macro_rules! made {
    ($tables:ident, $table:expr, $row:ident) => {
        listed($tables, $table, |name, kind| match $row::of(name, kind) {
            Some(column) => Some(Made::Row(column)),
            None => Version::of(name, kind).map(Made::Version),
        })?
    };
}

impl Layout {
    pub fn new(tables: &Tables) -> Result<Layout, String> {
        Ok(Layout {
            steps: listed(tables, "agent_steps", Step::of)?,
            links: listed(tables, "span_links", Link::of)?,
            candidates: listed(tables, "agent_runs", Run::of)?,
            outcomes: listed(tables, "agent_outcomes", Outcome::of)?,
            told: listed(tables, "told", Told::of)?,
            facts: listed(tables, TABLES[0], RunFacts::of)?,
            settled: made!(tables, TABLES[1], Step),
            failures: made!(tables, TABLES[2], Failure),
            decisions: made!(tables, TABLES[3], Decision),
            signals: made!(tables, TABLES[4], Signal),
            uncounted: listed(tables, TABLES[5], Uncounted::of)?,
        })
    }
}
