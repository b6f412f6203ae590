//! Calls by their neighbours: plan or answer, attempt, documents.

use std::collections::HashMap;

use super::node::{At, Kind};
use super::tree::Tree;
use crate::cache::Seeded;

const ASKS: &str = "tool_calls";

/// Calls and agents by the agent or tool they stand in, in their order.
struct Groups {
    places: HashMap<Option<At>, usize, Seeded>,
    lists: Vec<(Option<At>, Vec<At>)>,
}

impl Groups {
    fn of(&self, scope: Option<At>) -> Option<&[At]> {
        self.places
            .get(&scope)
            .map(|&place| self.lists[place].1.as_slice())
    }
}

/// What can be of several attempts.
#[derive(PartialEq, Eq, Hash)]
enum Repeated<'a> {
    Named(Kind, &'a str),
    Alone(Kind, At),
    Model(Option<At>),
}

impl<'a> Tree<'a> {
    /// Settles type, order and attempts of the calls among the nodes of a run.
    pub fn classify(&mut self, nodes: &[At], steps: &[At]) {
        for &at in steps {
            self.settle_type(at);
        }
        let asks =
            |&at: &At| self.nodes[at].kind == Kind::Model && self.nodes[at].facts.finish_reason == ASKS;
        let truthful = steps.iter().any(asks);
        let groups = self.by_scope(nodes);
        for (scope, members) in &groups.lists {
            if !truthful {
                self.plans_before_tools(members);
            } else if let Some(scope) = *scope {
                let siblings = groups.of(self.nodes[scope].scope).unwrap_or_default();
                if self.ended_by_itself(scope, siblings) {
                    self.answers_by_output_tools(members);
                }
            }
        }
        self.answers_by_answer_tools(nodes, &groups);
        for (number, &at) in (1u32..).zip(steps) {
            let node = &mut self.nodes[at];
            node.seq = if node.step.seq == 0 { number } else { node.step.seq };
            // OpenInference lists documents one by one: none listed by a retrieval that ended well are none.
            let told_in_full =
                node.kind == Kind::Retrieval && node.step.source == "openinference" && !node.failed;
            if told_in_full && node.facts.retrieval_count.is_none() {
                node.facts.retrieval_count = Some(0);
            }
        }
        self.set_attempts(steps);
    }

    fn settle_type(&mut self, at: At) {
        let node = &self.nodes[at];
        if node.kind != Kind::Model || self.known.is_stated(node.step.source) {
            return;
        }
        let in_tool = node
            .scope
            .is_some_and(|scope| self.nodes[scope].kind == Kind::Tool);
        let node = &mut self.nodes[at];
        if node.failed {
            node.step_type = "other";
        } else if matches!(node.step_type, "plan" | "respond") {
            node.step_type = match node.facts.finish_reason {
                ASKS => "plan",
                // The answer of a call within a tool is the tool's, not the agent's.
                _ if in_tool => "other",
                _ => "respond",
            };
        }
    }

    fn by_scope(&self, nodes: &[At]) -> Groups {
        let mut groups = Groups {
            places: HashMap::default(),
            lists: Vec::new(),
        };
        for &at in nodes {
            let node = &self.nodes[at];
            if !node.leaf && node.kind != Kind::Agent {
                continue;
            }
            let place = *groups.places.entry(node.scope).or_insert(groups.lists.len());
            match groups.lists.get_mut(place) {
                Some((_, list)) => list.push(at),
                None => groups.lists.push((node.scope, vec![at])),
            }
        }
        groups
    }

    /// Whether an agent ended well and gave the floor to no other.
    fn ended_by_itself(&self, agent: At, siblings: &[At]) -> bool {
        let agent = &self.nodes[agent];
        if agent.kind != Kind::Agent || agent.failed || agent.step.facts.finish_reason == ASKS {
            return false;
        }
        let follows = |&each: &At| {
            let node = &self.nodes[each];
            node.kind == Kind::Agent && node.step.started_at >= agent.step.ended_at
        };
        !siblings.iter().any(follows)
    }

    /// Where no answer of a run ever says that it asks for tools, the tools that follow tell.
    fn plans_before_tools(&mut self, members: &[At]) {
        let is_answer =
            |&&at: &&At| self.nodes[at].kind == Kind::Model && self.nodes[at].step_type == "respond";
        let answers: Vec<At> = members.iter().filter(is_answer).copied().collect();
        if answers.is_empty() {
            return;
        }
        for &tool in members {
            if matches!(self.nodes[tool].kind, Kind::Tool | Kind::Handoff) {
                if let Some(asking) = self.asking(tool, &answers) {
                    self.nodes[asking].step_type = "plan";
                }
            }
        }
    }

    /// The answer that asked for a tool: the last one before it, nearest to it in the tree.
    fn asking(&self, tool: At, answers: &[At]) -> Option<At> {
        // A coding agent starts a tool while the answer still streams; some run a tool within the call's span.
        let ways = self.ancestors(tool);
        let started = self.nodes[tool].step.started_at;
        let is_before = |&&at: &&At| {
            let step = self.nodes[at].step;
            step.ended_at <= started
                || self.known.is_coding_agent(step.source) && step.started_at <= started
                || ways.iter().any(|way| way.0 == at)
        };
        let last = answers
            .iter()
            .rev()
            .filter(is_before)
            .take(self.known.numbers.looked_at);
        let mut found: Option<(i64, i64, At)> = None;
        // Of equals the first counts: from the last on, the later found.
        for &at in last {
            let common = self.common(&ways, at);
            let started = self.nodes[at].step.started_at;
            if found.is_none_or(|(depth, time, _)| (common, started) >= (depth, time)) {
                found = Some((common, started, at));
            }
        }
        found.map(|(_, _, at)| at)
    }

    /// The steps above, each with how deep it stands.
    fn ancestors(&self, at: At) -> Vec<(At, i64)> {
        let mut found: Vec<(At, i64)> = Vec::new();
        let mut above = self.nodes[at].parent;
        while let Some(each) = above {
            if found.iter().any(|way| way.0 == each) {
                break;
            }
            found.push((each, self.nodes[each].depth));
            above = self.nodes[each].parent;
        }
        found
    }

    /// How deep the first step above stands that is one of these; -1 for none, also within a ring of parents.
    fn common(&self, ways: &[(At, i64)], node: At) -> i64 {
        let mut at = Some(node);
        for _ in 0..=self.nodes.len() {
            let Some(each) = at else { return -1 };
            if let Some((_, depth)) = ways.iter().find(|way| way.0 == each) {
                return *depth;
            }
            at = self.nodes[each].parent;
        }
        -1
    }

    /// An agent that ended well, whose calls all ask for tools though none ran, answers through them.
    fn answers_by_output_tools(&mut self, members: &[At]) {
        let is_asking = |&at: &At| {
            let node = &self.nodes[at];
            node.kind == Kind::Model && node.step_type == "plan" && !self.known.is_stated(node.step.source)
        };
        if !members.iter().all(is_asking) {
            return;
        }
        for &at in members {
            self.nodes[at].step_type = "other";
        }
        if let Some(&last) = members.last() {
            self.nodes[last].step_type = "respond";
        }
    }

    /// A tool that is a framework's way to answer is a wrapper: the call that asked for it is the answer.
    fn answers_by_answer_tools(&mut self, nodes: &[At], groups: &Groups) {
        for &tool in nodes {
            let node = &self.nodes[tool];
            if node.kind != Kind::Wrapper || node.step.operation != "execute_tool" {
                continue;
            }
            let is_model = |&&at: &&At| self.nodes[at].kind == Kind::Model && !self.nodes[at].failed;
            let members = groups.of(node.scope).unwrap_or_default();
            let models: Vec<At> = members.iter().filter(is_model).copied().collect();
            if let Some(asking) = self.asking(tool, &models) {
                self.nodes[asking].step_type = "respond";
            }
        }
    }

    /// An attempt follows a failed one of the same tool, retriever, or model call of the same agent.
    fn set_attempts(&mut self, steps: &[At]) {
        let mut latest: HashMap<Repeated<'a>, At, Seeded> = HashMap::default();
        for &at in steps {
            let node = &self.nodes[at];
            if !matches!(node.kind, Kind::Model | Kind::Tool | Kind::Retrieval) {
                continue;
            }
            // A person or a model has a coding agent call a tool again: that is no attempt of the first call.
            if node.kind == Kind::Tool && self.known.is_coding_agent(node.step.source) {
                continue;
            }
            let key = self.repeated(at);
            let started = node.step.started_at;
            let before = latest.get(&key).copied().filter(|&before| {
                let before = &self.nodes[before];
                before.failed && before.step.ended_at <= started
            });
            if let Some(before) = before {
                self.nodes[before].next_attempt = Some(at);
                self.nodes[at].previous = Some(before);
                self.nodes[at].attempt = self.nodes[before].attempt + 1;
            }
            let node = &mut self.nodes[at];
            let told = node.step.attempt.unwrap_or(1).max(1);
            node.attempt = node.attempt.max(told).max(node.tries.len() as u64 + 1);
            latest.insert(key, at);
        }
        for &at in steps.iter().rev() {
            let after = self.nodes[at].next_attempt.map(|after| &self.nodes[after]);
            self.nodes[at].mended = after.is_some_and(|after| after.mended || !after.failed);
        }
    }

    fn repeated(&self, at: At) -> Repeated<'a> {
        let node = &self.nodes[at];
        let name = match node.kind {
            Kind::Tool => node.facts.tool_name,
            Kind::Retrieval => node.facts.name,
            _ => return Repeated::Model(node.scope),
        };
        // A name that was not kept may be of another tool: its calls are no attempts of one.
        if self.known.is_identity(name) {
            Repeated::Named(node.kind, name)
        } else {
            Repeated::Alone(node.kind, at)
        }
    }
}
