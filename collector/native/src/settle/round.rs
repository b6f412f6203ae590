//! A round: what is stored, taken apart by run, and what is made of it.

use std::collections::HashMap;

use super::facts::Known;
use super::read::Rows;
use super::records::Id;
use super::run::{settle as settle_run, Round, Run};
use crate::cache::Seeded;

/// Steps, links, candidates, outcomes, and what agents told.
pub type Stored<'a> = [&'a [u8]; 5];

pub struct Settled {
    pub blocks: [Vec<u8>; 6],
    /// Where the rows of each accepted run end in each block.
    pub ends: [Vec<u64>; 6],
    pub accepted: Vec<(usize, bool, Option<(i64, i64)>)>,
    pub left: Vec<usize>,
    pub left_rows: [Vec<u8>; 5],
}

/// A run, and where its rows lie in each of what was read.
struct Found<'a> {
    run: Run<'a>,
    places: [Vec<(usize, usize)>; 5],
}

/// None where what is stored cannot be read.
pub fn settle(known: &Known, round: &Round, runs: &[(String, Id)], stored: Stored<'_>) -> Option<Settled> {
    let found = read(known, runs, stored)?;
    let mut settled = Settled {
        blocks: Default::default(),
        ends: Default::default(),
        accepted: Vec::with_capacity(found.len()),
        left: Vec::new(),
        left_rows: Default::default(),
    };
    for (place, each) in found.iter().enumerate() {
        let before = settled.blocks.each_ref().map(Vec::len);
        if let Ok(span) = settle_run(&each.run, known, round, &mut settled.blocks) {
            let has_events = !each.run.outcomes.is_empty() || !each.run.told.is_empty();
            settled.accepted.push((place, has_events, span));
            for (ends, block) in settled.ends.iter_mut().zip(&settled.blocks) {
                ends.push(block.len() as u64);
            }
            continue;
        }
        settled.left.push(place);
        for (block, length) in settled.blocks.iter_mut().zip(before) {
            block.truncate(length);
        }
        for (table, rows) in settled.left_rows.iter_mut().enumerate() {
            for &(start, end) in &each.places[table] {
                rows.extend_from_slice(&stored[table][start..end]);
            }
        }
    }
    Some(settled)
}

fn read<'a>(known: &'a Known, runs: &'a [(String, Id)], stored: Stored<'a>) -> Option<Vec<Found<'a>>> {
    let layout = &known.layout;
    let mut by_key: HashMap<(Id, &str), usize, Seeded> = HashMap::default();
    let mut found: Vec<Found<'a>> = Vec::with_capacity(runs.len());
    for (place, (tenant, run_id)) in runs.iter().enumerate() {
        by_key.insert((*run_id, tenant), place);
        let run = Run {
            tenant,
            run_id: *run_id,
            ..Run::default()
        };
        found.push(Found {
            run,
            places: Default::default(),
        });
    }
    for (table, bytes) in stored.into_iter().enumerate() {
        let mut rows = Rows::of(bytes);
        while !rows.is_done() {
            let start = bytes.len() - rows.left();
            macro_rules! keep {
                ($row:expr, $list:ident) => {{
                    let row = $row?;
                    let place = by_key.get(&(row.run_id, row.tenant)).copied();
                    if let Some(place) = place {
                        found[place].run.$list.push(row);
                    }
                    place
                }};
            }
            let place = match table {
                0 => keep!(rows.step(layout), steps),
                1 => keep!(rows.link(layout), links),
                2 => keep!(rows.candidate(layout), candidates),
                3 => keep!(rows.outcome(layout), outcomes),
                _ => keep!(rows.told(layout), told),
            };
            if let Some(place) = place {
                found[place].places[table].push((start, bytes.len() - rows.left()));
            }
        }
    }
    Some(found)
}
