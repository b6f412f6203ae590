//! Counts of the decisions, signals and failures of a run, so that answers about many runs read its facts alone.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::columns::Uncounted;
use super::facts::Known;
use super::records::Told;
use super::run::Run;
use super::run_facts::RunFacts;
use crate::columns::{number, text, time, uuid};

/// How often a decision was made, when first, with which confidences; recorded and derived.
#[derive(Default)]
pub struct DecisionCount {
    pub counts: [u32; 2],
    pub firsts: [i64; 2],
    pub confidences: u32,
    pub confidence_sum: f64,
}

#[derive(Default)]
pub struct SignalCount {
    pub counts: [u32; 2],
    pub trues: [u32; 2],
}

#[derive(Default)]
pub struct FailureCount {
    pub counts: [u32; 2],
    pub last: i64,
}

/// By type and code, as one text.
#[derive(Default)]
pub struct CountColumns {
    pub decisions: BTreeMap<String, DecisionCount>,
    pub signals: BTreeMap<String, SignalCount>,
    pub failures: BTreeMap<String, FailureCount>,
}

/// What is counted of a run: recorded in the order of its times, and derived.
pub struct Counts<'r, 'a> {
    run: &'r Run<'a>,
    known: &'r Known,
    settled_at: i64,
    told: Vec<&'r Told<'a>>,
    pub derived: Vec<Told<'r>>,
}

fn in_order(one: &Told<'_>, other: &Told<'_>) -> Ordering {
    let key = |each: &Told<'_>| each.number.unwrap_or(0.0);
    (one.time, one.kind, one.of_type, one.code)
        .cmp(&(other.time, other.kind, other.of_type, other.code))
        .then_with(|| one.agent_id.cmp(other.agent_id))
        .then_with(|| one.agent_version.cmp(other.agent_version))
        .then_with(|| one.environment.cmp(other.environment))
        .then_with(|| key(one).partial_cmp(&key(other)).unwrap_or(Ordering::Equal))
}

impl<'r, 'a: 'r> Counts<'r, 'a> {
    pub fn new(run: &'r Run<'a>, known: &'r Known, settled_at: i64) -> Self {
        let mut told: Vec<&Told<'a>> = run.told.iter().collect();
        told.sort_by(|one, other| in_order(one, other));
        Counts {
            run,
            known,
            settled_at,
            told,
            derived: Vec::new(),
        }
    }

    /// Whether the facts can hold all there is of the run.
    pub fn are_whole(&self, facts: &RunFacts<'_>) -> bool {
        let mut all = self.told.iter().copied().chain(&self.derived);
        all.all(|each| self.counts(each, facts))
    }

    /// Whether a record is the run's own, near it in time, and of a key that today's vocabulary has.
    fn counts(&self, each: &Told<'_>, facts: &RunFacts<'_>) -> bool {
        let (handed, numbers) = (&self.known.handed, &self.known.numbers);
        if each.agent_id != facts.agent_id && each.agent_id != handed.unknown {
            return false;
        }
        if (each.agent_version, each.environment) != (facts.top.agent_version, facts.top.environment) {
            return false;
        }
        let after_end = facts.ended_at.saturating_add(numbers.after_end);
        let last = after_end.min(facts.started_at.saturating_add(numbers.after_start));
        if !(facts.started_at..=last).contains(&each.time) {
            return false;
        }
        let known = match each.kind {
            "failure" => {
                return handed.failure_types.contains(each.of_type) && self.known.is_identifier(each.code)
            }
            "decision" => &handed.decisions,
            _ => &handed.signals,
        };
        known
            .get(each.of_type)
            .is_some_and(|codes| codes.contains(each.code))
    }

    pub fn columns(&self) -> CountColumns {
        let mut columns = CountColumns::default();
        for each in &self.told {
            columns.add(each, 0);
        }
        for each in &self.derived {
            columns.add(each, 1);
        }
        columns
    }

    /// The run by agent, from the first record to the last.
    pub fn write_uncounted(&self, out: &mut Vec<u8>) {
        let mut times: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for each in self.told.iter().copied().chain(&self.derived) {
            let found = times.entry(each.agent_id).or_insert((each.time, each.time));
            *found = (found.0.min(each.time), found.1.max(each.time));
        }
        for (agent, (earliest, latest)) in times {
            for column in &self.known.layout.uncounted {
                match column {
                    Uncounted::RunId => uuid(out, &self.run.run_id),
                    Uncounted::AgentId => text(out, agent),
                    Uncounted::Tenant => text(out, self.run.tenant),
                    Uncounted::Earliest => time(out, earliest),
                    Uncounted::Latest => time(out, latest),
                    Uncounted::SettledAt => time(out, self.settled_at),
                    Uncounted::IsDeleted => out.push(0),
                }
            }
        }
    }
}

impl CountColumns {
    /// `place`: 0 for what was recorded, 1 for what is derived.
    fn add(&mut self, each: &Told<'_>, place: usize) {
        let key = format!("{}/{}", each.of_type, each.code);
        match each.kind {
            "decision" => {
                let found = self.decisions.entry(key).or_default();
                found.counts[place] += 1;
                let first = &mut found.firsts[place];
                *first = if *first == 0 {
                    each.time
                } else {
                    each.time.min(*first)
                };
                if let Some(confidence) = each.number {
                    found.confidences += 1;
                    found.confidence_sum += confidence;
                }
            }
            "signal" => {
                let found = self.signals.entry(key).or_default();
                found.counts[place] += 1;
                found.trues[place] += u32::from(each.number.is_some_and(|value| value != 0.0));
            }
            _ => {
                let found = self.failures.entry(key).or_default();
                found.counts[place] += 1;
                found.last = found.last.max(each.time);
            }
        }
    }
}

/// An array of one value for each key.
pub fn array<T>(out: &mut Vec<u8>, items: impl ExactSizeIterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    crate::columns::length(out, items.len());
    items.for_each(|item| write(out, item));
}

pub fn small(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn float(out: &mut Vec<u8>, value: f64) {
    number(out, value.to_bits());
}
