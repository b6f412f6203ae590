//! The columns of each table, in the order that Python gives, and RowBinary.

pub const LOW: &str = "LowCardinality(String)";
pub const UUID: &str = "UUID";
pub const OPTIONAL_UUID: &str = "Nullable(UUID)";
pub const TEXT: &str = "String";
pub const TIME: &str = "DateTime64(9, 'UTC')";
pub const SPAN: &str = "UInt64";
pub const COUNT: &str = "Nullable(UInt64)";
pub const FRACTION: &str = "Nullable(Float64)";
pub const METADATA: &str = "Map(LowCardinality(String), Variant(Bool, Float64, Int64, String))";

macro_rules! columns {
    ($table:ident: $($variant:ident $name:literal $kind:expr),* $(,)?) => {
        #[derive(Clone, Copy)]
        pub enum $table { $($variant),* }

        impl $table {
            pub fn of(name: &str, kind: &str) -> Option<Self> {
                match name {
                    $($name => (kind == $kind).then_some($table::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

columns! { Run:
    RunId "run_id" UUID, AgentId "agent_id" LOW, AgentVersion "agent_version" LOW, Environment "environment" LOW,
    Status "status" LOW, StartedAt "started_at" TIME, EndedAt "ended_at" TIME, CreatedAt "created_at" TIME,
    Tenant "tenant" LOW, TraceId "trace_id" UUID, SpanId "span_id" SPAN, ParentRunId "parent_run_id" OPTIONAL_UUID,
    Conversation "conversation_id" TEXT, Actor "actor" LOW, Source "source" LOW,
}
columns! { Step:
    StepId "step_id" UUID, RunId "run_id" UUID, Seq "seq" "UInt32", StepType "step_type" LOW, Name "name" LOW,
    Latency "latency_ms" "Float64", StartedAt "started_at" TIME, EndedAt "ended_at" TIME,
    Metadata "metadata" METADATA, CreatedAt "created_at" TIME, Tenant "tenant" LOW, AgentId "agent_id" LOW,
    AgentVersion "agent_version" LOW, Environment "environment" LOW, Actor "actor" LOW, TraceId "trace_id" UUID,
    SpanId "span_id" SPAN, ParentSpanId "parent_span_id" SPAN, Role "role" LOW, Operation "operation" LOW,
    Status "status" LOW, ErrorType "error_type" LOW, ToolName "tool_name" LOW, Model "model" LOW,
    ResponseModel "response_model" LOW, InputTokens "input_tokens" COUNT, OutputTokens "output_tokens" COUNT,
    RetrievalCount "retrieval_count" COUNT, FinishReason "finish_reason" LOW, Stream "stream" "Nullable(Bool)",
    OutputType "output_type" LOW, Attempt "attempt" COUNT, Conversation "conversation_id" TEXT, Source "source" LOW,
    CallId "call_id" OPTIONAL_UUID, CacheRead "cache_read_tokens" COUNT, CacheWrite "cache_write_tokens" COUNT,
    Cost "cost_nano_usd" COUNT, DecisionId "decision_id" OPTIONAL_UUID,
}
columns! { Failure:
    Id "failure_id" UUID, RunId "run_id" UUID, StepId "step_id" OPTIONAL_UUID, Type "failure_type" LOW,
    Code "failure_code" LOW, Message "message" TEXT, CreatedAt "created_at" TIME, Tenant "tenant" LOW,
    AgentId "agent_id" LOW, AgentVersion "agent_version" LOW, Environment "environment" LOW,
    OccurredAt "occurred_at" TIME, Metadata "metadata" METADATA, Source "source" LOW,
}
columns! { Decision:
    Id "decision_id" UUID, RunId "run_id" UUID, StepId "step_id" OPTIONAL_UUID, Type "decision_type" LOW,
    Selected "selected" TEXT, Reason "reason_code" LOW, Confidence "confidence" FRACTION, Metadata "metadata" METADATA,
    RecordedAt "recorded_at" TIME, CreatedAt "created_at" TIME, Tenant "tenant" LOW, AgentId "agent_id" LOW,
    AgentVersion "agent_version" LOW, Environment "environment" LOW, Actor "actor" LOW,
    Candidates "candidates" "Array(String)", TraceId "trace_id" UUID, SpanId "span_id" SPAN,
    ToolName "tool_name" LOW, Wait "wait_ms" COUNT,
}
columns! { Signal:
    Id "signal_id" UUID, RunId "run_id" UUID, StepId "step_id" OPTIONAL_UUID, Type "signal_type" LOW,
    Code "signal_code" LOW, Value "value" "Bool", Weight "weight" FRACTION, Metadata "metadata" METADATA,
    RecordedAt "recorded_at" TIME, CreatedAt "created_at" TIME, Tenant "tenant" LOW, AgentId "agent_id" LOW,
    AgentVersion "agent_version" LOW, Environment "environment" LOW, Actor "actor" LOW, TraceId "trace_id" UUID,
    SpanId "span_id" SPAN,
}
columns! { Rejection:
    Id "rejection_id" UUID, RejectedAt "rejected_at" TIME, Kind "kind" LOW, Rule "rule" LOW,
    Key "attribute_key" TEXT, Tenant "tenant" LOW, AgentId "agent_id" LOW, AgentVersion "agent_version" LOW,
    Environment "environment" LOW, RunId "run_id" OPTIONAL_UUID, TraceId "trace_id" OPTIONAL_UUID,
    SpanId "span_id" SPAN, CreatedAt "created_at" TIME,
}
columns! { Link:
    Tenant "tenant" LOW, RunId "run_id" UUID, TraceId "trace_id" UUID, SpanId "span_id" SPAN,
    ParentSpanId "parent_span_id" SPAN, StartedAt "started_at" TIME, CreatedAt "created_at" TIME,
}

pub struct Layout {
    pub runs: Vec<Run>,
    pub steps: Vec<Step>,
    pub failures: Vec<Failure>,
    pub decisions: Vec<Decision>,
    pub signals: Vec<Signal>,
    /// Without the id, which Python puts before the row.
    pub rejections: Vec<Rejection>,
    pub links: Vec<Link>,
}

/// The tables of blocks, in the order that blocks and places have.
pub const TABLES: [&str; 6] = [
    "agent_runs",
    "agent_steps",
    "agent_failures",
    "agent_decisions",
    "agent_quality_signals",
    "span_links",
];

pub type Tables = [(String, Vec<(String, String)>)];

impl Layout {
    pub fn new(tables: &Tables) -> Result<Layout, String> {
        let mut rejections = columns(tables, "agent_rejections", Rejection::of)?;
        if !matches!(rejections.first(), Some(Rejection::Id)) {
            return Err("a rejection does not begin with its id".to_owned());
        }
        rejections.remove(0);
        Ok(Layout {
            runs: columns(tables, TABLES[0], Run::of)?,
            steps: columns(tables, TABLES[1], Step::of)?,
            failures: columns(tables, TABLES[2], Failure::of)?,
            decisions: columns(tables, TABLES[3], Decision::of)?,
            signals: columns(tables, TABLES[4], Signal::of)?,
            links: columns(tables, TABLES[5], Link::of)?,
            rejections,
        })
    }
}

pub fn columns<C>(tables: &Tables, table: &str, of: fn(&str, &str) -> Option<C>) -> Result<Vec<C>, String> {
    let Some((_, listed)) = tables.iter().find(|(name, _)| name == table) else {
        return Err(format!("the table {table} is missing"));
    };
    let known = |(name, kind): &(String, String)| {
        of(name, kind).ok_or_else(|| format!("the column {name} of {table} is not known"))
    };
    listed.iter().map(known).collect()
}

/// Rows of one table as they are made.
#[derive(Default)]
pub struct Block {
    /// Where each row begins.
    starts: Vec<usize>,
    pub data: Vec<u8>,
}

impl Block {
    /// What is written from here on is the next row.
    pub fn begin_row(&mut self) {
        self.starts.push(self.data.len());
    }

    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    /// Forgets every row after the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        if let Some(start) = self.starts.get(rows) {
            self.data.truncate(*start);
            self.starts.truncate(rows);
        }
    }

    /// The bytes of each row, as numbers of 32 bits.
    pub fn lengths(&self) -> Vec<u8> {
        let ends = self
            .starts
            .iter()
            .skip(1)
            .copied()
            .chain(std::iter::once(self.data.len()));
        let lengths = self
            .starts
            .iter()
            .zip(ends)
            .map(|(start, end)| (end - start) as u32);
        lengths.flat_map(u32::to_ne_bytes).collect()
    }
}

pub fn length(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn text(out: &mut Vec<u8>, value: &str) {
    length(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

pub fn uuid(out: &mut Vec<u8>, id: &[u8; 16]) {
    let number = u128::from_be_bytes(*id);
    out.extend_from_slice(&((number >> 64) as u64).to_le_bytes());
    out.extend_from_slice(&(number as u64).to_le_bytes());
}

pub fn optional_uuid(out: &mut Vec<u8>, id: Option<&[u8; 16]>) {
    match id {
        Some(id) => {
            out.push(0);
            uuid(out, id);
        }
        None => out.push(1),
    }
}

pub fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn time(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn count(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => {
            out.push(0);
            number(out, value);
        }
        None => out.push(1),
    }
}

pub fn fraction(out: &mut Vec<u8>, value: Option<f64>) {
    match value {
        Some(value) => {
            out.push(0);
            out.extend_from_slice(&value.to_le_bytes());
        }
        None => out.push(1),
    }
}
