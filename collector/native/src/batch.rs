//! One request: walks it, makes rows of the spans that are accepted, notes the others with their places.

use std::borrow::Cow;

use crate::agent_span::AgentSpans;
use crate::cache::Memory;
use crate::columns::{self, Block, Rejection};
use crate::copy::{Copied, Reached};
use crate::facts::{Fact, Known};
use crate::gate::Gate;
use crate::otlp::{attribute, Span, Value};
use crate::span::{HandBack, IDENTIFIER};
use crate::text::{is_longer, stand_in, strip, uuid5};
use crate::wire::{check, check_field, Fields, Message, Once};

/// A rule that a record breaks, and the attribute's key.
pub struct Violation<'a> {
    pub rule: &'static str,
    pub key: Cow<'a, str>,
}

impl<'a> Violation<'a> {
    pub fn new(rule: &'static str, key: &'a str) -> Self {
        Violation {
            rule,
            key: Cow::Borrowed(key),
        }
    }
}

/// What depends on the moment and the sender of a request.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    pub tenant: &'a str,
    pub received_at: i64,
    /// By table of `columns::TABLES`.
    pub earliest: [i64; 6],
    pub oldest: i64,
    pub latest: i64,
}

impl Moment<'_> {
    pub fn has(&self, time: u64, table: Option<usize>) -> bool {
        let earliest = table.map_or(self.oldest, |number| self.earliest[number]);
        i64::try_from(time).is_ok_and(|time| earliest <= time && time <= self.latest)
    }
}

/// What came of one resource.
#[derive(Default)]
pub struct Resource<'a> {
    pub sender: [Cow<'a, str>; 3],
    pub received: u64,
    pub ignored: u64,
    pub refused: u64,
    pub changes: Vec<(&'static str, Cow<'a, str>, u64)>,
    /// The same in the copy.
    pub copied: Vec<u8>,
    /// How many scopes were read when it was at its end.
    pub scopes: usize,
}

/// A span that Python treats: its resource, scope and bytes, and where its rows and its copy belong.
pub struct HandedBack<'a> {
    pub resource: usize,
    pub scope: &'a str,
    pub span: &'a [u8],
    pub places: [usize; 6],
    pub refusals: usize,
    /// The number of its scope, and how far the copy had come.
    pub copied: (usize, usize, usize),
}

/// A scope in the copy, and how far the copy has come at its end, in bytes and in spans.
pub type Scope = (Vec<u8>, usize, usize);

/// A refusal: kind, rule, key, and its row without the id.
pub type Refusal<'a> = (&'a str, &'static str, String, Vec<u8>);

pub struct Batch<'a> {
    pub known: &'a Known,
    /// What the copy is made by, where the request goes on.
    pub gate: Option<&'a Gate>,
    pub copied: Copied,
    pub scopes: Vec<Scope>,
    pub moment: Moment<'a>,
    pub memory: Memory,
    pub blocks: [Block; 6],
    pub refusals: Vec<Refusal<'a>>,
    pub resources: Vec<Resource<'a>>,
    pub handed: Vec<HandedBack<'a>>,
    pub conventions: Vec<(String, u64)>,
    /// Changes of the span under way.
    pub changes: Vec<(&'static str, &'a str)>,
}

/// Ids and enforced names of one span.
#[derive(Clone)]
pub struct Origin<'a> {
    pub run_id: Option<[u8; 16]>,
    pub step_id: Option<[u8; 16]>,
    pub trace_id: Option<[u8; 16]>,
    pub span_id: Option<[u8; 8]>,
    pub agent_id: Cow<'a, str>,
    pub agent_version: Cow<'a, str>,
    pub environment: Cow<'a, str>,
    pub actor: Cow<'a, str>,
}

impl Origin<'_> {
    pub fn span_number(&self) -> u64 {
        self.span_id.map_or(0, u64::from_be_bytes)
    }
}

impl<'a> Batch<'a> {
    pub fn new(known: &'a Known, gate: Option<&'a Gate>, moment: Moment<'a>, memory: Memory) -> Self {
        Batch {
            known,
            gate,
            copied: Copied::default(),
            scopes: Vec::new(),
            moment,
            memory,
            blocks: Default::default(),
            refusals: Vec::new(),
            resources: Vec::new(),
            handed: Vec::new(),
            conventions: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Reads a whole request; `None` declines it.
    pub fn read(&mut self, body: &'a [u8]) -> Option<()> {
        let mut span = Span::default();
        let mut walk = Fields::of(body);
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            if number == 1 {
                self.read_resource_spans(value.bytes()?, &mut span)?;
            }
        }
        Some(())
    }

    fn read_resource_spans(&mut self, bytes: &'a [u8], span: &mut Span<'a>) -> Option<()> {
        let (resource, scopes) = parts(bytes, 2)?;
        self.read_resource(resource)?;
        for scope in scopes {
            self.read_scope_spans(scope, span)?;
        }
        self.resources.last_mut()?.scopes = self.scopes.len();
        Some(())
    }

    pub fn read_resource(&mut self, bytes: &'a [u8]) -> Option<()> {
        let mut walk = Fields::of(bytes);
        let mut once = Once::default();
        let known = self.known;
        let mut stated: Vec<(&'a str, Value<'a>)> = Vec::new();
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            if number != 1 {
                check_field(Message::Resource, number, value, &mut once, 3)?;
                continue;
            }
            let found = attribute(value.bytes()?, 4)?;
            match stated.iter_mut().find(|entry| entry.0 == found.key) {
                Some(entry) => entry.1 = found.value,
                None if known
                    .facts
                    .sender
                    .iter()
                    .any(|(keys, ..)| keys.iter().any(|key| key == found.key)) =>
                {
                    stated.push((found.key, found.value));
                }
                None => {}
            }
        }
        let (service, nameless) = &known.facts.service_name;
        let mut resource = Resource {
            copied: self.copy_resource(bytes)?,
            ..Resource::default()
        };
        for (place, (keys, default, _)) in known.facts.sender.iter().enumerate() {
            let told = keys.iter().find_map(|key| {
                let text = strip(stated.iter().find(|entry| entry.0 == key)?.1.text());
                let is_nameless = key == service && text.starts_with(nameless.as_str());
                (!text.is_empty() && !is_nameless).then_some((key, text))
            });
            resource.sender[place] = match told {
                Some((key, text)) => self.identifier(text, key),
                None => Cow::Borrowed(""),
            };
            if resource.sender[place].is_empty() {
                resource.sender[place] = Cow::Borrowed(default);
            }
        }
        self.resources.push(resource);
        self.keep_changes();
        Some(())
    }

    fn read_scope_spans(&mut self, bytes: &'a [u8], span: &mut Span<'a>) -> Option<()> {
        let (scope, spans) = parts(bytes, 3)?;
        let (scope, version) = scope_names(scope)?;
        let agent = self.known.agent_spans.of(scope);
        // Python makes the copy of a coding agent's span.
        let is_left = agent.is_some() && self.gate.is_some();
        let is_repeated = self.known.facts.repeated_scopes.contains(scope);
        for bytes in spans {
            span.read(bytes)?;
            let resource = self.resources.last_mut()?;
            resource.received += 1;
            if is_repeated && self.gate.is_none() {
                resource.ignored += 1;
            } else if is_left {
                self.hand_back(bytes, scope, self.places());
            } else if agent.is_some_and(|agent| !agent.is_read(span.name)) {
                resource.ignored += 1;
            } else {
                self.take(bytes, span, (scope, agent), is_repeated);
            }
        }
        let (bytes, spans, _) = self.copied.reached();
        let copied = self.copy_scope(scope, version);
        self.scopes.push((copied, bytes, spans));
        Some(())
    }

    /// How many rows each block has.
    pub fn places(&self) -> [usize; 6] {
        [0, 1, 2, 3, 4, 5].map(|table: usize| self.blocks[table].rows())
    }

    pub fn hand_back(&mut self, span: &'a [u8], scope: &'a str, places: [usize; 6]) {
        let (resource, refusals) = (self.resources.len() - 1, self.refusals.len());
        let (bytes, spans, _) = self.copied.reached();
        self.handed.push(HandedBack {
            resource,
            scope,
            span,
            places,
            refusals,
            copied: (self.scopes.len(), bytes, spans),
        });
    }

    /// Makes the rows and the copy of a span, or notes that Python does.
    fn take(
        &mut self,
        bytes: &'a [u8],
        span: &Span<'a>,
        (scope, agent): (&'a str, Option<&'a AgentSpans>),
        is_repeated: bool,
    ) {
        let places = self.places();
        let refusals = self.refusals.len();
        let reached: Reached = self.copied.reached();
        self.changes.clear();
        let decoded = if is_repeated {
            self.copy_repeated(span, scope)
        } else {
            self.decode(span, scope, agent)
        };
        match decoded {
            Ok(counts) => {
                if let Some(resource) = self.resources.last_mut() {
                    resource.ignored += counts.0;
                    resource.refused += counts.1;
                }
                self.keep_changes();
            }
            Err(HandBack) => {
                for (table, block) in self.blocks.iter_mut().enumerate() {
                    block.truncate(places[table]);
                }
                self.refusals.truncate(refusals);
                self.copied.return_to(reached);
                self.changes.clear();
                self.hand_back(bytes, scope, places);
            }
        }
    }

    /// Counts the changes of the span, or of the resource, under its resource.
    pub fn keep_changes(&mut self) {
        let Some(resource) = self.resources.last_mut() else {
            return;
        };
        for (rule, key) in self.changes.drain(..) {
            match resource
                .changes
                .iter_mut()
                .find(|entry| entry.0 == rule && entry.1 == key)
            {
                Some(entry) => entry.2 += 1,
                None => resource.changes.push((rule, Cow::Borrowed(key), 1)),
            }
        }
    }

    pub fn changed(&mut self, rule: &'static str, key: &'a str) {
        self.changes.push((rule, key));
    }

    /// `names.kept_name`.
    pub fn kept_name<'t>(&mut self, name: &'t str) -> Cow<'t, str> {
        if let Some(kept) = self.accepted(name) {
            return Cow::Borrowed(kept);
        }
        let facts = &self.known.facts;
        Cow::Owned(stand_in(&facts.stand_ins.0, &facts.site_key, name))
    }

    /// `texts.accepted`.
    pub fn accepted<'t>(&mut self, name: &'t str) -> Option<&'t str> {
        let facts = &self.known.facts;
        let mut text = name;
        if is_longer(text, facts.identifier_length) {
            text = strip(text);
            if is_longer(text, facts.identifier_length) {
                return None;
            }
        }
        let text = strip(text);
        let patterns = &self.known.patterns;
        let judge = |text: &str| {
            let bytes = text.as_bytes();
            u8::from(patterns.identifier.is_match(bytes) && !patterns.secret.is_match(bytes))
        };
        (text.is_empty() || self.memory.identifiers.of(text, judge) == 1).then_some(text)
    }

    pub fn is_redacted(&self, name: &str) -> bool {
        name.starts_with(self.known.facts.stand_ins.0.as_str())
    }

    /// `ids.call`.
    pub fn call(&mut self, name: &str) -> Option<[u8; 16]> {
        let kept = self.accepted(name)?;
        let names_call = !kept.is_empty() && !self.is_redacted(kept);
        names_call.then(|| uuid5(&self.known.facts.namespace, &[kept.as_bytes()]))
    }

    /// An enforced identifier; one that is redacted is counted under its key.
    pub fn identifier<'t>(&mut self, name: &'t str, key: &'a str) -> Cow<'t, str> {
        if name.is_empty() {
            return Cow::Borrowed(name);
        }
        let kept = self.kept_name(name);
        if self.is_redacted(&kept) {
            self.changed(IDENTIFIER, key);
        }
        kept
    }

    /// Keeps a row that says when, whose, which rule and which key.
    pub fn refuse(&mut self, kind: &'a str, violation: &Violation<'_>, origin: &Origin<'_>) {
        let mut row = Vec::with_capacity(128);
        let out = &mut row;
        for column in &self.known.layout.rejections {
            match column {
                Rejection::Id => {}
                Rejection::RejectedAt | Rejection::CreatedAt => columns::time(out, self.moment.received_at),
                Rejection::Kind => columns::text(out, kind),
                Rejection::Rule => columns::text(out, violation.rule),
                Rejection::Key => columns::text(out, &violation.key),
                Rejection::Tenant => columns::text(out, self.moment.tenant),
                Rejection::AgentId => columns::text(out, &origin.agent_id),
                Rejection::AgentVersion => columns::text(out, &origin.agent_version),
                Rejection::Environment => columns::text(out, &origin.environment),
                Rejection::RunId => columns::optional_uuid(out, origin.run_id.as_ref()),
                Rejection::TraceId => columns::optional_uuid(out, origin.trace_id.as_ref()),
                Rejection::SpanId => columns::number(out, origin.span_number()),
            }
        }
        self.refusals
            .push((kind, violation.rule, violation.key.clone().into_owned(), row));
    }

    pub fn count_convention(&mut self, source: &str) {
        match self.conventions.iter_mut().find(|entry| entry.0 == source) {
            Some(entry) => entry.1 += 1,
            None => self.conventions.push((source.to_owned(), 1)),
        }
    }

    pub fn fact_name(&mut self, text: &str, fact: Fact, span: &Span<'a>, counts: bool) -> Cow<'static, str> {
        let kept = if text.is_empty() {
            Cow::Borrowed("")
        } else {
            self.kept_name(text)
        };
        if counts && self.is_redacted(&kept) {
            self.changed(IDENTIFIER, crate::span::key_of(self.known, span, fact));
        }
        Cow::Owned(kept.into_owned())
    }
}

/// What spans or records of a resource or a scope have in common, and what is listed below it.
///
/// The messages of resources and scopes have the same fields, of traces as of logs.
pub fn parts(bytes: &[u8], depth: u32) -> Option<(&[u8], Vec<&[u8]>)> {
    let (mut walk, mut once) = (Fields::of(bytes), Once::default());
    let (mut shared, mut listed): (&[u8], Vec<&[u8]>) = (&[], Vec::new());
    while !walk.is_done() {
        let (number, value) = walk.next()?;
        match number {
            1 => {
                once.see(1)?;
                shared = value.bytes()?;
            }
            2 => listed.push(value.bytes()?),
            _ => check_field(Message::ScopeSpans, number, value, &mut once, depth)?,
        }
    }
    Some((shared, listed))
}

/// Name and version.
pub fn scope_names(bytes: &[u8]) -> Option<(&str, &str)> {
    check(Message::Scope, bytes, 4)?;
    let (mut walk, mut name, mut version) = (Fields::of(bytes), "", "");
    while !walk.is_done() {
        let (number, value) = walk.next()?;
        match number {
            1 => name = value.text()?,
            2 => version = value.text()?,
            _ => {}
        }
    }
    Some((name, version))
}
