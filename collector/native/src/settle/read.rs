//! RowBinary of the tables that settling reads, as rows of their runs.

use super::columns::{Layout, Outcome as OutcomeColumn, Told as ToldColumn};
use super::records::{Candidate, Id, Link, Outcome, Step, Told};
use crate::columns::{Link as LinkColumn, Run as RunColumn, Step as StepColumn};

/// What is left to read of a table.
pub struct Rows<'a> {
    rest: &'a [u8],
}

impl<'a> Rows<'a> {
    pub fn of(rest: &'a [u8]) -> Self {
        Rows { rest }
    }

    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn left(&self) -> usize {
        self.rest.len()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (found, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(found)
    }

    pub fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    pub fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn length(&mut self) -> Option<usize> {
        let (mut found, mut shift) = (0usize, 0);
        loop {
            let byte = self.byte()?;
            found |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(found);
            }
            shift += 7;
            if shift > 42 {
                return None;
            }
        }
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    pub fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }

    fn small(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    pub fn time(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.array()?))
    }

    /// None where it is no number.
    pub fn float(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.array()?)).filter(|number| number.is_finite())
    }

    fn uuid(&mut self) -> Option<Id> {
        let halves = u128::from(self.number()?) << 64 | u128::from(self.number()?);
        Some(halves.to_be_bytes())
    }

    fn optional<T>(&mut self, read: fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? {
            return Some(None);
        }
        read(self).map(Some)
    }

    /// An id that is all zero is none.
    fn optional_uuid(&mut self) -> Option<Option<Id>> {
        Some(self.optional(Self::uuid)?.filter(|id| *id != [0; 16]))
    }

    /// A map of metadata as it is written.
    fn metadata(&mut self) -> Option<&'a [u8]> {
        let whole = self.rest;
        for _ in 0..self.length()? {
            let length = self.length()?;
            self.take(length)?;
            let length = match self.byte()? {
                0 => 1,
                1 | 2 => 8,
                3 => self.length()?,
                0xff => 0,
                _ => return None,
            };
            self.take(length)?;
        }
        whole.get(..whole.len() - self.rest.len())
    }

    pub fn step(&mut self, layout: &Layout) -> Option<Step<'a>> {
        let mut step = Step::default();
        for column in &layout.steps {
            match column {
                StepColumn::StepId => step.step_id = self.uuid()?,
                StepColumn::RunId => step.run_id = self.uuid()?,
                StepColumn::Seq => step.seq = self.small()?,
                StepColumn::StepType => step.step_type = self.text()?,
                StepColumn::Name => step.facts.name = self.text()?,
                StepColumn::Latency => step.latency_ms = self.float()?,
                StepColumn::StartedAt => step.started_at = self.time()?,
                StepColumn::EndedAt => step.ended_at = self.time()?,
                StepColumn::Metadata => step.metadata = self.metadata()?,
                StepColumn::CreatedAt => step.created_at = self.time()?,
                StepColumn::Tenant => step.tenant = self.text()?,
                StepColumn::AgentId => step.agent_id = self.text()?,
                StepColumn::AgentVersion => step.agent_version = self.text()?,
                StepColumn::Environment => step.environment = self.text()?,
                StepColumn::Actor => step.facts.actor = self.text()?,
                StepColumn::TraceId => step.trace_id = self.uuid()?,
                StepColumn::SpanId => step.span_id = self.number()?,
                StepColumn::ParentSpanId => step.parent_span_id = self.number()?,
                StepColumn::Role => step.role = self.text()?,
                StepColumn::Operation => step.operation = self.text()?,
                StepColumn::Status => step.facts.status = self.text()?,
                StepColumn::ErrorType => step.facts.error_type = self.text()?,
                StepColumn::ToolName => step.facts.tool_name = self.text()?,
                StepColumn::Model => step.facts.model = self.text()?,
                StepColumn::ResponseModel => step.facts.response_model = self.text()?,
                StepColumn::InputTokens => step.facts.input_tokens = self.optional(Self::number)?,
                StepColumn::OutputTokens => step.facts.output_tokens = self.optional(Self::number)?,
                StepColumn::RetrievalCount => step.facts.retrieval_count = self.optional(Self::number)?,
                StepColumn::FinishReason => step.facts.finish_reason = self.text()?,
                StepColumn::Stream => step.facts.stream = self.optional(Self::flag)?,
                StepColumn::OutputType => step.facts.output_type = self.text()?,
                StepColumn::Attempt => step.attempt = self.optional(Self::number)?,
                StepColumn::Conversation => step.facts.conversation_id = self.text()?,
                StepColumn::Source => step.source = self.text()?,
                StepColumn::CallId => step.facts.call_id = self.optional_uuid()?,
                StepColumn::CacheRead => step.facts.cache_read = self.optional(Self::number)?,
                StepColumn::CacheWrite => step.facts.cache_write = self.optional(Self::number)?,
                StepColumn::Cost => step.facts.cost = self.optional(Self::number)?,
                StepColumn::DecisionId => step.facts.decision_id = self.optional_uuid()?,
            }
        }
        Some(step)
    }

    pub fn candidate(&mut self, layout: &Layout) -> Option<Candidate<'a>> {
        let mut run = Candidate::default();
        for column in &layout.candidates {
            match column {
                RunColumn::RunId => run.run_id = self.uuid()?,
                RunColumn::AgentId => run.agent_id = self.text()?,
                RunColumn::AgentVersion => run.agent_version = self.text()?,
                RunColumn::Environment => run.environment = self.text()?,
                RunColumn::Status => run.status = self.text()?,
                RunColumn::StartedAt => run.started_at = self.time()?,
                RunColumn::EndedAt => run.ended_at = self.time()?,
                RunColumn::CreatedAt => run.created_at = self.time()?,
                RunColumn::Tenant => run.tenant = self.text()?,
                RunColumn::TraceId => run.trace_id = self.uuid()?,
                RunColumn::SpanId => run.span_id = self.number()?,
                RunColumn::ParentRunId => run.parent_run_id = self.optional_uuid()?,
                RunColumn::Conversation => run.conversation_id = self.text()?,
                RunColumn::Actor => run.actor = self.text()?,
                RunColumn::Source => run.source = self.text()?,
            }
        }
        Some(run)
    }

    pub fn link(&mut self, layout: &Layout) -> Option<Link<'a>> {
        let mut link = Link::default();
        for column in &layout.links {
            match column {
                LinkColumn::Tenant => link.tenant = self.text()?,
                LinkColumn::RunId => link.run_id = self.uuid()?,
                LinkColumn::TraceId => link.trace_id = self.uuid()?,
                LinkColumn::SpanId => link.span_id = self.number()?,
                LinkColumn::ParentSpanId => link.parent_span_id = self.number()?,
                LinkColumn::StartedAt | LinkColumn::CreatedAt => drop(self.time()?),
            }
        }
        Some(link)
    }

    pub fn outcome(&mut self, layout: &Layout) -> Option<Outcome<'a>> {
        let mut outcome = Outcome::default();
        for column in &layout.outcomes {
            match column {
                OutcomeColumn::Id => drop(self.uuid()?),
                OutcomeColumn::RunId => outcome.run_id = self.uuid()?,
                OutcomeColumn::Status => outcome.status = self.text()?,
                OutcomeColumn::FailureType => outcome.failure_type = self.text()?,
                OutcomeColumn::FailureCode => outcome.failure_code = self.text()?,
                OutcomeColumn::RecordedAt => outcome.recorded_at = self.time()?,
                OutcomeColumn::CreatedAt => outcome.created_at = self.time()?,
                OutcomeColumn::Tenant => outcome.tenant = self.text()?,
                OutcomeColumn::Source => drop(self.text()?),
            }
        }
        Some(outcome)
    }

    pub fn told(&mut self, layout: &Layout) -> Option<Told<'a>> {
        let mut told = Told::default();
        for column in &layout.told {
            match column {
                ToldColumn::Tenant => told.tenant = self.text()?,
                ToldColumn::RunId => told.run_id = self.uuid()?,
                ToldColumn::StepId => told.step_id = self.optional_uuid()?,
                ToldColumn::Stated => told.stated = self.text()?,
                ToldColumn::Kind => told.kind = self.text()?,
                ToldColumn::Type => told.of_type = self.text()?,
                ToldColumn::Code => told.code = self.text()?,
                ToldColumn::AgentId => told.agent_id = self.text()?,
                ToldColumn::AgentVersion => told.agent_version = self.text()?,
                ToldColumn::Environment => told.environment = self.text()?,
                ToldColumn::Time => told.time = self.time()?,
                ToldColumn::Number => told.number = self.optional(Self::float)?,
            }
        }
        Some(told)
    }
}
