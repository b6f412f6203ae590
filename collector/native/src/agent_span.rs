//! Spans of coding agents: what their names and keys mean in their own scope, and how a run stands after a call.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;

use crate::batch::{Batch, Origin};
use crate::event_rows::RunCells;
use crate::facts::{fact, reader, Fact, Known, Reader, ReaderData};
use crate::otlp::Span;
use crate::readers::Said;
use crate::rows::{ids, FAILURE, RUNS, SUCCESS, UNKNOWN};
use crate::span::{take, HandBack, SpanFacts, ERROR};
use crate::text::{ascii_plain, conversation_hash, uuid5};

type Outcome<T> = Result<T, HandBack>;

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct AgentSpansData {
    scope: String,
    agent_id: String,
    operations: HashMap<String, String>,
    facts: Vec<(String, String, ReaderData)>,
    links: HashSet<String>,
    reads_others: bool,
    calls_tell_runs: bool,
    is_failure_final: bool,
    prompts: HashSet<String>,
    begun: HashSet<String>,
}

/// Words and names that all tables share.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct SpanWordsData {
    agents: Vec<AgentSpansData>,
    fields: HashSet<String>,
    side_wrappers: HashSet<String>,
    waits: HashSet<String>,
    persons: HashSet<String>,
    denies: HashSet<String>,
}

const FIELDS: [&str; 10] = [
    "scope",
    "agent_id",
    "operations",
    "facts",
    "links",
    "reads_others",
    "calls_tell_runs",
    "is_failure_final",
    "prompts",
    "begun",
];

/// The spans of one scope.
pub struct AgentSpans {
    pub data: AgentSpansData,
    facts: HashMap<String, (Fact, Reader)>,
}

pub struct SpanWords {
    data: SpanWordsData,
    agents: HashMap<String, AgentSpans>,
}

impl SpanWords {
    pub fn new(mut data: SpanWordsData, spellings: usize) -> Result<SpanWords, String> {
        if FIELDS.len() != data.fields.len() || !FIELDS.iter().all(|each| data.fields.contains(*each)) {
            return Err("the tables of agents' spans have other fields".to_owned());
        }
        let mut agents = HashMap::new();
        for agent in std::mem::take(&mut data.agents) {
            let mut facts = HashMap::new();
            for (key, name, data) in &agent.facts {
                facts.insert(key.clone(), (fact(name)?, reader(data, spellings)?));
            }
            agents.insert(agent.scope.clone(), AgentSpans { data: agent, facts });
        }
        Ok(SpanWords { data, agents })
    }

    pub fn of(&self, scope: &str) -> Option<&AgentSpans> {
        self.agents.get(scope)
    }
}

impl AgentSpans {
    pub fn agent_id(&self) -> &str {
        &self.data.agent_id
    }

    pub fn calls_tell_runs(&self) -> bool {
        self.data.calls_tell_runs
    }

    /// Whether a span of this name says anything, its place in the tree included.
    pub fn is_read(&self, name: &str) -> bool {
        self.data.reads_others || self.data.operations.contains_key(name) || self.data.links.contains(name)
    }

    /// What the keys and names of the scope mean, before that of all others.
    pub fn read<'a>(&'a self, known: &'a Known, span: &Span<'a>, facts: &mut SpanFacts<'a>) -> Outcome<()> {
        for attribute in span.attributes() {
            if let Some((key, (fact, reader))) = self.facts.get_key_value(attribute.key) {
                take(known, facts, *fact, key, reader, attribute.value)?;
            }
        }
        let no_step = known.facts.kind_words.0.as_str();
        match self.data.operations.get(span.name) {
            Some(operation) => facts.set(Fact::Kind, Said::Text(operation)),
            None if !self.data.reads_others => facts.set(Fact::Kind, Said::Text(no_step)),
            None => {}
        }
        facts.set(Fact::Source, Said::Text(&known.agents.data.source));
        if facts.flag(Fact::Succeeded) == Some(false) {
            facts.set(Fact::Failed, Said::Bool(true));
        }
        let words = &known.agent_spans.data;
        let word = |fact: Fact| ascii_plain(facts.text(fact)).ok_or(HandBack);
        let (person, decision) = (word(Fact::DecidedBy)?, word(Fact::Decision)?);
        let is_wait = words.waits.contains(span.name) && words.persons.contains(&person);
        if words.denies.contains(&decision) {
            facts.set(Fact::ErrorType, Said::Text(&known.agents.data.denied));
        } else if facts.has(Fact::Decision) && !is_wait {
            facts.set(Fact::Kind, Said::Text(no_step));
        }
        facts.set(Fact::IsBegun, Said::Bool(self.data.begun.contains(span.name)));
        if words.side_wrappers.contains(span.name) || is_wait {
            facts.set(Fact::Name, Said::Text(span.name));
        }
        Ok(())
    }

    /// The status of a run as a model call or the span of a prompt shows it.
    fn status(&self, known: &Known, span: &Span<'_>, facts: &SpanFacts<'_>) -> &'static str {
        if facts.text(Fact::Operation) != "chat" {
            return UNKNOWN;
        }
        if facts.flag(Fact::Failed) == Some(true) || span.status == ERROR {
            return if self.data.is_failure_final {
                FAILURE
            } else {
                UNKNOWN
            };
        }
        let reason = facts.text(Fact::FinishReason);
        // A call whose end nothing tells may have been cut.
        if reason.is_empty() || known.agents.data.cut.contains(reason) {
            UNKNOWN
        } else {
            SUCCESS
        }
    }
}

impl<'a> Batch<'a> {
    /// Adds the run as a model call or the span of a prompt shows it; nothing for every other span.
    pub fn add_agent_run(
        &mut self,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
        agent: &AgentSpans,
    ) -> Outcome<()> {
        let known = self.known;
        let is_call = facts.text(Fact::Operation) == "chat";
        let is_begun = facts.flag(Fact::IsBegun) == Some(true);
        let ended = span.start.max(span.end);
        if (!is_call && !agent.data.prompts.contains(span.name))
            || is_begun
            || !self.moment.has(ended, Some(RUNS))
        {
            return Ok(());
        }
        let (_, run, _) = ids(origin)?;
        let namespace = &known.facts.namespace;
        let mut number = origin.span_number();
        if let Some(call) = self.call(facts.text(Fact::CallId)).filter(|_| is_call) {
            let id = uuid5(namespace, &[&run, b"\x1f", &call]);
            let (first, _) = id.split_at(8);
            number = first.try_into().map_or(0, u64::from_be_bytes);
        }
        self.put_run(
            origin,
            &RunCells {
                status: agent.status(known, span, facts),
                started: ended,
                ended,
                span_number: number,
                parent: None,
                conversation: &conversation_hash(&known.facts.site_key, facts.text(Fact::ConversationId)),
                actor: "",
                source: facts.source(),
            },
        )
    }
}
