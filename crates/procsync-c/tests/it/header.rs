//! The committed header is what the code says.

use std::path::Path;

/// Set by `cargo xtask header`.
const WRITE: &str = "PROCSYNC_WRITE_HEADER";

#[test]
fn the_header_is_what_the_code_says() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    let builder = cbindgen::Builder::new().with_crate(crate_folder).with_config(config);
    builder.generate().expect("the code can be read").write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = crate_folder.join("include/procsync.h");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, made).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        committed == made,
        "include/procsync.h is not what the code says, from line {} on; run `cargo xtask header`",
        differs.unwrap_or(0) + 1
    );
}
