//! What settling knows of coding agents: calls that were not let through, calls beside the turns, how a run ended.

use std::collections::{HashMap, HashSet};

use super::node::{At, HandBack, Kind, Settling};
use super::records::{Candidate, Id, Step};
use super::run::Recorded;
use super::tree::Tree;
use crate::cache::Seeded;

impl<'a> Tree<'a> {
    /// A call that was not let through is no step and no failure; where nobody stated it, it is derived.
    pub fn set_denied_apart(&mut self, nodes: &[At], recorded: &Recorded<'_>) {
        let known = self.known;
        let is_denial = |at: &&At| {
            let node = &self.nodes[**at];
            node.kind == Kind::Wrapper && known.handed.denied.contains(node.step.facts.error_type)
        };
        let refused: HashSet<Option<At>, Seeded> = nodes
            .iter()
            .filter(is_denial)
            .map(|&at| self.nodes[at].parent)
            .collect();
        for &at in nodes {
            let node = &self.nodes[at];
            if node.kind != Kind::Tool || !node.leaf {
                continue;
            }
            let of_agent = known.is_coding_agent(node.step.source);
            let stated = self.is_denial_stated(at, recorded);
            let error = node.facts.error_type;
            let is_refused = || {
                std::iter::once(&at)
                    .chain(&node.inner)
                    .any(|&each| refused.contains(&Some(each)))
            };
            let shown = of_agent && (known.handed.denied.contains(error) || is_refused());
            let is_unrun =
                of_agent && node.failed && !known.shows_execution(error) && self.is_unconfirmed(at);
            let node = &mut self.nodes[at];
            if stated || shown {
                node.leaf = false;
                node.failed = false;
                node.denied = !stated;
            } else if is_unrun {
                // It failed under a name that nothing confirms: it may never have run.
                node.leaf = false;
            }
        }
    }

    /// Decisions name a call by its step, or by its log record.
    fn is_denial_stated(&self, at: At, recorded: &Recorded<'_>) -> bool {
        if recorded.decisions.is_empty() {
            return false;
        }
        let step = self.nodes[at].step;
        let denial = self.known.handed.denial.as_str();
        let is_stated = |id: Id| recorded.decisions.contains(&(Some(id), denial));
        is_stated(step.step_id)
            || step
                .facts
                .call_id
                .is_some_and(|call| is_stated(self.step_of(step, call)))
    }

    /// The id of the step that a record tells, of the call that the sender calls so.
    fn step_of(&self, step: &Step<'_>, call: Id) -> Id {
        self.known.id(&[&step.run_id, b"\x1f", &call])
    }

    fn is_unconfirmed(&self, at: At) -> bool {
        let name = self.nodes[at].facts.tool_name;
        self.known.has_digits(name) || !self.known.is_identity(name)
    }

    /// Notes how long a person made calls wait, and which approval that was where a record states it.
    pub fn set_waits(&mut self, nodes: &[At]) -> Settling<()> {
        let mut waits: HashMap<At, At, Seeded> = HashMap::default();
        for &at in nodes {
            if let Some(parent) = self.nodes[at].parent.filter(|_| self.is_wait(at)) {
                waits.insert(parent, at);
            }
        }
        if waits.is_empty() {
            return Ok(());
        }
        for &at in nodes {
            let views = self.views(at);
            let wait = views.iter().find_map(|view| waits.get(view).copied());
            if let Some(wait) = wait.filter(|_| self.nodes[at].kind == Kind::Tool) {
                self.nodes[at].waited_ms = Some(milliseconds(self.nodes[wait].step.latency_ms)?);
                let step = self.nodes[at].step;
                if let Some(call) = step.facts.call_id {
                    let call = self.step_of(step, call);
                    let approval = self.known.handed.approval.as_bytes();
                    self.nodes[wait].facts.decision_id = Some(self.known.id(&[&call, b"\x1f", approval]));
                }
            }
        }
        Ok(())
    }

    /// The spans that tell this call.
    fn views(&self, at: At) -> Vec<At> {
        let node = &self.nodes[at];
        let call = node.step.facts.call_id;
        let above = node.parent.filter(|&parent| {
            let above = &self.nodes[parent];
            above.kind == Kind::Tool && call.is_some() && above.step.facts.call_id == call
        });
        std::iter::once(at)
            .chain(node.inner.iter().copied())
            .chain(above)
            .collect()
    }

    fn is_wait(&self, at: At) -> bool {
        let node = &self.nodes[at];
        node.kind == Kind::Wrapper
            && self.known.is_coding_agent(node.step.source)
            && self.known.handed.waits.contains(node.step.facts.name)
    }

    /// Marks model calls that are no turn of the agent; gives the span ids of the runs that they are told by.
    pub fn set_side_calls(&mut self, nodes: &[At]) -> HashSet<u64, Seeded> {
        let mut found = HashSet::default();
        for &at in nodes {
            let node = &self.nodes[at];
            if node.kind != Kind::Model || !node.leaf || !(self.is_told_aside(at) || self.is_below_side(at)) {
                continue;
            }
            let step = node.step;
            self.nodes[at].step_type = "other";
            if let Some(call) = step.facts.call_id {
                let id = u128::from_be_bytes(self.step_of(step, call));
                #[allow(clippy::cast_possible_truncation)]
                found.insert((id >> 64) as u64);
            }
        }
        found
    }

    fn is_told_aside(&self, at: At) -> bool {
        let node = &self.nodes[at];
        self.is_record(at) && node.step.step_type == "other" && !node.failed
    }

    fn is_below_side(&self, at: At) -> bool {
        let known = self.known;
        let mut above = self.nodes[at].parent;
        while let Some(node) = above.map(|each| &self.nodes[each]) {
            if !matches!(node.kind, Kind::Wrapper | Kind::Other) {
                return false;
            }
            let is_side = known.handed.side_wrappers.contains(node.step.facts.name);
            if is_side && known.is_coding_agent(node.step.source) {
                return true;
            }
            above = node.parent;
        }
        false
    }
}

/// Python's `round`, where it is a count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn milliseconds(latency: f64) -> Settling<u64> {
    let whole = latency.round_ties_even();
    (0.0..1e15)
        .contains(&whole)
        .then_some(whole as u64)
        .ok_or(HandBack)
}

/// How a coding agent's run ended, by its last call; two answers in a row were cut, not ended.
pub fn last_told(candidates: &[&Candidate<'_>]) -> &'static str {
    let mut ordered = candidates.to_vec();
    ordered.sort_by_key(|each| (each.ended_at, each.span_id));
    // A call that several told stands where it was told last.
    let mut calls: Vec<(u64, Vec<&str>)> = Vec::new();
    for each in ordered {
        let before = calls.iter().position(|call| call.0 == each.span_id);
        let mut views = before.map(|place| calls.remove(place).1).unwrap_or_default();
        views.push(each.status);
        calls.push((each.span_id, views));
    }
    let told: Vec<&str> = calls
        .iter()
        .rev()
        .take(2)
        .map(|(_, views)| status(views))
        .collect();
    match told[..] {
        [] | ["success", "success"] => "unknown",
        [last, ..] => match last {
            "failure" => "failure",
            "unknown" => "unknown",
            _ => "success",
        },
    }
}

/// A call that one of its records does not call a success is none.
fn status(views: &[&str]) -> &'static str {
    if views.contains(&"failure") {
        "failure"
    } else if views.contains(&"unknown") {
        "unknown"
    } else {
        "success"
    }
}
