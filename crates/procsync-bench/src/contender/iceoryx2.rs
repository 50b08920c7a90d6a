//! iceoryx2's event: notifiers send to all listeners that there are just then.
//!
//! Who would both notify and listen would wake himself. So the two sides of a count of tokens attach differently, and who
//! creates an object only keeps it; a gate's creator notifies, those who attach to it listen.

use std::error::Error;
use std::fs;
use std::io;

use iceoryx2::config::Config;
use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::prelude::{
    FileName, LogLevel, Path, SemanticString as _, SignalHandlingMode, ipc, set_log_level,
};
use iceoryx2::service::port_factory::event::PortFactory;

use super::{Gate, Object, Place, Tokens};
use crate::control::MOST_WORKERS;

type Service = ipc::Service;

/// Everybody, the one who creates and the one who measures.
const MOST: usize = MOST_WORKERS + 2;

pub(super) struct Event {
    // In the order in which they have to go.
    notifier: Option<Notifier<Service>>,
    listener: Option<Listener<Service>>,
    service: PortFactory<Service>,
    _node: Node<Service>,
}

fn error(error: impl Error) -> io::Error {
    io::Error::other(format!("iceoryx2: {error:?}"))
}

/// Shorter than the place's: names are part of the address of a socket, which may have 107 letters in all.
fn short_name(place: &Place) -> &str {
    place.name.strip_prefix("procsync-bench-").unwrap_or(&place.name)
}

/// Its files lie in the private directory, as those of other contenders do.
fn directory(place: &Place) -> std::path::PathBuf {
    place.directory.join(short_name(place))
}

/// Some of its shared memory lies elsewhere, under names that begin so.
fn prefix(place: &Place) -> String {
    format!("{}_", short_name(place))
}

impl Event {
    fn open(place: &Place, create: bool) -> io::Result<Self> {
        // It warns of its own habits, once for each process.
        set_log_level(LogLevel::Fatal);
        let mut config = Config::default();
        let root = directory(place);
        let root = Path::new(root.as_os_str().as_encoded_bytes()).map_err(|_| {
            io::Error::other("iceoryx2: a path that is too long, or with letters that it refuses")
        })?;
        config.global.set_root_path(&root);
        config.global.prefix = FileName::new(prefix(place).as_bytes()).map_err(|_| {
            io::Error::other("iceoryx2: a name that is too long, or with letters that it refuses")
        })?;
        let node = NodeBuilder::new()
            .config(&config)
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create::<Service>()
            .map_err(error)?;
        let name = place.name.as_str().try_into().map_err(error)?;
        let service = node.service_builder(&name).event();
        let service = if create {
            let roomy = service.max_nodes(MOST).max_listeners(MOST).max_notifiers(MOST);
            roomy.create().map_err(error)?
        } else {
            service.open().map_err(error)?
        };
        Ok(Event { notifier: None, listener: None, service, _node: node })
    }

    fn notifying(mut self) -> io::Result<Self> {
        self.notifier = Some(self.service.notifier_builder().create().map_err(error)?);
        Ok(self)
    }

    fn listening(mut self) -> io::Result<Self> {
        self.listener = Some(self.service.listener_builder().create().map_err(error)?);
        Ok(self)
    }

    #[inline]
    fn notify(&self) -> usize {
        let notifier = self.notifier.as_ref().expect("attached in order to notify");
        notifier.notify().expect("the system refuses")
    }

    #[inline]
    fn await_notification(&self) {
        let listener = self.listener.as_ref().expect("attached in order to listen");
        // It may wake without cause.
        while listener.blocking_wait_one().expect("the system refuses").is_none() {}
    }
}

impl Object for Event {
    const NAME: &'static str = "iceoryx2";
    const ABOUT: &'static str = "iceoryx2's event: a notifier and listeners";

    fn create(place: &Place) -> io::Result<Self> {
        Event::open(place, true)?.notifying()
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Event::open(place, false)?.listening()
    }

    fn remove(place: &Place) -> io::Result<()> {
        match fs::remove_dir_all(directory(place)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // It leaves one behind, for the next one with the same prefix, which there never is.
        for entry in fs::read_dir("/dev/shm")? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(&prefix(place)) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

impl Tokens for Event {
    fn attach_to_post(place: &Place) -> io::Result<Self> {
        Event::open(place, false)?.notifying()
    }

    #[inline]
    fn post(&self) {
        assert_eq!(self.notify(), 1, "one listens");
    }

    #[inline]
    fn wait(&self) {
        self.await_notification();
    }
}

impl Gate for Event {
    fn open(&self, waiters: u32) {
        assert_eq!(self.notify(), waiters as usize, "all who wait listen");
    }

    /// A notification is gone when everybody has got it.
    fn shut(&self) {}

    fn pass(&self) {
        self.await_notification();
    }
}
