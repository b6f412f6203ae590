//! A span to its rows: the step it stands for, the run it may be, its typed events, or the link to its parent.

use std::borrow::Cow;

use crate::agent_span::AgentSpans;
use crate::batch::{Batch, Origin, Violation};
use crate::columns::{self, Link, Step};
use crate::event_rows::RunCells;
use crate::events::{encode_metadata, Fault, Kept, Seen};
use crate::facts::Fact;
use crate::otlp::Span;
use crate::span::{confirm, read, HandBack, SpanFacts, CLOSED, ERROR};
use crate::text::{conversation_hash, parse_or_hash_id, uuid5};

pub const RUNS: usize = 0;
pub const STEPS: usize = 1;
const LINKS: usize = 5;
const MILLISECOND: f64 = 1e6;
/// From here on a number of nanoseconds is no float.
const EXACT: u64 = 1 << 53;
const OTHER: &str = "other";
pub const SUCCESS: &str = "success";
pub const FAILURE: &str = "failure";
pub const UNKNOWN: &str = "unknown";

/// How many spans were ignored and refused: none or one.
pub type Counts = (u64, u64);

/// The names of a step, enforced.
pub struct Names<'t> {
    pub name: Cow<'t, str>,
    pub error_type: Cow<'t, str>,
    pub tool_name: Cow<'t, str>,
    pub model: Cow<'t, str>,
    pub response_model: Cow<'t, str>,
}

/// What a step's row and its copy hold beside its facts, enforced.
pub struct Prepared<'t, 'a> {
    pub names: Names<'t>,
    pub metadata: Kept<'a>,
    pub decision: Option<Id>,
    pub conversation: String,
    pub seq: u32,
    status: &'a str,
}

pub fn closed<'t>(value: &'t str, allowed: &std::collections::HashSet<String>) -> &'t str {
    if value.is_empty() || allowed.contains(value) {
        value
    } else {
        OTHER
    }
}

pub fn id<const N: usize>(raw: &[u8]) -> Option<[u8; N]> {
    let found: [u8; N] = raw.try_into().ok()?;
    found.iter().any(|byte| *byte != 0).then_some(found)
}

fn parent(span: &Span<'_>) -> u64 {
    span.parent_id.try_into().map_or(0, u64::from_be_bytes)
}

impl<'a> Batch<'a> {
    pub fn decode(
        &mut self,
        span: &Span<'a>,
        scope: &'a str,
        agent: Option<&'a AgentSpans>,
    ) -> Result<Counts, HandBack> {
        let mut facts = read(self.known, span, scope, agent)?;
        let unconfirmed = self.confirm(span, &mut facts);
        let origin = self.origin(span, &facts, agent)?;
        let is_step = facts.has(Fact::Operation);
        if let Some(violation) = self.violation(span, &origin, is_step) {
            self.refuse_all(span, &violation, &origin);
            return Ok((0, 1));
        }
        for (rule, key) in std::mem::take(&mut facts.notes) {
            self.changed(rule, key);
        }
        self.decode_events(span, &origin)?;
        self.add_guardrail(span, &facts, &origin)?;
        if is_step {
            let step = self.prepare(span, &facts, &origin)?;
            self.add_step(span, &facts, &origin, &step)?;
            self.copy_step(span, &facts, &origin, &step, unconfirmed)?;
            if let Some(agent) = agent.filter(|agent| agent.calls_tell_runs()) {
                self.add_agent_run(span, &facts, &origin, agent)?;
            } else if facts.text(Fact::Role) == "agent" {
                self.add_run(span, &facts, &origin)?;
            }
            // Nothing is handed back from here on.
            self.count_convention(facts.source());
        } else {
            self.copy_other(span, &facts)?;
            if span.name != self.known.facts.events_span {
                self.add_link(span, &origin);
                return Ok((1, 0));
            }
        }
        Ok((0, 0))
    }

    /// A span that tells what log records do makes no row, and goes on all the same.
    pub fn copy_repeated(&mut self, span: &Span<'a>, scope: &'a str) -> Result<Counts, HandBack> {
        let mut facts = read(self.known, span, scope, None)?;
        let unconfirmed = self.confirm(span, &mut facts);
        let origin = self.origin(span, &facts, None)?;
        let is_step = facts.has(Fact::Operation);
        if self.violation(span, &origin, is_step).is_some() {
            return Ok((1, 0));
        }
        if is_step {
            let step = self.prepare(span, &facts, &origin)?;
            self.copy_step(span, &facts, &origin, &step, unconfirmed)?;
        } else {
            self.copy_other(span, &facts)?;
        }
        Ok((1, 0))
    }

    /// Hides the names that nothing confirms; the facts that had one.
    fn confirm(&mut self, span: &Span<'a>, facts: &mut SpanFacts<'a>) -> &'static [Fact] {
        let Some((rule, key, hidden)) = confirm(self.known, span, facts) else {
            return &[];
        };
        self.changed(rule, key);
        hidden
    }

    fn id(&self, text: &str) -> Result<[u8; 16], HandBack> {
        parse_or_hash_id(&self.known.facts.namespace, text).ok_or(HandBack)
    }

    /// Ids and names of a span; those of a coding agent name no agent of their own.
    fn origin(
        &mut self,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        agent: Option<&'a AgentSpans>,
    ) -> Result<Origin<'a>, HandBack> {
        let known = self.known;
        let mut sender = self
            .resources
            .last()
            .map_or_else(Default::default, |resource| resource.sender.clone());
        if let Some(agent) = agent {
            sender[0] = Cow::Borrowed(agent.agent_id());
        }
        let (trace_id, span_id) = (id::<16>(span.trace_id), id::<8>(span.span_id));
        let run_id = if facts.has(Fact::RunId) {
            Some(self.id(facts.text(Fact::RunId))?)
        } else {
            trace_id
        };
        let step_id = match (trace_id, span_id) {
            _ if facts.has(Fact::StepId) => Some(self.id(facts.text(Fact::StepId))?),
            (Some(trace), Some(span)) => Some(uuid5(&known.facts.namespace, &[&trace, &span])),
            _ => None,
        };
        for (place, fact) in [Fact::AgentId, Fact::AgentVersion, Fact::Environment]
            .into_iter()
            .enumerate()
        {
            let told = self
                .identifier(facts.text(fact), &known.agent_keys[place])
                .into_owned();
            if !told.is_empty() {
                sender[place] = Cow::Owned(told);
            }
        }
        let [agent_id, agent_version, environment] = sender;
        let actor = self.fact_name(facts.text(Fact::Actor), Fact::Actor, span, true);
        Ok(Origin {
            run_id,
            step_id,
            trace_id,
            span_id,
            agent_id,
            agent_version,
            environment,
            actor,
        })
    }

    fn violation(&self, span: &Span<'a>, origin: &Origin<'_>, is_step: bool) -> Option<Violation<'static>> {
        if origin.trace_id.is_none() {
            return Some(Violation::new("span.id", "trace_id"));
        }
        if origin.span_id.is_none() {
            return Some(Violation::new("span.id", "span_id"));
        }
        let ended = if span.end == 0 { span.start } else { span.end };
        let table = is_step.then_some(STEPS);
        for (key, time) in [
            ("start_time_unix_nano", span.start),
            ("end_time_unix_nano", ended),
        ] {
            if !self.moment.has(time, table) {
                return Some(Violation::new("time.range", key));
            }
        }
        None
    }

    fn refuse_all(&mut self, span: &Span<'a>, violation: &Violation<'_>, origin: &Origin<'_>) {
        self.refuse("span", violation, origin);
        let known = self.known;
        for event in &span.events {
            if let Some((_, kind, _)) = known.facts.kinds.iter().find(|(name, ..)| name == event.name) {
                self.refuse(kind, violation, origin);
            }
        }
    }

    fn decode_events(&mut self, span: &Span<'a>, origin: &Origin<'a>) -> Result<(), HandBack> {
        let known = self.known;
        let mut seen = Seen::new();
        for event in &span.events {
            let Some(place) = known.facts.kinds.iter().position(|(name, ..)| name == event.name) else {
                self.copy_other_event(span, event)?;
                continue;
            };
            match self.add_event(span, event, place, origin, &mut seen) {
                Ok(()) => {}
                Err(Fault::HandBack) => return Err(HandBack),
                Err(Fault::Broken(violation)) => {
                    self.refuse(&known.facts.kinds[place].1, &violation, origin);
                }
            }
        }
        Ok(())
    }

    fn names<'t>(&mut self, span: &Span<'a>, facts: &'t SpanFacts<'a>) -> Names<'t> {
        let mut named = |fact: Fact| -> Cow<'t, str> {
            let text = facts.text(fact);
            if text.is_empty() {
                return Cow::Borrowed("");
            }
            let kept = self.kept_name(text);
            let others = [Fact::ToolName, Fact::Model, Fact::Actor];
            let told_by_other =
                fact == Fact::Name && others.into_iter().any(|other| facts.text(other) == text);
            if self.is_redacted(&kept) && !told_by_other {
                let key = crate::span::key_of(self.known, span, fact);
                self.changed(crate::span::IDENTIFIER, key);
            }
            kept
        };
        Names {
            model: named(Fact::Model),
            response_model: named(Fact::ResponseModel),
            name: named(Fact::Name),
            error_type: named(Fact::ErrorType),
            tool_name: named(Fact::ToolName),
        }
    }

    fn metadata(&mut self, facts: &SpanFacts<'a>, origin: &Origin<'a>) -> Result<Kept<'a>, HandBack> {
        match self.check_metadata(&facts.metadata) {
            Ok(kept) => Ok(kept),
            Err(Fault::HandBack) => Err(HandBack),
            Err(Fault::Broken(violation)) => {
                self.refuse("step", &violation, origin);
                Ok(Kept::new())
            }
        }
    }

    fn status(&mut self, span: &Span<'a>, facts: &SpanFacts<'a>) -> &'a str {
        let statuses = &self.known.facts.statuses;
        if facts.flag(Fact::Failed) == Some(true) {
            return &statuses[2];
        }
        if facts.flag(Fact::IsBegun) == Some(true) {
            return &statuses[0];
        }
        let stated = usize::try_from(span.status)
            .ok()
            .and_then(|code| statuses.get(code));
        match stated {
            Some(status) => status,
            None => {
                self.changed(CLOSED, "status.code");
                &statuses[0]
            }
        }
    }

    fn prepare<'t>(
        &mut self,
        span: &Span<'a>,
        facts: &'t SpanFacts<'a>,
        origin: &Origin<'a>,
    ) -> Result<Prepared<'t, 'a>, HandBack> {
        let decision = match facts.text(Fact::DecisionId) {
            "" => None,
            text => Some(self.id(text)?),
        };
        Ok(Prepared {
            names: self.names(span, facts),
            metadata: self.metadata(facts, origin)?,
            decision,
            conversation: conversation_hash(&self.known.facts.site_key, facts.text(Fact::ConversationId)),
            seq: u32::try_from(facts.number(Fact::Seq).unwrap_or(0)).map_err(|_| HandBack)?,
            status: self.status(span, facts),
        })
    }

    fn add_step(
        &mut self,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
        step: &Prepared<'_, 'a>,
    ) -> Result<(), HandBack> {
        let known = self.known;
        let ended = span.start.max(span.end);
        let took = ended - span.start;
        if took >= EXACT {
            return Err(HandBack);
        }
        #[allow(clippy::cast_precision_loss)]
        let latency = took as f64 / MILLISECOND;
        let names = &step.names;
        let metadata = encode_metadata(&step.metadata);
        let (step_id, run_id, trace_id) = ids(origin)?;
        let call_id = self.call(facts.text(Fact::CallId));
        let moment = self.moment;
        let block = &mut self.blocks[STEPS];
        block.begin_row();
        let out = &mut block.data;
        for column in &known.layout.steps {
            match column {
                Step::StepId => columns::uuid(out, &step_id),
                Step::RunId => columns::uuid(out, &run_id),
                Step::Seq => out.extend_from_slice(&step.seq.to_le_bytes()),
                Step::StepType => {
                    columns::text(out, closed(facts.text(Fact::StepType), &known.facts.step_types))
                }
                Step::Name => columns::text(out, &names.name),
                Step::Latency => out.extend_from_slice(&latency.to_le_bytes()),
                Step::StartedAt => columns::number(out, span.start),
                Step::EndedAt => columns::number(out, ended),
                Step::Metadata => out.extend_from_slice(&metadata),
                Step::CreatedAt => columns::time(out, moment.received_at),
                Step::Tenant => columns::text(out, moment.tenant),
                Step::AgentId => columns::text(out, &origin.agent_id),
                Step::AgentVersion => columns::text(out, &origin.agent_version),
                Step::Environment => columns::text(out, &origin.environment),
                Step::Actor => columns::text(out, &origin.actor),
                Step::TraceId => columns::uuid(out, &trace_id),
                Step::SpanId => columns::number(out, origin.span_number()),
                Step::ParentSpanId => columns::number(out, parent(span)),
                Step::Role => columns::text(out, facts.text(Fact::Role)),
                Step::Operation => {
                    columns::text(out, closed(facts.text(Fact::Operation), &known.facts.operations))
                }
                Step::Status => columns::text(out, step.status),
                Step::ErrorType => columns::text(out, &names.error_type),
                Step::ToolName => columns::text(out, &names.tool_name),
                Step::Model if names.model.is_empty() => columns::text(out, &names.response_model),
                Step::Model => columns::text(out, &names.model),
                Step::ResponseModel => columns::text(out, &names.response_model),
                Step::InputTokens => columns::count(out, facts.number(Fact::InputTokens)),
                Step::OutputTokens => columns::count(out, facts.number(Fact::OutputTokens)),
                Step::RetrievalCount => columns::count(out, facts.number(Fact::RetrievalCount)),
                Step::FinishReason => {
                    columns::text(
                        out,
                        closed(facts.text(Fact::FinishReason), &known.facts.finish_reasons),
                    );
                }
                Step::Stream => match facts.flag(Fact::Stream) {
                    Some(flag) => out.extend_from_slice(&[0, u8::from(flag)]),
                    None => out.push(1),
                },
                Step::OutputType => {
                    columns::text(
                        out,
                        closed(facts.text(Fact::OutputType), &known.facts.output_types),
                    );
                }
                Step::Attempt => columns::count(out, facts.number(Fact::Attempt)),
                Step::Conversation => columns::text(out, &step.conversation),
                Step::Source => columns::text(out, facts.source()),
                // What only records of coding agents tell.
                Step::DecisionId => columns::optional_uuid(out, step.decision.as_ref()),
                Step::CallId => columns::optional_uuid(out, call_id.as_ref()),
                Step::CacheRead => columns::count(out, facts.number(Fact::CacheRead)),
                Step::CacheWrite => columns::count(out, facts.number(Fact::CacheWrite)),
                Step::Cost => out.push(1),
            }
        }
        Ok(())
    }

    fn add_run(
        &mut self,
        span: &Span<'a>,
        facts: &SpanFacts<'a>,
        origin: &Origin<'a>,
    ) -> Result<(), HandBack> {
        if !self.moment.has(span.start, Some(RUNS)) {
            self.refuse(
                "run",
                &Violation::new("time.range", "start_time_unix_nano"),
                origin,
            );
            return Ok(());
        }
        let known = self.known;
        let parent = match facts.text(Fact::ParentRunId) {
            "" => None,
            text => Some(self.id(text)?),
        };
        let failed = facts.flag(Fact::Failed) == Some(true) || span.status == ERROR;
        let status = match facts.text(Fact::RunStatus) {
            "" if failed => FAILURE,
            "" => SUCCESS,
            stated => stated,
        };
        self.put_run(
            origin,
            &RunCells {
                status,
                started: span.start,
                ended: span.start.max(span.end),
                span_number: origin.span_number(),
                parent,
                conversation: &conversation_hash(&known.facts.site_key, facts.text(Fact::ConversationId)),
                actor: &origin.actor,
                source: facts.source(),
            },
        )
    }

    fn add_link(&mut self, span: &Span<'a>, origin: &Origin<'a>) {
        let Ok((_, run_id, trace_id)) = ids(origin) else {
            return;
        };
        let (known, moment) = (self.known, self.moment);
        let block = &mut self.blocks[LINKS];
        block.begin_row();
        let out = &mut block.data;
        for column in &known.layout.links {
            match column {
                Link::Tenant => columns::text(out, moment.tenant),
                Link::RunId => columns::uuid(out, &run_id),
                Link::TraceId => columns::uuid(out, &trace_id),
                Link::SpanId => columns::number(out, origin.span_number()),
                Link::ParentSpanId => columns::number(out, parent(span)),
                Link::StartedAt => columns::number(out, span.start),
                Link::CreatedAt => columns::time(out, moment.received_at),
            }
        }
    }
}

type Id = [u8; 16];

/// Step, run and trace; a span with a row has them.
pub fn ids(origin: &Origin<'_>) -> Result<(Id, Id, Id), HandBack> {
    match (origin.step_id, origin.run_id, origin.trace_id) {
        (Some(step), Some(run), Some(trace)) => Ok((step, run, trace)),
        _ => Err(HandBack),
    }
}
