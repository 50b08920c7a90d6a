//! `SharedMemory`: bytes by name.
#![allow(unsafe_code)] // the buffer protocol

use crate::error;
use crate::handle::Handle;
use crate::opening::{Keywords, Opening};
use crate::repr;
use procsync::{Error, Kind, Object, Scope};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMemoryView, PyTuple};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

type State = procsync::SharedMemory;

/// What the memory's `buf` is a view of. As long as any view of it is left, the memory is mapped.
#[pyclass(frozen, module = "procsync._procsync", name = "_Mapping")]
pub(crate) struct Mapping {
    memory: Arc<State>,
    exports: AtomicUsize,
}

#[pymethods]
impl Mapping {
    /// # Safety
    /// CPython calls it by the rules of the buffer protocol.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let memory = &slf.get().memory;
        let start = memory.as_ptr().cast();
        // Mappings are never longer than `isize` can tell.
        let size = memory.size() as ffi::Py_ssize_t;
        // SAFETY: the view is to be filled in; the bytes are mapped, readable and writable, as long
        // as the object lives, of which the view gets a reference.
        let failed = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, size, 0, flags) };
        if failed != 0 {
            return Err(PyErr::fetch(slf.py()));
        }
        slf.get().exports.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// # Safety
    /// CPython calls it by the rules of the buffer protocol.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.exports.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The memory's own view of itself.
struct View {
    mapping: Py<Mapping>,
    view: Py<PyMemoryView>,
}

impl View {
    fn new(py: Python<'_>, memory: Arc<State>) -> PyResult<View> {
        let mapping = Bound::new(py, Mapping { memory, exports: AtomicUsize::new(0) })?;
        let view = PyMemoryView::from(mapping.as_any())?;
        Ok(View { view: view.unbind(), mapping: mapping.unbind() })
    }

    /// Gives the view back. If parts of it are in use elsewhere, the error comes with one that can be
    /// used further.
    fn release(self, py: Python<'_>) -> Result<(), (View, PyErr)> {
        if let Err(error) = self.view.bind(py).call_method0("release") {
            return Err((self, error));
        }
        if self.mapping.get().exports.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let error = PyBufferError::new_err("cannot close: there are other views of these bytes");
        match PyMemoryView::from(self.mapping.bind(py).as_any()) {
            Ok(view) => Err((View { view: view.unbind(), ..self }, error)),
            Err(error) => Err((self, error)),
        }
    }
}

/// Memory that all processes share which know the name.
#[pyclass(frozen, subclass, weakref, module = "procsync")]
pub(crate) struct SharedMemory {
    handle: Handle<State>,
    view: Mutex<Option<View>>,
    size: usize,
    created: bool,
}

impl SharedMemory {
    fn view(&self) -> std::sync::MutexGuard<'_, Option<View>> {
        self.view.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[pymethods]
impl SharedMemory {
    #[new]
    #[pyo3(signature = (name=None, size=0, **keywords), text_signature = "(name=None, size=0, *, how='open', scope='user', mode=None, persistent=False, participants=None)")]
    fn new(
        py: Python<'_>,
        name: Option<String>,
        size: i64,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let opening = Opening::read(name, Keywords::new("SharedMemory", keywords)?)?;
        let bytes = u64::try_from(size)
            .map_err(|_| PyValueError::new_err(format!("a size of {size} is not possible")))?;
        let memory = if opening.attaches() && opening.scope == Scope::User {
            // Also to one that another program made, of whatever size.
            let attached = py.detach(|| State::attach(&opening.name));
            attached.map_err(|error| error::exception(py, error))?
        } else {
            opening.open(py, State::options(bytes))?
        };
        let (size, created) = (memory.size(), memory.created());
        if (size as u64) < bytes {
            let object = Object { kind: Kind::SharedMemory, name: memory.name().to_owned() };
            let (wanted, found) = (format!("{bytes} or more"), size.to_string());
            let property = "size in bytes";
            return Err(error::exception(py, Error::Mismatch { object, property, wanted, found }));
        }
        let handle = Handle::new(opening, Kind::SharedMemory, memory);
        let memory = handle.share(py)?;
        let view = View::new(py, memory)?;
        Ok(SharedMemory { handle, view: Mutex::new(Some(view)), size, created })
    }

    /// The bytes, to read and to write. Other processes may change them at any time.
    #[getter]
    fn buf(&self, py: Python<'_>) -> PyResult<Py<PyMemoryView>> {
        let view = self.view();
        view.as_ref()
            .map(|view| view.view.clone_ref(py))
            .ok_or_else(|| self.handle.closed_error(py))
    }

    /// Its size in bytes.
    #[getter]
    fn size(&self) -> usize {
        self.size
    }

    fn __len__(&self) -> usize {
        self.size
    }

    /// Whether this handle's opening created it.
    #[getter]
    fn created(&self) -> bool {
        self.created
    }

    /// How many processes have it open by procsync, this one included.
    #[getter]
    fn processes(&self, py: Python<'_>) -> PyResult<u32> {
        let memory = self.handle.share(py)?;
        py.detach(|| memory.attached_processes()).map_err(|error| error::exception(py, error))
    }

    /// Its name, without prefix.
    #[getter]
    fn name(&self) -> &str {
        self.handle.name()
    }

    /// Whether this handle was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        self.handle.is_closed(py)
    }

    /// Closes this handle and releases `buf`; BufferError if there are other views of it.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        // Taken out first, so that no lock is held while Python code runs.
        let view = self.view().take();
        if let Some(view) = view
            && let Err((view, error)) = view.release(py)
        {
            *self.view() = Some(view);
            return Err(error);
        }
        self.handle.close(py);
        Ok(())
    }

    /// Removes the object: it goes with its last user, even if it is persistent.
    fn remove(&self, py: Python<'_>) -> PyResult<()> {
        let memory = self.handle.share(py)?;
        py.detach(|| memory.remove()).map(|_| ()).map_err(|error| error::exception(py, error))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let (arguments, keywords) = self.handle.opening.arguments(py)?;
        keywords.set_item("size", self.size)?;
        Ok((arguments, keywords))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let memory = slf.get();
        let closed = memory.handle.is_closed(slf.py());
        let state = if closed { "closed".to_owned() } else { format!("{} bytes", memory.size) };
        repr::other(slf, memory.handle.name(), &state)
    }
}
