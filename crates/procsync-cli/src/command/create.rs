//! `procsync create`: makes an object that stays.

use super::run::scope;
use crate::cli::{self, Creatable};
use crate::exit::{Exit, Failure};
use procsync::{
    Event, Mutex, Named, Options, ReentrantMutex, Reset, Semaphore, SharedMemory, TokenSemaphore,
};

pub(crate) fn run(arguments: &cli::Create) -> Result<Exit, Failure> {
    check(arguments)?;
    let name = &arguments.name;
    match arguments.kind {
        Creatable::Mutex => make(&Mutex::<()>::options(), arguments),
        Creatable::ReentrantMutex => make(&ReentrantMutex::options(), arguments),
        Creatable::Semaphore => {
            let missing = || Failure::new(Exit::Usage, "a semaphore needs --permits");
            make(&Semaphore::options(arguments.permits.ok_or_else(missing)?), arguments)
        }
        Creatable::Tokens => {
            make(&TokenSemaphore::options(arguments.count.unwrap_or(0)), arguments)
        }
        Creatable::Event => {
            let reset = if arguments.auto { Reset::Auto } else { Reset::Manual };
            make(&Event::options(reset), arguments)
        }
        Creatable::Memory => {
            let missing = || Failure::new(Exit::Usage, "a shared memory needs --bytes");
            make(&SharedMemory::options(arguments.bytes.ok_or_else(missing)?), arguments)
        }
        Creatable::Native => super::native::create(arguments),
    }
    .map_err(|failure| match failure.exit {
        Exit::Usage => Failure::new(
            Exit::Usage,
            format!("cannot create {name}: {}", failure.message.unwrap_or_default()),
        ),
        _ => failure,
    })
}

/// What is special to one kind makes no sense for another.
fn check(arguments: &cli::Create) -> Result<(), Failure> {
    let kind = arguments.kind;
    for (given, option, meant) in [
        (arguments.permits.is_some(), "--permits", Creatable::Semaphore),
        (arguments.count.is_some(), "--count", Creatable::Tokens),
        (arguments.bytes.is_some(), "--bytes", Creatable::Memory),
        (arguments.auto, "--auto", Creatable::Event),
    ] {
        let units = option == "--permits" && kind == Creatable::Native;
        if given && kind != meant && !units {
            let message = format!("{option} is for {meant:?} only, not for {kind:?}");
            return Err(Failure::new(Exit::Usage, message.to_lowercase()));
        }
    }
    Ok(())
}

fn make<O: Named>(options: &Options<O>, arguments: &cli::Create) -> Result<Exit, Failure> {
    let mut options =
        options.clone().persistent(true).scope(scope(arguments.place.scope, arguments.mode)?);
    if let Some(participants) = arguments.participants {
        options = options.participants(participants);
    }
    if arguments.if_missing {
        options.open(&arguments.name)?;
    } else {
        options.create(&arguments.name)?;
    }
    Ok(Exit::Success)
}
