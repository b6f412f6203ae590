//! The facts of settling that Python hands over, made ready. What is not known here is an error.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;

use super::columns::Layout;
use super::node::Kind;
use super::records::{Id, Shared};
use super::rules::Rule;
use super::texts::Patterns;
use crate::text::uuid5;

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Handed {
    tables: Vec<(String, Vec<(String, String)>)>,
    /// Kinds of calls by operation.
    kinds: HashMap<String, String>,
    /// What a span of a call may know that another one of it does not.
    shared: Vec<String>,
    /// Lists that the words in the code here are of.
    closed: HashMap<String, HashSet<String>>,
    pub coding_agent: String,
    pub denial: String,
    pub approval: String,
    pub unknown: String,
    pub unknown_error: String,
    /// Sources that are believed: how a run ended, of which type a call is.
    pub stated: HashSet<String>,
    pub denied: HashSet<String>,
    pub waits: HashSet<String>,
    pub side_wrappers: HashSet<String>,
    pub failure_words: Vec<(String, String)>,
    /// Letters that the form of an error type is searched without.
    pub between_words: HashSet<char>,
    pub uncaught: String,
    unavailable: String,
    pub rate_limited: String,
    pub transient: HashSet<String>,
    failure_of_kind: HashMap<String, String>,
    pub failure_of_others: String,
    /// Of a failed step, of a failed run, of a run's outcome.
    pub failure_rules: (String, String, String),
    pub failure_types: HashSet<String>,
    failure_message: String,
    derivations: Vec<(String, String, String, String, String)>,
    pub rules_version: u32,
    pub decisions: HashMap<String, HashSet<String>>,
    pub signals: HashMap<String, HashSet<String>>,
    pub takes_decisions: bool,
    pub patterns: HashMap<String, String>,
    pub no_identity: HashSet<String>,
    pub blocked_keys: HashSet<String>,
    numbers: HashMap<String, i64>,
    thresholds: HashSet<String>,
    namespace: Vec<u8>,
}

/// Words that the code here compares with, by the list that has them.
const WORDS: [(&str, &[&str]); 8] = [
    ("sources", &["openinference"]),
    ("roles", &["leaf", "wrapper", "agent"]),
    ("statuses", &["error"]),
    ("operations", &["create_agent", "execute_tool", "chat"]),
    ("step_types", &["plan", "respond", "other"]),
    ("finish_reasons", &["tool_calls", "length"]),
    ("output_types", &["json"]),
    ("run_statuses", &["success", "failure", "unknown"]),
];
const THRESHOLDS: [&str; 5] = [
    "latency_ms.exceeded",
    "latency_ms.significantly_exceeded",
    "tokens.moderate",
    "tokens.high",
    "tokens.limit_approached",
];

pub struct Numbers {
    pub most_summed: u64,
    pub tolerance: i64,
    pub looked_at: usize,
    pub after_end: i64,
    pub after_start: i64,
    pub metadata_keys: usize,
    pub metadata_key: usize,
    pub metadata: usize,
    pub identifier: usize,
}

/// One rule: what it makes of a step.
pub struct Derivation {
    pub is_decision: bool,
    pub rule: String,
    pub of_type: String,
    pub code: String,
    pub selected: String,
}

/// Everything that settling needs, ready.
pub struct Known {
    pub handed: Handed,
    pub layout: Layout,
    pub kinds: HashMap<String, Kind>,
    pub shared: Vec<Shared>,
    pub derivations: Vec<Derivation>,
    pub failure_of_kind: Vec<(Kind, String)>,
    pub numbers: Numbers,
    pub tool_failures: HashMap<String, Rule>,
    /// What stands before, between and behind type and code in the sentence of a failure.
    message: (String, String, String),
    pub patterns: Patterns,
}

type Outcome<T> = Result<T, String>;

impl Known {
    pub fn new(handed: Handed) -> Outcome<Known> {
        check(&handed)?;
        let mut kinds = HashMap::new();
        for (operation, word) in &handed.kinds {
            kinds.insert(operation.clone(), kind(word)?);
        }
        let shared = handed
            .shared
            .iter()
            .map(|name| Shared::named(name).ok_or_else(|| format!("the fact {name} is not known")));
        let mut failure_of_kind = Vec::new();
        for (word, of_type) in &handed.failure_of_kind {
            failure_of_kind.push((kind(word)?, of_type.clone()));
        }
        Ok(Known {
            layout: Layout::new(&handed.tables)?,
            kinds,
            shared: shared.collect::<Outcome<_>>()?,
            derivations: derivations(&handed)?,
            failure_of_kind,
            tool_failures: tool_failures(&handed)?,
            message: message(&handed.failure_message)?,
            patterns: Patterns::new(&handed.patterns)?,
            numbers: numbers(&handed)?,
            handed,
        })
    }

    /// The id of a name of this many parts, one byte between them.
    pub fn id(&self, parts: &[&[u8]]) -> Id {
        uuid5(&self.handed.namespace, parts)
    }

    /// The sentence that is stored for a failure.
    pub fn message(&self, of_type: &str, code: &str) -> String {
        let (before, between, behind) = &self.message;
        format!("{before}{of_type}{between}{code}{behind}")
    }

    /// Of which type the failure of a call is.
    pub fn failure_type(&self, kind: Kind) -> &str {
        let found = self.failure_of_kind.iter().find(|each| each.0 == kind);
        found.map_or(&self.handed.failure_of_others, |(_, of_type)| of_type)
    }

    pub fn is_stated(&self, source: &str) -> bool {
        self.handed.stated.contains(source)
    }

    pub fn is_coding_agent(&self, source: &str) -> bool {
        self.handed.coding_agent == source
    }
}

fn kind(word: &str) -> Outcome<Kind> {
    Kind::named(word).ok_or_else(|| format!("the kind {word} is not known"))
}

fn check(handed: &Handed) -> Outcome<()> {
    for (list, words) in WORDS {
        let listed = handed
            .closed
            .get(list)
            .ok_or_else(|| format!("the list {list} is missing"))?;
        if let Some(word) = words.iter().find(|word| !listed.contains(**word)) {
            return Err(format!("the word {word} of {list} is missing"));
        }
    }
    if handed.thresholds.len() != THRESHOLDS.len()
        || THRESHOLDS.iter().any(|name| !handed.thresholds.contains(*name))
    {
        return Err("the thresholds are others".to_owned());
    }
    Ok(())
}

/// In the order of the rules here; every rule is known, and none is missing.
fn derivations(handed: &Handed) -> Outcome<Vec<Derivation>> {
    let (step, run, told) = &handed.failure_rules;
    let mut found: Vec<Option<Derivation>> = (0..Rule::COUNT).map(|_| None).collect();
    for (rule, kind, of_type, code, selected) in &handed.derivations {
        let place = match (kind.as_str(), Rule::named(rule)) {
            ("failure", None) if [step, run, told].contains(&rule) => continue,
            ("signal" | "decision", Some(place)) => place,
            _ => return Err(format!("the rule {rule} is not known")),
        };
        found[place as usize] = Some(Derivation {
            is_decision: kind == "decision",
            rule: rule.clone(),
            of_type: of_type.clone(),
            code: code.clone(),
            selected: selected.clone(),
        });
    }
    found
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| "a rule is missing".to_owned())
}

/// Which rule a failed tool's code is derived by; one that no word names gave nothing.
fn tool_failures(handed: &Handed) -> Outcome<HashMap<String, Rule>> {
    let codes = handed
        .failure_words
        .iter()
        .map(|(_, code)| code)
        .chain([&handed.uncaught]);
    let rules = codes.map(|code| {
        let shown = if *code == handed.uncaught {
            &handed.unavailable
        } else {
            code
        };
        let name = format!("tool.{shown}");
        let rule = Rule::named(&name).ok_or_else(|| format!("the rule {name} is not known"))?;
        Ok((code.clone(), rule))
    });
    rules.collect()
}

fn message(form: &str) -> Outcome<(String, String, String)> {
    let parts = form.split_once("{type}").and_then(|(before, rest)| {
        let (between, behind) = rest.split_once("{code}")?;
        Some((before.to_owned(), between.to_owned(), behind.to_owned()))
    });
    parts.ok_or_else(|| "the sentence of a failure is another".to_owned())
}

fn numbers(handed: &Handed) -> Outcome<Numbers> {
    fn of<T: TryFrom<i64>>(handed: &Handed, name: &str) -> Outcome<T> {
        let number = handed.numbers.get(name).copied();
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("the number {name} is missing"))
    }
    Ok(Numbers {
        most_summed: of(handed, "most_summed")?,
        tolerance: of(handed, "tolerance")?,
        looked_at: of(handed, "looked_at")?,
        after_end: of(handed, "after_end")?,
        after_start: of(handed, "after_start")?,
        metadata_keys: of(handed, "metadata_keys")?,
        metadata_key: of(handed, "metadata_key")?,
        metadata: of(handed, "metadata")?,
        identifier: of(handed, "identifier")?,
    })
}
