//! `procsync bench`: a quick look at what this machine does. The comparison with other libraries, and
//! figures to be relied on, come from `cargo xtask bench`.

use crate::cli;
use crate::exit::{Exit, Failure};
use crate::report::json;
use procsync::{Event, Mutex, Reset, Semaphore, TokenSemaphore};
use serde::Serialize;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Serialize)]
struct Measured {
    what: &'static str,
    value: f64,
    unit: &'static str,
}

pub(crate) fn run(arguments: &cli::Bench) -> Result<Exit, Failure> {
    let prefix = format!("bench-{}", std::process::id());
    let measured = all(&prefix, arguments.each)?;
    let text = if arguments.json {
        json::written(&measured)
    } else {
        let line =
            |one: &Measured| format!("{:<54}{:>12} {}\n", one.what, number(one.value), one.unit);
        measured.iter().map(line).collect()
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn all(prefix: &str, each: Duration) -> Result<Vec<Measured>, Failure> {
    let name = |part: &str| format!("{prefix}-{part}");
    let mut measured = Vec::new();
    let mut add = |what, value, unit| measured.push(Measured { what, value, unit });

    let mutex = Mutex::<u64>::create(&name("mutex"))?;
    let ns = per_call(each, || mutex.lock().map(drop))?;
    add("mutex, lock and unlock, nobody else", ns, "ns");
    let semaphore = Semaphore::create(&name("permits"), 4)?;
    let ns = per_call(each, || semaphore.acquire().map(drop))?;
    add("permit, acquire and release, nobody else", ns, "ns");
    let tokens = TokenSemaphore::create(&name("tokens"), 0)?;
    let ns = per_call(each, || tokens.post(1).and_then(|()| tokens.wait()))?;
    add("token, post and take, nobody else", ns, "ns");
    let event = Event::create(&name("event"), Reset::Manual)?;
    let ns = per_call(each, || event.set().and_then(|()| event.clear()))?;
    add("event, set and clear, nobody else", ns, "ns");

    let ns = per_call(each, || Mutex::<()>::create(&name("new")).map(drop))?;
    add("create a mutex and remove it", ns / 1e3, "µs");

    measured.extend(with_another(prefix, each, &mutex)?);
    Ok(measured)
}

/// How many nanoseconds a call takes, on the average.
fn per_call(
    each: Duration,
    mut call: impl FnMut() -> procsync::Result<()>,
) -> Result<f64, Failure> {
    // So many calls at a time that asking for the time costs nothing beside them, unless they are long.
    let (mut calls, mut batch) = (0_u64, 1_u64);
    let began = Instant::now();
    while began.elapsed() < each {
        for _ in 0..batch {
            call()?;
        }
        calls += batch;
        if began.elapsed() < each / 20 {
            batch *= 2;
        }
    }
    Ok(began.elapsed().as_nanos() as f64 / calls as f64)
}

/// A second process, which ends with this one.
struct Worker(Child);

impl Worker {
    fn start(prefix: &str, part: &str) -> Result<Worker, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Exit::Failed, format!("cannot start a second process: {error}"))
        };
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["bench-worker", prefix, part]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let mut worker = Worker(child);
        // It says so when it is ready.
        let mut byte = [0];
        let output = worker.0.stdout.as_mut().expect("it is piped");
        output.read_exact(&mut byte).map_err(failed)?;
        Ok(worker)
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn with_another(
    prefix: &str,
    each: Duration,
    mutex: &Mutex<u64>,
) -> Result<Vec<Measured>, Failure> {
    let mut measured = Vec::new();
    let mut add = |what, value, unit| measured.push(Measured { what, value, unit });

    let mut worker = Worker::start(prefix, "contend")?;
    let before = mutex.lock()?.get();
    let began = Instant::now();
    while began.elapsed() < each {
        for _ in 0..64 {
            let mut guard = mutex.lock()?;
            guard.set(guard.get() + 1);
        }
    }
    let counted = (mutex.lock()?.get() - before) as f64 / began.elapsed().as_secs_f64();
    worker.kill();
    add("mutex, fought for by two processes, together", counted / 1e3, "thousand per s");

    let there = TokenSemaphore::create(&format!("{prefix}-there"), 0)?;
    let back = TokenSemaphore::create(&format!("{prefix}-back"), 0)?;
    let worker = Worker::start(prefix, "answer")?;
    let ns = per_call(each, || there.post(1).and_then(|()| back.wait()))?;
    drop(worker);
    add("token to another process and back", ns / 1e3, "µs");

    let mut took = Vec::new();
    for _ in 0..5 {
        let mut worker = Worker::start(prefix, "hold")?;
        let began = Instant::now();
        let _ = worker.0.kill();
        drop(mutex.lock()?);
        took.push(began.elapsed().as_secs_f64() * 1e3);
        worker.kill();
    }
    took.sort_by(f64::total_cmp);
    add("mutex, from the holder's kill -9 to the next one", took[took.len() / 2], "ms");
    Ok(measured)
}

/// The second process.
pub(crate) fn worker(arguments: &cli::BenchWorker) -> Result<Exit, Failure> {
    // The pipe breaks when the first one ends, however it does.
    std::thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let name = |part: &str| format!("{}-{part}", arguments.prefix);
    let ready = || io::stdout().write_all(b"!").and_then(|()| io::stdout().flush());
    match arguments.part.as_str() {
        "contend" => {
            let mutex = Mutex::<u64>::attach(&name("mutex"))?;
            ready()?;
            loop {
                let mut guard = mutex.lock()?;
                guard.set(guard.get() + 1);
            }
        }
        "answer" => {
            let there = TokenSemaphore::attach(&name("there"))?;
            let back = TokenSemaphore::attach(&name("back"))?;
            ready()?;
            loop {
                there.wait()?;
                back.post(1)?;
            }
        }
        _ => {
            let mutex = Mutex::<u64>::attach(&name("mutex"))?;
            let _guard = mutex.lock()?;
            ready()?;
            loop {
                std::thread::park();
            }
        }
    }
}
