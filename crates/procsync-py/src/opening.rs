//! How an object is opened: what the constructors of all classes have in common.

use crate::error;
use procsync::{Named, Options, Result, Scope, Spin};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::hash::{BuildHasher, Hasher};

/// What to do about the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Open,
    Create,
    Attach,
}

/// The keywords that all constructors know.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// Nobody gave it a name: it got one that nobody else has.
    anonymous: bool,
    how: How,
    persistent: bool,
    participants: Option<u32>,
    spin: Option<Spin>,
}

/// Keywords that are left when those of one class have been taken out.
pub(crate) struct Keywords<'py> {
    class: &'static str,
    left: Option<Bound<'py, PyDict>>,
}

impl<'py> Keywords<'py> {
    pub(crate) fn new(class: &'static str, given: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let left = given.map(|given| given.copy()).transpose()?;
        Ok(Keywords { class, left })
    }

    pub(crate) fn take<T>(&self, name: &str) -> PyResult<Option<T>>
    where
        T: FromPyObjectOwned<'py>,
    {
        let Some(left) = &self.left else { return Ok(None) };
        let Some(value) = left.get_item(name)? else { return Ok(None) };
        left.del_item(name)?;
        if value.is_none() { Ok(None) } else { value.extract().map(Some).map_err(Into::into) }
    }

    fn end(self) -> PyResult<()> {
        let Some(left) = self.left else { return Ok(()) };
        match left.keys().iter().next() {
            None => Ok(()),
            Some(unknown) => Err(PyTypeError::new_err(format!(
                "{}() got an unexpected keyword argument '{unknown}'",
                self.class
            ))),
        }
    }
}

impl Opening {
    /// Reads the keywords that are left, all of them.
    pub(crate) fn read(name: Option<String>, keywords: Keywords<'_>) -> PyResult<Opening> {
        let how = match keywords.take::<String>("how")?.as_deref() {
            None | Some("open") => How::Open,
            Some("create") => How::Create,
            Some("attach") => How::Attach,
            Some(other) => {
                return Err(PyValueError::new_err(format!(
                    "how={other:?} is not possible; \"open\", \"create\" and \"attach\" are"
                )));
            }
        };
        let mode = keywords.take::<u32>("mode")?;
        let scope = match (keywords.take::<String>("scope")?.as_deref(), mode) {
            (None | Some("user"), None) => Scope::User,
            (Some("machine"), Some(mode)) => Scope::Machine { mode },
            (Some("machine"), None) => {
                return Err(PyValueError::new_err(
                    "scope=\"machine\" needs a mode: whom to let in, 0o666 everybody, 0o660 the group",
                ));
            }
            (None | Some("user"), Some(_)) => {
                return Err(PyValueError::new_err("a mode goes with scope=\"machine\""));
            }
            (Some(other), _) => {
                return Err(PyValueError::new_err(format!(
                    "scope={other:?} is not possible; \"user\" and \"machine\" are"
                )));
            }
        };
        let persistent = keywords.take("persistent")?.unwrap_or(false);
        let participants = keywords.take("participants")?;
        let spin = keywords.take::<Bound<'_, PyAny>>("spin")?.map(|spin| read_spin(&spin));
        let spin = spin.transpose()?;
        keywords.end()?;
        let anonymous = name.is_none();
        if anonymous && how == How::Attach {
            return Err(PyValueError::new_err("there is nothing to attach to without a name"));
        }
        let (name, how) = match name {
            Some(name) => (name, how),
            None => (generated_name(), How::Create),
        };
        Ok(Opening { name, scope, anonymous, how, persistent, participants, spin })
    }

    pub(crate) fn attaches(&self) -> bool {
        self.how == How::Attach
    }

    /// Opens the object, detached from the interpreter: it takes some system calls, and may wait
    /// for another process that is creating or removing it.
    pub(crate) fn open<O: Named + Send>(&self, py: Python<'_>, options: Options<O>) -> PyResult<O>
    where
        Options<O>: Send,
    {
        let opened: Result<O> = py.detach(|| {
            let mut options = options.scope(self.scope).persistent(self.persistent);
            if let Some(participants) = self.participants {
                options = options.participants(participants);
            }
            if let Some(spin) = self.spin {
                options = options.spin(spin);
            }
            match self.how {
                How::Open => options.open(&self.name),
                How::Create => options.create(&self.name),
                How::Attach => options.attach(&self.name),
            }
        });
        opened.map_err(|error| error::exception(py, error))
    }

    /// With which arguments a copy in another process is made (`__getnewargs_ex__`): by name only.
    /// What has no name of its own must still be there then; what has one is opened like this one.
    pub(crate) fn arguments<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let keywords = PyDict::new(py);
        if self.anonymous || self.how == How::Attach {
            keywords.set_item("how", "attach")?;
        }
        if let Scope::Machine { mode } = self.scope {
            keywords.set_item("scope", "machine")?;
            keywords.set_item("mode", mode)?;
        }
        if self.persistent {
            keywords.set_item("persistent", true)?;
        }
        if let Some(participants) = self.participants {
            keywords.set_item("participants", participants)?;
        }
        match self.spin {
            None => {}
            Some(Spin::Never) => keywords.set_item("spin", "never")?,
            Some(Spin::Pauses(pauses)) => keywords.set_item("spin", pauses)?,
            Some(_) => keywords.set_item("spin", "adaptive")?,
        }
        Ok((PyTuple::new(py, [&self.name])?, keywords))
    }
}

fn read_spin(given: &Bound<'_, PyAny>) -> PyResult<Spin> {
    let text = given.str()?;
    Spin::parse(text.to_str()?).filter(|_| !text.to_string_lossy().is_empty()).ok_or_else(|| {
        PyValueError::new_err(format!(
            "spin={} is not possible; \"adaptive\", \"never\" and a number of pauses are",
            text.to_string_lossy()
        ))
    })
}

/// A name that nobody else has: the process that made it, to be shown, and 64 random bits.
fn generated_name() -> String {
    // Each `RandomState` has keys of its own, from the system's random numbers.
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("anonymous-{}-{random:016x}", std::process::id())
}

/// A scope for [`procsync::inspect`] and [`procsync::remove`].
pub(crate) fn read_scope(scope: &str) -> PyResult<Scope> {
    match scope {
        "user" => Ok(Scope::User),
        // Only where to look counts.
        "machine" => Ok(Scope::Machine { mode: 0 }),
        other => Err(PyValueError::new_err(format!(
            "scope={other:?} is not possible; \"user\" and \"machine\" are"
        ))),
    }
}
