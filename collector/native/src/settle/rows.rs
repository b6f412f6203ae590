//! The rows that settling a run makes: steps as settled, signals, decisions and failures.

use super::columns::{Made, Version};
use super::counts::Counts;
use super::node::{At, HandBack, Kind, Node, Settling};
use super::records::{Id, Told};
use super::rules::Rule;
use super::run::{Recorded, Run};
use super::run_facts::RunFacts;
use super::tree::Tree;
use crate::columns::{
    count, fraction, number, optional_uuid, text, time, uuid, Decision, Failure, Signal, Step as StepColumn,
};

/// Makes the rows of one run; ids come from what they say, so that another round makes the same.
pub struct Maker<'t, 'a> {
    pub run: &'a Run<'a>,
    pub tree: &'t Tree<'a>,
    pub facts: &'t RunFacts<'a>,
    pub recorded: &'t Recorded<'a>,
    pub settled_at: i64,
}

impl<'a> Maker<'_, 'a> {
    fn id(&self, step_id: &[u8], rule: &str) -> Id {
        let (tenant, rule) = (self.run.tenant.as_bytes(), rule.as_bytes());
        self.tree
            .known
            .id(&[tenant, b"\x1f", &self.run.run_id, b"\x1f", step_id, b"\x1f", rule])
    }

    /// The column of the row that an agent records; one that says which round made it is written here.
    fn unless_version<'c, C>(&self, column: &'c Made<C>, rule: &str, out: &mut Vec<u8>) -> Option<&'c C> {
        match column {
            Made::Row(column) => return Some(column),
            Made::Version(version) => self.version(*version, rule, out),
        }
        None
    }

    fn version(&self, column: Version, rule: &str, out: &mut Vec<u8>) {
        match column {
            Version::Rule => text(out, rule),
            Version::RulesVersion => {
                out.extend_from_slice(&self.tree.known.handed.rules_version.to_le_bytes())
            }
            Version::SettledAt => time(out, self.settled_at),
            Version::IsDeleted => out.push(0),
        }
    }

    /// The step as its run shows it; a wrapper of a call keeps its place with the role of one.
    pub fn step(&self, node: &Node<'a>, out: &mut Vec<u8>) {
        let (step, told, facts) = (node.step, &node.facts, self.facts);
        let (seq, step_type, attempt, role) = match node.kind {
            _ if node.leaf => (node.seq, node.step_type, Some(node.attempt), "leaf"),
            Kind::Agent => (step.seq, step.step_type, step.attempt, step.role),
            _ => (step.seq, step.step_type, step.attempt, "wrapper"),
        };
        for column in &self.tree.known.layout.settled {
            let Some(column) = self.unless_version(column, "", out) else {
                continue;
            };
            match column {
                StepColumn::StepId => uuid(out, &step.step_id),
                StepColumn::RunId => uuid(out, &self.run.run_id),
                StepColumn::Seq => out.extend_from_slice(&seq.to_le_bytes()),
                StepColumn::StepType => text(out, step_type),
                StepColumn::Name => text(out, told.name),
                StepColumn::Latency => number(out, step.latency_ms.to_bits()),
                StepColumn::StartedAt => time(out, step.started_at),
                StepColumn::EndedAt => time(out, step.ended_at),
                StepColumn::Metadata => out.extend_from_slice(step.metadata),
                StepColumn::CreatedAt => time(out, step.created_at),
                StepColumn::Tenant => text(out, self.run.tenant),
                StepColumn::AgentId => text(out, facts.agent_id),
                StepColumn::AgentVersion => text(out, facts.top.agent_version),
                StepColumn::Environment => text(out, facts.top.environment),
                StepColumn::Actor => text(out, node.actor()),
                StepColumn::TraceId => uuid(out, &step.trace_id),
                StepColumn::SpanId => number(out, step.span_id),
                StepColumn::ParentSpanId => number(out, step.parent_span_id),
                StepColumn::Role => text(out, role),
                StepColumn::Operation => text(out, step.operation),
                StepColumn::Status => text(out, told.status),
                StepColumn::ErrorType => text(out, told.error_type),
                StepColumn::ToolName => text(out, told.tool_name),
                StepColumn::Model => text(out, told.model),
                StepColumn::ResponseModel => text(out, told.response_model),
                StepColumn::InputTokens => count(out, told.input_tokens),
                StepColumn::OutputTokens => count(out, told.output_tokens),
                StepColumn::RetrievalCount => count(out, told.retrieval_count),
                StepColumn::FinishReason => text(out, told.finish_reason),
                StepColumn::Stream => match told.stream {
                    Some(flag) => out.extend_from_slice(&[0, u8::from(flag)]),
                    None => out.push(1),
                },
                StepColumn::OutputType => text(out, told.output_type),
                StepColumn::Attempt => count(out, attempt),
                StepColumn::Conversation => text(out, told.conversation_id),
                StepColumn::Source => text(out, step.source),
                StepColumn::CallId => optional_uuid(out, told.call_id.as_ref()),
                StepColumn::CacheRead => count(out, told.cache_read),
                StepColumn::CacheWrite => count(out, told.cache_write),
                StepColumn::Cost => count(out, told.cost),
                StepColumn::DecisionId => optional_uuid(out, told.decision_id.as_ref()),
            }
        }
    }

    /// Derived signals and decisions, except types that the agent recorded for that step.
    pub fn derived(&self, found: &[(At, Rule)], out: &mut [Vec<u8>; 6], counts: &mut Counts<'a, 'a>) {
        let known = self.tree.known;
        if !known.handed.takes_decisions {
            return;
        }
        for &(at, rule) in found {
            let node = &self.tree.nodes[at];
            let rule = &known.derivations[rule as usize];
            let key = (Some(node.step.step_id), rule.of_type.as_str());
            let (kind, time, number) = if rule.is_decision {
                if self.recorded.decisions.contains(&key) {
                    continue;
                }
                self.decision(node, rule, &mut out[3]);
                ("decision", node.step.started_at, None)
            } else {
                if self.recorded.signals.contains(&key) {
                    continue;
                }
                self.signal(node, rule, &mut out[4]);
                ("signal", node.step.ended_at, Some(1.0))
            };
            counts
                .derived
                .push(self.counted(kind, &rule.of_type, &rule.code, time, number));
        }
    }

    fn counted(
        &self,
        kind: &'static str,
        of_type: &'a str,
        code: &'a str,
        time: i64,
        number: Option<f64>,
    ) -> Told<'a> {
        Told {
            kind,
            of_type,
            code,
            agent_id: self.facts.agent_id,
            agent_version: self.facts.top.agent_version,
            environment: self.facts.top.environment,
            time,
            number,
            ..Told::default()
        }
    }

    fn signal(&self, node: &Node<'a>, rule: &super::facts::Derivation, out: &mut Vec<u8>) {
        let facts = self.facts;
        for column in &self.tree.known.layout.signals {
            let Some(column) = self.unless_version(column, &rule.rule, out) else {
                continue;
            };
            match column {
                Signal::Id => uuid(out, &self.id(&node.step.step_id, &rule.rule)),
                Signal::RunId => uuid(out, &self.run.run_id),
                Signal::StepId => optional_uuid(out, Some(&node.step.step_id)),
                Signal::Type => text(out, &rule.of_type),
                Signal::Code => text(out, &rule.code),
                Signal::Value => out.push(1),
                Signal::Weight => fraction(out, None),
                Signal::Metadata => out.push(0),
                Signal::RecordedAt => time(out, node.step.ended_at),
                Signal::CreatedAt => time(out, self.settled_at),
                Signal::Tenant => text(out, self.run.tenant),
                Signal::AgentId => text(out, facts.agent_id),
                Signal::AgentVersion => text(out, facts.top.agent_version),
                Signal::Environment => text(out, facts.top.environment),
                Signal::Actor => text(out, node.actor()),
                Signal::TraceId => uuid(out, &node.step.trace_id),
                Signal::SpanId => number(out, node.step.span_id),
            }
        }
    }

    fn decision(&self, node: &Node<'a>, rule: &super::facts::Derivation, out: &mut Vec<u8>) {
        let facts = self.facts;
        let is_approval = rule.of_type == self.tree.known.handed.approval;
        for column in &self.tree.known.layout.decisions {
            let Some(column) = self.unless_version(column, &rule.rule, out) else {
                continue;
            };
            match column {
                Decision::Id => uuid(out, &self.id(&node.step.step_id, &rule.rule)),
                Decision::RunId => uuid(out, &self.run.run_id),
                Decision::StepId => optional_uuid(out, Some(&node.step.step_id)),
                Decision::Type => text(out, &rule.of_type),
                Decision::Selected => text(out, &rule.selected),
                Decision::Reason => text(out, &rule.code),
                Decision::Confidence => fraction(out, None),
                Decision::Metadata | Decision::Candidates => out.push(0),
                Decision::RecordedAt => time(out, node.step.started_at),
                Decision::CreatedAt => time(out, self.settled_at),
                Decision::Tenant => text(out, self.run.tenant),
                Decision::AgentId => text(out, facts.agent_id),
                Decision::AgentVersion => text(out, facts.top.agent_version),
                Decision::Environment => text(out, facts.top.environment),
                Decision::Actor => text(out, node.actor()),
                Decision::TraceId => uuid(out, &node.step.trace_id),
                Decision::SpanId => number(out, node.step.span_id),
                Decision::ToolName => text(out, if is_approval { node.facts.tool_name } else { "" }),
                Decision::Wait => count(out, node.waited_ms.filter(|_| is_approval)),
            }
        }
    }

    /// The failure that the run's outcome names, and those of calls and of the run, unless the agent recorded its own.
    pub fn failures(&self, steps: &[At], out: &mut Vec<u8>, counts: &mut Counts<'a, 'a>) -> Settling<()> {
        let known = self.tree.known;
        let (of_step, of_run, of_outcome) = &known.handed.failure_rules;
        let ended = self.facts.ended_at;
        let told = self
            .run
            .outcome()
            .filter(|outcome| !outcome.failure_type.is_empty());
        let mut found: Vec<(&str, Option<Id>, &'a str, &'a str, i64)> = Vec::new();
        if let Some(told) = told {
            if !known.handed.failure_types.contains(told.failure_type) {
                return Err(HandBack);
            }
            found.push((of_outcome, None, told.failure_type, told.failure_code, ended));
        }
        if !known.is_stated(self.facts.top.source) {
            for node in steps.iter().map(|&at| &self.tree.nodes[at]) {
                let step = node.step;
                if node.failed && !node.mended && !self.recorded.failures.contains(&Some(step.step_id)) {
                    let code = known.failure_code(node.facts.error_type)?;
                    let of_type = known.failure_type(node.kind);
                    found.push((of_step, Some(step.step_id), of_type, code, step.ended_at));
                }
            }
            if self.facts.status == "failure" && self.recorded.failures.is_empty() && told.is_none() {
                let code = known.failure_code(self.facts.error_type)?;
                found.push((of_run, None, &known.handed.failure_of_others, code, ended));
            }
        }
        for (rule, step_id, of_type, code, time) in found {
            self.failure(rule, step_id.as_ref(), (of_type, code), time, out);
            counts
                .derived
                .push(self.counted("failure", of_type, code, time, None));
        }
        Ok(())
    }

    fn failure(&self, rule: &str, step_id: Option<&Id>, what: (&str, &str), at: i64, out: &mut Vec<u8>) {
        let facts = self.facts;
        for column in &self.tree.known.layout.failures {
            let Some(column) = self.unless_version(column, rule, out) else {
                continue;
            };
            match column {
                Failure::Id => uuid(out, &self.id(step_id.map_or(&[], |id| id.as_slice()), rule)),
                Failure::RunId => uuid(out, &self.run.run_id),
                Failure::StepId => optional_uuid(out, step_id),
                Failure::Type => text(out, what.0),
                Failure::Code => text(out, what.1),
                Failure::Message => text(out, &self.tree.known.message(what.0, what.1)),
                Failure::CreatedAt => time(out, self.settled_at),
                Failure::Tenant => text(out, self.run.tenant),
                Failure::AgentId => text(out, facts.agent_id),
                Failure::AgentVersion => text(out, facts.top.agent_version),
                Failure::Environment => text(out, facts.top.environment),
                Failure::OccurredAt => time(out, at),
                Failure::Metadata => out.push(0),
                Failure::Source => text(out, facts.top.source),
            }
        }
    }
}
