//! A step in the tree of its run.

use super::records::{Facts, Step};

/// Python settles this run.
#[derive(Debug)]
pub struct HandBack;

pub type Settling<T> = Result<T, HandBack>;

/// The place of a node in its tree.
pub type At = usize;

macro_rules! kinds {
    ($($variant:ident $name:literal),* $(,)?) => {
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Kind { $($variant),* }

        impl Kind {
            pub fn named(name: &str) -> Option<Kind> {
                match name { $($name => Some(Kind::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    Model "model", Tool "tool", Retrieval "retrieval", Rerank "rerank", Embedding "embedding", Agent "agent",
    Handoff "handoff", Wrapper "wrapper", Other "other",
}

/// `facts` and what is below `scope` start as the span told them and are settled.
pub struct Node<'a> {
    pub step: &'a Step<'a>,
    pub kind: Kind,
    pub parent: Option<At>,
    /// The nearest step above that is no wrapper.
    pub above: Option<At>,
    /// The nearest agent or tool.
    pub scope: Option<At>,
    /// The same call as other spans saw it from within.
    pub inner: Vec<At>,
    /// The failed attempts that this call made by itself.
    pub tries: Vec<At>,
    pub caller: &'a str,
    pub depth: i64,
    pub leaf: bool,
    pub caller_failed: bool,
    pub failed: bool,
    pub step_type: &'a str,
    pub attempt: u64,
    pub seq: u32,
    pub previous: Option<At>,
    pub next_attempt: Option<At>,
    pub mended: bool,
    pub denied: bool,
    pub fell_back: bool,
    /// How long a person made the call wait, in milliseconds.
    pub waited_ms: Option<u64>,
    pub facts: Facts<'a>,
}

impl<'a> Node<'a> {
    pub fn new(step: &'a Step<'a>, kind: Kind) -> Self {
        Node {
            step,
            kind,
            parent: None,
            above: None,
            scope: None,
            inner: Vec::new(),
            tries: Vec::new(),
            caller: "",
            depth: -1,
            leaf: false,
            caller_failed: false,
            failed: false,
            step_type: "",
            attempt: 1,
            seq: 0,
            previous: None,
            next_attempt: None,
            mended: false,
            denied: false,
            fell_back: false,
            waited_ms: None,
            facts: step.facts,
        }
    }

    /// The agent that the step names, else the one it stands in.
    pub fn actor(&self) -> &'a str {
        if self.facts.actor.is_empty() {
            self.caller
        } else {
            self.facts.actor
        }
    }
}
