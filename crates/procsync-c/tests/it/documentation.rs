//! Every example of docs/c-api.md is compiled and run.

use crate::toolbox::{Linked, Place, compile, has, root, run};
use std::fs;

/// The blocks of code in a language.
fn examples(language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/c-api.md")).unwrap();
    let begin = format!("\n```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks.map(|rest| rest.split_once("\n```").expect("a block ends").0.to_owned()).collect()
}

/// What an example only refers to.
const BESIDE: &str = "\
volatile sig_atomic_t called_away;
int is_called_away(void *context);
int is_called_away(void *context) { (void)context; return called_away; }
";

fn compiled_and_run(file: &str, before: &str, example: &str) {
    let place = Place::new();
    let source = place.file(file);
    fs::write(&source, format!("{before}\nint main(void) {{\n{example}\nreturn 0;\n}}\n")).unwrap();
    let program = compile(&place, &source, Linked::Shared, &[]);
    run(&mut place.command(program)).succeeded();
}

#[test]
fn examples_in_c() {
    let examples = examples("c");
    let (first, others) = examples.split_first().expect("there are some");
    assert!(others.len() >= 10, "an example per object");
    for object in [
        "mutex",
        "reentrant_mutex",
        "semaphore",
        "token_semaphore",
        "event",
        "shared_memory",
        "raw_mutex",
        "raw_semaphore",
        "native",
        "inspect_list",
        "set_interrupt",
        "options",
        "futex",
        "atomic_u32",
    ] {
        let name = format!("procsync_{object}");
        assert!(others.iter().any(|example| example.contains(&name)), "no example of {name}");
    }
    for example in others {
        let example = format!("(void)check;\n{example}");
        compiled_and_run("example.c", &format!("{first}\n{BESIDE}"), &example);
    }
}

#[test]
fn examples_in_c_plus_plus() {
    if !has("documentation::examples_in_c_plus_plus", "g++") {
        return;
    }
    let examples = examples("cpp");
    assert!(!examples.is_empty());
    let before = "#include <procsync.hpp>\n#include <iostream>\n";
    for example in &examples {
        compiled_and_run("example.cpp", before, example);
    }
}
