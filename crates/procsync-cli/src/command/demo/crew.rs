//! The workers' processes, and what they say.
//!
//! A worker's standard output is a pipe to this process, one line for each message. Its standard
//! input is one too: when that ends, this process is gone, and the worker ends.

use super::{COUNTS, DOOMED, PATIENCE, STOPS_AFTER, Tally, WORKERS, failed};
use crate::exit::{Exit, Failure};
use crate::sys::{ENDS, monotonic};
use std::fmt;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long this process sleeps before it looks again at what nobody sends a message about: who
/// waits, and whether a signal came.
const LOOK: Duration = Duration::from_millis(2);

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// It waits for the start.
    Ready,
    /// It has stopped inside, after so many counts.
    Inside { counted: u64 },
    /// It got in at this time of the common clock, and was told who died in there.
    Told { at: Duration, deceased: u32 },
    /// It has counted so often and is about to end.
    Done { counted: u64 },
    /// It says nothing any more.
    Ended,
    /// Something that is not a message.
    Garbled(String),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Ready => f.write_str("ready"),
            Message::Inside { counted } => write!(f, "inside {counted}"),
            Message::Told { at, deceased } => write!(f, "told {} {deceased}", at.as_nanos()),
            Message::Done { counted } => write!(f, "done {counted}"),
            Message::Ended => f.write_str("ended"),
            Message::Garbled(line) => f.write_str(line),
        }
    }
}

impl Message {
    fn read(line: &str) -> Message {
        Message::known(line).unwrap_or_else(|| Message::Garbled(line.to_owned()))
    }

    fn known(line: &str) -> Option<Message> {
        let words: Vec<_> = line.split(' ').collect();
        Some(match words[..] {
            ["ready"] => Message::Ready,
            ["inside", counted] => Message::Inside { counted: counted.parse().ok()? },
            ["told", at, deceased] => Message::Told {
                at: Duration::from_nanos(at.parse().ok()?),
                deceased: deceased.parse().ok()?,
            },
            ["done", counted] => Message::Done { counted: counted.parse().ok()? },
            _ => return None,
        })
    }
}

/// All workers. Dropped, it leaves none of them alive.
pub(super) struct Crew {
    workers: Vec<Child>,
    messages: Receiver<(usize, Message)>,
    /// The number of a signal that asks this process to end.
    interrupted: Arc<AtomicUsize>,
}

impl Crew {
    pub(super) fn start(prefix: &str) -> Result<Crew, Failure> {
        let interrupted = Arc::new(AtomicUsize::new(0));
        notice_signals(&interrupted)
            .map_err(|error| failed(format!("cannot catch signals: {error}")))?;
        let (sender, messages) = channel();
        // From the first worker on there is somebody to end if a later one cannot be started.
        let mut crew = Crew { workers: Vec::with_capacity(WORKERS), messages, interrupted };
        for number in 0..WORKERS {
            let mut child = spawn(prefix, number)
                .map_err(|error| failed(format!("cannot start a worker: {error}")))?;
            let stdout = child.stdout.take();
            crew.workers.push(child);
            let sender = sender.clone();
            thread::spawn(move || forward(number, stdout, &sender));
        }
        Ok(crew)
    }

    pub(super) fn pid(&self, worker: usize) -> u32 {
        self.workers[worker].id()
    }

    /// Kills a worker; answers when, on the common clock.
    pub(super) fn kill(&mut self, worker: usize) -> Result<Duration, Failure> {
        let before = now()?;
        let killed = self.workers[worker].kill();
        killed.map_err(|error| failed(format!("cannot kill worker {worker}: {error}")))?;
        Ok(before)
    }

    /// Takes messages into the tally until it is as it should be.
    pub(super) fn listen(
        &self,
        tally: &mut Tally,
        awaited: &str,
        is_so: impl Fn(&Tally) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        while !is_so(tally)? {
            match self.messages.recv_timeout(LOOK) {
                Ok((worker, message)) => tally.note(worker, message)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
            }
            match self.interrupted.load(Ordering::Relaxed) {
                0 => {}
                signal => {
                    let exit = Exit::Signalled(signal as i32);
                    return Err(Failure::new(exit, "interrupted; the workers are stopped"));
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(failed(format!("waited in vain for {awaited}")));
            }
        }
        Ok(())
    }

    /// Waits for the workers' ends; whether all but the doomed one ended well.
    pub(super) fn end(&mut self) -> Result<bool, Failure> {
        let mut well = true;
        for (number, worker) in self.workers.iter_mut().enumerate() {
            let status = worker
                .wait()
                .map_err(|error| failed(format!("cannot wait for worker {number}: {error}")))?;
            if status.success() == (number == DOOMED) {
                super::tell(&format!("WRONG: worker {number} ended by {status}."))?;
                well = false;
            }
        }
        Ok(well)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // It may have ended already, which is as good.
            let _ = worker.kill();
        }
        for worker in &mut self.workers {
            let _ = worker.wait();
        }
    }
}

pub(super) fn now() -> Result<Duration, Failure> {
    monotonic().map_err(|error| failed(format!("cannot read the clock: {error}")))
}

fn spawn(prefix: &str, number: usize) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["demo-worker", prefix, &COUNTS.to_string()]);
    if number == DOOMED {
        command.args(["--stop-after", &STOPS_AFTER.to_string()]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

/// Turns a worker's lines into messages, up to its end.
fn forward(number: usize, stdout: Option<ChildStdout>, sender: &Sender<(usize, Message)>) {
    let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
    // A line that cannot be read ends the reading like a pipe that has ended.
    let messages = lines.map_while(Result::ok).map(|line| Message::read(&line));
    for message in messages.chain([Message::Ended]) {
        if sender.send((number, message)).is_err() {
            return;
        }
    }
}

/// A terminal's signals come to the workers too. Only this process must not die of them, so that it
/// is there to take the objects' names along.
fn notice_signals(interrupted: &Arc<AtomicUsize>) -> io::Result<()> {
    for signal in ENDS {
        signal_hook::flag::register_usize(*signal, Arc::clone(interrupted), *signal as usize)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_says_is_understood() {
        for message in [
            Message::Ready,
            Message::Inside { counted: 500 },
            Message::Told { at: Duration::new(3, 7), deceased: 812 },
            Message::Done { counted: u64::MAX },
        ] {
            assert_eq!(Message::read(&message.to_string()), message);
        }
        for line in ["", "done", "done x", "done 1 2", "told 1", "ended"] {
            assert_eq!(Message::read(line), Message::Garbled(line.to_owned()));
        }
    }
}
