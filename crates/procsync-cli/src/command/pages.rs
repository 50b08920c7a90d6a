//! `procsync completions` and `procsync man`: made from the arguments as they are.

use crate::cli::{self, Cli};
use crate::exit::{Exit, Failure};
use clap::{Command, CommandFactory};
use std::fs;
use std::io::Write;

pub(crate) fn completions(arguments: &cli::Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "procsync", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Success)
}

pub(crate) fn man(arguments: &cli::Man) -> Result<Exit, Failure> {
    let whole = Cli::command();
    let Some(directory) = &arguments.directory else {
        let page = match &arguments.verb {
            None => page(whole)?,
            Some(verb) => {
                let unknown = || Failure::new(Exit::Usage, format!("there is no verb {verb:?}"));
                page(of_verb(whole.find_subcommand(verb).ok_or_else(unknown)?))?
            }
        };
        std::io::stdout().write_all(&page)?;
        return Ok(Exit::Success);
    };
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("cannot write to {}: {error}", directory.display()))
    };
    fs::create_dir_all(directory).map_err(failed)?;
    for verb in whole.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let file = directory.join(format!("procsync-{}.1", verb.get_name()));
        fs::write(file, page(of_verb(verb))?).map_err(failed)?;
    }
    fs::write(directory.join("procsync.1"), page(whole)?).map_err(failed)?;
    Ok(Exit::Success)
}

/// Named as its page is: `procsync-run`.
fn of_verb(verb: &Command) -> Command {
    verb.clone().name(format!("procsync-{}", verb.get_name())).version(env!("CARGO_PKG_VERSION"))
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
