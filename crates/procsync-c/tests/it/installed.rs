//! What is installed: which names the library exports, and what pkg-config says.

use crate::toolbox::{Place, crate_folder, has, library, prefix, run};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The functions that the header declares.
pub(crate) fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(crate_folder().join("include/procsync.h")).unwrap();
    let (_, functions) = header.split_once("extern \"C\" {").unwrap();
    let code = functions.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = |line: &str| {
        let (before, _) = line.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        name.starts_with("procsync_").then(|| name.to_owned())
    };
    let names: BTreeSet<String> = code.filter_map(named).collect();
    assert!(names.len() > 100, "{names:?}");
    names
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    if !has("installed::the_library_exports_what_the_header_declares_and_nothing_else", "nm") {
        return;
    }
    let mut nm = Command::new("nm");
    let done = run(nm.args(["-D", "--defined-only"]).arg(library())).succeeded();
    let exported = done.stdout.lines().filter_map(|line| line.rsplit(' ').next());
    assert_eq!(exported.map(str::to_owned).collect::<BTreeSet<_>>(), declared());
}

#[test]
fn programs_look_for_the_library_by_its_major_version() {
    if !has("installed::programs_look_for_the_library_by_its_major_version", "readelf") {
        return;
    }
    let done = run(Command::new("readelf").arg("-d").arg(library())).succeeded();
    let name = concat!("Library soname: [libprocsync.so.", env!("CARGO_PKG_VERSION_MAJOR"), "]");
    assert!(done.stdout.contains(name), "{}", done.stdout);
    assert!(prefix().join("lib/libprocsync.so.0").exists(), "the link of that name");
}

#[test]
fn the_header_has_the_version_of_the_library() {
    let header = fs::read_to_string(prefix().join("include/procsync.h")).unwrap();
    for (part, number) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let line = format!("#define PROCSYNC_VERSION_{part} {number}\n");
        assert!(header.contains(&line), "cbindgen.toml must say: {line}");
    }
}

#[test]
fn pkg_config_knows_how_to_compile_and_link() {
    if !has("installed::pkg_config_knows_how_to_compile_and_link", "pkg-config") {
        return;
    }
    let place = Place::new();
    let asked = |argument: &str| {
        let mut command = place.command("pkg-config");
        command.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
        run(command.args([argument, "procsync"])).succeeded().stdout.trim().to_owned()
    };
    assert_eq!(asked("--modversion"), env!("CARGO_PKG_VERSION"));
    let (file, program) = (place.file("program.c"), place.file("program"));
    let code = "#include <procsync.h>\nint main(void) { return procsync_version() == 0; }\n";
    fs::write(&file, code).unwrap();
    let mut compilation = Command::new("cc");
    compilation.arg(&file).arg("-o").arg(&program);
    compilation.args(asked("--cflags").split(' ')).args(asked("--libs").split(' '));
    run(&mut compilation).succeeded();
    run(&mut place.command(program)).succeeded();
}
