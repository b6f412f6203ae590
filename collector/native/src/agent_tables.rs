//! The tables of coding agents' log records, as Python hands them over. What is not known here is an error.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;
use regex::Regex;

use crate::text::whole;

/// The fields of Python's tables: one more could change what a record means.
const AGENT_FIELDS: [&str; 13] = [
    "agent_id",
    "run_keys",
    "session_key",
    "records",
    "approvals",
    "versioned",
    "trace_is_run",
    "failed_is_unrun",
    "types_failures",
    "denial",
    "main_agents",
    "counts_turns",
    "scope",
];
const RECORD_FIELDS: [&str; 8] = [
    "kind", "facts", "needs", "without", "only", "signal", "decision", "selected",
];

type Outcome<T> = Result<T, String>;
/// A type, its code by word, and the fact that says the word.
type StatedData = (String, HashMap<String, String>, String);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct RecordData {
    kind: String,
    facts: Vec<(String, String)>,
    needs: String,
    without: String,
    only: (String, String),
    signal: Option<StatedData>,
    decision: Option<StatedData>,
    selected: String,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct AgentData {
    scope: String,
    pub agent_id: String,
    pub run_keys: Vec<String>,
    pub session_key: String,
    records: HashMap<String, RecordData>,
    approvals: HashMap<(String, String), (String, String)>,
    pub versioned: bool,
    pub trace_is_run: bool,
    pub failed_is_unrun: bool,
    pub types_failures: bool,
    denial: Option<String>,
    pub main_agents: HashSet<String>,
    pub counts_turns: bool,
}

/// What all tables share.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct AgentsData {
    agents: Vec<AgentData>,
    agent_fields: HashSet<String>,
    record_fields: HashSet<String>,
    pub source: String,
    pub event_name: String,
    pub agent_name: String,
    /// The key of a record's place among those of one time.
    pub sequence: String,
    pub prompt_mark: String,
    pub turn_mark: String,
    pub side_purposes: HashSet<String>,
    /// Error types of a call that was not let through, and the one that its own words stand for.
    pub denied_types: HashSet<String>,
    pub denied: String,
    /// What calls of a server's tools are named, the keys of their two names, and how long the text of these may be.
    pub server_tool: (String, Vec<String>, usize),
    pub server_failed: String,
    /// How each of these two names may be written.
    pub word: String,
    /// The lowest status of HTTP that is an error.
    pub first_error: u64,
    /// The highest number of milliseconds, and of US dollars.
    pub longest: u64,
    /// Finish reasons of answers that did not end by themselves.
    pub cut: HashSet<String>,
    pub packaged: HashSet<String>,
    pub finish_words: HashMap<String, String>,
    pub approval: String,
    pub unknown_version: String,
}

macro_rules! told {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A fact of a record.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Told { $($variant),* }

        impl Told {
            fn named(name: &str) -> Outcome<Told> {
                match name {
                    $($name => Ok(Told::$variant),)*
                    _ => Err(format!("the fact {name} of records is not known")),
                }
            }
        }
    };
}

told! {
    Builtin "builtin", Model "model", InputTokens "input_tokens", OutputTokens "output_tokens",
    CacheRead "cache_read_tokens", CacheWrite "cache_write_tokens", Cost "cost_usd", Duration "duration_ms",
    CallId "call_id", Purpose "purpose", Attempt "attempt", ErrorType "error_type", Trigger "trigger",
    Response "response", Survey "survey", Decision "decision", Reason "reason", ToolName "tool_name",
    ServerTool "server_tool", Success "success", Server "server", Words "words", FinishReason "finish_reason",
    Source "source", Failed "failed", LoopType "loop_type", Rating "rating",
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Prompt,
    Model,
    ModelError,
    Tool,
    Approval,
    Refusal,
    Event,
}

pub enum Needs {
    Nothing,
    /// A status of HTTP that is an error.
    HttpError,
    Fact(Told),
}

/// A type, its code by word in plain form, and the fact that says the word.
pub struct Stated {
    pub kind: String,
    pub codes: HashMap<String, String>,
    pub fact: Option<Told>,
}

pub struct Record {
    pub kind: Kind,
    /// Each fact with its key.
    pub facts: Vec<(Told, String)>,
    pub needs: Needs,
    pub without: Option<Told>,
    pub only: Option<(Told, String)>,
    pub signal: Option<Stated>,
    pub decision: Option<Stated>,
    pub selected: Option<Told>,
}

impl Record {
    /// The key of a fact.
    pub fn key_of(&self, fact: Told) -> Option<&str> {
        self.facts
            .iter()
            .find(|each| each.0 == fact)
            .map(|each| each.1.as_str())
    }
}

pub struct Agent {
    pub data: AgentData,
    pub records: HashMap<String, Record>,
    pub denial: Option<Regex>,
}

pub struct Agents {
    pub data: AgentsData,
    pub word: regex::bytes::Regex,
    agents: HashMap<String, Agent>,
}

impl Agents {
    pub fn new(mut data: AgentsData) -> Outcome<Agents> {
        let same = |known: &[&str], stated: &HashSet<String>| {
            known.len() == stated.len() && known.iter().all(|each| stated.contains(*each))
        };
        if !same(&AGENT_FIELDS, &data.agent_fields) || !same(&RECORD_FIELDS, &data.record_fields) {
            return Err("the tables of coding agents have other fields".to_owned());
        }
        let mut agents = HashMap::new();
        for mut agent in std::mem::take(&mut data.agents) {
            let records = std::mem::take(&mut agent.records);
            let records = records.into_iter().map(|(name, each)| Ok((name, record(each)?)));
            let denial = agent.denial.as_ref().map(|words| denial(words)).transpose()?;
            if agent.run_keys.is_empty() {
                return Err("an agent's records have no key of a run".to_owned());
            }
            let records = records.collect::<Outcome<HashMap<_, _>>>()?;
            agents.insert(
                agent.scope.clone(),
                Agent {
                    data: agent,
                    records,
                    denial,
                },
            );
        }
        let word = whole(&data.word)?;
        Ok(Agents { data, word, agents })
    }

    pub fn of(&self, scope: &str) -> Option<&Agent> {
        self.agents.get(scope)
    }
}

impl Agent {
    /// What was selected and why, by two words in plain form.
    pub fn approval(&self, decision: &str, reason: &str) -> Option<&(String, String)> {
        let of = |reason: &str| self.data.approvals.get(&(decision.to_owned(), reason.to_owned()));
        of(reason).or_else(|| of(""))
    }
}

fn denial(words: &str) -> Outcome<Regex> {
    Regex::new(&format!("\\A(?:{words})\\z"))
        .map_err(|_| "the words of a denial are not understood".to_owned())
}

fn optional(name: &str) -> Outcome<Option<Told>> {
    if name.is_empty() {
        Ok(None)
    } else {
        Told::named(name).map(Some)
    }
}

fn stated(data: Option<StatedData>) -> Outcome<Option<Stated>> {
    data.map(|(kind, codes, fact)| {
        Ok(Stated {
            kind,
            codes,
            fact: optional(&fact)?,
        })
    })
    .transpose()
}

fn record(data: RecordData) -> Outcome<Record> {
    let facts = data
        .facts
        .into_iter()
        .map(|(fact, key)| Ok((Told::named(&fact)?, key)));
    Ok(Record {
        kind: match data.kind.as_str() {
            "prompt" => Kind::Prompt,
            "model" => Kind::Model,
            "model_error" => Kind::ModelError,
            "tool" => Kind::Tool,
            "approval" => Kind::Approval,
            "refusal" => Kind::Refusal,
            "event" => Kind::Event,
            _ => return Err("a kind of records is not known".to_owned()),
        },
        facts: facts.collect::<Outcome<_>>()?,
        needs: match data.needs.as_str() {
            "" => Needs::Nothing,
            "http_error" => Needs::HttpError,
            fact => Needs::Fact(Told::named(fact)?),
        },
        without: optional(&data.without)?,
        only: optional(&data.only.0)?.map(|fact| (fact, data.only.1)),
        signal: stated(data.signal)?,
        decision: stated(data.decision)?,
        selected: optional(&data.selected)?,
    })
}
