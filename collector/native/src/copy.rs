//! The copy of a request that goes on: each span made anew, as Python's gate makes it.

use crate::batch::{Batch, Origin};
use crate::encoding::{attribute, count, field, uuid, varint, Any, IN_EVENT, IN_RESOURCE, IN_SPAN};
use crate::events::{Fault, Kept};
use crate::facts::Fact;
use crate::gate::{Gate, Maker, Told};
use crate::otlp::{self, Event, Span, Value};
use crate::rows::{closed, ids, Prepared};
use crate::span::{HandBack, SpanFacts, ERROR};
use crate::text::{is_longer, parse_or_hash_id, strip};
use crate::wire::Fields;

const SPAN: u8 = 0x12;
const NAME: u8 = 0x2a;
const EVENT: u8 = 0x5a;
const EVENT_NAME: u8 = 0x12;
const PARENT: [u8; 2] = [0x22, 8];
/// With more attributes to make than this Python makes them: each is compared with each.
const MOST_KEPT: usize = 128;

/// How much stays here, by field of the protocol.
#[derive(Clone, Copy, Default)]
pub struct LeftOut {
    pub spans: u64,
    pub attributes: u64,
    pub events: u64,
}

/// Spans of the copy so far, and the events of the next one.
#[derive(Default)]
pub struct Copied {
    pub spans: Vec<u8>,
    pub count: usize,
    pub left_out: LeftOut,
    events: Vec<u8>,
    is_typed: bool,
    scratch: Vec<u8>,
}

/// How far the copy has come: bytes, spans, and what stayed here.
pub type Reached = (usize, usize, LeftOut);

impl Copied {
    pub fn reached(&self) -> Reached {
        (self.spans.len(), self.count, self.left_out)
    }

    /// Forgets what came after.
    pub fn return_to(&mut self, reached: Reached) {
        self.spans.truncate(reached.0);
        (self.count, self.left_out) = (reached.1, reached.2);
        self.drop_events();
    }

    pub fn keep_event(&mut self, made: &[u8], is_typed: bool) {
        self.is_typed |= is_typed;
        field(&mut self.events, EVENT, made);
    }

    fn drop_events(&mut self) {
        self.events.clear();
        self.is_typed = false;
    }

    /// Of the old span the ids and times.
    fn begin(&mut self, span: &Span<'_>) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        field(&mut out, 0x0a, span.trace_id);
        field(&mut out, 0x12, span.span_id);
        out.push(0x39);
        out.extend_from_slice(&span.start.to_le_bytes());
        out.push(0x41);
        out.extend_from_slice(&span.end.to_le_bytes());
        if span.parent_id.len() == 8 && span.parent_id.iter().any(|byte| *byte != 0) {
            out.extend_from_slice(&PARENT);
            out.extend_from_slice(span.parent_id);
        }
        out
    }

    fn end(&mut self, mut out: Vec<u8>, ending: &[u8]) {
        out.extend_from_slice(&self.events);
        out.extend_from_slice(ending);
        field(&mut self.spans, SPAN, &out);
        self.count += 1;
        self.drop_events();
        self.scratch = out;
    }
}

fn named(out: &mut Vec<u8>, key: &str, value: &str) {
    if !value.is_empty() {
        attribute(out, IN_SPAN, key, Any::Text(value));
    }
}

fn numbered(out: &mut Vec<u8>, key: &str, number: Option<u64>) {
    if let Some(number) = number {
        count(out, IN_SPAN, key, number);
    }
}

/// Attributes of metadata that keeps the rules.
pub fn metadata(out: &mut Vec<u8>, tag: u8, prefix: &str, kept: &Kept<'_>) {
    for (name, value) in kept {
        let value = match value {
            Value::Text(text) => Any::Text(text),
            Value::Bool(flag) => Any::Bool(*flag),
            Value::Int(number) => Any::Int(*number),
            Value::Double(number) => Any::Double(*number),
            _ => continue,
        };
        attribute(out, tag, &format!("{prefix}{name}"), value);
    }
}

impl<'a> Batch<'a> {
    /// Of a resource the sender's names, and what the gate signs with; `None` declines.
    pub fn copy_resource(&mut self, bytes: &'a [u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let Some(gate) = self.gate else {
            return Some(out);
        };
        let mut stated = vec![Value::Nothing; gate.resource.len()];
        let mut walk = Fields::of(bytes);
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            if number == 1 {
                let found = otlp::attribute(value.bytes()?, 4)?;
                if let Some(place) = gate.resource.iter().position(|key| key == found.key) {
                    stated[place] = found.value;
                }
            }
        }
        for (key, value) in gate.resource.iter().zip(stated) {
            if let Value::Text(text) = value {
                let kept = self.kept_name(text);
                attribute(&mut out, IN_RESOURCE, key, Any::Text(&kept));
            }
        }
        attribute(&mut out, IN_RESOURCE, &gate.stamp.0, Any::Text(&gate.stamp.1));
        Some(out)
    }

    /// Name and version of a scope where they are identifiers.
    pub fn copy_scope(&mut self, name: &str, version: &str) -> Vec<u8> {
        let mut out = Vec::new();
        if self.gate.is_none() {
            return out;
        }
        let redacted = self.known.facts.stand_ins.0.as_str();
        for (tag, text) in [(0x0a, name), (0x12, version)] {
            let kept = self.accepted(text).unwrap_or(redacted);
            if !kept.is_empty() {
                field(&mut out, tag, kept.as_bytes());
            }
        }
        out
    }

    /// A span that is a step; `unconfirmed` are the facts whose name nothing confirms.
    pub fn copy_step(
        &mut self,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
        step: &Prepared<'_, 'a>,
        unconfirmed: &[Fact],
    ) -> Result<(), HandBack> {
        let Some(gate) = self.gate else {
            return Ok(());
        };
        let kind = span.kind.ok_or(HandBack)?;
        let mut out = self.copied.begin(span);
        let operation = closed(facts.text(Fact::Operation), &self.known.facts.operations);
        if gate.as_sent && unconfirmed.is_empty() && self.keeps_name(gate, span, facts) {
            field(&mut out, NAME, span.name.as_bytes());
        } else if step.names.name.is_empty() {
            field(&mut out, NAME, operation.as_bytes());
        } else {
            out.push(NAME);
            varint(&mut out, (operation.len() + 1 + step.names.name.len()) as u64);
            out.extend_from_slice(operation.as_bytes());
            out.push(b' ');
            out.extend_from_slice(step.names.name.as_bytes());
        }
        if gate.as_sent {
            self.as_sent(gate, &mut out, span, facts, unconfirmed)?;
        } else {
            self.normalised(gate, &mut out, facts, origin, step)?;
        }
        metadata(&mut out, IN_SPAN, &self.known.metadata_prefix, &step.metadata);
        let failed = facts.flag(Fact::Failed) == Some(true);
        self.copied
            .end(out, gate.ending(kind, if failed { ERROR } else { span.status }));
        self.copied.left_out.attributes += (span.attributes().len() - facts.sent) as u64;
        Ok(())
    }

    /// Whether a step keeps the name that it was sent with: it is of a form that says nothing.
    fn keeps_name(&mut self, gate: &Gate, span: &Span<'a>, facts: &SpanFacts<'a>) -> bool {
        let known = self.known;
        let failed =
            facts.flag(Fact::Failed) == Some(true) || facts.has(Fact::ErrorType) || span.status == ERROR;
        let operation = facts.text(Fact::Operation);
        let names_tool = known.facts.named_operations.iter().any(|each| each == operation);
        if failed && names_tool || is_longer(span.name, gate.longest.name) {
            return false;
        }
        let redacted = known.facts.stand_ins.0.as_str();
        if span.name == redacted || span.name == gate.nameless {
            return true;
        }
        gate.span_name.is_match(span.name.as_bytes())
            && span.name.split(' ').all(|word| {
                let word = word.trim_matches(['[', ']']);
                word != redacted && self.accepted(word).is_some()
            })
    }

    /// The keys that were sent and are read.
    fn as_sent(
        &mut self,
        gate: &'a Gate,
        out: &mut Vec<u8>,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        unconfirmed: &[Fact],
    ) -> Result<(), HandBack> {
        let mut kept: Vec<(&'a str, Maker, Value<'a>)> = Vec::with_capacity(32);
        let mut documents = None;
        for each in span.attributes() {
            let Some(maker) = self.maker(gate, each.key) else {
                documents = documents.max(self.document(gate, each.key));
                continue;
            };
            match kept.iter().position(|entry| entry.0 == each.key) {
                Some(place) => kept[place].2 = each.value,
                None if kept.len() == MOST_KEPT => return Err(HandBack),
                None => kept.push((each.key, maker, each.value)),
            }
        }
        let hidden = |key: &str| {
            unconfirmed.iter().any(|fact| {
                let keys = gate.unconfirmed.get(fact.name());
                keys.is_some_and(|keys| keys.contains(key))
            })
        };
        for (key, maker, value) in kept {
            if !unconfirmed.is_empty() && hidden(key) {
                attribute(out, IN_SPAN, key, Any::Text(facts.text(Fact::Name)));
            } else {
                self.make(gate, out, (IN_SPAN, key, maker), value)?;
            }
        }
        if let Some(most) = documents {
            let key = format!("{}{most}{}", gate.documents.prefix, gate.documents.rest);
            attribute(out, IN_SPAN, &key, Any::Text(""));
        }
        Ok(())
    }

    /// What makes the attribute of a key that is read.
    fn maker(&self, gate: &Gate, key: &str) -> Option<Maker> {
        if let Some(maker) = gate.makers.get(key) {
            return Some(*maker);
        }
        let is_read = |(prefix, _): &(String, _)| key.starts_with(prefix.as_str());
        if is_longer(key, gate.longest.key) || !self.known.families.iter().any(is_read) {
            return None;
        }
        let family = gate
            .families
            .iter()
            .find(|(form, _)| form.is_match(key.as_bytes()));
        family.map(|(_, maker)| *maker)
    }

    /// The place of a document that a key tells something of.
    fn document(&self, gate: &Gate, key: &str) -> Option<u64> {
        if !key.starts_with(gate.documents.prefix.as_str()) {
            return None;
        }
        let found = gate.documents.whole.captures(key.as_bytes())?;
        std::str::from_utf8(found.get(1)?.as_bytes()).ok()?.parse().ok()
    }

    /// The facts under the names of the GenAI conventions, and our stamps.
    fn normalised(
        &mut self,
        gate: &Gate,
        out: &mut Vec<u8>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
        step: &Prepared<'_, 'a>,
    ) -> Result<(), HandBack> {
        let known = &self.known.facts;
        let names = &step.names;
        let model = match (facts.has(Fact::Model), names.model.is_empty()) {
            (false, _) => "",
            (true, true) => &names.response_model,
            (true, false) => &names.model,
        };
        let operation = closed(facts.text(Fact::Operation), &known.operations);
        named(out, gate.key(Told::Model), model);
        named(out, gate.key(Told::ResponseModel), &names.response_model);
        named(out, gate.key(Told::Operation), operation);
        named(
            out,
            gate.key(Told::StepType),
            closed(facts.text(Fact::StepType), &known.step_types),
        );
        named(out, gate.key(Told::Actor), &origin.actor);
        named(out, gate.key(Told::ToolName), &names.tool_name);
        named(out, gate.key(Told::ErrorType), &names.error_type);
        named(out, gate.key(Told::Name), &names.name);
        let reason = closed(facts.text(Fact::FinishReason), &known.finish_reasons);
        if !reason.is_empty() {
            attribute(out, IN_SPAN, gate.key(Told::FinishReason), Any::Texts(&[reason]));
        }
        named(
            out,
            gate.key(Told::OutputType),
            closed(facts.text(Fact::OutputType), &known.output_types),
        );
        if let Some(flag) = facts.flag(Fact::Stream) {
            attribute(out, IN_SPAN, gate.key(Told::Stream), Any::Bool(flag));
        }
        for (fact, told, name) in [
            (Fact::AgentId, Told::AgentId, &origin.agent_id),
            (Fact::AgentVersion, Told::AgentVersion, &origin.agent_version),
            (Fact::Environment, Told::Environment, &origin.environment),
        ] {
            if facts.has(fact) {
                named(out, gate.key(told), name);
            }
        }
        named(out, gate.key(Told::RunStatus), facts.text(Fact::RunStatus));
        numbered(out, gate.key(Told::InputTokens), facts.number(Fact::InputTokens));
        numbered(
            out,
            gate.key(Told::OutputTokens),
            facts.number(Fact::OutputTokens),
        );
        self.stated_ids(gate, out, facts, origin, step)?;
        let said = facts.text(Fact::ConversationId);
        let is_hash = gate.hash.is_match(said.as_bytes());
        named(
            out,
            gate.key(Told::Conversation),
            if is_hash { said } else { &step.conversation },
        );
        numbered(
            out,
            gate.key(Told::Seq),
            Some(u64::from(step.seq)).filter(|number| *number != 0),
        );
        numbered(out, gate.key(Told::Attempt), facts.number(Fact::Attempt));
        if facts.has(Fact::CallId) {
            let is_tool = operation == "execute_tool";
            let told = if is_tool { Told::ToolCall } else { Told::Response };
            let kept = self.kept_name(facts.text(Fact::CallId));
            attribute(out, IN_SPAN, gate.key(told), Any::Text(&kept));
        }
        numbered(out, gate.key(Told::CacheRead), facts.number(Fact::CacheRead));
        numbered(out, gate.key(Told::CacheWrite), facts.number(Fact::CacheWrite));
        numbered(
            out,
            gate.key(Told::RetrievalCount),
            facts.number(Fact::RetrievalCount),
        );
        // One try of a model call; counted from 0 as it was sent.
        let attempt = facts.number(Fact::RequestAttempt).filter(|number| *number != 0);
        numbered(
            out,
            gate.key(Told::RequestAttempt),
            attempt.map(|number| number - 1),
        );
        Ok(())
    }

    fn stated_ids(
        &self,
        gate: &Gate,
        out: &mut Vec<u8>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
        step: &Prepared<'_, 'a>,
    ) -> Result<(), HandBack> {
        let (step_id, run_id, _) = ids(origin)?;
        if facts.has(Fact::RunId) {
            uuid(out, IN_SPAN, gate.key(Told::RunId), &run_id);
        }
        if facts.has(Fact::StepId) {
            uuid(out, IN_SPAN, gate.key(Told::StepId), &step_id);
        }
        if facts.has(Fact::ParentRunId) {
            let parent = parse_or_hash_id(&self.known.facts.namespace, facts.text(Fact::ParentRunId));
            uuid(
                out,
                IN_SPAN,
                gate.key(Told::ParentRunId),
                &parent.ok_or(HandBack)?,
            );
        }
        if let Some(decision) = &step.decision {
            uuid(out, IN_SPAN, gate.key(Told::DecisionId), decision);
        }
        Ok(())
    }

    /// A span that is no step: what carries typed events has its stamps, the others their structure only.
    pub fn copy_other(&mut self, span: &Span<'a>, facts: &SpanFacts<'a>) -> Result<(), HandBack> {
        let Some(gate) = self.gate else {
            return Ok(());
        };
        let is_ours = span.name == self.known.facts.events_span;
        let carries = self.copied.is_typed || is_ours;
        if !carries {
            self.copied.drop_events();
        }
        if !carries && !gate.keep_structure {
            self.copied.left_out.spans += 1;
            return Ok(());
        }
        let kind = span.kind.ok_or(HandBack)?;
        let name = if is_ours {
            span.name
        } else {
            structure_name(gate, span, kind)?
        };
        let mut out = self.copied.begin(span);
        field(&mut out, NAME, name.as_bytes());
        if carries {
            self.stamps(gate, &mut out, span, facts)?;
        } else {
            self.copied.left_out.attributes += span.attributes().len() as u64;
        }
        self.copied.end(out, gate.ending(kind, span.status));
        Ok(())
    }

    fn stamps(
        &mut self,
        gate: &'a Gate,
        out: &mut Vec<u8>,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
    ) -> Result<(), HandBack> {
        let mut kept: Vec<(&'a str, Maker, Value<'a>)> = Vec::new();
        for each in span.attributes() {
            let Some(maker) = gate.stamps.get(each.key) else {
                continue;
            };
            match kept.iter_mut().find(|entry| entry.0 == each.key) {
                Some(entry) => entry.2 = each.value,
                None => kept.push((each.key, *maker, each.value)),
            }
        }
        for (key, maker, value) in kept {
            self.make(gate, out, (IN_SPAN, key, maker), value)?;
        }
        match self.check_metadata(&facts.metadata) {
            Ok(kept) => metadata(out, IN_SPAN, &self.known.metadata_prefix, &kept),
            Err(Fault::Broken(_)) => {}
            Err(Fault::HandBack) => return Err(HandBack),
        }
        Ok(())
    }

    /// An event that is not typed: what the allow-list names of it.
    pub fn copy_other_event(&mut self, span: &Span<'a>, event: &Event<'a>) -> Result<(), HandBack> {
        let Some(gate) = self.gate else {
            return Ok(());
        };
        let Some((key, maker)) = gate.events.get(event.name) else {
            self.copied.left_out.events += 1;
            return Ok(());
        };
        let mut out = Vec::with_capacity(64);
        if self.moment.has(event.time, None) {
            out.push(0x09);
            out.extend_from_slice(&event.time.to_le_bytes());
        }
        field(&mut out, EVENT_NAME, event.name.as_bytes());
        let stated = span
            .attributes_of(event)
            .iter()
            .rev()
            .find(|each| each.key == key);
        if let Some(stated) = stated {
            self.make(gate, &mut out, (IN_EVENT, key, *maker), stated.value)?;
        }
        self.copied.keep_event(&out, false);
        Ok(())
    }
}

/// From closed lists, never the span's own name.
fn structure_name<'g>(gate: &'g Gate, span: &Span<'_>, kind: i32) -> Result<&'g str, HandBack> {
    let names = &gate.structure;
    for key in &names.method_keys {
        if let Some(method) = names.methods.get(&upper(span, key)?) {
            return Ok(method);
        }
    }
    for key in &names.statement_keys {
        if let Some(statement) = names.statements.get(&upper(span, key)?) {
            return Ok(statement);
        }
    }
    Ok(names.kinds.get(&kind).unwrap_or(&names.other_kind))
}

/// The text of a key in capitals, of a key that stands twice the last; Python treats what is not ASCII.
fn upper(span: &Span<'_>, key: &str) -> Result<String, HandBack> {
    let stated = span.attributes().iter().rev().find(|each| each.key == key);
    let text = stated.map_or("", |each| strip(each.value.text()));
    if text.is_ascii() {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(HandBack)
    }
}
