//! Builds the one peer that is written in C++, if it was asked for and its headers are there.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed={}", boost_file().display());
    println!("cargo::rustc-check-cfg=cfg(has_boost)");
    // Only the package in `iceoryx2/`, which shares this file and all sources, has this feature.
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"iceoryx2\"))");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if env::var_os("CARGO_FEATURE_PEERS").is_some() && system == "linux" {
        build_boost();
    }
}

/// Beside this file, whichever package builds it.
fn boost_file() -> PathBuf {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("Cargo says where"));
    let own = package.join("src");
    let sources = if own.is_dir() { own } else { package.join("../src") };
    sources.join("contender/boost.cpp")
}

#[cfg(feature = "peers")]
fn build_boost() {
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(3).file(boost_file()).cargo_warnings(false);
    match build.try_compile("procsync-bench-boost") {
        Ok(()) => println!("cargo::rustc-cfg=has_boost"),
        Err(_) => println!(
            "cargo::warning=Boost.Interprocess takes no part: no C++ compiler, or its headers are missing \
             (apt-get install g++ libboost-dev)"
        ),
    }
}

#[cfg(not(feature = "peers"))]
fn build_boost() {}
