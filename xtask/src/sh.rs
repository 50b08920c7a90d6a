//! Running commands, each shown as a line that can be pasted into a shell.

use std::env;
use std::io::{self, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a finished command's output must be silent before we stop waiting for its end.
const QUIET: Duration = Duration::from_secs(1);

/// Runs it; answers why it failed, if it did.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    show(command);
    let status = command.status().map_err(|error| cannot_run(command, &error))?;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// Whether a tool is installed: whether it runs at all and answers success.
pub(crate) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs it, shows its standard output as it comes, and hands it back as well.
pub(crate) fn run_reading(command: &mut Command) -> Result<(ExitStatus, String), String> {
    show(command);
    run_copying(command, &mut io::stdout())
}

fn run_copying(
    command: &mut Command,
    terminal: &mut impl Write,
) -> Result<(ExitStatus, String), String> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_run(command, &error))?;
    let mut output = child.stdout.take().expect("the output was piped in the line above");
    let (chunks, incoming) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        loop {
            match output.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(length) if length > 0 && chunks.send(buffer[..length].to_vec()).is_ok() => {}
                _ => return,
            }
        }
    });

    let mut text = Vec::new();
    let mut shown = 0;
    let mut ended = false;
    loop {
        let chunk = incoming.recv_timeout(QUIET);
        if let Ok(chunk) = &chunk {
            text.extend_from_slice(chunk);
        }
        // Whole lines, so that they do not mix with the error output's; but not for ever, for the
        // beginning of a line may name the test that hangs.
        let end = match chunk {
            Ok(_) => text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1),
            Err(_) => text.len(),
        };
        if end > shown {
            // A closed terminal must not end the checks.
            let _ = terminal.write_all(&text[shown..end]).and_then(|()| terminal.flush());
            shown = end;
        }
        match chunk {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => break,
            // A killed test may leave helper processes behind, and while one of them has the
            // pipe, it never ends.
            Err(RecvTimeoutError::Timeout) if ended => {
                eprintln!("xtask: a process that this command started still runs; not waiting");
                break;
            }
            Err(RecvTimeoutError::Timeout) => {
                ended = child.try_wait().map_err(|error| error.to_string())?.is_some();
            }
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

fn cannot_run(command: &Command, error: &io::Error) -> String {
    format!("cannot run {}: {error}", command.get_program().to_string_lossy())
}

fn show(command: &Command) {
    eprintln!("\n$ {}", command_line(command));
}

/// The command as a shell would take it, with the environment in which it differs from ours.
fn command_line(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        let Some(value) = value else { continue };
        if env::var_os(name).as_deref() != Some(value) {
            words.push(format!("{}={}", name.to_string_lossy(), quoted(&value.to_string_lossy())));
        }
    }
    let program = command.get_program().to_string_lossy();
    // Rustup hands on the full path of the tool; everybody types the name.
    let name = program.rsplit(['/', '\\']).next().unwrap_or(&program);
    words.push(quoted(name));
    words.extend(command.get_args().map(|argument| quoted(&argument.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=+,@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shown_can_be_pasted() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["test", "--test", "*", "--", "it's"]).env("XTASK_TESTS_ONLY", "--cfg loom");
        assert_eq!(
            command_line(&command),
            r"XTASK_TESTS_ONLY='--cfg loom' cargo test --test '*' -- 'it'\''s'"
        );
    }

    #[test]
    fn a_command_that_is_not_there_is_named_in_the_error() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(error.contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn a_tool_that_is_not_there_does_not_answer() {
        assert!(!answers(&mut Command::new("no-such-program-here")));
    }

    #[cfg(unix)]
    #[test]
    fn output_and_exit_status_are_both_handed_back() {
        let mut command = Command::new("sh");
        let mut shown = Vec::new();
        command.args(["-c", "echo one; printf two; exit 3"]);
        let (status, text) = run_copying(&mut command, &mut shown).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(text, "one\ntwo");
        assert_eq!(shown, text.as_bytes());
    }

    #[cfg(unix)]
    #[test]
    fn a_helper_left_behind_does_not_hold_us_up() {
        use std::time::Instant;

        let mut command = Command::new("sh");
        // The helper keeps the pipe but not our own error output, which others may wait for.
        command.args(["-c", "sleep 300 2>/dev/null & echo $!"]);
        let started = Instant::now();
        let (status, helper) = run_copying(&mut command, &mut io::sink()).unwrap();
        let waited = started.elapsed();
        assert!(answers(Command::new("kill").arg(helper.trim())), "the helper was gone already");
        assert!(status.success());
        assert!(waited < Duration::from_secs(150), "waited {waited:?} for the helper");
    }
}
