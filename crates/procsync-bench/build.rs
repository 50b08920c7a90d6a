//! Builds the one peer that is written in C++, if it was asked for and its headers are there.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/contender/boost.cpp");
    println!("cargo::rustc-check-cfg=cfg(has_boost)");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if env::var_os("CARGO_FEATURE_PEERS").is_some() && system == "linux" {
        build_boost();
    }
}

#[cfg(feature = "peers")]
fn build_boost() {
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(3).file("src/contender/boost.cpp").cargo_warnings(false);
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
