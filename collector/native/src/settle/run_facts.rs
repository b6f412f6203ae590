//! The facts of a run: who, how it ended, how long.

use std::collections::HashMap;

use super::coding_agent::last_told;
use super::node::{At, HandBack, Kind, Settling};
use super::records::{Candidate, Id, Step};
use super::run::Run;
use super::tree::Tree;
use crate::cache::Seeded;

/// What says how a run went: the span of a run, or a step.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    is_run: bool,
    pub agent_id: &'a str,
    pub agent_version: &'a str,
    pub environment: &'a str,
    status: &'a str,
    role: &'a str,
    pub trace_id: Id,
    pub span_id: u64,
    pub conversation_id: &'a str,
    actor: &'a str,
    pub source: &'a str,
}

impl<'a> Span<'a> {
    fn of_run(run: &Candidate<'a>) -> Self {
        Span {
            is_run: true,
            agent_id: run.agent_id,
            agent_version: run.agent_version,
            environment: run.environment,
            status: run.status,
            role: "",
            trace_id: run.trace_id,
            span_id: run.span_id,
            conversation_id: run.conversation_id,
            actor: run.actor,
            source: run.source,
        }
    }

    fn of_step(step: &Step<'a>) -> Self {
        Span {
            is_run: false,
            agent_id: step.agent_id,
            agent_version: step.agent_version,
            environment: step.environment,
            status: step.facts.status,
            role: step.role,
            trace_id: step.trace_id,
            span_id: step.span_id,
            conversation_id: step.facts.conversation_id,
            actor: step.facts.actor,
            source: step.source,
        }
    }

    fn key(&self) -> (Id, u64) {
        (self.trace_id, self.span_id)
    }
}

/// The facts of a run.
pub struct RunFacts<'a> {
    pub top: Span<'a>,
    pub agent_id: &'a str,
    pub status: &'a str,
    pub started_at: i64,
    pub ended_at: i64,
    pub created_at: i64,
    pub parent_run_id: Option<Id>,
    pub conversation_id: &'a str,
    pub actor: &'a str,
    pub error_type: &'a str,
}

/// The first of those whose key is the largest.
fn first_largest<T: Copy, K: PartialOrd>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(T) -> K,
) -> Option<T> {
    let mut found: Option<(T, K)> = None;
    for item in items {
        let its = key(item);
        if found.as_ref().is_none_or(|(_, largest)| its > *largest) {
            found = Some((item, its));
        }
    }
    found.map(|(item, _)| item)
}

/// A run whose calls are settled.
pub struct Settled<'t, 'a> {
    pub run: &'a Run<'a>,
    pub tree: &'t Tree<'a>,
    pub nodes: &'t [At],
    pub steps: &'t [At],
    pub candidates: &'t [&'a Candidate<'a>],
}

impl<'a> Settled<'_, 'a> {
    fn step(&self, at: At) -> &'a Step<'a> {
        self.tree.nodes[at].step
    }

    pub fn facts(&self) -> Settling<RunFacts<'a>> {
        let known = self.tree.known;
        let top = self.outermost().ok_or(HandBack)?;
        let last = self.last_stated(top);
        let (top, last) = (self.span(top), self.span(last));
        let actor = self.actor(&top);
        let failing = self.failing();
        let of_steps = || self.nodes.iter().map(|&at| self.step(at));
        let of_runs = || self.candidates.iter();
        let started = of_steps()
            .map(|each| each.started_at)
            .chain(of_runs().map(|each| each.started_at))
            .min();
        let ended = of_steps()
            .map(|each| each.ended_at)
            .chain(of_runs().map(|each| each.ended_at))
            .max();
        let created = of_steps()
            .map(|each| each.created_at)
            .chain(of_runs().map(|each| each.created_at))
            .max();
        let named = if actor.is_empty() { top.agent_id } else { actor };
        let told_by_calls = known.is_coding_agent(top.source)
            && of_steps().all(|step| (step.trace_id, step.span_id) != top.key());
        let conversations = self
            .nodes
            .iter()
            .map(|&at| self.tree.nodes[at].facts.conversation_id);
        let conversation = std::iter::once(top.conversation_id)
            .chain(conversations)
            .find(|each| !each.is_empty());
        Ok(RunFacts {
            top,
            agent_id: if top.agent_id == known.handed.unknown {
                named
            } else {
                top.agent_id
            },
            status: match self.run.outcome() {
                Some(outcome) => outcome.status,
                None if told_by_calls => last_told(self.candidates),
                None => self.status(&last, failing.is_some()),
            },
            started_at: started.ok_or(HandBack)?,
            ended_at: ended.ok_or(HandBack)?,
            created_at: created.ok_or(HandBack)?,
            parent_run_id: self.parent_run(),
            conversation_id: conversation.unwrap_or_default(),
            actor,
            error_type: self.error_type(&last, failing),
        })
    }

    fn span(&self, top: Top<'a>) -> Span<'a> {
        match top {
            Top::Run(run) => Span::of_run(run),
            Top::Step(step) => Span::of_step(step),
        }
    }

    /// The candidate whose span stands above the others, else the topmost step that there is.
    fn outermost(&self) -> Option<Top<'a>> {
        if self.candidates.is_empty() {
            let topmost = self.nodes.iter().min_by_key(|&&at| {
                let step = self.step(at);
                (self.tree.nodes[at].depth, step.started_at, step.step_id)
            });
            return topmost.map(|&at| Top::Step(self.step(at)));
        }
        let mut depths: HashMap<(Id, u64), i64, Seeded> = HashMap::default();
        for &at in self.nodes {
            depths.insert(
                (self.step(at).trace_id, self.step(at).span_id),
                self.tree.nodes[at].depth,
            );
        }
        let outermost = self.candidates.iter().min_by_key(|each| {
            let depth = depths.get(&(each.trace_id, each.span_id)).copied().unwrap_or(0);
            (depth, each.started_at, each.trace_id, each.span_id)
        });
        outermost.map(|run| Top::Run(run))
    }

    /// The span that says how a run ended: of several that state it, the one that ended last.
    fn last_stated(&self, top: Top<'a>) -> Top<'a> {
        let known = self.tree.known;
        let Top::Run(run) = top else { return top };
        if !known.is_stated(run.source) {
            return top;
        }
        let is_inside = |each: &Candidate<'_>| {
            let key = (each.trace_id, each.span_id);
            let mut steps = self
                .nodes
                .iter()
                .map(|&at| self.step(at))
                .filter(|step| step.seq != 0);
            steps.any(|step| (step.trace_id, step.span_id) == key)
        };
        let stating = self
            .candidates
            .iter()
            .copied()
            .filter(|each| known.is_stated(each.source) && !is_inside(each));
        let key = |each: &Candidate<'_>| {
            (
                each.ended_at,
                std::ptr::eq(each, run),
                each.started_at,
                each.trace_id,
                each.span_id,
            )
        };
        first_largest(std::iter::once(run).chain(stating), key).map_or(top, Top::Run)
    }

    fn parent_run(&self) -> Option<Id> {
        let told = self.candidates.iter().filter(|each| each.parent_run_id.is_some());
        let first = told.min_by_key(|each| (each.started_at, each.trace_id, each.span_id));
        first.and_then(|each| each.parent_run_id)
    }

    /// The name of the outermost agent that has one.
    fn actor(&self, top: &Span<'a>) -> &'a str {
        if !top.actor.is_empty() {
            return top.actor;
        }
        let is_named =
            |&&at: &&At| self.tree.nodes[at].kind == Kind::Agent && !self.step(at).facts.actor.is_empty();
        let named = self.nodes.iter().filter(is_named);
        let chosen = named.min_by_key(|&&at| (self.tree.nodes[at].depth, self.step(at).started_at));
        chosen.map_or("", |&at| self.step(at).facts.actor)
    }

    /// The last call, if it ended in error for its caller and nothing came after it.
    fn failing(&self) -> Option<At> {
        let last = first_largest(self.steps.iter().copied(), |at| {
            let step = self.step(at);
            (step.ended_at, step.started_at, step.step_id)
        });
        last.filter(|&at| self.tree.nodes[at].failed && self.tree.nodes[at].caller_failed)
    }

    fn status(&self, top: &Span<'a>, is_failing: bool) -> &'a str {
        if top.is_run && self.tree.known.is_stated(top.source) {
            return top.status;
        }
        // The first of several calls beside each other says nothing about the others.
        let failed = if top.is_run {
            top.status == "failure"
        } else {
            top.status == "error" && top.role != "leaf"
        };
        if failed || is_failing {
            "failure"
        } else {
            "success"
        }
    }

    /// What the outermost span names, unless it does not know; then what the last call names.
    fn error_type(&self, top: &Span<'a>, failing: Option<At>) -> &'a str {
        let own = self.nodes.iter().map(|&at| self.step(at));
        let mut own = own
            .filter(|step| (step.trace_id, step.span_id) == top.key())
            .map(|step| step.facts.error_type);
        let named = own.find(|error| !error.is_empty() && *error != self.tree.known.handed.unknown_error);
        named.unwrap_or_else(|| failing.map_or("", |at| self.tree.nodes[at].facts.error_type))
    }
}

#[derive(Clone, Copy)]
enum Top<'a> {
    Run(&'a Candidate<'a>),
    Step(&'a Step<'a>),
}
