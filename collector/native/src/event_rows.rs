//! The rows of runs, decisions and signals, whatever states them: a span, a typed event, or a record.

use crate::batch::{Batch, Origin};
use crate::columns::{self, Decision, Run, Signal};
use crate::rows::{ids, RUNS};
use crate::span::HandBack;

pub const DECISIONS: usize = 3;
pub const SIGNALS: usize = 4;

/// Whose row it is; `metadata` is encoded.
pub struct Own<'r, 'a> {
    pub id: [u8; 16],
    /// None where it is of the run.
    pub step: Option<[u8; 16]>,
    pub time: u64,
    pub metadata: &'r [u8],
    pub origin: &'r Origin<'a>,
}

pub struct RunCells<'r> {
    pub status: &'r str,
    pub started: u64,
    pub ended: u64,
    pub span_number: u64,
    pub parent: Option<[u8; 16]>,
    pub conversation: &'r str,
    pub actor: &'r str,
    pub source: &'r str,
}

pub struct DecisionCells<'r> {
    pub kind: &'r str,
    pub selected: &'r str,
    pub reason: &'r str,
    pub confidence: Option<f64>,
    pub candidates: &'r [&'r str],
    pub tool: &'r str,
}

pub struct SignalCells<'r> {
    pub kind: &'r str,
    pub code: &'r str,
    pub value: bool,
    pub weight: Option<f64>,
}

/// A list of texts.
pub fn texts(out: &mut Vec<u8>, values: &[&str]) {
    columns::length(out, values.len());
    for value in values {
        columns::text(out, value);
    }
}

impl<'a> Batch<'a> {
    pub fn put_run(&mut self, origin: &Origin<'a>, cells: &RunCells<'_>) -> Result<(), HandBack> {
        let (_, run, trace) = ids(origin)?;
        let moment = self.moment;
        let block = &mut self.blocks[RUNS];
        block.begin_row();
        let out = &mut block.data;
        for column in &self.known.layout.runs {
            match column {
                Run::RunId => columns::uuid(out, &run),
                Run::AgentId => columns::text(out, &origin.agent_id),
                Run::AgentVersion => columns::text(out, &origin.agent_version),
                Run::Environment => columns::text(out, &origin.environment),
                Run::Status => columns::text(out, cells.status),
                Run::StartedAt => columns::number(out, cells.started),
                Run::EndedAt => columns::number(out, cells.ended),
                Run::CreatedAt => columns::time(out, moment.received_at),
                Run::Tenant => columns::text(out, moment.tenant),
                Run::TraceId => columns::uuid(out, &trace),
                Run::SpanId => columns::number(out, cells.span_number),
                Run::ParentRunId => columns::optional_uuid(out, cells.parent.as_ref()),
                Run::Conversation => columns::text(out, cells.conversation),
                Run::Actor => columns::text(out, cells.actor),
                Run::Source => columns::text(out, cells.source),
            }
        }
        Ok(())
    }

    pub fn put_decision(&mut self, own: &Own<'_, 'a>, cells: &DecisionCells<'_>) -> Result<(), HandBack> {
        let (origin, moment) = (own.origin, self.moment);
        let (_, run, trace) = ids(origin)?;
        let block = &mut self.blocks[DECISIONS];
        block.begin_row();
        let out = &mut block.data;
        for column in &self.known.layout.decisions {
            match column {
                Decision::Id => columns::uuid(out, &own.id),
                Decision::RunId => columns::uuid(out, &run),
                Decision::StepId => columns::optional_uuid(out, own.step.as_ref()),
                Decision::Type => columns::text(out, cells.kind),
                Decision::Selected => columns::text(out, cells.selected),
                Decision::Reason => columns::text(out, cells.reason),
                Decision::Confidence => columns::fraction(out, cells.confidence),
                Decision::Metadata => out.extend_from_slice(own.metadata),
                Decision::RecordedAt => columns::number(out, own.time),
                Decision::CreatedAt => columns::time(out, moment.received_at),
                Decision::Tenant => columns::text(out, moment.tenant),
                Decision::AgentId => columns::text(out, &origin.agent_id),
                Decision::AgentVersion => columns::text(out, &origin.agent_version),
                Decision::Environment => columns::text(out, &origin.environment),
                Decision::Actor => columns::text(out, &origin.actor),
                Decision::Candidates => texts(out, cells.candidates),
                Decision::TraceId => columns::uuid(out, &trace),
                Decision::SpanId => columns::number(out, origin.span_number()),
                Decision::ToolName => columns::text(out, cells.tool),
                // What only records of coding agents tell.
                Decision::Wait => out.push(1),
            }
        }
        Ok(())
    }

    pub fn put_signal(&mut self, own: &Own<'_, 'a>, cells: &SignalCells<'_>) -> Result<(), HandBack> {
        let (origin, moment) = (own.origin, self.moment);
        let (_, run, trace) = ids(origin)?;
        let block = &mut self.blocks[SIGNALS];
        block.begin_row();
        let out = &mut block.data;
        for column in &self.known.layout.signals {
            match column {
                Signal::Id => columns::uuid(out, &own.id),
                Signal::RunId => columns::uuid(out, &run),
                Signal::StepId => columns::optional_uuid(out, own.step.as_ref()),
                Signal::Type => columns::text(out, cells.kind),
                Signal::Code => columns::text(out, cells.code),
                Signal::Value => out.push(u8::from(cells.value)),
                Signal::Weight => columns::fraction(out, cells.weight),
                Signal::Metadata => out.extend_from_slice(own.metadata),
                Signal::RecordedAt => columns::number(out, own.time),
                Signal::CreatedAt => columns::time(out, moment.received_at),
                Signal::Tenant => columns::text(out, moment.tenant),
                Signal::AgentId => columns::text(out, &origin.agent_id),
                Signal::AgentVersion => columns::text(out, &origin.agent_version),
                Signal::Environment => columns::text(out, &origin.environment),
                Signal::Actor => columns::text(out, &origin.actor),
                Signal::TraceId => columns::uuid(out, &trace),
                Signal::SpanId => columns::number(out, origin.span_number()),
            }
        }
        Ok(())
    }
}
