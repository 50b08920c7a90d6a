//! The Python package's built module, `procsync._procsync`. It holds no policy: it translates.
//!
//! Only with the feature `extension`: the workspace is to be built where there is no Python.
#![cfg(feature = "extension")]
#![allow(missing_docs, reason = "its documentation is that of the Python package: the stubs")]

mod aio;
mod attached;
mod error;
mod event;
mod fast;
mod forks;
mod handle;
mod hold;
mod inspect;
mod interpreters;
mod lock;
mod native;
mod of_thread;
mod opening;
mod participant;
mod raw;
mod repr;
mod rlock;
mod semaphore;
mod shared_memory;
mod token_semaphore;
mod waiting;

use pyo3::prelude::*;

#[pymodule]
mod _procsync {
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::hold::Hold;
    #[pymodule_export]
    use crate::inspect::{Snapshot, list, remove, show, show_native};
    #[pymodule_export]
    use crate::lock::Lock;
    #[pymodule_export]
    use crate::native::{_native_unlink, NativeSemaphore};
    #[pymodule_export]
    use crate::participant::{Deceased, Participant};
    #[pymodule_export]
    use crate::raw::{AtomicU32, AtomicU64, FutexWord};
    #[pymodule_export]
    use crate::rlock::RLock;
    #[pymodule_export]
    use crate::semaphore::Semaphore;
    #[pymodule_export]
    use crate::shared_memory::SharedMemory;
    #[pymodule_export]
    use crate::token_semaphore::TokenSemaphore;
    #[pymodule_export]
    use crate::waiting::Cancel;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        crate::interpreters::refuse_a_second_one(py)?;
        crate::forks::watch();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        crate::lock::add_methods(py)?;
        crate::rlock::add_methods(py)?;
        crate::semaphore::add_methods(py)?;
        crate::token_semaphore::add_methods(py)?;
        crate::event::add_methods(py)?;
        // Their names are those of named objects' classes too, so they have other ones here.
        module.add("RawMutex", py.get_type::<crate::raw::RawMutex>())?;
        module.add("RawSemaphore", py.get_type::<crate::raw::RawSemaphore>())?;
        crate::raw::add_methods(py)
    }
}
