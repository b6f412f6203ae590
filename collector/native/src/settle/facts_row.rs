//! The row of a run's facts.

use super::columns::RunFacts as Column;
use super::counts::{array, float, small, CountColumns};
use super::node::{At, HandBack, Kind, Node, Settling};
use super::rows::Maker;
use crate::columns::{count, number, optional_uuid, text, time, uuid};

/// How many calls of which kind there are, and what they used.
struct Sums {
    steps: u32,
    failed: u32,
    models: u32,
    tools: u32,
    retrievals: u32,
    retries: u32,
    input: Option<u64>,
    output: Option<u64>,
    documents: Option<u64>,
}

impl<'a> Maker<'_, 'a> {
    /// Writes the row; without counts it is one that does not count what is stored of the run.
    pub fn facts(&self, steps: &[At], counts: Option<CountColumns>, out: &mut Vec<u8>) -> Settling<()> {
        let (facts, sums, counted) = (self.facts, self.sums(steps)?, u8::from(counts.is_some()));
        let counts = counts.unwrap_or_default();
        for column in &self.tree.known.layout.facts {
            match column {
                Column::RunId => uuid(out, &self.run.run_id),
                Column::AgentId => text(out, facts.agent_id),
                Column::AgentVersion => text(out, facts.top.agent_version),
                Column::Environment => text(out, facts.top.environment),
                Column::Status => text(out, facts.status),
                Column::StartedAt => time(out, facts.started_at),
                Column::EndedAt => time(out, facts.ended_at),
                Column::CreatedAt => time(out, facts.created_at),
                Column::Tenant => text(out, self.run.tenant),
                Column::TraceId => uuid(out, &facts.top.trace_id),
                Column::SpanId => number(out, facts.top.span_id),
                Column::ParentRunId => optional_uuid(out, facts.parent_run_id.as_ref()),
                Column::Conversation => text(out, facts.conversation_id),
                Column::Actor => text(out, facts.actor),
                Column::Source => text(out, facts.top.source),
                Column::ErrorType => text(out, facts.error_type),
                Column::Steps => small(out, sums.steps),
                Column::FailedSteps => small(out, sums.failed),
                Column::ModelCalls => small(out, sums.models),
                Column::ToolCalls => small(out, sums.tools),
                Column::Retrievals => small(out, sums.retrievals),
                Column::Retries => small(out, sums.retries),
                Column::InputTokens => number(out, sums.input.unwrap_or(0)),
                Column::OutputTokens => number(out, sums.output.unwrap_or(0)),
                Column::Documents => count(out, sums.documents),
                Column::StepIds => array(out, steps.iter(), |out, &at| {
                    uuid(out, &self.tree.nodes[at].step.step_id)
                }),
                Column::RulesVersion => small(out, self.tree.known.handed.rules_version),
                Column::SettledAt => time(out, self.settled_at),
                Column::IsDeleted => out.push(0),
                Column::Counted => out.push(counted),
                of_counts => write(*of_counts, &counts, out),
            }
        }
        Ok(())
    }

    fn sums(&self, steps: &[At]) -> Settling<Sums> {
        let nodes = || steps.iter().map(|&at| &self.tree.nodes[at]);
        let of_kind = |kind: Kind| nodes().filter(move |node| node.kind == kind);
        let small = |number: usize| u32::try_from(number).map_err(|_| HandBack);
        let sum = |kind: Kind, told: fn(&Node<'_>) -> Option<u64>| self.sum(of_kind(kind).filter_map(told));
        let retries =
            of_kind(Kind::Model).map(|node| node.tries.len() + usize::from(node.previous.is_some()));
        Ok(Sums {
            steps: small(steps.len())?,
            failed: small(nodes().filter(|node| node.failed).count())?,
            models: small(of_kind(Kind::Model).count())?,
            tools: small(of_kind(Kind::Tool).count())?,
            retrievals: small(of_kind(Kind::Retrieval).count())?,
            retries: small(retries.sum())?,
            input: sum(Kind::Model, |node| node.facts.input_tokens),
            output: sum(Kind::Model, |node| node.facts.output_tokens),
            documents: sum(Kind::Retrieval, |node| node.facts.retrieval_count),
        })
    }

    /// None where nothing is told.
    fn sum(&self, told: impl Iterator<Item = u64>) -> Option<u64> {
        let most = self.tree.known.numbers.most_summed;
        told.reduce(u64::saturating_add).map(|sum| sum.min(most))
    }
}

fn write(column: Column, counts: &CountColumns, out: &mut Vec<u8>) {
    let (decisions, signals, failures) = (
        counts.decisions.values(),
        counts.signals.values(),
        counts.failures.values(),
    );
    match column {
        Column::DecisionKeys => array(out, counts.decisions.keys(), |out, key| text(out, key)),
        Column::DecisionRecorded => array(out, decisions, |out, each| small(out, each.counts[0])),
        Column::DecisionDerived => array(out, decisions, |out, each| small(out, each.counts[1])),
        Column::DecisionFirstRecorded => array(out, decisions, |out, each| time(out, each.firsts[0])),
        Column::DecisionFirstDerived => array(out, decisions, |out, each| time(out, each.firsts[1])),
        Column::DecisionConfidences => array(out, decisions, |out, each| small(out, each.confidences)),
        Column::DecisionConfidenceSums => array(out, decisions, |out, each| float(out, each.confidence_sum)),
        Column::SignalKeys => array(out, counts.signals.keys(), |out, key| text(out, key)),
        Column::SignalRecorded => array(out, signals, |out, each| small(out, each.counts[0])),
        Column::SignalDerived => array(out, signals, |out, each| small(out, each.counts[1])),
        Column::SignalRecordedTrue => array(out, signals, |out, each| small(out, each.trues[0])),
        Column::SignalDerivedTrue => array(out, signals, |out, each| small(out, each.trues[1])),
        Column::FailureKeys => array(out, counts.failures.keys(), |out, key| text(out, key)),
        Column::FailureRecorded => array(out, failures, |out, each| small(out, each.counts[0])),
        Column::FailureDerived => array(out, failures, |out, each| small(out, each.counts[1])),
        Column::FailureLast => array(out, failures, |out, each| time(out, each.last)),
        // What is left are columns of the facts themselves.
        _ => {}
    }
}
