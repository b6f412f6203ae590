//! Typed events to enforced rows of decisions, signals and failures.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::batch::{Batch, Origin, Violation};
use crate::columns::{self, Failure, TABLES};
use crate::copy_events::{fraction_of, text};
use crate::encoding::{attribute, Any, IN_EVENT};
use crate::event_rows::{texts, DecisionCells, Own, SignalCells, DECISIONS, SIGNALS};
use crate::facts::Stated;
use crate::otlp::{Attribute, Event, Span, Value};
use crate::rows::ids;
use crate::span::IDENTIFIER;
use crate::text::{is_longer, parse_or_hash_id, uuid5};

const FAILURES: usize = 2;
const SEPARATOR: &[u8] = b"\x1f";
/// Of how many attributes each is compared with each.
const FEW: usize = 24;
const SOURCE: &str = "agenttrace";

pub enum Fault<'a> {
    Broken(Violation<'a>),
    HandBack,
}

type Checked<'a, T> = Result<T, Fault<'a>>;

fn broken<'a, T>(rule: &'static str, key: &'a str) -> Checked<'a, T> {
    Err(Fault::Broken(Violation::new(rule, key)))
}

/// Metadata that keeps the rules: key and value.
pub type Kept<'a> = Vec<(&'a str, Value<'a>)>;

/// Name, time and fields of the events that have no id of their own, with how many there were.
pub struct Seen(Vec<(usize, u64, Vec<u8>, u64)>);

impl Seen {
    pub fn new() -> Self {
        Seen(Vec::new())
    }

    fn ordinal(&mut self, kind: usize, time: u64, fields: &[u8]) -> u64 {
        let same =
            |entry: &&mut (usize, u64, Vec<u8>, u64)| entry.0 == kind && entry.1 == time && entry.2 == fields;
        if let Some(entry) = self.0.iter_mut().find(same) {
            entry.3 += 1;
            return entry.3;
        }
        self.0.push((kind, time, fields.to_vec(), 0));
        0
    }
}

/// The attributes of a typed event.
pub struct Told<'a> {
    values: [Value<'a>; 16],
    metadata: Kept<'a>,
}

impl<'a> Told<'a> {
    pub fn of(&self, which: Stated) -> Value<'a> {
        self.values[which as usize]
    }
}

/// Where an event stands, and which row it becomes.
struct Place<'a, 's> {
    event: &'s Event<'a>,
    time: u64,
    kind: usize,
    origin: &'s Origin<'a>,
}

fn is_repeated(attributes: &[Attribute<'_>]) -> bool {
    if attributes.len() <= FEW {
        let is_same = |place: usize| {
            attributes[..place]
                .iter()
                .any(|each| each.key == attributes[place].key)
        };
        return (1..attributes.len()).any(is_same);
    }
    let mut seen = HashSet::with_capacity(attributes.len());
    !attributes.iter().all(|each| seen.insert(each.key))
}

fn variant_text(out: &mut Vec<u8>, value: &str) {
    out.push(3);
    columns::text(out, value);
}

fn variant_float(out: &mut Vec<u8>, value: f64) {
    out.push(1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn variant(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Text(text) => variant_text(out, text),
        Value::Bool(flag) => out.extend_from_slice(&[0, u8::from(flag)]),
        Value::Int(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Double(number) => variant_float(out, number),
        _ => {}
    }
}

/// A map in the order of its names.
pub fn encode_metadata(kept: &Kept<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sorted: Vec<_> = kept.iter().collect();
    sorted.sort_by_key(|entry| entry.0);
    columns::length(&mut out, kept.len());
    for (key, value) in sorted {
        columns::text(&mut out, key);
        variant(&mut out, *value);
    }
    out
}

fn optional_text(out: &mut Vec<u8>, value: &str) {
    out.push(0);
    variant_text(out, value);
}

fn optional_fraction(out: &mut Vec<u8>, value: Option<f64>) {
    match value {
        Some(number) => {
            out.push(0);
            variant_float(out, number);
        }
        None => out.push(1),
    }
}

fn fraction<'a>(value: Value<'a>, rule: &'static str, key: &'a str) -> Checked<'a, Option<f64>> {
    match value {
        Value::Nothing => Ok(None),
        Value::Double(number) if (0.0..=1.0).contains(&number) => Ok(Some(number)),
        Value::Int(0) => Ok(Some(0.0)),
        Value::Int(1) => Ok(Some(1.0)),
        _ => broken(rule, key),
    }
}

impl<'a> Batch<'a> {
    /// Adds the row of a typed event, or says which rule it breaks.
    pub fn add_event(
        &mut self,
        span: &Span<'a>,
        event: &Event<'a>,
        kind: usize,
        origin: &Origin<'a>,
        seen: &mut Seen,
    ) -> Checked<'a, ()> {
        let time = if event.time == 0 { span.start } else { event.time };
        let Some(table) = TABLES
            .iter()
            .position(|table| *table == self.known.facts.kinds[kind].2)
        else {
            return Err(Fault::HandBack);
        };
        if !self.moment.has(time, Some(table)) {
            return broken("time.range", "time_unix_nano");
        }
        let attributes = span.attributes_of(event);
        if is_repeated(attributes) {
            return broken("event.duplicate_key", event.name);
        }
        let told = self.told(attributes)?;
        if table != FAILURES && !self.known.facts.takes_decisions {
            return broken("event.disabled", event.name);
        }
        let place = Place {
            event,
            time,
            kind,
            origin,
        };
        match table {
            DECISIONS => self.add_decision(&told, &place, seen),
            SIGNALS => self.add_signal(&told, &place, seen),
            FAILURES => self.add_failure(&told, &place, seen),
            _ => Err(Fault::HandBack),
        }
    }

    /// What an event states; Python treats a key of ours that is not known here.
    fn told(&self, attributes: &[Attribute<'a>]) -> Checked<'a, Told<'a>> {
        let known = self.known;
        let mut told = Told {
            values: [Value::Nothing; 16],
            metadata: Vec::new(),
        };
        for attribute in attributes {
            if let Some(which) = known.stated.get(attribute.key) {
                told.values[*which as usize] = attribute.value;
            } else if let Some(rest) = attribute.key.strip_prefix(known.metadata_prefix.as_str()) {
                told.metadata.push((rest, attribute.value));
            } else if attribute.key.starts_with(known.own_prefix.as_str()) {
                return Err(Fault::HandBack);
            }
        }
        Ok(told)
    }

    /// The id that an event states, else one made from what it says.
    fn event_id(
        &self,
        stated: Value<'a>,
        place: &Place<'a, '_>,
        seen: &mut Seen,
        fields: impl FnOnce() -> Vec<u8>,
    ) -> Checked<'a, [u8; 16]> {
        let namespace = &self.known.facts.namespace;
        if !stated.text().is_empty() {
            return parse_or_hash_id(namespace, stated.text()).ok_or(Fault::HandBack);
        }
        let (Some(trace), Some(span)) = (place.origin.trace_id, place.origin.span_id) else {
            return Err(Fault::HandBack);
        };
        let fields = fields();
        let ordinal = seen.ordinal(place.kind, place.time, &fields).to_string();
        let (name, time) = (place.event.name.as_bytes(), place.time.to_string());
        let parts: [&[u8]; 10] = [
            &trace,
            &span,
            SEPARATOR,
            name,
            SEPARATOR,
            time.as_bytes(),
            SEPARATOR,
            &fields,
            SEPARATOR,
            ordinal.as_bytes(),
        ];
        Ok(uuid5(namespace, &parts))
    }

    fn event_step(&self, told: &Told<'a>, origin: &Origin<'a>) -> Checked<'a, [u8; 16]> {
        match told.of(Stated::StepId).text() {
            "" => origin.step_id.ok_or(Fault::HandBack),
            text => parse_or_hash_id(&self.known.facts.namespace, text).ok_or(Fault::HandBack),
        }
    }

    /// A text of a length in the policy's form that looks like no secret.
    fn label(
        &mut self,
        value: Value<'a>,
        most: usize,
        rule: &'static str,
        key: &'a str,
    ) -> Checked<'a, &'a str> {
        let Value::Text(text) = value else {
            return broken(rule, key);
        };
        if text.is_empty()
            || is_longer(text, most)
            || !self.known.patterns.printable.is_match(text.as_bytes())
        {
            return broken(rule, key);
        }
        self.check_label(text, Cow::Borrowed(key))?;
        Ok(text)
    }

    pub fn check_label(&mut self, text: &str, key: Cow<'a, str>) -> Checked<'a, ()> {
        let patterns = &self.known.patterns;
        let judge = |text: &str| {
            let bytes = text.as_bytes();
            if !patterns.label.is_match(bytes) || !patterns.printable.is_match(bytes) {
                1
            } else if patterns.secret.is_match(bytes) {
                2
            } else {
                0
            }
        };
        match self.memory.labels.of(text, judge) {
            0 => Ok(()),
            1 => Err(Fault::Broken(Violation {
                rule: "label.pattern",
                key,
            })),
            _ => Err(Fault::Broken(Violation {
                rule: "secret.pattern",
                key,
            })),
        }
    }

    /// Metadata without empty values.
    pub fn check_metadata(&mut self, metadata: &[(&'a str, Value<'a>)]) -> Checked<'a, Kept<'a>> {
        let known = self.known;
        let prefix = &known.metadata_prefix;
        if metadata.len() > known.lengths.metadata_keys {
            return Err(Fault::Broken(Violation {
                rule: "metadata.count",
                key: Cow::Owned(format!("{prefix}*")),
            }));
        }
        let mut kept = Vec::with_capacity(metadata.len());
        for (key, value) in metadata {
            self.check_metadata_key(key)?;
            let named = |rule| {
                Fault::Broken(Violation {
                    rule,
                    key: Cow::Owned(format!("{prefix}{key}")),
                })
            };
            match value {
                Value::Nothing => continue,
                Value::Text(text) if is_longer(text, known.lengths.metadata) => {
                    return Err(named("metadata.length"))
                }
                Value::Text(text) => self.check_label(text, Cow::Owned(format!("{prefix}{key}")))?,
                Value::Bool(_) | Value::Int(_) => {}
                Value::Double(number) if number.is_finite() => {}
                _ => return Err(named("metadata.type")),
            }
            kept.push((*key, *value));
        }
        Ok(kept)
    }

    fn check_metadata_key(&self, key: &str) -> Checked<'a, ()> {
        let known = self.known;
        let (prefix, most) = (&known.metadata_prefix, known.lengths.metadata_key);
        if !key.is_ascii() {
            return Err(Fault::HandBack);
        }
        let letters = key.bytes().take(2 * most).filter(u8::is_ascii_alphabetic);
        let letters: String = letters
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        if known.facts.blocked_keys.contains(&letters) {
            let key = Cow::Owned(format!("{prefix}{letters}"));
            return Err(Fault::Broken(Violation {
                rule: "metadata.blocked_key",
                key,
            }));
        }
        let bytes = key.as_bytes();
        let patterns = &known.patterns;
        if key.len() > most || !patterns.metadata_key.is_match(bytes) || patterns.secret.is_match(bytes) {
            let key = Cow::Owned(format!("{prefix}*"));
            return Err(Fault::Broken(Violation {
                rule: "metadata.key",
                key,
            }));
        }
        Ok(())
    }

    /// A member of the vocabulary, and one of its codes.
    fn member(
        table: &'a std::collections::HashMap<String, HashSet<String>>,
        name: (Value<'a>, &'static str, &'a str),
        code: (Value<'a>, &'static str, &'a str),
    ) -> Checked<'a, (&'a str, &'a str)> {
        let codes = match name.0 {
            Value::Text(text) => table.get(text),
            _ => None,
        };
        let Some(codes) = codes else {
            return broken(name.1, name.2);
        };
        match code.0 {
            Value::Text(text) if codes.contains(text) => Ok((name.0.text(), text)),
            _ => broken(code.1, code.2),
        }
    }

    fn candidates(&mut self, value: Value<'a>) -> Checked<'a, Vec<&'a str>> {
        let known = self.known;
        let (rule, key) = ("decision.candidates", known.key_of(Stated::Candidates));
        match value {
            Value::Nothing => return Ok(Vec::new()),
            Value::List(_) if value.items().count() <= known.lengths.candidates => {}
            _ => return broken(rule, key),
        }
        value
            .items()
            .map(|item| self.label(item, known.lengths.candidate, rule, key))
            .collect()
    }

    fn add_decision(&mut self, told: &Told<'a>, place: &Place<'a, '_>, seen: &mut Seen) -> Checked<'a, ()> {
        let known = self.known;
        let (kind, reason) = Self::member(
            &known.facts.decisions,
            (
                told.of(Stated::DecisionType),
                "decision.type",
                known.key_of(Stated::DecisionType),
            ),
            (
                told.of(Stated::Reason),
                "decision.reason_code",
                known.key_of(Stated::Reason),
            ),
        )?;
        let key = known.key_of(Stated::Selected);
        let selected = self.label(
            told.of(Stated::Selected),
            known.lengths.selected,
            "decision.selected",
            key,
        )?;
        let key = known.key_of(Stated::Confidence);
        let confidence = fraction(told.of(Stated::Confidence), "decision.confidence", key)?;
        let candidates = self.candidates(told.of(Stated::Candidates))?;
        let kept = self.check_metadata(&told.metadata)?;
        let metadata = encode_metadata(&kept);
        let id = self.event_id(told.of(Stated::DecisionId), place, seen, || {
            let mut fields = Vec::new();
            [kind, selected, reason]
                .into_iter()
                .for_each(|value| optional_text(&mut fields, value));
            optional_fraction(&mut fields, confidence);
            texts(&mut fields, &candidates);
            fields.extend_from_slice(&metadata);
            fields
        })?;
        let origin = place.origin;
        let step = self.event_step(told, origin)?;
        let own = Own {
            id,
            step: Some(step),
            time: place.time,
            metadata: &metadata,
            origin,
        };
        let cells = DecisionCells {
            kind,
            selected,
            reason,
            confidence,
            candidates: &candidates,
            tool: "",
        };
        self.put_decision(&own, &cells).map_err(|_| Fault::HandBack)?;
        self.copy_event(place.event, told, (Stated::DecisionId, &kept), |out| {
            text(out, known.key_of(Stated::DecisionType), kind);
            text(out, known.key_of(Stated::Selected), selected);
            text(out, known.key_of(Stated::Reason), reason);
            if !candidates.is_empty() {
                attribute(
                    out,
                    IN_EVENT,
                    known.key_of(Stated::Candidates),
                    Any::Texts(&candidates),
                );
            }
            fraction_of(out, known.key_of(Stated::Confidence), confidence);
        });
        Ok(())
    }

    fn add_signal(&mut self, told: &Told<'a>, place: &Place<'a, '_>, seen: &mut Seen) -> Checked<'a, ()> {
        let known = self.known;
        let (kind, code) = Self::member(
            &known.facts.signals,
            (
                told.of(Stated::SignalType),
                "signal.type",
                known.key_of(Stated::SignalType),
            ),
            (
                told.of(Stated::SignalCode),
                "signal.code",
                known.key_of(Stated::SignalCode),
            ),
        )?;
        let Value::Bool(value) = told.of(Stated::SignalValue) else {
            return broken("signal.value", known.key_of(Stated::SignalValue));
        };
        let weight = fraction(
            told.of(Stated::Weight),
            "signal.weight",
            known.key_of(Stated::Weight),
        )?;
        let kept = self.check_metadata(&told.metadata)?;
        let metadata = encode_metadata(&kept);
        let id = self.event_id(told.of(Stated::SignalId), place, seen, || {
            let mut fields = Vec::new();
            [kind, code]
                .into_iter()
                .for_each(|value| optional_text(&mut fields, value));
            fields.extend_from_slice(&[0, 0, u8::from(value)]);
            optional_fraction(&mut fields, weight);
            fields.extend_from_slice(&metadata);
            fields
        })?;
        let origin = place.origin;
        let step = self.event_step(told, origin)?;
        let own = Own {
            id,
            step: Some(step),
            time: place.time,
            metadata: &metadata,
            origin,
        };
        let cells = SignalCells {
            kind,
            code,
            value,
            weight,
        };
        self.put_signal(&own, &cells).map_err(|_| Fault::HandBack)?;
        self.copy_event(place.event, told, (Stated::SignalId, &kept), |out| {
            text(out, known.key_of(Stated::SignalType), kind);
            text(out, known.key_of(Stated::SignalCode), code);
            attribute(out, IN_EVENT, known.key_of(Stated::SignalValue), Any::Bool(value));
            fraction_of(out, known.key_of(Stated::Weight), weight);
        });
        Ok(())
    }

    fn add_failure(&mut self, told: &Told<'a>, place: &Place<'a, '_>, seen: &mut Seen) -> Checked<'a, ()> {
        let known = self.known;
        let kind = match told.of(Stated::FailureType) {
            Value::Text(text) if known.facts.failure_types.contains(text) => text,
            _ => return broken("failure.type", known.key_of(Stated::FailureType)),
        };
        let stated = told.of(Stated::FailureCode).text();
        if stated.is_empty() {
            return broken("failure.code", known.key_of(Stated::FailureCode));
        }
        let mut code = self.kept_name(stated);
        if code.is_empty() {
            code = Cow::Borrowed(known.facts.stand_ins.0.as_str());
        }
        let message = self.message(told.of(Stated::Message).text(), kind, &code);
        let kept = self.check_metadata(&told.metadata)?;
        let metadata = encode_metadata(&kept);
        let id = self.event_id(told.of(Stated::FailureId), place, seen, || {
            let mut fields = Vec::new();
            [kind, &*code, &*message]
                .into_iter()
                .for_each(|value| optional_text(&mut fields, value));
            fields.extend_from_slice(&metadata);
            fields
        })?;
        let origin = place.origin;
        let step = self.event_step(told, origin)?;
        let (_, run, _) = ids(origin).map_err(|_| Fault::HandBack)?;
        if self.is_redacted(&code) {
            self.changed(IDENTIFIER, known.key_of(Stated::FailureCode));
        }
        let moment = self.moment;
        let block = &mut self.blocks[FAILURES];
        block.begin_row();
        let out = &mut block.data;
        for column in &known.layout.failures {
            match column {
                Failure::Id => columns::uuid(out, &id),
                Failure::RunId => columns::uuid(out, &run),
                Failure::StepId => columns::optional_uuid(out, Some(&step)),
                Failure::Type => columns::text(out, kind),
                Failure::Code => columns::text(out, &code),
                Failure::Message => columns::text(out, &message),
                Failure::CreatedAt => columns::time(out, moment.received_at),
                Failure::Tenant => columns::text(out, moment.tenant),
                Failure::AgentId => columns::text(out, &origin.agent_id),
                Failure::AgentVersion => columns::text(out, &origin.agent_version),
                Failure::Environment => columns::text(out, &origin.environment),
                Failure::OccurredAt => columns::number(out, place.time),
                Failure::Metadata => out.extend_from_slice(&metadata),
                Failure::Source => columns::text(out, SOURCE),
            }
        }
        self.copy_event(place.event, told, (Stated::FailureId, &kept), |out| {
            text(out, known.key_of(Stated::FailureType), kind);
            text(out, known.key_of(Stated::FailureCode), &code);
            text(out, known.key_of(Stated::Message), &message);
        });
        Ok(())
    }

    fn message(&self, stated: &'a str, kind: &str, code: &str) -> Cow<'a, str> {
        let (known, bytes) = (self.known, stated.as_bytes());
        let is_kept = known.facts.keeps_messages
            && !stated.is_empty()
            && !is_longer(stated, known.lengths.message)
            && known.patterns.printable.is_match(bytes)
            && !known.patterns.secret.is_match(bytes);
        if is_kept {
            Cow::Borrowed(stated)
        } else {
            Cow::Owned(format!("{kind} failure: {code}"))
        }
    }
}
