//! The rows of a run, as they are stored.

pub type Id = [u8; 16];

/// What of a step another span or record of the same call may know better.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    pub status: &'a str,
    pub error_type: &'a str,
    pub tool_name: &'a str,
    pub name: &'a str,
    pub model: &'a str,
    pub response_model: &'a str,
    pub actor: &'a str,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub retrieval_count: Option<u64>,
    pub finish_reason: &'a str,
    pub stream: Option<bool>,
    pub output_type: &'a str,
    pub conversation_id: &'a str,
    pub decision_id: Option<Id>,
    pub call_id: Option<Id>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    pub cost: Option<u64>,
}

#[derive(Clone, Copy, Default)]
pub struct Step<'a> {
    pub step_id: Id,
    pub run_id: Id,
    pub seq: u32,
    pub step_type: &'a str,
    pub latency_ms: f64,
    pub started_at: i64,
    pub ended_at: i64,
    /// As it is stored.
    pub metadata: &'a [u8],
    pub created_at: i64,
    pub tenant: &'a str,
    pub agent_id: &'a str,
    pub agent_version: &'a str,
    pub environment: &'a str,
    pub trace_id: Id,
    pub span_id: u64,
    pub parent_span_id: u64,
    pub role: &'a str,
    pub operation: &'a str,
    pub attempt: Option<u64>,
    pub source: &'a str,
    pub facts: Facts<'a>,
}

/// A span that may be a run.
#[derive(Clone, Copy, Default)]
pub struct Candidate<'a> {
    pub run_id: Id,
    pub agent_id: &'a str,
    pub agent_version: &'a str,
    pub environment: &'a str,
    pub status: &'a str,
    pub started_at: i64,
    pub ended_at: i64,
    pub created_at: i64,
    pub tenant: &'a str,
    pub trace_id: Id,
    pub span_id: u64,
    pub parent_run_id: Option<Id>,
    pub conversation_id: &'a str,
    pub actor: &'a str,
    pub source: &'a str,
}

#[derive(Clone, Copy, Default)]
pub struct Link<'a> {
    pub tenant: &'a str,
    pub run_id: Id,
    pub trace_id: Id,
    pub span_id: u64,
    pub parent_span_id: u64,
}

#[derive(Clone, Copy, Default)]
pub struct Outcome<'a> {
    pub tenant: &'a str,
    pub run_id: Id,
    pub status: &'a str,
    pub failure_type: &'a str,
    pub failure_code: &'a str,
    pub recorded_at: i64,
    pub created_at: i64,
}

/// A decision, signal or failure that the agent recorded.
#[derive(Clone, Copy, Default)]
pub struct Told<'a> {
    pub tenant: &'a str,
    pub run_id: Id,
    pub step_id: Option<Id>,
    /// Its type as settling takes it.
    pub stated: &'a str,
    pub kind: &'a str,
    pub of_type: &'a str,
    pub code: &'a str,
    pub agent_id: &'a str,
    pub agent_version: &'a str,
    pub environment: &'a str,
    pub time: i64,
    pub number: Option<f64>,
}

macro_rules! shared {
    ($($variant:ident $name:literal $field:ident $empty:expr),* $(,)?) => {
        /// A fact that a call takes over from another span of it.
        #[derive(Clone, Copy)]
        pub enum Shared { $($variant),* }

        impl Shared {
            pub fn named(name: &str) -> Option<Shared> {
                match name { $($name => Some(Shared::$variant),)* _ => None }
            }

            pub fn take_over<'a>(self, inner: &mut Facts<'a>, outer: &Facts<'a>) {
                match self {
                    $(Shared::$variant => if inner.$field == $empty && outer.$field != $empty {
                        inner.$field = outer.$field;
                    }),*
                }
            }
        }
    };
}

shared! {
    ToolName "tool_name" tool_name "", Name "name" name "", Model "model" model "",
    ResponseModel "response_model" response_model "", Actor "actor" actor "",
    InputTokens "input_tokens" input_tokens None, OutputTokens "output_tokens" output_tokens None,
    RetrievalCount "retrieval_count" retrieval_count None, FinishReason "finish_reason" finish_reason "",
    Stream "stream" stream None, OutputType "output_type" output_type "",
    Conversation "conversation_id" conversation_id "", DecisionId "decision_id" decision_id None,
    CallId "call_id" call_id None, CacheRead "cache_read_tokens" cache_read None,
    CacheWrite "cache_write_tokens" cache_write None, Cost "cost_nano_usd" cost None,
}
