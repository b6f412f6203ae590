//! What a span of a guardrail states: a decision on what it guards, and a signal where it tripped.

use std::borrow::Cow;

use crate::batch::{Batch, Origin};
use crate::event_rows::{DecisionCells, Own, SignalCells, DECISIONS, SIGNALS};
use crate::facts::{Fact, Known};
use crate::otlp::Span;
use crate::rows::ids;
use crate::span::{key_of, HandBack, SpanFacts, IDENTIFIER};
use crate::text::uuid5;

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
        let cells = DecisionCells {
            kind,
            selected,
            reason: outcome,
            confidence: None,
            candidates: &[],
            tool: name,
        };
        self.put_decision(&own(known, kind, time, origin)?, &cells)
    }

    fn add_guardrail_signal(&mut self, point: &str, time: u64, origin: &Origin<'a>) -> Result<(), HandBack> {
        let known = self.known;
        let kind = known.facts.guardrail.1.as_str();
        let cells = SignalCells {
            kind,
            code: point,
            value: true,
            weight: None,
        };
        self.put_signal(&own(known, kind, time, origin)?, &cells)
    }
}

/// Whose row it is: its id is made from the step and from what is stated, and there is no metadata.
fn own<'r, 'a>(
    known: &Known,
    kind: &str,
    time: u64,
    origin: &'r Origin<'a>,
) -> Result<Own<'r, 'a>, HandBack> {
    let (step, _, _) = ids(origin)?;
    Ok(Own {
        id: uuid5(&known.facts.namespace, &[&step, SEPARATOR, kind.as_bytes()]),
        step: Some(step),
        time,
        metadata: &[0],
        origin,
    })
}
