//! Which derivations apply to the calls of a run.

use std::collections::HashMap;

use super::node::{At, Kind, Node, Settling};
use super::rules::Rule;
use super::tree::Tree;
use crate::cache::Seeded;

const MILLISECOND: i64 = 1_000_000;

/// The latencies (milliseconds) and token counts from which signals are derived.
#[derive(Clone, Copy)]
pub struct Thresholds {
    pub latency_exceeded: i64,
    pub latency_far_exceeded: i64,
    pub tokens_moderate: i64,
    pub tokens_high: i64,
    pub tokens_limit: i64,
}

impl<'a> Tree<'a> {
    /// Pairs of step and rule.
    pub fn derive(&self, nodes: &[At], steps: &[At], thresholds: &Thresholds) -> Settling<Vec<(At, Rule)>> {
        let mut found = Vec::with_capacity(steps.len() * 2);
        for &at in steps {
            let node = &self.nodes[at];
            match node.kind {
                Kind::Tool => self.tool(at, &mut found)?,
                Kind::Retrieval if !node.failed && node.facts.retrieval_count == Some(0) => {
                    found.push((at, Rule::NoResults));
                }
                Kind::Model => self.model(at, &mut found),
                _ => {}
            }
            if matches!(node.kind, Kind::Tool | Kind::Retrieval | Kind::Model) {
                self.attempted(at, &mut found)?;
            }
            let passed = [passed_latency(node, thresholds), passed_tokens(node, thresholds)];
            found.extend(passed.into_iter().flatten().map(|rule| (at, rule)));
            if node.kind == Kind::Tool && node.fell_back {
                if !node.failed {
                    found.push((at, Rule::FallbackUsed));
                }
                found.push((at, Rule::Fallback));
            }
        }
        self.reranks(steps, &mut found);
        self.parallel(nodes, &mut found);
        found.extend(
            nodes
                .iter()
                .filter(|&&at| self.nodes[at].denied)
                .map(|&at| (at, Rule::Denied)),
        );
        Ok(found)
    }

    fn tool(&self, at: At, found: &mut Vec<(At, Rule)>) -> Settling<()> {
        let node = &self.nodes[at];
        // The outcome of a coding agent's call shows that it ran; where somebody stated it, that counts.
        let ran = || !node.failed || self.known.shows_execution(node.facts.error_type);
        if self.known.is_coding_agent(node.step.source) && ran() {
            found.push((at, Rule::Allowed));
        }
        if node.failed {
            found.push((at, self.known.tool_failure(node.facts.error_type)?));
        } else if node.previous.is_some() || node.attempt > 1 {
            found.push((at, Rule::AfterRetry));
        } else if !node.fell_back {
            found.push((at, Rule::FirstAttempt));
        }
        Ok(())
    }

    fn attempted(&self, at: At, found: &mut Vec<(At, Rule)>) -> Settling<()> {
        let node = &self.nodes[at];
        if node.failed && node.attempt > 1 && node.next_attempt.is_none() {
            found.push((at, Rule::MaxReached));
            found.push((at, Rule::RetryExhausted));
        } else if node.attempt > 1 {
            found.push((
                at,
                if node.attempt == 2 {
                    Rule::SingleRetry
                } else {
                    Rule::MultipleRetries
                },
            ));
        }
        if let Some(failed) = self.failed_before(node) {
            let code = self.known.failure_code(self.nodes[failed].facts.error_type)?;
            if code == self.known.handed.rate_limited {
                found.push((at, Rule::RetryRateLimit));
            } else if self.known.handed.transient.contains(code) {
                found.push((at, Rule::RetryTransient));
            }
        }
        Ok(())
    }

    fn failed_before(&self, node: &Node<'_>) -> Option<At> {
        node.previous.or_else(|| node.tries.last().copied())
    }

    fn model(&self, at: At, found: &mut Vec<(At, Rule)>) {
        let node = &self.nodes[at];
        if node.facts.stream == Some(true) {
            found.push((at, Rule::Streaming));
        }
        if node.facts.output_type == "json" {
            found.push((at, Rule::Format));
        }
        if node.facts.finish_reason == "length" {
            found.push((at, Rule::Length));
        }
        // A provider may answer with a dated name of the model that was asked for.
        let own = node.facts.model;
        let other = self
            .failed_before(node)
            .map(|failed| self.nodes[failed].facts.model);
        if other.is_some_and(|other| !other.max(own).starts_with(other.min(own))) {
            found.push((at, Rule::Fallback));
        }
    }

    /// Notes each tool that ran right after another that failed and was not tried again, models aside.
    pub fn mark_fallbacks(&mut self, steps: &[At]) {
        let is_tool = |&&at: &&At| {
            self.nodes[at].kind == Kind::Tool && !self.known.is_coding_agent(self.nodes[at].step.source)
        };
        let tools: Vec<At> = steps.iter().filter(is_tool).copied().collect();
        for pair in tools.windows(2) {
            let (before, node) = (&self.nodes[pair[0]], &self.nodes[pair[1]]);
            let names = (before.facts.tool_name, node.facts.tool_name);
            let differ =
                names.0 != names.1 && self.known.is_identity(names.0) && self.known.is_identity(names.1);
            let after = before.scope == node.scope && before.step.ended_at <= node.step.started_at;
            if before.failed && before.next_attempt.is_none() && differ && after {
                self.nodes[pair[1]].fell_back = true;
            }
        }
    }

    fn reranks(&self, steps: &[At], found: &mut Vec<(At, Rule)>) {
        let mut retrieved = false;
        for &at in steps {
            match self.nodes[at].kind {
                Kind::Rerank if retrieved => found.push((at, Rule::Rerank)),
                Kind::Retrieval => retrieved = true,
                _ => {}
            }
        }
    }

    /// Once for each group of siblings of one kind of which one starts before another ends: at the one that does.
    fn parallel(&self, nodes: &[At], found: &mut Vec<(At, Rule)>) {
        // The latest end of those before; None where the group has its derivation.
        let mut ends: HashMap<(Option<At>, Kind), Option<i64>, Seeded> = HashMap::default();
        for &at in nodes {
            let node = &self.nodes[at];
            let side_by_side = matches!(
                node.kind,
                Kind::Agent | Kind::Model | Kind::Tool | Kind::Retrieval
            );
            // Records of a log tell no parents: a tool that calls others is not beside them.
            let told_by_log = self.known.is_coding_agent(node.step.source);
            if !(node.leaf || node.kind == Kind::Agent) || !side_by_side || told_by_log {
                continue;
            }
            let end = ends.entry((node.scope, node.kind)).or_insert(Some(0));
            *end = match *end {
                Some(before) if truly_started(node.step.started_at) < before => {
                    found.push((at, Rule::Parallel));
                    None
                }
                Some(before) => Some(before.max(node.step.ended_at)),
                None => None,
            };
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn passed_latency(node: &Node<'_>, thresholds: &Thresholds) -> Option<Rule> {
    let latency = node.step.latency_ms;
    if !matches!(
        node.kind,
        Kind::Model | Kind::Tool | Kind::Retrieval | Kind::Rerank
    ) {
        None
    } else if latency >= thresholds.latency_far_exceeded as f64 {
        Some(Rule::LatencyFarExceeded)
    } else {
        (latency >= thresholds.latency_exceeded as f64).then_some(Rule::LatencyExceeded)
    }
}

fn passed_tokens(node: &Node<'_>, thresholds: &Thresholds) -> Option<Rule> {
    let used = [node.facts.input_tokens, node.facts.output_tokens];
    let total: i128 = used.into_iter().flatten().map(i128::from).sum();
    if node.kind != Kind::Model {
        None
    } else if total >= i128::from(thresholds.tokens_limit) {
        Some(Rule::TokensLimit)
    } else if total >= i128::from(thresholds.tokens_high) {
        Some(Rule::TokensHigh)
    } else {
        (total >= i128::from(thresholds.tokens_moderate)).then_some(Rule::TokensModerate)
    }
}

/// The latest time at which a step can have started: some clocks tell the start in whole milliseconds.
fn truly_started(started: i64) -> i64 {
    if started % MILLISECOND == 0 {
        started.saturating_add(MILLISECOND)
    } else {
        started
    }
}
