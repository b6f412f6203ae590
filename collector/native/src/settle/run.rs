//! One run: a pure function of its rows, whatever their order.

use std::collections::HashSet;

use super::counts::Counts;
use super::derive::Thresholds;
use super::facts::Known;
use super::node::{At, HandBack, Kind, Settling};
use super::records::{Candidate, Id, Link, Outcome, Step, Told};
use super::rows::Maker;
use super::run_facts::Settled;
use super::tree::Tree;
use crate::cache::Seeded;

/// Everything that is stored of a run.
#[derive(Default)]
pub struct Run<'a> {
    pub tenant: &'a str,
    pub run_id: Id,
    pub steps: Vec<Step<'a>>,
    pub links: Vec<Link<'a>>,
    pub candidates: Vec<Candidate<'a>>,
    pub told: Vec<Told<'a>>,
    /// What was said about its end, after it.
    pub outcomes: Vec<Outcome<'a>>,
}

impl<'a> Run<'a> {
    /// The latest; of two that were said at one time, the view of runs that wait chooses the same.
    pub fn outcome(&self) -> Option<&Outcome<'a>> {
        let key = |each: &&Outcome<'a>| {
            (
                each.recorded_at,
                each.created_at,
                each.status,
                each.failure_type,
                each.failure_code,
            )
        };
        self.outcomes.iter().max_by_key(key)
    }
}

/// What the agent itself recorded, by step; a derived row of the same type is dropped.
#[derive(Default)]
pub struct Recorded<'a> {
    pub signals: HashSet<(Option<Id>, &'a str), Seeded>,
    pub decisions: HashSet<(Option<Id>, &'a str), Seeded>,
    pub failures: HashSet<Option<Id>, Seeded>,
}

impl<'a> Recorded<'a> {
    fn of(told: &[Told<'a>]) -> Settling<Self> {
        let mut found = Recorded::default();
        for each in told {
            match each.kind {
                "signal" => drop(found.signals.insert((each.step_id, each.stated))),
                "decision" => drop(found.decisions.insert((each.step_id, each.stated))),
                "failure" => drop(found.failures.insert(each.step_id)),
                _ => return Err(HandBack),
            }
        }
        Ok(found)
    }
}

pub struct Round {
    pub thresholds: Thresholds,
    pub settled_at: i64,
}

/// Settles a run: writes its rows, and gives its first start and last end; None if it is no run.
pub fn settle<'a>(
    run: &'a Run<'a>,
    known: &'a Known,
    round: &Round,
    out: &mut [Vec<u8>; 6],
) -> Settling<Option<(i64, i64)>> {
    let is_hard = |step: &Step<'_>| known.has_digits(step.facts.tool_name) || !known.is_sound(step.metadata);
    if run.steps.iter().any(is_hard) {
        return Err(HandBack);
    }
    let recorded = Recorded::of(&run.told)?;
    let (mut tree, mut nodes) = Tree::build(&run.steps, &run.links, known);
    nodes.retain(|&at| tree.nodes[at].step.operation != "create_agent");
    tree.set_denied_apart(&nodes, &recorded);
    tree.set_waits(&nodes)?;
    let sides = tree.set_side_calls(&nodes);
    let candidates: Vec<_> = run
        .candidates
        .iter()
        .filter(|each| !sides.contains(&each.span_id))
        .collect();
    let steps: Vec<At> = nodes.iter().copied().filter(|&at| tree.nodes[at].leaf).collect();
    let is_told = !candidates.is_empty() || run.steps.iter().any(|step| !known.is_coding_agent(step.source));
    let is_call = |&at: &At| {
        matches!(
            tree.nodes[at].kind,
            Kind::Model | Kind::Tool | Kind::Retrieval | Kind::Rerank
        )
    };
    let mut counts = Counts::new(run, known, round.settled_at);
    if !is_told || (candidates.is_empty() && !steps.iter().any(is_call)) {
        counts.write_uncounted(&mut out[5]);
        return Ok(None);
    }
    tree.classify(&nodes, &steps);
    tree.mark_fallbacks(&steps);
    let facts = Settled {
        run,
        tree: &tree,
        nodes: &nodes,
        steps: &steps,
        candidates: &candidates,
    }
    .facts()?;
    let found = tree.derive(&nodes, &steps, &round.thresholds)?;
    let maker = Maker {
        run,
        tree: &tree,
        facts: &facts,
        recorded: &recorded,
        settled_at: round.settled_at,
    };
    for &at in &nodes {
        maker.step(&tree.nodes[at], &mut out[1]);
    }
    maker.derived(&found, out, &mut counts);
    maker.failures(&steps, &mut out[2], &mut counts)?;
    if counts.are_whole(&facts) {
        maker.facts(&steps, Some(counts.columns()), &mut out[0])?;
    } else {
        maker.facts(&steps, None, &mut out[0])?;
        counts.write_uncounted(&mut out[5]);
    }
    Ok(Some((facts.started_at, facts.ended_at)))
}
