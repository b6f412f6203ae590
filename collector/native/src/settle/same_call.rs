//! One call that several spans or records tell without one standing in the other.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use super::node::{At, Kind};
use super::records::Id;
use super::tree::Tree;
use crate::cache::Seeded;

/// Lists by key, in the order in which the keys came.
struct Grouped<K> {
    places: HashMap<K, usize, Seeded>,
    lists: Vec<Vec<At>>,
}

impl<K: Hash + Eq> Grouped<K> {
    fn new() -> Self {
        Grouped {
            places: HashMap::default(),
            lists: Vec::new(),
        }
    }

    fn add(&mut self, key: K, at: At) {
        let place = *self.places.entry(key).or_insert(self.lists.len());
        match self.lists.get_mut(place) {
            Some(list) => list.push(at),
            None => self.lists.push(vec![at]),
        }
    }
}

impl<'a> Tree<'a> {
    /// Lets the innermost view of a call count, with what the others know.
    pub fn merge_calls(&mut self, ordered: &[At]) {
        let mut by_id: Grouped<(Kind, Id)> = Grouped::new();
        // By parent and model; of coding agents together.
        let mut failed: Grouped<Option<(Option<At>, &'a str)>> = Grouped::new();
        for &at in ordered {
            let node = &self.nodes[at];
            if !node.leaf || !matches!(node.kind, Kind::Model | Kind::Tool) {
                continue;
            }
            let of_agent = self.known.is_coding_agent(node.step.source);
            let call = node.step.facts.call_id;
            if let Some(call) = call {
                by_id.add((node.kind, call), at);
            }
            if node.kind == Kind::Model && node.failed && (of_agent || call.is_none()) {
                // A call that failed has no id of its answer; a log record has no place in the tree.
                failed.add((!of_agent).then_some((node.parent, node.facts.model)), at);
            }
        }
        for views in by_id.lists {
            self.merge(views);
        }
        let of_agents = failed.places.get(&None).copied();
        for (place, mut views) in failed.lists.into_iter().enumerate() {
            if Some(place) == of_agents || self.nodes[views[0]].parent.is_some() {
                views.retain(|&view| self.nodes[view].leaf);
                self.merge(views);
            }
        }
    }

    /// Longest first: each is merged into a shorter one within it.
    fn merge(&mut self, mut waiting: Vec<At>) {
        waiting.sort_by(|&one, &other| self.rank(one, other));
        for place in 0..waiting.len() {
            let outer = waiting[place];
            let inner = waiting[place + 1..]
                .iter()
                .rev()
                .copied()
                .find(|&each| self.are_one(outer, each));
            if let Some(inner) = inner {
                self.merge_into(inner, outer);
            }
        }
    }

    fn merge_into(&mut self, inner: At, outer: At) {
        self.nodes[outer].leaf = false;
        let views = self.nodes[outer].inner.clone();
        self.nodes[inner].inner.push(outer);
        self.nodes[inner].inner.extend(views);
        self.take_over(inner, outer);
        if !self.is_record(inner) {
            return;
        }
        // The span knows the place, and the name of the tool on its server.
        let from = &self.nodes[outer];
        let (parent, above, scope, depth, caller) =
            (from.parent, from.above, from.scope, from.depth, from.caller);
        let named = from.facts.tool_name;
        let is_named = !named.is_empty() && self.known.is_identity(named) && !self.known.has_digits(named);
        let node = &mut self.nodes[inner];
        (node.parent, node.above, node.scope, node.depth, node.caller) =
            (parent, above, scope, depth, caller);
        if node.kind == Kind::Tool && is_named {
            node.facts.tool_name = named;
            node.facts.name = named;
        }
    }

    /// Records of a coding agent's log come last: decisions name them by their ids.
    fn rank(&self, one: At, other: At) -> Ordering {
        let (first, second) = (self.nodes[one].step, self.nodes[other].step);
        let by_record = self.is_record(one).cmp(&self.is_record(other));
        let by_length = || {
            second
                .latency_ms
                .partial_cmp(&first.latency_ms)
                .unwrap_or(Ordering::Equal)
        };
        by_record
            .then_with(by_length)
            .then_with(|| first.step_id.cmp(&second.step_id))
    }

    /// Whether a log record of a coding agent tells the step: it has no place in the tree.
    pub fn is_record(&self, at: At) -> bool {
        let node = &self.nodes[at];
        self.known.is_coding_agent(node.step.source)
            && node.step.parent_span_id == 0
            && node.kind != Kind::Agent
    }

    /// Whether one lies in the time of the other; calls of different tools or of one log are two.
    fn are_one(&self, outer: At, inner: At) -> bool {
        let (first, second) = (self.nodes[outer].step, self.nodes[inner].step);
        let of_log = self.is_record(inner);
        let ids = (first.facts.call_id, second.facts.call_id);
        if matches!(ids, (Some(one), Some(other)) if one != other) || (self.is_record(outer) && of_log) {
            return false;
        }
        let named = !first.facts.tool_name.is_empty() && !second.facts.tool_name.is_empty();
        let same = self.nodes[outer].facts.tool_name == self.nodes[inner].facts.tool_name;
        if self.nodes[outer].kind == Kind::Tool && named && !same && !of_log {
            return false;
        }
        if of_log && ids != (None, None) {
            return true;
        }
        let most = self.known.numbers.tolerance;
        first.started_at <= second.started_at.saturating_add(most)
            && second.ended_at <= first.ended_at.saturating_add(most)
    }

    /// Gives a call what another span or record of it knows and it does not.
    pub fn take_over(&mut self, inner: At, outer: At) {
        let from = self.nodes[outer].facts;
        let tries = self.nodes[outer].tries.clone();
        let outer_failed = self.nodes[outer].failed;
        let known = self.known;
        let node = &mut self.nodes[inner];
        for fact in &known.shared {
            fact.take_over(&mut node.facts, &from);
        }
        // That the error is the class of an exception says more than a provider's word for it.
        let says_more =
            || known.shows_execution(from.error_type) && !known.shows_execution(node.facts.error_type);
        if outer_failed && !node.failed {
            node.failed = true;
            node.facts.error_type = from.error_type;
            node.facts.status = "error";
        } else if outer_failed && node.failed && says_more() {
            node.facts.error_type = from.error_type;
        }
        node.tries.extend(tries);
    }
}
