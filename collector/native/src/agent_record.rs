//! What a log record of a coding agent tells: its facts by the table of its name, its run, its call.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::agent_tables::{Agent, Agents, Kind, Record, Told};
use crate::facts::{Known, Reader};
use crate::json::texts_of;
use crate::otlp::{LogRecord, Value};
use crate::readers::{Read, Said};
use crate::rows::id;
use crate::span::HandBack;
use crate::text::{ascii_plain, is_longer, strip, uuid5};

pub type Id = [u8; 16];
type Outcome<T> = Result<T, HandBack>;

pub const SEPARATOR: &[u8] = b"\x1f";
const SIDE: &[u8] = b"\x1fside";
/// Nanoseconds, in which records of one millisecond are numbered.
pub const MILLISECOND: u64 = 1_000_000;
/// What Python writes for a value that no rule can accept.
const UNREADABLE: &str = "UNREADABLE";

/// The latest prompt of each session among the records of one resource: the run that a subagent works for.
#[derive(Default)]
pub struct Prompts<'a>(HashMap<(&'a str, &'a str), Id>);

impl<'a> Prompts<'a> {
    /// Subagents of some have a session of their own in the process of their parent's.
    fn place(agent: &'a Agent, session: &'a str) -> (&'a str, &'a str) {
        let has_main = !agent.data.main_agents.is_empty();
        (&agent.data.agent_id, if has_main { "" } else { session })
    }

    fn answered(&mut self, agent: &'a Agent, session: &'a str, run: Id) {
        self.0.insert(Self::place(agent, session), run);
    }

    fn latest(&self, agent: &'a Agent, session: &'a str) -> Option<Id> {
        self.0.get(&Self::place(agent, session)).copied()
    }
}

/// One record as its table reads it; `time` is in nanoseconds.
pub struct RecordFacts<'a> {
    pub agent: &'a Agent,
    pub record: &'a Record,
    pub name: &'a str,
    values: Vec<(Told, Value<'a>)>,
    /// The name of a server's tool, in place of the one that stands for all of them.
    tool: Option<String>,
    pub run_id: Id,
    pub session: &'a str,
    pub sequence: u64,
    pub time: u64,
    pub parent_run: Option<Id>,
    /// What every record of the call has in common; None where the sender names the call by nothing.
    pub call_id: Option<Id>,
}

fn run_of(known: &Known, agent: &Agent, key: &str) -> Id {
    let name = agent.data.agent_id.as_bytes();
    uuid5(&known.facts.namespace, &[name, SEPARATOR, key.as_bytes()])
}

/// The record as its table reads it; None where no table has it, or where it names no run.
pub fn read_record<'a>(
    known: &'a Known,
    record: &LogRecord<'a>,
    scope: &str,
    prompts: &mut Prompts<'a>,
) -> Outcome<Option<RecordFacts<'a>>> {
    let agents: &'a Agents = &known.agents;
    let Some(agent) = agents.of(scope) else {
        return Ok(None);
    };
    let name = record.last(&agents.data.event_name).text();
    let Some(table) = agent.records.get(name) else {
        return Ok(None);
    };
    let keys = agent.data.run_keys.iter().map(|key| record.last(key).text());
    let key = keys.clone().find(|text| !text.is_empty()).unwrap_or("");
    let trace = id::<16>(record.trace_id).filter(|_| agent.data.trace_is_run);
    if key.is_empty() && trace.is_none() {
        return Ok(None);
    }
    let session = record.last(&agent.data.session_key).text();
    let (key, is_nested) = subagent(agents, agent, key, record);
    let mut run_id = trace.unwrap_or_else(|| run_of(known, agent, key));
    if table.kind == Kind::Event && keys.clone().next().unwrap_or("").is_empty() {
        run_id = prompts.latest(agent, session).unwrap_or(run_id);
    } else if !is_nested {
        prompts.answered(agent, session, run_id);
    }
    let parent_run = is_nested.then(|| {
        let latest = prompts.latest(agent, session).filter(|found| *found != run_id);
        latest.unwrap_or_else(|| run_of(known, agent, session))
    });
    let stated = |key: &str| record.attributes.iter().rev().find(|each| each.key == key);
    let told = |(fact, key): &(Told, String)| stated(key).map(|each| (*fact, each.value));
    let mut facts = RecordFacts {
        agent,
        record: table,
        name,
        values: table.facts.iter().filter_map(told).collect(),
        tool: None,
        run_id,
        session,
        sequence: sequence(agents, record),
        time: record.time(),
        parent_run,
        call_id: None,
    };
    facts.understand(known)?;
    Ok(Some(facts))
}

fn sequence(agents: &Agents, record: &LogRecord<'_>) -> u64 {
    match record.last(&agents.data.sequence) {
        Value::Int(number) => u64::try_from(number).unwrap_or(0).min(MILLISECOND - 1),
        _ => 0,
    }
}

/// The key of the run, and whether a subagent's record names it.
fn subagent<'a>(agents: &Agents, agent: &Agent, key: &'a str, record: &LogRecord<'a>) -> (&'a str, bool) {
    let (prompt, turn) = (agents.data.prompt_mark.as_str(), agents.data.turn_mark.as_str());
    if agent.data.counts_turns && !key.contains(prompt) {
        if let Some((before, _)) = key.rsplit_once(turn) {
            return (before, true);
        }
    }
    let (main, name) = (
        &agent.data.main_agents,
        record.last(&agents.data.agent_name).text(),
    );
    (key, !main.is_empty() && !name.is_empty() && !main.contains(name))
}

impl<'a> RecordFacts<'a> {
    pub fn value(&self, fact: Told) -> Value<'a> {
        let found = self.values.iter().find(|each| each.0 == fact);
        found.map_or(Value::Nothing, |each| each.1)
    }

    /// Whether Python would take the value for true.
    pub fn is_filled(&self, fact: Told) -> bool {
        match self.value(fact) {
            Value::Nothing => false,
            Value::Text(text) => !text.is_empty(),
            Value::Bool(flag) => flag,
            Value::Int(number) => number != 0,
            Value::Double(number) => number != 0.0,
            list @ Value::List(_) => list.items().next().is_some(),
            Value::Other => true,
        }
    }

    /// What a fact says, as text; empty where it says nothing.
    pub fn text(&self, fact: Told) -> Cow<'_, str> {
        if let (Told::ToolName, Some(tool)) = (fact, &self.tool) {
            return Cow::Borrowed(tool);
        }
        match self.value(fact) {
            list @ Value::List(_) => match list.items().next() {
                Some(Value::List(_)) => Cow::Borrowed(UNREADABLE),
                Some(item) => as_text(item),
                None => Cow::Borrowed(""),
            },
            value => as_text(value),
        }
    }

    /// A word in plain form; Python treats what is not ASCII.
    pub fn word(&self, fact: Told) -> Outcome<String> {
        ascii_plain(&self.text(fact)).ok_or(HandBack)
    }

    /// A count, a text of one included.
    pub fn count(&self, known: &Known, fact: Told) -> Outcome<Option<u64>> {
        match Reader::Count.read(known, self.value(fact)) {
            Read::Is(Said::Number(number)) => Ok(Some(number)),
            Read::HandBack => Err(HandBack),
            _ => Ok(None),
        }
    }

    /// Whether the record says that its call did not succeed.
    pub fn failed(&self, known: &Known) -> Outcome<bool> {
        match Reader::Flag.read(known, self.value(Told::Success)) {
            Read::Is(Said::Bool(flag)) => Ok(!flag),
            Read::HandBack => Err(HandBack),
            _ => Ok(false),
        }
    }

    /// Whether a model call is no turn of the agent.
    pub fn is_side(&self, known: &Known) -> bool {
        known
            .agents
            .data
            .side_purposes
            .contains(&*self.text(Told::Purpose))
    }

    /// What was selected and why; None where the record does not say.
    pub fn approval(&self) -> Outcome<Option<&'a (String, String)>> {
        let (decision, reason) = (self.word(Told::Decision)?, self.word(Told::Reason)?);
        Ok(self.agent.approval(&decision, &reason))
    }

    /// The id of the call as a step: what the sender calls it, else what the record says of itself.
    pub fn call(&self, known: &Known) -> Id {
        let namespace = &known.facts.namespace;
        if let Some(call) = self.call_id {
            let side: &[u8] = if self.is_side(known) { SIDE } else { b"" };
            return uuid5(namespace, &[&self.run_id, SEPARATOR, &call, side]);
        }
        let place = format!("{}\x1f{}\x1f{}", self.time, self.sequence, self.name);
        let tool = self.text(Told::ToolName);
        let parts: [&[u8]; 5] = [
            &self.run_id,
            SEPARATOR,
            place.as_bytes(),
            SEPARATOR,
            tool.as_bytes(),
        ];
        uuid5(namespace, &parts)
    }

    /// Takes a tool's name and a denial from the two facts that hold what was said, and forgets these.
    fn understand(&mut self, known: &'a Known) -> Outcome<()> {
        let (words, parameters) = (self.value(Told::Words), self.value(Told::ServerTool));
        self.values
            .retain(|each| !matches!(each.0, Told::Words | Told::ServerTool));
        let shared = &known.agents.data;
        if let (Some(denial), Value::Text(words)) = (&self.agent.denial, words) {
            let untyped = !self.is_filled(Told::ErrorType);
            if untyped && self.failed(known)? && denial.is_match(words) {
                self.values.retain(|each| each.0 != Told::ErrorType);
                self.values.push((Told::ErrorType, Value::Text(&shared.denied)));
            }
        }
        let (stands_for_all, keys, longest) = &shared.server_tool;
        if let (Value::Text(name), Value::Text(text)) = (self.value(Told::ToolName), parameters) {
            if name == stands_for_all && !is_longer(text, *longest) {
                let names = texts_of(text, keys).ok_or(HandBack)?;
                self.tool = server_tool(known, &names);
            }
        }
        Ok(())
    }
}

/// The name that spans give a tool of a server, where each of its names is one word.
fn server_tool(known: &Known, names: &[Option<&str>]) -> Option<String> {
    let (word, secret) = (&known.agents.word, &known.patterns.secret);
    let is_word = |name: &str| word.is_match(name.as_bytes()) && !secret.is_match(name.as_bytes());
    let mut tool = "mcp".to_owned();
    for name in names {
        let name = name.filter(|name| is_word(name))?;
        tool.push_str("__");
        tool.push_str(name);
    }
    Some(tool)
}

fn as_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(strip(text)),
        Value::Bool(true) => Cow::Borrowed("True"),
        Value::Bool(false) => Cow::Borrowed("False"),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::Nothing | Value::Double(_) => Cow::Borrowed(""),
        Value::List(_) | Value::Other => Cow::Borrowed(UNREADABLE),
    }
}
