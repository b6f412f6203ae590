//! What a span of a guardrail states: a decision on what it guards, and a signal where it tripped.

use std::borrow::Cow;

use crate::batch::{Batch, Origin};
use crate::columns::{self, Decision, Signal};
use crate::facts::{Fact, Known};
use crate::otlp::Span;
use crate::rows::ids;
use crate::span::{key_of, HandBack, SpanFacts, IDENTIFIER};
use crate::text::uuid5;

const DECISIONS: usize = 3;
const SIGNALS: usize = 4;
const SEPARATOR: &[u8] = b"\x1f";

/// The reason code of what a guardrail did.
fn outcome_of<'a>(known: &'a Known, facts: &SpanFacts<'a>) -> Option<&'a str> {
    let (passed, tripped, masked) = &known.facts.guardrail_outcomes;
    if facts.text(Fact::Operation) == known.facts.guardrail.0 {
        if let Some(is_tripped) = facts.flag(Fact::Tripped) {
            return Some(if is_tripped { tripped } else { passed });
        }
    }
    let told = facts.text(Fact::Outcome);
    if told == passed && facts.flag(Fact::Masked) == Some(true) {
        return Some(masked);
    }
    let stated = facts.has(Fact::Guardrail) && !told.is_empty();
    [passed, tripped]
        .into_iter()
        .find(|each| stated && *each == told)
        .map(String::as_str)
}

impl<'a> Batch<'a> {
    /// Adds the decision and the signal that a span states, if it is one of a guardrail.
    pub fn add_guardrail(
        &mut self,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
    ) -> Result<(), HandBack> {
        let known = self.known;
        let Some(outcome) = outcome_of(known, facts).filter(|_| known.facts.takes_decisions) else {
            return Ok(());
        };
        if self.gate.is_some() {
            // What it states leaves as a typed event, which Python makes.
            return Err(HandBack);
        }
        let time = span.start.max(span.end);
        let (kind, triggered) = &known.facts.guardrail;
        let codes = known.facts.decisions.get(kind);
        if codes.is_some_and(|codes| codes.contains(outcome)) && self.moment.has(time, Some(DECISIONS)) {
            let name = self.guardrail_name(span, facts);
            self.add_guardrail_decision(outcome, &name, time, origin)?;
        }
        let point = facts.text(Fact::Guards);
        let codes = known.facts.signals.get(triggered);
        if outcome == known.facts.guardrail_outcomes.1
            && codes.is_some_and(|codes| codes.contains(point))
            && self.moment.has(time, Some(SIGNALS))
        {
            self.add_guardrail_signal(point, time, origin)?;
        }
        Ok(())
    }

    fn guardrail_name<'t>(&mut self, span: &Span<'a>, facts: &'t SpanFacts<'a>) -> Cow<'t, str> {
        let stated = facts.text(Fact::Guardrail);
        if stated.is_empty() {
            let name = facts.text(Fact::Name);
            return if name.is_empty() {
                Cow::Borrowed("")
            } else {
                self.kept_name(name)
            };
        }
        let kept = self.kept_name(stated);
        if self.is_redacted(&kept) {
            self.changed(IDENTIFIER, key_of(self.known, span, Fact::Guardrail));
        }
        kept
    }

    fn add_guardrail_decision(
        &mut self,
        outcome: &str,
        name: &str,
        time: u64,
        origin: &Origin<'a>,
    ) -> Result<(), HandBack> {
        let known = self.known;
        let kind = known.facts.guardrail.0.as_str();
        let selected = known.facts.guardrail_selected.get(outcome).ok_or(HandBack)?;
        let (step, run, trace) = ids(origin)?;
        let moment = self.moment;
        let block = &mut self.blocks[DECISIONS];
        block.begin_row();
        let out = &mut block.data;
        for column in &known.layout.decisions {
            match column {
                Decision::Id => columns::uuid(
                    out,
                    &uuid5(&known.facts.namespace, &[&step, SEPARATOR, kind.as_bytes()]),
                ),
                Decision::RunId => columns::uuid(out, &run),
                Decision::StepId => columns::optional_uuid(out, Some(&step)),
                Decision::Type => columns::text(out, kind),
                Decision::Selected => columns::text(out, selected),
                Decision::Reason => columns::text(out, outcome),
                Decision::Confidence => columns::fraction(out, None),
                Decision::Metadata | Decision::Candidates => out.push(0),
                Decision::RecordedAt => columns::number(out, time),
                Decision::CreatedAt => columns::time(out, moment.received_at),
                Decision::Tenant => columns::text(out, moment.tenant),
                Decision::AgentId => columns::text(out, &origin.agent_id),
                Decision::AgentVersion => columns::text(out, &origin.agent_version),
                Decision::Environment => columns::text(out, &origin.environment),
                Decision::Actor => columns::text(out, &origin.actor),
                Decision::TraceId => columns::uuid(out, &trace),
                Decision::SpanId => columns::number(out, origin.span_number()),
                Decision::ToolName => columns::text(out, name),
                Decision::Wait => out.push(1),
            }
        }
        Ok(())
    }

    fn add_guardrail_signal(&mut self, point: &str, time: u64, origin: &Origin<'a>) -> Result<(), HandBack> {
        let known = self.known;
        let kind = known.facts.guardrail.1.as_str();
        let (step, run, trace) = ids(origin)?;
        let moment = self.moment;
        let block = &mut self.blocks[SIGNALS];
        block.begin_row();
        let out = &mut block.data;
        for column in &known.layout.signals {
            match column {
                Signal::Id => columns::uuid(
                    out,
                    &uuid5(&known.facts.namespace, &[&step, SEPARATOR, kind.as_bytes()]),
                ),
                Signal::RunId => columns::uuid(out, &run),
                Signal::StepId => columns::optional_uuid(out, Some(&step)),
                Signal::Type => columns::text(out, kind),
                Signal::Code => columns::text(out, point),
                Signal::Value => out.push(1),
                Signal::Weight => columns::fraction(out, None),
                Signal::Metadata => out.push(0),
                Signal::RecordedAt => columns::number(out, time),
                Signal::CreatedAt => columns::time(out, moment.received_at),
                Signal::Tenant => columns::text(out, moment.tenant),
                Signal::AgentId => columns::text(out, &origin.agent_id),
                Signal::AgentVersion => columns::text(out, &origin.agent_version),
                Signal::Environment => columns::text(out, &origin.environment),
                Signal::Actor => columns::text(out, &origin.actor),
                Signal::TraceId => columns::uuid(out, &trace),
                Signal::SpanId => columns::number(out, origin.span_number()),
            }
        }
        Ok(())
    }
}
