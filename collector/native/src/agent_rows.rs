//! Log records of coding agents to rows: a prompt is a run, its calls are steps, what was let through is decided.

use std::borrow::Cow;

use crate::agent_record::{read_record, Prompts, RecordFacts, MILLISECOND};
use crate::agent_tables::{Kind, Needs, Told};
use crate::batch::{Batch, Origin, Violation};
use crate::columns::{self, Step};
use crate::event_rows::RunCells;
use crate::otlp::{LogRecord, Value};
use crate::readers::{spelling, Spelling};
use crate::rows::{ids, FAILURE, RUNS, STEPS, SUCCESS, UNKNOWN};
use crate::span::{tool_name, HandBack, CONFIRMED};
use crate::text::conversation_hash;

const NANO_USD: u64 = 1_000_000_000;

type Outcome<T> = Result<T, HandBack>;

/// A step's cells that are not those of every row.
struct StepCells<'t> {
    is_tool: bool,
    failed: bool,
    error_type: Cow<'t, str>,
    tool: Cow<'t, str>,
    model: Cow<'t, str>,
    took: u64,
    finish_reason: &'t str,
}

impl<'a> Batch<'a> {
    /// Adds the rows of a coding agent's record; false where the record has no meaning here.
    pub fn add_agent_record(
        &mut self,
        record: &LogRecord<'a>,
        scope: &str,
        prompts: &mut Prompts<'a>,
    ) -> Outcome<bool> {
        let Some(mut told) = read_record(self.known, record, scope, prompts)? else {
            return Ok(false);
        };
        told.call_id = self.call(&told.text(Told::CallId));
        if self.is_nothing(&told)? {
            return Ok(false);
        }
        let origin = self.record_origin(&told);
        if !self.moment.has(told.time, Some(STEPS)) {
            self.refuse_record(
                "log_record",
                &Violation::new("time.range", "time_unix_nano"),
                &origin,
            );
            return Ok(true);
        }
        let kind = told.record.kind;
        if matches!(kind, Kind::Model | Kind::ModelError | Kind::Tool) && !self.is_rejected(&told)? {
            self.add_call(&told, &origin)?;
            let source = &self.known.agents.data.source;
            self.count_convention(source);
        }
        self.add_stated(&told, &origin)?;
        let is_turn = kind != Kind::Event && (!told.is_side(self.known) || told.parent_run.is_some());
        if is_turn && self.moment.has(told.time, Some(RUNS)) {
            self.add_told_run(&told, &origin)?;
        }
        Ok(true)
    }

    pub fn refuse_record(&mut self, kind: &'a str, violation: &Violation<'_>, origin: &Origin<'_>) {
        if let Some(resource) = self.resources.last_mut() {
            resource.refused += 1;
        }
        self.refuse(kind, violation, origin);
    }

    fn record_origin(&self, told: &RecordFacts<'a>) -> Origin<'a> {
        let [_, version, environment] = self
            .resources
            .last()
            .map_or_else(Default::default, |resource| resource.sender.clone());
        let call = told.call(self.known);
        let unknown = Cow::Borrowed(self.known.agents.data.unknown_version.as_str());
        let mut span = [0; 8];
        span.copy_from_slice(&call[..8]);
        Origin {
            run_id: Some(told.run_id),
            step_id: Some(call),
            trace_id: Some(told.run_id),
            span_id: Some(span),
            agent_id: Cow::Borrowed(&told.agent.data.agent_id),
            agent_version: if told.agent.data.versioned {
                version
            } else {
                unknown
            },
            environment,
            actor: Cow::Borrowed(""),
        }
    }

    fn is_nothing(&self, told: &RecordFacts<'a>) -> Outcome<bool> {
        if let Some((fact, word)) = &told.record.only {
            if told.word(*fact)? != *word {
                return Ok(true);
            }
        }
        let lacks = match told.record.needs {
            Needs::HttpError => {
                let status = told.count(self.known, Told::ErrorType)?.unwrap_or(0);
                return Ok(status < self.known.agents.data.first_error);
            }
            Needs::Fact(fact) => matches!(told.value(fact), Value::Nothing),
            Needs::Nothing => false,
        };
        Ok(lacks || told.record.without.is_some_and(|fact| told.is_filled(fact)))
    }

    pub fn is_denied(&self, told: &RecordFacts<'a>) -> bool {
        let denied = &self.known.agents.data.denied_types;
        denied.contains(&*told.text(Told::ErrorType))
    }

    /// Whether the record of a call says that it was not let through, or shows that it never ran.
    fn is_rejected(&self, told: &RecordFacts<'a>) -> Outcome<bool> {
        if told.record.kind != Kind::Tool {
            return Ok(false);
        }
        let agent = &told.agent.data;
        let untyped = agent.types_failures && told.text(Told::ErrorType).is_empty();
        let unrun = agent.failed_is_unrun && told.text(Told::Server).is_empty() && !self.is_denied(told);
        let never_ran = told.failed(self.known)? && (untyped || unrun);
        let is_denied = told.approval()?.is_some_and(|(selected, _)| selected == "deny");
        Ok(never_ran || is_denied)
    }

    pub fn told_name(&mut self, told: &RecordFacts<'a>, fact: Told, key: &'a str) -> Cow<'static, str> {
        let text = told.text(fact);
        Cow::Owned(self.identifier(&text, key).into_owned())
    }

    fn finish_reason(&self, told: &RecordFacts<'a>) -> Outcome<&'a str> {
        let text = told.text(Told::FinishReason);
        if text.is_empty() {
            return Ok("");
        }
        match spelling(self.known, &self.known.agents.data.finish_words, &text) {
            Spelling::Word(word) => Ok(word),
            Spelling::Unknown => Ok(""),
            Spelling::HandBack => Err(HandBack),
        }
    }

    fn add_call(&mut self, told: &RecordFacts<'a>, origin: &Origin<'a>) -> Outcome<()> {
        let known = self.known;
        let is_tool = told.record.kind == Kind::Tool;
        let failed = told.failed(known)? || told.record.kind == Kind::ModelError;
        let error_type = if failed || !told.text(Told::ErrorType).is_empty() {
            self.error_type(told)
        } else {
            Cow::Borrowed("")
        };
        let took = told.count(known, Told::Duration)?.unwrap_or(0);
        let tool = if is_tool {
            self.confirmed_tool(told, &error_type, failed)?
        } else {
            Cow::Borrowed("")
        };
        let cells = StepCells {
            is_tool,
            failed,
            tool,
            model: self.told_name(told, Told::Model, "model"),
            error_type,
            took: took.min(known.agents.data.longest),
            finish_reason: self.finish_reason(told)?,
        };
        self.put_call(told, origin, &cells)
    }

    fn error_type(&mut self, told: &RecordFacts<'a>) -> Cow<'static, str> {
        let key = told.record.key_of(Told::ErrorType).unwrap_or("error_type");
        let name = self.told_name(told, Told::ErrorType, key);
        if name.is_empty() && !told.text(Told::Server).is_empty() {
            Cow::Owned(self.known.agents.data.server_failed.clone())
        } else {
            name
        }
    }

    /// The name of a tool where the record shows that it exists, else what stands for it.
    fn confirmed_tool(
        &mut self,
        told: &RecordFacts<'a>,
        error: &str,
        failed: bool,
    ) -> Outcome<Cow<'static, str>> {
        let known = self.known;
        let key = told.record.key_of(Told::ToolName).ok_or(HandBack)?;
        let name = self.told_name(told, Told::ToolName, key);
        if !failed && error.is_empty() {
            return Ok(name);
        }
        let names_none = known.patterns.unknown_tool.is_match(error.as_bytes());
        let is_packaged = !names_none && known.agents.data.packaged.contains(&*name);
        let is_approved = !names_none && told.approval()?.is_some();
        if is_packaged || is_approved || !told.text(Told::Server).is_empty() {
            return Ok(name);
        }
        let Some(kept) = tool_name(known, &name, error, || names_none) else {
            return Ok(name);
        };
        self.changed(CONFIRMED, key);
        Ok(Cow::Owned(kept.into_owned()))
    }

    fn put_call(
        &mut self,
        told: &RecordFacts<'a>,
        origin: &Origin<'a>,
        cells: &StepCells<'_>,
    ) -> Outcome<()> {
        let known = self.known;
        let (step_id, run_id, trace_id) = ids(origin)?;
        let (call_id, is_side) = (told.call_id, told.is_side(known));
        let conversation = conversation_hash(&known.facts.site_key, told.session);
        let count = |fact: Told| told.count(known, fact);
        let (input, output) = (count(Told::InputTokens)?, count(Told::OutputTokens)?);
        let (read, write) = (count(Told::CacheRead)?, count(Told::CacheWrite)?);
        let (attempt, cost) = (
            count(Told::Attempt)?,
            cost(known.facts.most.0, known.agents.data.longest, told),
        );
        let step_type = match (cells.is_tool, cells.failed || is_side) {
            (true, _) => "tool",
            (false, true) => "other",
            (false, false) => "respond",
        };
        let moment = self.moment;
        let block = &mut self.blocks[STEPS];
        block.begin_row();
        let out = &mut block.data;
        #[allow(clippy::cast_precision_loss)]
        let latency = cells.took as f64;
        for column in &known.layout.steps {
            match column {
                Step::StepId => columns::uuid(out, &step_id),
                Step::RunId => columns::uuid(out, &run_id),
                Step::Seq => out.extend_from_slice(&0u32.to_le_bytes()),
                Step::StepType => columns::text(out, step_type),
                Step::Name if cells.tool.is_empty() => columns::text(out, &cells.model),
                Step::Name | Step::ToolName => columns::text(out, &cells.tool),
                Step::Latency => out.extend_from_slice(&latency.to_le_bytes()),
                Step::StartedAt => columns::number(out, told.time.wrapping_sub(cells.took * MILLISECOND)),
                Step::EndedAt => columns::number(out, told.time),
                Step::Metadata => out.push(0),
                Step::CreatedAt => columns::time(out, moment.received_at),
                Step::Tenant => columns::text(out, moment.tenant),
                Step::AgentId => columns::text(out, &origin.agent_id),
                Step::AgentVersion => columns::text(out, &origin.agent_version),
                Step::Environment => columns::text(out, &origin.environment),
                Step::Actor | Step::ResponseModel | Step::OutputType => columns::text(out, ""),
                Step::TraceId => columns::uuid(out, &trace_id),
                Step::SpanId => columns::number(out, origin.span_number()),
                Step::ParentSpanId => columns::number(out, 0),
                Step::Role => columns::text(out, "leaf"),
                Step::Operation if cells.is_tool => columns::text(out, "execute_tool"),
                Step::Operation => columns::text(out, "chat"),
                Step::Status if cells.failed => columns::text(out, &known.facts.statuses[2]),
                Step::Status => columns::text(out, &known.facts.statuses[0]),
                Step::ErrorType => columns::text(out, &cells.error_type),
                Step::Model => columns::text(out, &cells.model),
                Step::InputTokens => columns::count(out, input),
                Step::OutputTokens => columns::count(out, output),
                Step::RetrievalCount => columns::count(out, None),
                Step::FinishReason => columns::text(out, cells.finish_reason),
                Step::Stream => out.push(1),
                Step::Attempt => columns::count(out, attempt),
                Step::Conversation => columns::text(out, &conversation),
                Step::Source => columns::text(out, &known.agents.data.source),
                Step::CallId => columns::optional_uuid(out, call_id.as_ref()),
                Step::DecisionId => columns::optional_uuid(out, None),
                Step::CacheRead => columns::count(out, read),
                Step::CacheWrite => columns::count(out, write),
                Step::Cost => columns::count(out, cost),
            }
        }
        Ok(())
    }

    fn add_told_run(&mut self, told: &RecordFacts<'a>, origin: &Origin<'a>) -> Outcome<()> {
        let known = self.known;
        // Records of one millisecond stand in the order that their sender gave them.
        let place = if told.time % MILLISECOND == 0 {
            told.sequence
        } else {
            0
        };
        let cut = &known.agents.data.cut;
        let status = match told.record.kind {
            Kind::ModelError => FAILURE,
            Kind::Model if !cut.contains(self.finish_reason(told)?) => SUCCESS,
            _ => UNKNOWN,
        };
        let conversation = conversation_hash(&known.facts.site_key, told.session);
        self.put_run(
            origin,
            &RunCells {
                status,
                started: told.time + place,
                ended: told.time + place,
                span_number: origin.span_number(),
                parent: told.parent_run,
                conversation: &conversation,
                actor: "",
                source: &known.agents.data.source,
            },
        )
    }
}

/// What a call cost, in billionths of a dollar; None where that is not told, or is more than is counted.
fn cost(most: u64, longest: u64, told: &RecordFacts<'_>) -> Option<u64> {
    let found = match told.value(Told::Cost) {
        Value::Int(number) => u64::try_from(number).ok().filter(|number| *number < longest)? * NANO_USD,
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        Value::Double(number) if number >= 0.0 && number < longest as f64 => {
            (number * NANO_USD as f64).round_ties_even() as u64
        }
        _ => return None,
    };
    (found <= most).then_some(found)
}
