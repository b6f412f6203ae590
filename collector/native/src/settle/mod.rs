//! Settling: a run is accepted with rows byte-identical to Python's, or handed back.

mod classify;
mod coding_agent;
mod columns;
mod counts;
mod derive;
mod facts;
mod facts_row;
mod node;
mod read;
mod records;
mod round;
mod rows;
mod rules;
mod run;
mod run_facts;
mod same_call;
mod texts;
mod tree;

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use columns::TABLES;
use derive::Thresholds;
use facts::{Handed, Known};
use round::{settle, Stored};
use run::Round;

/// One more whenever arguments or answers of `Settler` change; settle/native.py has the same number.
const SEAM: u32 = 1;
/// Numbers up to here are whole in a float.
const MOST: i64 = 1 << 53;

/// Settles runs by the facts that Python gave.
#[pyclass(frozen)]
pub struct Settler {
    known: Known,
}

/// The bytes of a table's rows, and where each accepted run's end, as numbers of 64 bits.
type Block<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);
/// An accepted run: its place among the marks, whether events tell of it, and its first start and last end.
type Accepted = (usize, bool, Option<(i64, i64)>);
/// Blocks by table, accepted runs, places of the runs handed back, and their rows by what was read.
type Settled<'py> = (
    Vec<Block<'py>>,
    Vec<Accepted>,
    Vec<usize>,
    Vec<Bound<'py, PyBytes>>,
);

#[pymethods]
impl Settler {
    /// Raises `ValueError` where a fact is not known here.
    #[new]
    fn new(facts: Handed) -> PyResult<Self> {
        let known = Known::new(facts).map_err(PyValueError::new_err)?;
        Ok(Settler { known })
    }

    /// The shape of what goes in and comes out; the collector takes a settler of its own `SEAM` only.
    #[classattr]
    #[pyo3(name = "SEAM")]
    fn seam() -> u32 {
        SEAM
    }

    /// The tables of blocks, in their order.
    #[classattr]
    #[pyo3(name = "TABLES")]
    fn tables() -> Vec<&'static str> {
        TABLES.to_vec()
    }

    /// What is made of these runs (tenant and id) of what is stored of them, in RowBinary: steps, links, candidates,
    /// outcomes and what agents told. None where Python must settle the round.
    #[pyo3(signature = (runs, stored, *, thresholds, settled_at))]
    fn settle<'py>(
        &self,
        py: Python<'py>,
        runs: Vec<(String, [u8; 16])>,
        stored: [Bound<'py, PyBytes>; 5],
        thresholds: HashMap<String, i64>,
        settled_at: i64,
    ) -> Option<Settled<'py>> {
        let thresholds = of_names(&thresholds)?;
        let round = Round {
            thresholds,
            settled_at,
        };
        let stored: Stored<'_> = [0, 1, 2, 3, 4].map(|place: usize| stored[place].as_bytes());
        let work = || catch_unwind(AssertUnwindSafe(|| settle(&self.known, &round, &runs, stored)));
        // After a panic Python settles the round.
        let settled = py.detach(work).ok()??;
        let blocks = settled.blocks.iter().zip(&settled.ends).map(|(block, ends)| {
            let ends: Vec<u8> = ends.iter().flat_map(|end| end.to_ne_bytes()).collect();
            (PyBytes::new(py, block), PyBytes::new(py, &ends))
        });
        let left = settled.left_rows.iter().map(|rows| PyBytes::new(py, rows));
        Some((blocks.collect(), settled.accepted, settled.left, left.collect()))
    }
}

fn of_names(named: &HashMap<String, i64>) -> Option<Thresholds> {
    let of = |name: &str| {
        named
            .get(name)
            .copied()
            .filter(|number| (0..=MOST).contains(number))
    };
    Some(Thresholds {
        latency_exceeded: of("latency_ms.exceeded")?,
        latency_far_exceeded: of("latency_ms.significantly_exceeded")?,
        tokens_moderate: of("tokens.moderate")?,
        tokens_high: of("tokens.high")?,
        tokens_limit: of("tokens.limit_approached")?,
    })
}
