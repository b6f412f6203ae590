//! The facts of a span: what its attributes and events tell, and what follows from them.

use std::borrow::Cow;

use crate::agent_span::AgentSpans;
use crate::facts::{Fact, Family, Known, Reader};
use crate::otlp::{Attribute, Span, Value};
use crate::readers::{Read, Said, NO_WORD};
use crate::text::{stand_in, strip};

pub const ERROR: i32 = 2;
/// Rules under which names and words are counted.
pub const IDENTIFIER: &str = "identifier.pattern";
pub const CLOSED: &str = "closed.set";
pub const CONFIRMED: &str = "tool.confirmed";
const AGENT: &str = "invoke_agent";
const UNKNOWN_OPERATIONS: [&str; 2] = ["", "other"];

/// Python treats the span.
pub struct HandBack;

type Outcome<T> = Result<T, HandBack>;

pub struct SpanFacts<'a> {
    values: [Said<'a>; Fact::COUNT],
    pub metadata: Vec<(&'a str, Value<'a>)>,
    /// Rules that values broke, each with the attribute's key.
    pub notes: Vec<(&'static str, &'a str)>,
    /// How many attributes were read.
    pub sent: usize,
    stand_in: String,
}

type Later<'a> = Vec<(usize, Fact, Said<'a>)>;

impl<'a> SpanFacts<'a> {
    fn new() -> Self {
        SpanFacts {
            values: [Said::Nothing; Fact::COUNT],
            metadata: Vec::new(),
            notes: Vec::new(),
            sent: 0,
            stand_in: String::new(),
        }
    }

    /// A text, empty where it is not told.
    pub fn text(&self, fact: Fact) -> &str {
        match self.values[fact as usize] {
            Said::Text(text) => text,
            Said::StandIn => &self.stand_in,
            _ => "",
        }
    }

    /// A text that is no stand-in.
    fn plain_text(&self, fact: Fact) -> &'a str {
        match self.values[fact as usize] {
            Said::Text(text) => text,
            _ => "",
        }
    }

    pub fn number(&self, fact: Fact) -> Option<u64> {
        match self.values[fact as usize] {
            Said::Number(number) => Some(number),
            _ => None,
        }
    }

    pub fn flag(&self, fact: Fact) -> Option<bool> {
        match self.values[fact as usize] {
            Said::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub fn has(&self, fact: Fact) -> bool {
        !self.text(fact).is_empty()
    }

    pub fn source(&self) -> &str {
        if self.has(Fact::Source) {
            self.text(Fact::Source)
        } else {
            "genai"
        }
    }

    pub fn set(&mut self, fact: Fact, value: Said<'a>) {
        self.values[fact as usize] = value;
    }

    fn note(&mut self, rule: &'static str, key: &'a str) {
        if !self.notes.contains(&(rule, key)) {
            self.notes.push((rule, key));
        }
    }

    /// Whether nothing but the default is told.
    fn is_untold(&self, fact: Fact) -> bool {
        match self.values[fact as usize] {
            Said::Nothing => true,
            Said::Number(number) => fact == Fact::Seq && number == 0,
            Said::Bool(flag) => !flag && matches!(fact, Fact::Failed | Fact::AskedForTools),
            Said::Text(text) => text.is_empty(),
            Said::StandIn => false,
        }
    }
}

/// Reads a span by the conventions' tables and completes its facts.
pub fn read<'a>(
    known: &'a Known,
    span: &Span<'a>,
    scope: &'a str,
    agent: Option<&'a AgentSpans>,
) -> Outcome<SpanFacts<'a>> {
    let mut facts = SpanFacts::new();
    let mut later: Later<'a> = Vec::new();
    for attribute in span.attributes() {
        read_attribute(known, &mut facts, &mut later, attribute)?;
    }
    later.sort_by_key(|found| found.0);
    for (_, fact, value) in later {
        if value != Said::Nothing && facts.is_untold(fact) {
            facts.set(fact, value);
        }
    }
    read_events(known, span, &mut facts)?;
    if let Some(agent) = agent {
        agent.read(known, span, &mut facts)?;
    }
    complete(known, span, scope, &mut facts);
    Ok(facts)
}

fn read_attribute<'a>(
    known: &'a Known,
    facts: &mut SpanFacts<'a>,
    later: &mut Later<'a>,
    attribute: &Attribute<'a>,
) -> Outcome<()> {
    let Some(entry) = known.keys.get(attribute.key) else {
        for (prefix, family) in &known.families {
            if let Some(rest) = attribute.key.strip_prefix(prefix.as_str()) {
                facts.sent += 1;
                return read_family(known, facts, family, rest, attribute.value);
            }
        }
        return Ok(());
    };
    if entry.is_left {
        return Err(HandBack);
    }
    facts.sent += 1;
    if let Some((fact, reader)) = &entry.first {
        match reader.read(known, attribute.value) {
            Read::Nothing => {}
            Read::Is(value) => facts.set(*fact, value),
            Read::Not(rule, instead) => {
                facts.note(rule, attribute.key);
                later.push((known.facts.last, *fact, instead.map_or(Said::Nothing, Said::Text)));
            }
            Read::HandBack => return Err(HandBack),
        }
    }
    for (place, fact, reader) in &entry.later {
        match reader.read(known, attribute.value) {
            Read::Nothing => {}
            Read::Is(value) => later.push((*place, *fact, value)),
            Read::Not(rule, instead) => {
                facts.note(rule, attribute.key);
                later.push((known.facts.last, *fact, instead.map_or(Said::Nothing, Said::Text)));
            }
            Read::HandBack => return Err(HandBack),
        }
    }
    Ok(())
}

fn read_family<'a>(
    known: &'a Known,
    facts: &mut SpanFacts<'a>,
    family: &Family,
    rest: &'a str,
    value: Value<'a>,
) -> Outcome<()> {
    match family {
        Family::Metadata => match facts.metadata.iter_mut().find(|entry| entry.0 == rest) {
            Some(entry) => entry.1 = value,
            None => facts.metadata.push((rest, value)),
        },
        Family::Completion => {
            let names_tool = rest.contains(".tool_calls.") && rest.ends_with(".name");
            if names_tool && !value.text().is_empty() {
                facts.set(Fact::AskedForTools, Said::Bool(true));
            } else if rest.ends_with(".finish_reason") && !facts.has(Fact::FinishReason) {
                take(
                    known,
                    facts,
                    Fact::FinishReason,
                    &known.facts.completion_key,
                    &known.choice.3,
                    value,
                )?;
            }
        }
        Family::Documents => {
            let index = rest.split('.').next().unwrap_or("");
            let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
            if is_index && index.len() < known.facts.document_digits {
                let count = index.parse::<u64>().map_err(|_| HandBack)? + 1;
                let most = facts.number(Fact::RetrievalCount).unwrap_or(0).max(count);
                facts.set(Fact::RetrievalCount, Said::Number(most));
            }
        }
        Family::OutputMessages => {
            if rest.ends_with(".tool_call.function.name") && !value.text().is_empty() {
                facts.set(Fact::AskedForTools, Said::Bool(true));
            }
        }
    }
    Ok(())
}

pub fn take<'a>(
    known: &'a Known,
    facts: &mut SpanFacts<'a>,
    fact: Fact,
    key: &'a str,
    reader: &'a Reader,
    value: Value<'a>,
) -> Outcome<()> {
    match reader.read(known, value) {
        Read::Nothing => {}
        Read::Is(value) => facts.set(fact, value),
        Read::Not(rule, instead) => {
            facts.note(rule, key);
            if let Some(word) = instead {
                facts.set(fact, Said::Text(word));
            }
        }
        Read::HandBack => return Err(HandBack),
    }
    Ok(())
}

fn read_events<'a>(known: &'a Known, span: &Span<'a>, facts: &mut SpanFacts<'a>) -> Outcome<()> {
    let (exception, exception_type, unknown) = &known.facts.exception;
    let (choice, choice_key, noted, reader) = &known.choice;
    for event in &span.events {
        if event.name == exception {
            let told = facts.text(Fact::ErrorType);
            if span.status == ERROR && (told.is_empty() || told == unknown) {
                let stated = span
                    .attributes_of(event)
                    .iter()
                    .find(|each| each.key == exception_type);
                let kind = stated.map_or("", |each| strip(each.value.text()));
                if !kind.is_empty() {
                    facts.set(Fact::ErrorType, Said::Text(kind));
                }
            }
        } else if event.name == choice && !facts.has(Fact::FinishReason) {
            for attribute in span.attributes_of(event) {
                if attribute.key == choice_key {
                    take(known, facts, Fact::FinishReason, noted, reader, attribute.value)?;
                }
            }
        }
    }
    Ok(())
}

fn complete<'a>(known: &'a Known, span: &Span<'a>, scope: &'a str, facts: &mut SpanFacts<'a>) {
    if facts.has(Fact::Kind) {
        read_kind(known, span.name, facts);
        if !facts.has(Fact::Operation) {
            return;
        }
    } else if !facts.has(Fact::Operation) && !read_name(known, span.name, scope, facts) && !answered(facts) {
        return;
    }
    if is_unknown(known, facts) && is_model_call(facts) {
        facts.set(Fact::Operation, Said::Text("chat"));
    }
    if facts.text(Fact::Source) == "openinference" {
        read_openinference_name(known, span.name, scope, facts);
    }
    if facts.has(Fact::RunId) || facts.has(Fact::AgentId) {
        facts.set(Fact::Source, Said::Text("agenttrace"));
    }
    let error = facts.plain_text(Fact::ErrorType);
    if !error.is_empty() {
        let bare = error.rsplit('.').next().unwrap_or(error);
        let prefix = known.facts.error_prefix.as_str();
        facts.set(
            Fact::ErrorType,
            Said::Text(bare.strip_prefix(prefix).unwrap_or(bare)),
        );
    }
    let operation = facts.plain_text(Fact::Operation);
    if known.facts.model_calls.contains(operation) {
        complete_model_call(span, facts);
    } else if operation == "execute_tool" {
        complete_tool(known, span.name, facts);
    } else if operation == "guardrail" {
        complete_guardrail(known, facts);
    }
    let operation = facts.plain_text(Fact::Operation);
    let role = known.facts.roles.get(operation).map_or("leaf", String::as_str);
    let is_attempt = facts.number(Fact::RequestAttempt).is_some();
    let tool = facts.plain_text(Fact::ToolName);
    let answers = known.facts.answer_tools.get(scope);
    let is_answer = !tool.is_empty() && answers.is_some_and(|tools| tools.contains(tool));
    let role = if is_attempt || is_answer || facts.has(Fact::Decision) {
        "wrapper"
    } else {
        role
    };
    facts.set(Fact::Role, Said::Text(role));
    if !facts.has(Fact::StepType) {
        let kind = known
            .facts
            .step_type_of
            .get(operation)
            .map_or("other", String::as_str);
        facts.set(Fact::StepType, Said::Text(kind));
    }
    if !facts.has(Fact::Name) {
        let actor = if facts.text(Fact::Role) == "agent" {
            Some(Fact::Actor)
        } else {
            None
        };
        let named = [actor, Some(Fact::ToolName), Some(Fact::Model), Some(Fact::Actor)];
        if let Some(fact) = named.into_iter().flatten().find(|fact| facts.has(*fact)) {
            facts.set(Fact::Name, Said::Text(facts.plain_text(fact)));
        }
    }
}

/// A framework's own word wins; a wrapper that names tokens is the model call that it wraps.
fn read_kind<'a>(known: &'a Known, name: &'a str, facts: &mut SpanFacts<'a>) {
    let (no_step, model_span) = &known.facts.kind_words;
    let mut kind = facts.plain_text(Fact::Kind);
    if kind == model_span {
        kind = if facts.has(Fact::Model) { "chat" } else { "chain" };
    } else if kind == "chain" && is_model_call(facts) {
        kind = "chat";
    }
    let is_step = kind != no_step;
    facts.set(Fact::Operation, Said::Text(if is_step { kind } else { "" }));
    if kind == "chat" {
        let is_begun = facts.flag(Fact::IsBegun) == Some(true);
        facts.set(
            Fact::Name,
            if is_begun { Said::Text(name) } else { Said::Nothing },
        );
    } else if matches!(kind, "retrieval" | "chain")
        && !facts.has(Fact::Name)
        && !name.contains(' ')
        && name != kind
    {
        facts.set(Fact::Name, Said::Text(name));
    } else if kind == "execute_tool" && !facts.has(Fact::ToolName) && !name.contains([' ', '.']) {
        let told = facts.plain_text(Fact::Name);
        facts.set(
            Fact::ToolName,
            Said::Text(if told.is_empty() { name } else { told }),
        );
    }
}

fn is_unknown(known: &Known, facts: &SpanFacts<'_>) -> bool {
    let operation = facts.text(Fact::Operation);
    let noted = || {
        facts
            .notes
            .iter()
            .any(|(rule, key)| *rule == NO_WORD && known.facts.kind_keys.iter().any(|each| each == key))
    };
    UNKNOWN_OPERATIONS.contains(&operation) || operation == "chain" && noted()
}

fn is_model_call(facts: &SpanFacts<'_>) -> bool {
    let tokens = [Fact::InputTokens, Fact::OutputTokens];
    let models = [Fact::Model, Fact::ResponseModel];
    tokens.into_iter().any(|fact| facts.number(fact).is_some())
        && models.into_iter().any(|fact| facts.has(fact))
}

fn answered(facts: &SpanFacts<'_>) -> bool {
    facts.number(Fact::OutputTokens).is_some() && is_model_call(facts)
}

fn read_name<'a>(known: &'a Known, name: &'a str, scope: &str, facts: &mut SpanFacts<'a>) -> bool {
    let Some(words) = known.named_spans.get(scope) else {
        return false;
    };
    let (word, rest) = name.split_once(' ').unwrap_or((name, ""));
    let Some((operation, fact)) = words.get(word) else {
        return false;
    };
    facts.set(Fact::Operation, Said::Text(operation));
    if let Some(fact) = fact {
        if !rest.is_empty() && !rest.contains(' ') && !facts.has(*fact) {
            facts.set(*fact, Said::Text(rest.trim_matches(['[', ']'])));
        }
    }
    !operation.is_empty()
}

fn read_openinference_name<'a>(known: &'a Known, name: &'a str, scope: &str, facts: &mut SpanFacts<'a>) {
    let mut name = name;
    if known.facts.method_scopes.contains(scope) {
        let (class, method) = name.split_once('.').unwrap_or((name, ""));
        name = class;
        if let Some(operation) = known.facts.methods.get(method) {
            facts.set(Fact::Operation, Said::Text(operation));
        }
        if known.facts.streaming_methods.contains(method) {
            facts.set(Fact::Stream, Said::Bool(true));
        }
    }
    if let Some(fact) = known.named_for.get(facts.text(Fact::Operation)) {
        if !facts.has(*fact) && !name.contains(' ') && name != facts.text(Fact::Operation) {
            let bare = name
                .strip_suffix(known.facts.agent_suffix.as_str())
                .unwrap_or(name);
            facts.set(*fact, Said::Text(bare));
        }
    }
}

fn complete_model_call<'a>(span: &Span<'a>, facts: &mut SpanFacts<'a>) {
    if facts.has(Fact::ToolName) {
        facts.set(Fact::AskedForTools, Said::Bool(true));
        facts.set(Fact::ToolName, Said::Nothing);
    }
    let asked = facts.flag(Fact::AskedForTools) == Some(true);
    if asked && matches!(facts.text(Fact::FinishReason), "" | "stop") {
        facts.set(Fact::FinishReason, Said::Text("tool_calls"));
    }
    if facts.text(Fact::FinishReason) == "error" {
        facts.set(Fact::Failed, Said::Bool(true));
    }
    if facts.has(Fact::StepType) {
        return;
    }
    let failed = facts.flag(Fact::Failed) == Some(true) || span.status == ERROR;
    let kind = match facts.text(Fact::FinishReason) {
        _ if failed => "other",
        "tool_calls" => "plan",
        _ => "respond",
    };
    facts.set(Fact::StepType, Said::Text(kind));
    if let Some(attempt) = facts.number(Fact::RequestAttempt) {
        facts.set(Fact::Attempt, Said::Number(attempt));
        facts.set(Fact::StepType, Said::Text("other"));
    }
}

fn complete_tool<'a>(known: &'a Known, name: &'a str, facts: &mut SpanFacts<'a>) {
    let names_tool = known
        .facts
        .tool_spans
        .iter()
        .any(|prefix| name.starts_with(prefix.as_str()));
    if !facts.has(Fact::ToolName) && names_tool {
        let tool = name.rsplit(' ').next().unwrap_or("");
        facts.set(Fact::ToolName, Said::Text(tool));
    } else if !facts.has(Fact::ToolName) && facts.text(Fact::Source) == "openllmetry" {
        facts.set(Fact::ToolName, Said::Text(facts.plain_text(Fact::Name)));
    }
    let (operation, prefix, span_prefix) = &known.facts.handoff;
    let tool = facts.plain_text(Fact::ToolName);
    let hands_off = known.facts.handoff_tools.contains(tool) || tool.starts_with(prefix.as_str());
    let is_named = name.starts_with(span_prefix.as_str());
    if hands_off || is_named {
        facts.set(Fact::Operation, Said::Text(operation));
        if !facts.has(Fact::Name) {
            facts.set(Fact::Name, Said::Text(operation));
        }
    }
    if is_named {
        facts.set(Fact::ToolName, Said::Nothing);
    }
}

/// A guardrail that some instrumentations name under the key of a tool; one that tripped is in error.
fn complete_guardrail<'a>(known: &'a Known, facts: &mut SpanFacts<'a>) {
    if !facts.has(Fact::Name) {
        facts.set(Fact::Name, Said::Text(facts.plain_text(Fact::ToolName)));
    }
    facts.set(Fact::ToolName, Said::Nothing);
    if facts.flag(Fact::Tripped) == Some(true) {
        facts.set(Fact::Failed, Said::Bool(true));
        if !facts.has(Fact::ErrorType) {
            facts.set(Fact::ErrorType, Said::Text(&known.facts.tripped));
        }
    }
}

/// The key among a span's attributes that tells a fact, else `name`.
pub fn key_of<'a>(known: &'a Known, span: &Span<'a>, fact: Fact) -> &'a str {
    let stated = |key: &&'a String| span.attributes().iter().any(|each| each.key == key.as_str());
    known.fact_keys[fact as usize]
        .iter()
        .find(stated)
        .map_or("name", String::as_str)
}

/// A rule and a key to count, and the facts whose name something else stands for.
type Hidden<'a> = (&'static str, &'a str, &'static [Fact]);

/// Puts what stands for it in place of a name that nothing confirms.
pub fn confirm<'a>(known: &'a Known, span: &Span<'a>, facts: &mut SpanFacts<'a>) -> Option<Hidden<'a>> {
    let failed = facts.flag(Fact::Failed) == Some(true) || span.status == ERROR;
    if !failed && !facts.has(Fact::ErrorType) {
        return None;
    }
    let error = facts.plain_text(Fact::ErrorType);
    let unknown = known.facts.stand_ins.2.as_str();
    let names_none = || known.patterns.unknown_tool.is_match(error.as_bytes());
    let operation = facts.plain_text(Fact::Operation);
    if known.facts.named_operations.iter().any(|each| each == operation) {
        if facts.has(Fact::Registered) && !names_none() {
            return None;
        }
        let has_tool = facts.has(Fact::ToolName);
        let name = facts.plain_text(if has_tool { Fact::ToolName } else { Fact::Name });
        let agents = &known.agents.data;
        if facts.source() == agents.source && agents.packaged.contains(name) {
            return None;
        }
        let kept = tool_name(known, name, error, names_none)?;
        let said = match kept {
            Cow::Borrowed(text) => Said::Text(text),
            Cow::Owned(text) => {
                facts.stand_in = text;
                Said::StandIn
            }
        };
        let key = key_of(known, span, Fact::ToolName);
        if has_tool {
            facts.set(Fact::ToolName, said);
        }
        facts.set(Fact::Name, said);
        return Some((CONFIRMED, key, &[Fact::ToolName, Fact::Name]));
    }
    if operation == AGENT && names_none() {
        facts.set(Fact::Actor, Said::Text(unknown));
        facts.set(Fact::Name, Said::Text(unknown));
        let key = key_of(known, span, Fact::Actor);
        return Some((CONFIRMED, key, &[Fact::Actor, Fact::Name]));
    }
    None
}

/// What is kept in place of a tool's name of a failed call; None where the name is kept.
pub fn tool_name<'a>(
    known: &'a Known,
    name: &str,
    error: &str,
    names_none: impl Fn() -> bool,
) -> Option<Cow<'a, str>> {
    let patterns = &known.patterns;
    let stands = known.facts.no_identity.contains(name) || patterns.stood_for.is_match(name.as_bytes());
    if name.is_empty() || stands || known.facts.tools.contains(name) {
        return None;
    }
    let none = names_none();
    let error = error.as_bytes();
    if patterns.ran.is_match(error) && !patterns.call_again.is_match(error) && !none {
        return None;
    }
    let kept = if none {
        Cow::Borrowed(known.facts.stand_ins.2.as_str())
    } else {
        Cow::Owned(stand_in(&known.facts.stand_ins.1, &known.facts.site_key, name))
    };
    (kept != name).then_some(kept)
}
