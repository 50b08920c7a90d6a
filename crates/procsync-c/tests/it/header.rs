//! The committed header is what the code says, and the Dart declarations are what the header says.

use crate::dart;
use crate::toolbox::{crate_folder, root};
use std::path::Path;

/// Set by `cargo xtask header`.
const WRITE: &str = "PROCSYNC_WRITE_HEADER";

fn made() -> String {
    let config = cbindgen::Config::from_file(crate_folder().join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    let builder = cbindgen::Builder::new().with_crate(crate_folder()).with_config(config);
    builder.generate().expect("the code can be read").write(&mut made);
    String::from_utf8(made).unwrap()
}

/// Writes the file if told to; else sees that it is as it should be.
fn check(path: &Path, made: &str) {
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, made).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        committed == made,
        "{} is not what the code says, from line {} on; run `cargo xtask header`",
        path.display(),
        differs.unwrap_or(0) + 1
    );
}

#[test]
fn the_header_is_what_the_code_says() {
    check(&crate_folder().join("include/procsync.h"), &made());
}

#[test]
fn the_dart_declarations_are_what_the_header_says() {
    let path = root().join("bindings/dart/lib/src/bindings.dart");
    check(&path, &dart::declarations(&made()));
}
