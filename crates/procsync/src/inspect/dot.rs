//! The wait-for graph in the language of Graphviz.

use super::graph::{Blocker, WaitGraph};
use crate::kind::Object;
use crate::participant::Participant;
use crate::segment::place::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Numbers in the order in which things come, so that no text of others becomes a name.
#[derive(Default)]
struct Nodes {
    participants: BTreeMap<(u64, u32, u32), String>,
    objects: BTreeMap<(bool, String), String>,
    lines: Vec<String>,
}

impl Nodes {
    fn participant(&mut self, one: &Participant, red: &BTreeSet<(u64, u32, u32)>) -> String {
        let key = one.identity();
        if let Some(known) = self.participants.get(&key) {
            return known.clone();
        }
        let node = format!("p{}", self.participants.len());
        let mut label = format!("pid {}", one.pid);
        if one.tid != 0 && one.tid != one.pid {
            let _ = write!(label, " thread {}", one.tid);
        }
        if one.foreign_namespace {
            let _ = write!(label, " in pid namespace {}", one.namespace);
        }
        let text = format!("{}\\n{}", quoted(&label), quoted(&one.command));
        let color = if red.contains(&key) { ", color=red" } else { "" };
        self.lines.push(format!("    {node} [label=\"{text}\"{color}];"));
        self.participants.insert(key, node.clone());
        node
    }

    fn object(&mut self, object: &Object, scope: Scope) -> String {
        let key = (scope == Scope::User, object.name.clone());
        if let Some(known) = self.objects.get(&key) {
            return known.clone();
        }
        let node = format!("o{}", self.objects.len());
        let text = format!("{}\\n{}", quoted(object.kind.as_str()), quoted(&object.name));
        self.lines.push(format!("    {node} [shape=box, label=\"{text}\"];"));
        self.objects.insert(key, node.clone());
        node
    }
}

/// Inside a string of the language: no quote, no backslash, nothing that a terminal would obey.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

pub(super) fn of(graph: &WaitGraph) -> String {
    let cycles = graph.deadlocks.iter().flat_map(|deadlock| &deadlock.cycle);
    let red: BTreeSet<_> = cycles.map(|wait| wait.waiter.identity()).collect();
    let mut nodes = Nodes::default();
    // All who wait for an object come by its holders: each line is drawn once.
    let mut edges: BTreeMap<(String, String, &str), bool> = BTreeMap::new();
    let mut edge = |from: &str, to: &str, text: &'static str, is_red: bool| {
        *edges.entry((from.to_owned(), to.to_owned(), text)).or_default() |= is_red;
    };
    for wait in &graph.waits {
        let waiter = nodes.participant(&wait.waiter, &red);
        let stuck = red.contains(&wait.waiter.identity());
        let (from, text) = match &wait.blocker {
            Blocker::Object(object, scope) => {
                let node = nodes.object(object, *scope);
                edge(&waiter, &node, "waits", stuck);
                (node, "held by")
            }
            Blocker::Command => (waiter, "runs"),
        };
        for holder in &wait.holders {
            let node = nodes.participant(holder, &red);
            edge(&from, &node, text, stuck && red.contains(&holder.identity()));
        }
    }
    let edges = edges.into_iter().map(|((from, to, text), is_red)| {
        let color = if is_red { ", color=red" } else { "" };
        format!("    {from} -> {to} [label=\"{text}\"{color}];")
    });
    let mut text = "digraph procsync {\n    rankdir=LR;\n".to_owned();
    for line in nodes.lines.into_iter().chain(edges) {
        text += &line;
        text.push('\n');
    }
    text += "}\n";
    text
}
