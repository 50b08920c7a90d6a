//! How procsync ends.

use procsync::Error;
use std::io;
use std::process::ExitStatus;

/// Every way to end, as a shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    /// Anything that has no number of its own.
    Failed,
    /// What was typed makes no sense.
    Usage,
    /// What was looked for and is bad news was found: a deadlock, something wrong.
    Found,
    /// What was waited for could not be had in time: `EX_TEMPFAIL` of sysexits.h.
    NotInTime,
    /// The same, as the user wants to be told it.
    Otherwise(u8),
    /// The command is there but cannot be executed: 126, as of a shell.
    NotExecutable,
    /// There is no such command: 127, as of a shell.
    NotFound,
    /// The command's own status.
    Command(i32),
    /// Signal N killed the command: 128 + N, as of a shell.
    Signalled(i32),
}

impl Exit {
    pub(crate) fn code(self) -> i32 {
        match self {
            Exit::Success => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Found => 3,
            Exit::NotInTime => 75,
            Exit::Otherwise(code) => i32::from(code),
            Exit::NotExecutable => 126,
            Exit::NotFound => 127,
            Exit::Command(status) => status,
            Exit::Signalled(signal) => 128 + signal,
        }
    }

    /// How a command that could not be started makes procsync end.
    pub(crate) fn of_start(error: &io::Error) -> Exit {
        match error.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            // No room for another process; the command may be as good as any.
            io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => Exit::Failed,
            _ => Exit::NotExecutable,
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Exit {
        match crate::sys::signal_of(status) {
            Some(signal) => Exit::Signalled(signal),
            None => status.code().map_or(Exit::Failed, Exit::Command),
        }
    }
}

/// What keeps a verb from its end.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// None: there is nothing to say, or nobody to say it to.
    pub(crate) message: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: Some(message.into()) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match error {
            Error::TimedOut { .. } => Exit::NotInTime,
            _ => Exit::Failed,
        };
        Failure::new(exit, error.to_string())
    }
}

/// Of writing to standard output. That nobody reads on (`procsync ls | head -1`) is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure { exit: Exit::Success, message: None },
            _ => Failure::new(Exit::Failed, format!("cannot write to standard output: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procsync::{Kind, Object};

    #[test]
    fn every_end_has_the_number_that_the_documentation_gives_it() {
        for (exit, code) in [
            (Exit::Success, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Found, 3),
            (Exit::NotInTime, 75),
            (Exit::Otherwise(9), 9),
            (Exit::NotExecutable, 126),
            (Exit::NotFound, 127),
            (Exit::Command(3), 3),
            (Exit::Signalled(9), 137),
        ] {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn only_a_wait_that_took_too_long_is_worth_trying_again() {
        let object = || Object { kind: Kind::Mutex, name: "x".to_owned() };
        let waited = std::time::Duration::ZERO;
        let timed_out = Error::TimedOut { object: object(), waited, holder: None };
        assert_eq!(Failure::from(timed_out).exit, Exit::NotInTime);
        assert_eq!(Failure::from(Error::NotFound { object: object() }).exit, Exit::Failed);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit, failure.message), (Exit::Success, None));
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit, Exit::Failed);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_ends_as_a_shell_would_say() {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(Exit::from(ExitStatus::from_raw(7 << 8)), Exit::Command(7));
        assert_eq!(Exit::from(ExitStatus::from_raw(15)).code(), 143);
    }
}
