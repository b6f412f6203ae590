//! The tree of a run's steps, and the calls among them, without wrappers and duplicates.

use std::collections::{HashMap, HashSet};

use super::facts::Known;
use super::node::{At, Kind, Node};
use super::records::{Id, Link, Step};
use crate::cache::Seeded;

type SpanKey = (Id, u64);

/// The nodes of a run.
pub struct Tree<'a> {
    pub known: &'a Known,
    pub nodes: Vec<Node<'a>>,
}

fn key(step: &Step<'_>) -> SpanKey {
    (step.trace_id, step.span_id)
}

impl<'a> Tree<'a> {
    /// The tree, and its nodes in their order: earliest first, parents before children.
    pub fn build(steps: &'a [Step<'a>], links: &[Link<'a>], known: &'a Known) -> (Tree<'a>, Vec<At>) {
        let mut places: HashMap<SpanKey, At, Seeded> =
            HashMap::with_capacity_and_hasher(steps.len(), Seeded::default());
        let mut tree = Tree {
            known,
            nodes: Vec::with_capacity(steps.len()),
        };
        for step in steps {
            let node = Node::new(step, tree.kind(step));
            let place = *places.entry(key(step)).or_insert(tree.nodes.len());
            if place < tree.nodes.len() {
                tree.nodes[place] = node;
            } else {
                tree.nodes.push(node);
            }
        }
        tree.set_parents(&places, links);
        for at in 0..tree.nodes.len() {
            tree.measure(at);
        }
        let mut ordered: Vec<At> = (0..tree.nodes.len()).collect();
        ordered.sort_by_key(|&at| {
            let node = &tree.nodes[at];
            (node.step.started_at, node.depth, key(node.step))
        });
        let mut by_depth = ordered.clone();
        by_depth.sort_by_key(|&at| tree.nodes[at].depth);
        for &at in &by_depth {
            tree.place(at);
        }
        for &at in &ordered {
            // What is no kind of its own and holds others is a wrapper.
            if let Some(parent) = tree.nodes[at]
                .parent
                .filter(|&parent| tree.nodes[parent].kind == Kind::Other)
            {
                tree.nodes[parent].leaf = false;
            }
        }
        for &at in by_depth.iter().rev() {
            tree.merge_outer(at);
        }
        tree.merge_calls(&ordered);
        (tree, ordered)
    }

    /// A failed try of a model call that another span tells as a whole is a wrapper of nothing.
    fn kind(&self, step: &Step<'_>) -> Kind {
        match step.role {
            "agent" => Kind::Agent,
            "wrapper" => Kind::Wrapper,
            _ => self
                .known
                .kinds
                .get(step.operation)
                .copied()
                .unwrap_or(Kind::Other),
        }
    }

    /// Each node's step above, through spans that are none; a parent that never came counts as none.
    fn set_parents(&mut self, places: &HashMap<SpanKey, At, Seeded>, links: &[Link<'a>]) {
        let above_of = |link: &Link<'_>| {
            (
                (link.trace_id, link.span_id),
                (link.trace_id, link.parent_span_id),
            )
        };
        let parents: HashMap<SpanKey, SpanKey, Seeded> = links.iter().map(above_of).collect();
        // Where a way through such spans led, so that each of them is passed once.
        let mut above: HashMap<SpanKey, SpanKey, Seeded> = HashMap::default();
        for node in &mut self.nodes {
            let mut at = (node.step.trace_id, node.step.parent_span_id);
            let mut passed: HashSet<SpanKey, Seeded> = HashSet::default();
            while !places.contains_key(&at) && !passed.contains(&at) {
                let Some(next) = parents.get(&at) else { break };
                passed.insert(at);
                at = above.get(&at).copied().unwrap_or(*next);
            }
            above.extend(passed.into_iter().map(|each| (each, at)));
            let own = places.get(&key(node.step));
            node.parent = places.get(&at).filter(|found| Some(*found) != own).copied();
        }
    }

    /// How many steps stand above; spans in a ring of parents have none, whichever is seen first.
    fn measure(&mut self, node: At) {
        let mut way: Vec<At> = Vec::new();
        let mut seen: HashSet<At, Seeded> = HashSet::default();
        let mut at = Some(node);
        while let Some(each) = at.filter(|&each| self.nodes[each].depth < 0 && !seen.contains(&each)) {
            seen.insert(each);
            way.push(each);
            at = self.nodes[each].parent;
        }
        if let Some(ring) = at.filter(|&each| self.nodes[each].depth < 0) {
            let start = way.iter().position(|&each| each == ring).unwrap_or(0);
            for each in way.drain(start..) {
                self.nodes[each].parent = None;
                self.nodes[each].depth = 0;
            }
        }
        let mut depth = at.map_or(-1, |each| self.nodes[each].depth);
        for each in way.into_iter().rev() {
            depth += 1;
            self.nodes[each].depth = depth;
        }
    }

    /// Scope, and the outer view of the same call if there is one.
    fn place(&mut self, at: At) {
        let parent = self.nodes[at].parent;
        let above = match parent {
            Some(parent) if matches!(self.nodes[parent].kind, Kind::Wrapper | Kind::Other) => {
                self.nodes[parent].above
            }
            _ => parent,
        };
        self.nodes[at].above = above;
        let (mut outer, mut view) = (above, None);
        while let Some(each) =
            outer.filter(|&each| !matches!(self.nodes[each].kind, Kind::Agent | Kind::Tool))
        {
            if self.nodes[each].kind == Kind::Model && is_try(self.nodes[at].step) {
                self.nodes[each].tries.push(at);
                return;
            }
            if self.is_same_call(each, at) {
                (view, outer) = (Some(each), self.nodes[each].scope);
                break;
            }
            outer = self.nodes[each].above;
        }
        if let Some(each) = outer.filter(|&each| self.is_same_call(each, at)) {
            (view, outer) = (Some(each), self.nodes[each].scope);
        }
        if let Some(scope) = outer {
            let scope = &self.nodes[scope];
            let caller = if scope.step.facts.actor.is_empty() {
                scope.caller
            } else {
                scope.step.facts.actor
            };
            self.nodes[at].caller = caller;
        }
        if let Some(view) = view {
            self.nodes[view].inner.push(at);
        }
        let node = &mut self.nodes[at];
        node.scope = outer;
        node.leaf = !matches!(node.kind, Kind::Agent | Kind::Wrapper);
        node.failed = node.step.facts.status == "error";
        node.caller_failed = node.failed;
        node.step_type = node.step.step_type;
    }

    fn is_same_call(&self, outer: At, inner: At) -> bool {
        let (outer, inner) = (&self.nodes[outer], &self.nodes[inner]);
        if outer.kind == Kind::Retrieval && inner.kind == Kind::Embedding {
            return true;
        }
        if outer.kind != inner.kind || matches!(outer.kind, Kind::Agent | Kind::Wrapper | Kind::Other) {
            return false;
        }
        outer.kind != Kind::Tool || self.is_same_tool(outer.step, inner.step)
    }

    /// A tool that is not named may be any, one whose name was not kept is none that we could tell.
    fn is_same_tool(&self, outer: &Step<'_>, inner: &Step<'_>) -> bool {
        let (outer, inner) = (outer.facts.tool_name, inner.facts.tool_name);
        if outer == inner {
            return self.known.is_identity(outer);
        }
        outer.is_empty() || inner.is_empty()
    }

    /// Children first: what an embedding is for its retrieval; else the inner call counts, with its facts.
    fn merge_outer(&mut self, at: At) {
        let mut within = self.leaves(at);
        self.nodes[at].inner.clone_from(&within);
        if self.nodes[at].kind == Kind::Retrieval {
            for &inner in &within {
                if self.nodes[inner].kind == Kind::Embedding {
                    self.nodes[inner].leaf = false;
                }
            }
            within.retain(|&inner| self.nodes[inner].kind == Kind::Retrieval);
        }
        if within.is_empty() || !self.nodes[at].leaf {
            return;
        }
        self.nodes[at].leaf = false;
        if let [only] = within[..] {
            self.take_over(only, at);
        }
        for inner in within {
            self.nodes[inner].caller_failed = self.nodes[at].caller_failed;
        }
    }

    /// The calls seen from within; children came first, so that theirs are all found already.
    fn leaves(&self, at: At) -> Vec<At> {
        let mut found = Vec::new();
        for &inner in &self.nodes[at].inner {
            if self.nodes[inner].leaf {
                found.push(inner);
            } else {
                found.extend(
                    self.nodes[inner]
                        .inner
                        .iter()
                        .copied()
                        .filter(|&leaf| self.nodes[leaf].leaf),
                );
            }
        }
        found
    }
}

fn is_try(step: &Step<'_>) -> bool {
    step.role == "wrapper" && step.operation == "chat" && step.attempt.is_some()
}
