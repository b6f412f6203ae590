//! What a record of a coding agent states beside its call: an approval, another decision, a signal.

use std::borrow::Cow;

use crate::agent_record::{RecordFacts, SEPARATOR};
use crate::agent_tables::{Stated, Told};
use crate::batch::{Batch, Origin};
use crate::event_rows::{DecisionCells, Own, SignalCells};
use crate::events::Fault;
use crate::span::HandBack;
use crate::text::{ascii_plain, is_longer, uuid5};

type Outcome<T> = Result<T, HandBack>;
/// Type, selection and reason.
type Decided<'t> = (&'t str, &'t str, &'t str);

/// No metadata, encoded.
const NO_METADATA: &[u8] = &[0];

/// The code for what a fact says; None where there is none.
fn code<'a>(told: &RecordFacts<'a>, stated: &'a Stated) -> Outcome<Option<&'a str>> {
    let said = stated.fact.map(|fact| told.text(fact)).unwrap_or_default();
    let word = ascii_plain(said.rsplit('/').next().unwrap_or("")).ok_or(HandBack)?;
    let found = stated.codes.get(&word).or_else(|| stated.codes.get(""));
    Ok(found.map(String::as_str))
}

impl<'a> Batch<'a> {
    /// Adds the decisions and the signal that a record states.
    pub fn add_stated(&mut self, told: &RecordFacts<'a>, origin: &Origin<'a>) -> Outcome<()> {
        if self.known.facts.takes_decisions {
            if let Some((selected, reason)) = told.approval()?.filter(|_| !self.is_denied(told)) {
                let key = told.record.key_of(Told::ToolName).ok_or(HandBack)?;
                let tool = self.told_name(told, Told::ToolName, key);
                let decided = (
                    self.known.agents.data.approval.as_str(),
                    selected.as_str(),
                    reason.as_str(),
                );
                self.keep_decision(told, decided, &tool, origin)?;
            }
            if let Some(stated) = &told.record.decision {
                self.add_stated_decision(told, stated, origin)?;
            }
        }
        match &told.record.signal {
            Some(stated) => self.add_stated_signal(told, stated, origin),
            None => Ok(()),
        }
    }

    fn add_stated_decision(
        &mut self,
        told: &RecordFacts<'a>,
        stated: &'a Stated,
        origin: &Origin<'a>,
    ) -> Outcome<()> {
        let fact = told.record.selected.ok_or(HandBack)?;
        let key = told.record.key_of(fact).ok_or(HandBack)?;
        let reason = code(told, stated)?;
        let selected = self.told_name(told, fact, key);
        match reason {
            Some(reason) if !selected.is_empty() => match self.check_label(&selected, Cow::Borrowed(key)) {
                Err(Fault::Broken(violation)) => {
                    self.refuse_record("decision", &violation, origin);
                    Ok(())
                }
                _ => self.keep_decision(told, (&stated.kind, &selected, reason), "", &of_run(origin)),
            },
            _ => Ok(()),
        }
    }

    /// Keeps a decision; Python says what becomes of one that the rules do not know.
    fn keep_decision(
        &mut self,
        told: &RecordFacts<'a>,
        (kind, selected, reason): Decided<'_>,
        tool: &str,
        origin: &Origin<'a>,
    ) -> Outcome<()> {
        let known = self.known;
        let codes = known.facts.decisions.get(kind);
        if !codes.is_some_and(|codes| codes.contains(reason))
            || is_longer(selected, known.lengths.selected)
            || self.check_label(selected, Cow::Borrowed("")).is_err()
        {
            return Err(HandBack);
        }
        let own = self.of_record(told, kind, origin)?;
        let cells = DecisionCells {
            kind,
            selected,
            reason,
            confidence: None,
            candidates: &[],
            tool,
        };
        self.put_decision(&own, &cells)
    }

    fn add_stated_signal(
        &mut self,
        told: &RecordFacts<'a>,
        stated: &'a Stated,
        origin: &Origin<'a>,
    ) -> Outcome<()> {
        let Some(code) = code(told, stated)? else {
            return Ok(());
        };
        let kind = stated.kind.as_str();
        let codes = self.known.facts.signals.get(kind);
        if !codes.is_some_and(|codes| codes.contains(code)) {
            return Err(HandBack);
        }
        let origin = of_run(origin);
        let own = self.of_record(told, kind, &origin)?;
        let cells = SignalCells {
            kind,
            code,
            value: true,
            weight: None,
        };
        self.put_signal(&own, &cells)
    }

    /// Whose row it is: its id is made from the call and from what is stated.
    fn of_record<'r>(
        &self,
        told: &RecordFacts<'a>,
        kind: &str,
        origin: &'r Origin<'a>,
    ) -> Outcome<Own<'r, 'a>> {
        let call = origin.step_id.ok_or(HandBack)?;
        Ok(Own {
            id: uuid5(&self.known.facts.namespace, &[&call, SEPARATOR, kind.as_bytes()]),
            // What is of no call is of no step.
            step: origin.span_id.and(origin.step_id),
            time: told.time,
            metadata: NO_METADATA,
            origin,
        })
    }
}

/// The origin of an event that is of no call.
fn of_run<'a>(origin: &Origin<'a>) -> Origin<'a> {
    Origin {
        span_id: None,
        ..origin.clone()
    }
}
