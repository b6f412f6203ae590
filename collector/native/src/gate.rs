//! What Python's gate says may pass: keys with the form of their values, names from closed lists, the shape of a copy.

use std::collections::{HashMap, HashSet};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::bytes::Regex;

use crate::cache::Seeded;
use crate::facts::Fact;
use crate::text::{pattern, whole};

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct GateFacts {
    as_sent: bool,
    keep_structure: bool,
    makers: Vec<(String, String)>,
    families: Vec<(String, String)>,
    documents: (String, String, String),
    unconfirmed: HashMap<String, HashSet<String>>,
    stamps: Vec<(String, String)>,
    events: HashMap<String, (String, String)>,
    words: HashMap<String, HashMap<String, String>>,
    other_word: String,
    keys: HashMap<String, String>,
    hash: String,
    span_name: String,
    nameless: String,
    longest: (usize, usize, usize, usize),
    resource: Vec<String>,
    stamp: (String, String),
    structure: Structure,
    endings: HashMap<(i32, i32), Vec<u8>>,
}

/// Names of spans that are no steps.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Structure {
    pub method_keys: Vec<String>,
    pub methods: HashMap<String, String>,
    pub statement_keys: Vec<String>,
    pub statements: HashSet<String>,
    pub kinds: HashMap<i32, String>,
    pub other_kind: String,
}

/// What makes the attribute of a key from its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Name,
    Conversation,
    Id,
    /// The name of a tool that a model asks for.
    Requested,
    FinishReason,
    OutputType,
    Count,
    Flag,
    Length,
}

impl Maker {
    fn named(name: &str) -> Result<Maker, String> {
        Ok(match name {
            "name" => Maker::Name,
            "conversation" => Maker::Conversation,
            "id" => Maker::Id,
            "requested" => Maker::Requested,
            "finish_reason" => Maker::FinishReason,
            "output_type" => Maker::OutputType,
            "count" => Maker::Count,
            "flag" => Maker::Flag,
            "length" => Maker::Length,
            other => return Err(format!("the form {other} is not known")),
        })
    }
}

macro_rules! told {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// What has a name in the GenAI conventions.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub enum Told { $($variant),* }

        const TOLD: &[(Told, &str)] = &[$((Told::$variant, $name)),*];
    };
}

told! {
    Model "model", ResponseModel "response_model", Operation "operation", StepType "step_type", Actor "actor",
    ToolName "tool_name", ErrorType "error_type", Name "name", FinishReason "finish_reason",
    OutputType "output_type", Stream "stream", AgentId "agent_id", AgentVersion "agent_version",
    Environment "environment", RunStatus "run_status", InputTokens "input_tokens", OutputTokens "output_tokens",
    CacheRead "cache_read_tokens", CacheWrite "cache_write_tokens", RunId "run_id", StepId "step_id",
    ParentRunId "parent_run_id", DecisionId "decision_id", Conversation "conversation_id", Seq "seq",
    Attempt "attempt", RetrievalCount "retrieval_count", ToolCall "tool_call", Response "response",
    RequestAttempt "request_attempt",
}

pub struct Documents {
    pub whole: Regex,
    pub prefix: String,
    pub rest: String,
}

/// How long a key, a list and a span's name may be, and how long a text may be that is looked at as a list.
pub struct Longest {
    pub key: usize,
    pub name: usize,
    pub list: usize,
    pub json: usize,
}

/// The gate of one configuration.
#[pyclass(frozen)]
pub struct Gate {
    pub as_sent: bool,
    pub keep_structure: bool,
    pub makers: HashMap<String, Maker, Seeded>,
    pub families: Vec<(Regex, Maker)>,
    pub documents: Documents,
    pub unconfirmed: HashMap<String, HashSet<String>>,
    pub stamps: HashMap<String, Maker, Seeded>,
    pub events: HashMap<String, (String, Maker)>,
    pub finish_reasons: HashMap<String, String>,
    pub output_types: HashMap<String, String>,
    pub other_word: String,
    pub hash: Regex,
    pub span_name: Regex,
    pub nameless: String,
    pub longest: Longest,
    /// Keys of a resource that leave, in their order, and the key and text that the gate signs with.
    pub resource: Vec<String>,
    pub stamp: (String, String),
    pub structure: Structure,
    keys: Vec<String>,
    endings: HashMap<(i32, i32), Vec<u8>>,
}

#[pymethods]
impl Gate {
    /// Raises `ValueError` where something of it is not known here.
    #[new]
    fn new(facts: GateFacts) -> PyResult<Self> {
        Gate::of(facts).map_err(PyValueError::new_err)
    }
}

impl Gate {
    fn of(facts: GateFacts) -> Result<Gate, String> {
        let (prefix, rest) = (facts.documents.1, facts.documents.2);
        let families = facts
            .families
            .iter()
            .map(|(text, form)| Ok((whole(text)?, Maker::named(form)?)));
        let events = facts
            .events
            .into_iter()
            .map(|(name, (key, form))| Ok((name, (key, Maker::named(&form)?))));
        if facts.keys.len() != TOLD.len() {
            return Err("the facts that have names are others".to_owned());
        }
        let keys = TOLD.iter().map(|(_, name)| {
            let key = facts.keys.get(*name);
            key.cloned()
                .ok_or_else(|| format!("the key of {name} is missing"))
        });
        if let Some(name) = facts.unconfirmed.keys().find(|name| Fact::named(name).is_none()) {
            return Err(format!("the fact {name} is not known"));
        }
        if !facts.endings.contains_key(&(0, 0)) {
            return Err("the ending of a span of no kind is missing".to_owned());
        }
        let words = |form: &str| {
            let found = facts.words.get(form);
            found
                .cloned()
                .ok_or_else(|| format!("the words of {form} are missing"))
        };
        let (key, name, list, json) = facts.longest;
        Ok(Gate {
            as_sent: facts.as_sent,
            keep_structure: facts.keep_structure,
            makers: makers(&facts.makers)?,
            families: families.collect::<Result<_, String>>()?,
            documents: Documents {
                whole: pattern(&format!("\\A(?s:{})\\z", facts.documents.0))?,
                prefix,
                rest,
            },
            unconfirmed: facts.unconfirmed,
            stamps: makers(&facts.stamps)?,
            events: events.collect::<Result<_, String>>()?,
            finish_reasons: words("finish_reason")?,
            output_types: words("output_type")?,
            other_word: facts.other_word,
            hash: whole(&facts.hash)?,
            span_name: whole(&facts.span_name)?,
            nameless: facts.nameless,
            longest: Longest {
                key,
                name,
                list,
                json,
            },
            resource: facts.resource,
            stamp: facts.stamp,
            structure: facts.structure,
            keys: keys.collect::<Result<_, String>>()?,
            endings: facts.endings,
        })
    }

    /// The key under which GenAI tells something.
    pub fn key(&self, told: Told) -> &str {
        &self.keys[told as usize]
    }

    /// Kind and status of a span; of one that is not known nothing is kept.
    pub fn ending(&self, kind: i32, code: i32) -> &[u8] {
        let of = |kind, code| self.endings.get(&(kind, code)).map(Vec::as_slice);
        let known_kind = if of(kind, 0).is_some() { kind } else { 0 };
        let known_code = if of(0, code).is_some() { code } else { 0 };
        of(known_kind, known_code).unwrap_or_default()
    }
}

fn makers(listed: &[(String, String)]) -> Result<HashMap<String, Maker, Seeded>, String> {
    let known = |(key, form): &(String, String)| Ok((key.clone(), Maker::named(form)?));
    listed.iter().map(known).collect()
}
