//! The facts that Python hands over, made ready for lookups. What is not known here is an error.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;
use regex::bytes::Regex;

use crate::agent_span::{SpanWords, SpanWordsData};
use crate::agent_tables::{Agents, AgentsData};
use crate::columns::Layout;
use crate::text::{pattern, whole};
use crate::wire;

/// A reader as data: kind, number of its spellings, its word, whether unknown words mean nothing.
pub type ReaderData = (String, Option<usize>, Option<String>, bool);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Facts {
    messages: Vec<(String, u32, u32, bool)>,
    pub tables: Vec<(String, Vec<(String, String)>)>,
    rules: Vec<String>,
    first: Vec<(String, String, ReaderData)>,
    later: Vec<(String, usize, String, ReaderData)>,
    pub last: usize,
    fact_keys: HashMap<String, Vec<String>>,
    families: Vec<(String, String)>,
    choice: (String, String, String, ReaderData),
    pub completion_key: String,
    pub document_digits: usize,
    pub longest_list: usize,
    pub exception: (String, String, String),
    spellings: Vec<HashMap<String, String>>,
    pub failures: HashSet<String>,
    pub no_counts: HashSet<String>,
    pub flags: HashMap<String, bool>,
    pub most: (u64, u64, usize, usize),
    pub labels_of_words: HashSet<String>,
    word_patterns: (String, String, String),
    pub sender: Vec<(Vec<String>, String, String)>,
    pub service_name: (String, String),
    pub repeated_scopes: HashSet<String>,
    /// Words for kinds: no step, a span around a model's calls.
    pub kind_words: (String, String),
    pub answer_tools: HashMap<String, HashSet<String>>,
    /// What a guardrail that tripped ends in, and the prefix that names of errors lose.
    pub tripped: String,
    /// The type of a guardrail's decision, and of the signal that it tripped.
    pub guardrail: (String, String),
    /// Passed, tripped, masked; and what each of them selected.
    pub guardrail_outcomes: (String, String, String),
    pub guardrail_selected: HashMap<String, String>,
    pub error_prefix: String,
    pub events_span: String,
    named_spans: HashMap<String, HashMap<String, (String, String)>>,
    pub kind_keys: Vec<String>,
    pub model_calls: HashSet<String>,
    pub roles: HashMap<String, String>,
    pub step_type_of: HashMap<String, String>,
    pub handoff_tools: HashSet<String>,
    pub handoff: (String, String, String),
    pub tool_spans: Vec<String>,
    named_for: HashMap<String, String>,
    pub method_scopes: HashSet<String>,
    pub methods: HashMap<String, String>,
    pub streaming_methods: HashSet<String>,
    pub agent_suffix: String,
    pub step_types: HashSet<String>,
    pub operations: HashSet<String>,
    pub finish_reasons: HashSet<String>,
    pub output_types: HashSet<String>,
    pub statuses: Vec<String>,
    pub named_operations: Vec<String>,
    patterns: HashMap<String, String>,
    pub stand_ins: (String, String, String),
    pub no_identity: HashSet<String>,
    pub identifier_length: usize,
    pub site_key: Vec<u8>,
    pub tools: HashSet<String>,
    pub namespace: Vec<u8>,
    pub kinds: Vec<(String, String, String)>,
    wire: HashMap<String, String>,
    pub decisions: HashMap<String, HashSet<String>>,
    pub signals: HashMap<String, HashSet<String>>,
    pub failure_types: HashSet<String>,
    pub takes_decisions: bool,
    pub keeps_messages: bool,
    pub blocked_keys: HashSet<String>,
    lengths: HashMap<String, usize>,
    agents: Option<AgentsData>,
    agent_spans: Option<SpanWordsData>,
}

macro_rules! facts {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A fact of a span.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Fact { $($variant),* }

        impl Fact {
            pub const COUNT: usize = [$(Fact::$variant),*].len();

            pub fn named(name: &str) -> Option<Fact> {
                match name { $($name => Some(Fact::$variant),)* _ => None }
            }

            pub fn name(self) -> &'static str {
                match self { $(Fact::$variant => $name),* }
            }
        }
    };
}

facts! {
    Operation "operation", Kind "kind", Role "role", StepType "step_type", Name "name", Source "source", Actor "actor",
    ErrorType "error_type", Failed "failed", ToolName "tool_name", Model "model", ResponseModel "response_model",
    InputTokens "input_tokens", OutputTokens "output_tokens", RetrievalCount "retrieval_count",
    FinishReason "finish_reason", AskedForTools "asked_for_tools", Stream "stream", OutputType "output_type",
    Attempt "attempt", RequestAttempt "request_attempt", ConversationId "conversation_id", RunId "run_id",
    ParentRunId "parent_run_id", RunStatus "run_status", StepId "step_id", Seq "seq", AgentId "agent_id",
    AgentVersion "agent_version", Environment "environment", DecisionId "decision_id", CallId "call_id",
    CacheRead "cache_read_tokens", CacheWrite "cache_write_tokens", Tripped "tripped",
    Guardrail "guardrail", Outcome "outcome", Masked "masked", Guards "guards",
    Succeeded "succeeded", Decision "decision", DecidedBy "decided_by", IsBegun "is_begun", Registered "registered",
}

#[derive(Clone)]
pub enum Reader {
    Text,
    Name,
    Count,
    Sequence,
    NextCount,
    Flag,
    Failed,
    Length,
    Filled,
    Constant(String),
    Spelled {
        table: usize,
        unknown: Option<String>,
        is_open: bool,
    },
}

pub enum Family {
    Metadata,
    Completion,
    Documents,
    OutputMessages,
}

/// What an attribute's key tells: the fact that it is the first to tell, and others by their place.
#[derive(Default)]
pub struct Key {
    /// Whether it tells a fact that is not known here: Python treats the span.
    pub is_left: bool,
    pub first: Option<(Fact, Reader)>,
    pub later: Vec<(usize, Fact, Reader)>,
}

/// Attributes of typed events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    DecisionType,
    Selected,
    Reason,
    Confidence,
    Candidates,
    DecisionId,
    SignalType,
    SignalCode,
    SignalValue,
    Weight,
    SignalId,
    FailureType,
    FailureCode,
    Message,
    FailureId,
    StepId,
}

const STATED: [(&str, Stated); 16] = [
    ("DECISION_TYPE", Stated::DecisionType),
    ("DECISION_SELECTED", Stated::Selected),
    ("DECISION_REASON_CODE", Stated::Reason),
    ("DECISION_CONFIDENCE", Stated::Confidence),
    ("DECISION_CANDIDATES", Stated::Candidates),
    ("DECISION_ID", Stated::DecisionId),
    ("SIGNAL_TYPE", Stated::SignalType),
    ("SIGNAL_CODE", Stated::SignalCode),
    ("SIGNAL_VALUE", Stated::SignalValue),
    ("SIGNAL_WEIGHT", Stated::Weight),
    ("SIGNAL_ID", Stated::SignalId),
    ("FAILURE_TYPE", Stated::FailureType),
    ("FAILURE_CODE", Stated::FailureCode),
    ("FAILURE_MESSAGE", Stated::Message),
    ("FAILURE_ID", Stated::FailureId),
    ("STEP_ID", Stated::StepId),
];

/// Rules that this engine can find broken.
const RULES: [&str; 24] = [
    "decision.type",
    "decision.reason_code",
    "decision.confidence",
    "decision.selected",
    "decision.candidates",
    "signal.type",
    "signal.code",
    "signal.value",
    "signal.weight",
    "failure.type",
    "failure.code",
    "metadata.blocked_key",
    "metadata.key",
    "metadata.count",
    "metadata.type",
    "metadata.length",
    "label.pattern",
    "secret.pattern",
    "event.disabled",
    "event.duplicate_key",
    "span.id",
    "time.range",
    "identifier.pattern",
    "closed.set",
];

pub struct Patterns {
    pub label: Regex,
    pub printable: Regex,
    pub identifier: Regex,
    pub metadata_key: Regex,
    pub secret: Regex,
    pub ran: Regex,
    pub call_again: Regex,
    pub unknown_tool: Regex,
    pub stood_for: Regex,
    pub between_words: Regex,
    pub qualified: Regex,
    pub prefix: Regex,
}

pub struct Lengths {
    pub selected: usize,
    pub candidate: usize,
    pub candidates: usize,
    pub metadata_keys: usize,
    pub metadata_key: usize,
    pub metadata: usize,
    pub message: usize,
}

/// Everything that decoding needs, ready.
pub struct Known {
    pub facts: Facts,
    pub keys: HashMap<String, Key, crate::cache::Seeded>,
    pub families: Vec<(String, Family)>,
    pub fact_keys: Vec<Vec<String>>,
    pub choice: (String, String, String, Reader),
    pub spellings: Vec<HashMap<String, String>>,
    pub named_spans: HashMap<String, HashMap<String, (String, Option<Fact>)>>,
    pub named_for: HashMap<String, Fact>,
    pub stated: HashMap<String, Stated, crate::cache::Seeded>,
    pub stated_keys: Vec<String>,
    pub metadata_prefix: String,
    /// What the keys of ours begin with.
    pub own_prefix: String,
    pub agent_keys: [String; 3],
    pub patterns: Patterns,
    pub lengths: Lengths,
    pub layout: Layout,
    pub agents: Agents,
    pub agent_spans: SpanWords,
}

type Outcome<T> = Result<T, String>;

pub fn fact(name: &str) -> Outcome<Fact> {
    Fact::named(name).ok_or_else(|| format!("the fact {name} is not known"))
}

pub fn reader(data: &ReaderData, tables: usize) -> Outcome<Reader> {
    let (kind, table, word, is_open) = data;
    Ok(match kind.as_str() {
        "text" => Reader::Text,
        "name" => Reader::Name,
        "count" => Reader::Count,
        "sequence" => Reader::Sequence,
        "next_count" => Reader::NextCount,
        "flag" => Reader::Flag,
        "failed" => Reader::Failed,
        "length" => Reader::Length,
        "filled" => Reader::Filled,
        "constant" => Reader::Constant(word.clone().ok_or("a constant has no word")?),
        "spelled" => {
            let table = table
                .filter(|number| *number < tables)
                .ok_or("spellings are missing")?;
            Reader::Spelled {
                table,
                unknown: word.clone(),
                is_open: *is_open,
            }
        }
        other => return Err(format!("the reader {other} is not known")),
    })
}

fn family(kind: &str) -> Outcome<Family> {
    Ok(match kind {
        "metadata" => Family::Metadata,
        "completion" => Family::Completion,
        "documents" => Family::Documents,
        "output_messages" => Family::OutputMessages,
        other => return Err(format!("the family {other} is not known")),
    })
}

impl Known {
    pub fn new(mut facts: Facts) -> Outcome<Known> {
        check(&facts)?;
        let tables = facts.spellings.len();
        let mut keys: HashMap<String, Key, crate::cache::Seeded> = HashMap::default();
        for (key, name, data) in &facts.first {
            let entry = keys.entry(key.clone()).or_default();
            let reader = reader(data, tables)?;
            match Fact::named(name) {
                Some(fact) => entry.first = Some((fact, reader)),
                None => entry.is_left = true,
            }
        }
        for (key, place, name, data) in &facts.later {
            let entry = keys.entry(key.clone()).or_default();
            let reader = reader(data, tables)?;
            match Fact::named(name) {
                Some(fact) => entry.later.push((*place, fact, reader)),
                None => entry.is_left = true,
            }
        }
        let mut fact_keys = vec![Vec::new(); Fact::COUNT];
        for (name, stated) in &facts.fact_keys {
            if let Some(fact) = Fact::named(name) {
                fact_keys[fact as usize].clone_from(stated);
            }
        }
        let mut named_spans = HashMap::new();
        for (scope, words) in &facts.named_spans {
            let mut known = HashMap::new();
            for (word, (operation, name)) in words {
                let told = if name.is_empty() { None } else { Some(fact(name)?) };
                known.insert(word.clone(), (operation.clone(), told));
            }
            named_spans.insert(scope.clone(), known);
        }
        let mut named_for = HashMap::new();
        for (operation, name) in &facts.named_for {
            named_for.insert(operation.clone(), fact(name)?);
        }
        let families = facts
            .families
            .iter()
            .map(|(prefix, kind)| Ok((prefix.clone(), family(kind)?)));
        let families = families.collect::<Outcome<Vec<_>>>()?;
        let (event, key, noted, data) = &facts.choice;
        let choice = (event.clone(), key.clone(), noted.clone(), reader(data, tables)?);
        let mut stated: HashMap<String, Stated, crate::cache::Seeded> = HashMap::default();
        let mut stated_keys = Vec::new();
        for (name, which) in STATED {
            let key = on_the_wire(&facts, name)?;
            stated.insert(key.clone(), which);
            stated_keys.push(key);
        }
        let agent_keys = [
            on_the_wire(&facts, "AGENT_ID")?,
            on_the_wire(&facts, "AGENT_VERSION")?,
            on_the_wire(&facts, "ENVIRONMENT")?,
        ];
        let agents = facts
            .agents
            .take()
            .ok_or("the tables of coding agents are missing")?;
        let agents = Agents::new(agents)?;
        let spans = facts
            .agent_spans
            .take()
            .ok_or("the tables of agents' spans are missing")?;
        let agent_spans = SpanWords::new(spans, tables)?;
        let metadata_prefix = on_the_wire(&facts, "METADATA_PREFIX")?;
        let own = metadata_prefix
            .find('.')
            .ok_or("the prefix of metadata has no part")?;
        Ok(Known {
            own_prefix: metadata_prefix[..=own].to_owned(),
            keys,
            families,
            fact_keys,
            choice,
            spellings: facts.spellings.clone(),
            named_spans,
            named_for,
            stated,
            stated_keys,
            metadata_prefix,
            agent_keys,
            patterns: patterns(&facts)?,
            lengths: lengths(&facts)?,
            layout: Layout::new(&facts.tables)?,
            agents,
            agent_spans,
            facts,
        })
    }

    /// The key of an attribute of a typed event.
    pub fn key_of(&self, which: Stated) -> &str {
        &self.stated_keys[which as usize]
    }
}

fn check(facts: &Facts) -> Outcome<()> {
    for (message, number, kind, repeated) in &facts.messages {
        if !wire::is_known(message, *number, *kind, *repeated) {
            return Err(format!("field {number} of {message} is not known"));
        }
    }
    for rule in RULES {
        if !facts.rules.iter().any(|each| each == rule) {
            return Err(format!("the rule {rule} is missing"));
        }
    }
    let sender: Vec<_> = facts.sender.iter().map(|each| each.2.as_str()).collect();
    if sender != ["agent_id", "agent_version", "environment"] || facts.statuses.len() != 3 {
        return Err("a resource's names or the statuses are others".to_owned());
    }
    Ok(())
}

fn on_the_wire(facts: &Facts, name: &str) -> Outcome<String> {
    facts
        .wire
        .get(name)
        .cloned()
        .ok_or_else(|| format!("the name {name} is missing"))
}

fn patterns(facts: &Facts) -> Outcome<Patterns> {
    let of = |name: &str| {
        facts
            .patterns
            .get(name)
            .ok_or_else(|| format!("the pattern {name} is missing"))
    };
    let (between_words, qualified, prefix) = &facts.word_patterns;
    Ok(Patterns {
        label: whole(of("label")?)?,
        printable: whole(of("printable")?)?,
        identifier: whole(of("identifier")?)?,
        metadata_key: whole(of("metadata_key")?)?,
        secret: pattern(of("secret")?)?,
        ran: whole(of("ran")?)?,
        call_again: whole(of("call_again")?)?,
        unknown_tool: pattern(of("unknown_tool")?)?,
        stood_for: whole(of("stood_for")?)?,
        between_words: pattern(between_words)?,
        qualified: whole(qualified)?,
        prefix: whole(prefix)?,
    })
}

fn lengths(facts: &Facts) -> Outcome<Lengths> {
    let of = |name: &str| {
        facts
            .lengths
            .get(name)
            .copied()
            .ok_or_else(|| format!("the length {name} is missing"))
    };
    Ok(Lengths {
        selected: of("selected")?,
        candidate: of("candidate")?,
        candidates: of("candidates")?,
        metadata_keys: of("metadata_keys")?,
        metadata_key: of("metadata_key")?,
        metadata: of("metadata")?,
        message: of("message")?,
    })
}
