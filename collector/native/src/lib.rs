//! The compiled decoding engine: a span is accepted with rows byte-identical to Python's, or handed back.
//!
//! Python stays the authority. What this engine does not know, or finds odd, Python decodes.

mod agent_record;
mod agent_rows;
mod agent_span;
mod agent_stated;
mod agent_tables;
mod batch;
mod cache;
#[macro_use]
mod columns;
mod copy;
mod copy_events;
mod encoding;
mod event_rows;
mod events;
mod facts;
mod forms;
mod gate;
mod guardrails;
mod json;
mod logs;
mod otlp;
mod readers;
mod rows;
mod settle;
mod span;
mod text;
mod wire;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use batch::{Batch, Moment};
use cache::Memory;
use columns::TABLES;
use facts::{Facts, Known};
use gate::Gate;

/// One more whenever arguments or answers of `Engine` or `Gate` change; decode/native.py has the same number.
const SEAM: u32 = 4;

/// From this size on others may run Python meanwhile.
const LARGE: usize = 16 * 1024;

/// Decodes requests of traces and logs by the facts that Python gave.
#[pyclass(frozen)]
struct Engine {
    known: Known,
    /// What each thread that decodes remembers of texts.
    memories: Mutex<Vec<Memory>>,
}

type Row<'py> = (String, String, String, Bound<'py, PyBytes>);
type Sent = (Vec<String>, u64, u64, u64, Vec<(String, String, u64)>);
type Place = (usize, usize, usize);
type Handed<'py> = (usize, String, Bound<'py, PyBytes>, Vec<usize>, usize, Place);
/// Spans, scopes with their ends among these, resources with their ends among those, and what stays here.
type Copy<'py> = (
    Bound<'py, PyBytes>,
    Vec<(Bound<'py, PyBytes>, usize, usize)>,
    Vec<(Bound<'py, PyBytes>, usize)>,
    (u64, u64, u64),
);
/// Blocks by table, refusals, resources, spans handed back, steps by convention, and the copy where one is asked for.
type Decoded<'py> = (
    Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
    Vec<Row<'py>>,
    Vec<Sent>,
    Bound<'py, PyList>,
    Vec<(String, u64)>,
    Option<Copy<'py>>,
);

#[pymethods]
impl Engine {
    /// Raises `ValueError` where a fact is not known here.
    #[new]
    fn new(facts: Facts) -> PyResult<Self> {
        let known = Known::new(facts).map_err(PyValueError::new_err)?;
        Ok(Engine {
            known,
            memories: Mutex::new(Vec::new()),
        })
    }

    /// The shape of what goes in and comes out; the collector takes an engine of its own `SEAM` only.
    #[classattr]
    #[pyo3(name = "SEAM")]
    fn seam() -> u32 {
        SEAM
    }

    /// The tables of blocks, in the order of blocks, places and `earliest`.
    #[classattr]
    #[pyo3(name = "TABLES")]
    fn tables() -> Vec<&'static str> {
        TABLES.to_vec()
    }

    /// What is made of a request, or None where Python must treat it as a whole; with a gate the copy of traces too.
    #[pyo3(signature = (signal, body, *, tenant, received_at, earliest, oldest, latest, gate=None))]
    #[allow(clippy::too_many_arguments)]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        signal: &str,
        body: &[u8],
        tenant: &str,
        received_at: i64,
        earliest: [i64; 6],
        oldest: i64,
        latest: i64,
        gate: Option<Bound<'py, Gate>>,
    ) -> PyResult<Option<Decoded<'py>>> {
        let is_logs = match signal {
            "traces" => false,
            "logs" => true,
            _ => return Err(PyValueError::new_err("a signal is traces or logs")),
        };
        let moment = Moment {
            tenant,
            received_at,
            earliest,
            oldest,
            latest,
        };
        let memory = self
            .memories
            .lock()
            .map(|mut all| all.pop())
            .ok()
            .flatten()
            .unwrap_or_default();
        let gate = gate.as_ref().map(Bound::get);
        let work = || {
            catch_unwind(AssertUnwindSafe(|| {
                read(&self.known, gate, moment, memory, body, is_logs)
            }))
        };
        let read = if body.len() < LARGE {
            work()
        } else {
            py.detach(work)
        };
        // After a panic Python treats the request, and what was remembered is dropped.
        let Ok((memory, batch)) = read else {
            return Ok(None);
        };
        if let Ok(mut all) = self.memories.lock() {
            all.push(memory);
        }
        batch.map(|batch| to_python(py, batch)).transpose()
    }
}

/// A batch without what was borrowed for making it.
struct Read<'a> {
    blocks: [columns::Block; 6],
    refusals: Vec<batch::Refusal<'a>>,
    resources: Vec<batch::Resource<'a>>,
    handed: Vec<batch::HandedBack<'a>>,
    conventions: Vec<(String, u64)>,
    scopes: Vec<batch::Scope>,
    copied: Option<copy::Copied>,
}

fn read<'a>(
    known: &'a Known,
    gate: Option<&'a Gate>,
    moment: Moment<'a>,
    memory: Memory,
    body: &'a [u8],
    is_logs: bool,
) -> (Memory, Option<Read<'a>>) {
    let mut batch = Batch::new(known, gate, moment, memory);
    let whole = if is_logs {
        batch.read_logs(body)
    } else {
        batch.read(body)
    };
    let Batch {
        blocks,
        refusals,
        resources,
        handed,
        conventions,
        memory,
        scopes,
        copied,
        ..
    } = batch;
    (
        memory,
        whole.map(|()| Read {
            blocks,
            refusals,
            resources,
            handed,
            conventions,
            scopes,
            copied: gate.map(|_| copied),
        }),
    )
}

fn to_python<'py>(py: Python<'py>, read: Read<'_>) -> PyResult<Decoded<'py>> {
    let blocks = read
        .blocks
        .iter()
        .map(|block| (PyBytes::new(py, &block.lengths()), PyBytes::new(py, &block.data)))
        .collect();
    let refusals = read.refusals.iter().map(|(kind, rule, key, row)| {
        (
            (*kind).to_owned(),
            (*rule).to_owned(),
            key.clone(),
            PyBytes::new(py, row),
        )
    });
    let copy = read.copied.as_ref().map(|copied| -> Copy<'py> {
        let scopes = read
            .scopes
            .iter()
            .map(|(scope, bytes, spans)| (PyBytes::new(py, scope), *bytes, *spans));
        let resources = read
            .resources
            .iter()
            .map(|each| (PyBytes::new(py, &each.copied), each.scopes));
        let left = copied.left_out;
        (
            PyBytes::new(py, &copied.spans),
            scopes.collect(),
            resources.collect(),
            (left.spans, left.attributes, left.events),
        )
    });
    let resources = read.resources.into_iter().map(|each| {
        let changes = each
            .changes
            .into_iter()
            .map(|(rule, key, count)| (rule.to_owned(), key.into_owned(), count));
        let sender = each
            .sender
            .into_iter()
            .map(std::borrow::Cow::into_owned)
            .collect();
        (
            sender,
            each.received,
            each.ignored,
            each.refused,
            changes.collect(),
        )
    });
    let handed = read.handed.iter().map(|each| -> Handed<'py> {
        let span = PyBytes::new(py, each.span);
        (
            each.resource,
            each.scope.to_owned(),
            span,
            each.places.to_vec(),
            each.refusals,
            each.copied,
        )
    });
    let handed = PyList::new(py, handed.collect::<Vec<_>>())?;
    Ok((
        blocks,
        refusals.collect(),
        resources.collect(),
        handed,
        read.conventions,
        copy,
    ))
}

#[pymodule]
fn agenttrace_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // A panic's message may hold a piece of what was sent: nothing of it is ever printed.
    std::panic::set_hook(Box::new(|_| {}));
    module.add_class::<Gate>()?;
    module.add_class::<settle::Settler>()?;
    module.add_class::<Engine>()
}
