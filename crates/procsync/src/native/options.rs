//! How a native semaphore is to be.

use super::{NativeName, NativeSemaphore, Observer, registry};
use crate::error::{Error, Result};
use crate::segment::layout::MOST_SLOTS;
use crate::segment::place::Scope;
use crate::sys::native;
use std::fmt;
use std::rc::Rc;

/// How a native semaphore is to be; [`instantiate`](Self::instantiate) gives the instance.
///
/// ```
/// use procsync::native::NativeOptions;
///
/// let name = format!("native-options-{}", std::process::id());
/// let printers = NativeOptions::new().initial(3).mode(0o600).instantiate(&name)?;
/// assert!(printers.open()?.created);
/// printers.lock()?;
/// assert_eq!(printers.accounts()?.unwrap().held, 1);
/// # printers.unlock()?;
/// # printers.close()?;
/// # printers.unlink()?;
/// # Ok::<(), procsync::Error>(())
/// ```
#[derive(Clone)]
pub struct NativeOptions {
    pub(super) settings: Settings,
    observer: Option<Rc<dyn Observer>>,
}

/// What two instances may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) initial: u32,
    pub(super) mode: u32,
    pub(super) scope: Scope,
    pub(super) ledger: bool,
    pub(super) participants: u32,
}

impl Default for NativeOptions {
    fn default() -> Self {
        NativeOptions::new()
    }
}

impl NativeOptions {
    /// One unit, mode 644, a ledger for this user.
    pub fn new() -> Self {
        let settings = Settings {
            initial: 1,
            mode: 0o644,
            scope: Scope::User,
            ledger: true,
            participants: 1_024,
        };
        NativeOptions { settings, observer: None }
    }

    /// How many units the semaphore has if this makes it (default 1, at most 2³¹ − 1). One that is
    /// there keeps the count that it has. 0: it is not for locking, others post.
    #[must_use]
    pub fn initial(mut self, units: u32) -> Self {
        self.settings.initial = units;
        self
    }

    /// Who may use the semaphore if this makes it, as in chmod(2); cut by the umask (default 644, which
    /// lets its owner use it, and root). Without meaning on Windows.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Who shares the ledger (default: the processes of this user). Several users who share a semaphore
    /// should all say [`Scope::Machine`], else what the others hold is unknown to each.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.settings.scope = scope;
        self
    }

    /// Whether a ledger is kept (default: yes). Without one a lock and an unlock are the bare system
    /// calls: nobody knows who holds, and what a dead holder held is lost.
    #[must_use]
    pub fn ledger(mut self, ledger: bool) -> Self {
        self.settings.ledger = ledger;
        self
    }

    /// How many can use it at once with a ledger, each process and each of its threads counting as one: 2
    /// to 65,536, default 1,024. Counts when the ledger is made; each takes 32 bytes.
    #[must_use]
    pub fn participants(mut self, participants: u32) -> Self {
        self.settings.participants = participants;
        self
    }

    /// Who follows its steps.
    #[must_use]
    pub fn observer(mut self, observer: Rc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// This thread's instance for this name: the one that is registered, as long as somebody has it and it
    /// was not closed, else a new one, which is registered.
    ///
    /// # Errors
    /// [`Error::InvalidName`]; [`Error::InvalidArgument`] for a count or a number of participants that
    /// cannot be; [`Error::Mismatch`] if the registered instance has other options. (An observer given
    /// here is set in either case.)
    pub fn instantiate(&self, name: &str) -> Result<NativeSemaphore> {
        let name = NativeName::new(name)?;
        self.check(&name)?;
        let instance = match registry::find(&name) {
            Some(instance) => {
                instance.check_settings(&self.settings)?;
                instance
            }
            None => {
                let instance = NativeSemaphore::new(name, self.settings);
                registry::register(&instance)?;
                instance
            }
        };
        if let Some(observer) = &self.observer {
            instance.observe(observer.clone());
        }
        Ok(instance)
    }

    /// An instance of its own that is not registered; [`NativeSemaphore::register`] does that. Two
    /// instances of one thread wait for each other like strangers.
    ///
    /// # Errors
    /// As for [`instantiate`](Self::instantiate).
    pub fn unregistered(&self, name: &str) -> Result<NativeSemaphore> {
        let name = NativeName::new(name)?;
        self.check(&name)?;
        let instance = NativeSemaphore::new(name, self.settings);
        if let Some(observer) = &self.observer {
            instance.observe(observer.clone());
        }
        Ok(instance)
    }

    fn check(&self, name: &NativeName) -> Result<()> {
        let invalid = |reason| Err(Error::InvalidArgument { object: name.object(), reason });
        let Settings { initial, participants, .. } = self.settings;
        if initial > native::MOST {
            return invalid(format!("{initial} units are not possible; 0 to {} are", native::MOST));
        }
        // A process that uses it takes one place, and each thread another.
        if !(2..=MOST_SLOTS).contains(&participants) {
            return invalid(format!(
                "{participants} participants are not possible; 2 to {MOST_SLOTS} are"
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for NativeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeOptions")
            .field("settings", &self.settings)
            .field("observed", &self.observer.is_some())
            .finish()
    }
}
