//! Methods that are called so often that the way they are called counts.
//!
//! A method that `#[pymethods]` declares takes its arguments apart and guards against panics before
//! it begins: more than what an uncontended lock does. The few methods in whose name this library
//! is used are therefore declared by hand here, as CPython declares its own: first the short path
//! that needs neither, then, if that does not lead to the end, the same as everybody does.
//! `docs/python.md` has the figures.
#![allow(unsafe_code)] // functions that CPython calls

use crate::waiting::Patience;
use pyo3::PyClass;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};
use std::ffi::CStr;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A class whose objects are acquired and released.
pub(crate) trait Acquire:
    PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync
{
    /// Acquires it if that takes but an atomic operation. It must not panic, and not call Python.
    fn at_once(&self, py: Python<'_>) -> bool;
    /// Acquires it, waiting as long as it must.
    fn acquire(&self, py: Python<'_>, patience: Patience) -> PyResult<bool>;
    /// Releases it. It must not panic, and not call Python.
    fn release(&self, py: Python<'_>) -> Result<(), Refused>;
    /// The exception for a refusal.
    fn explain(&self, py: Python<'_>, refused: Refused) -> PyErr;
}

/// Why something was not released.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The object is closed.
    Closed,
    /// There was nothing to release.
    NotAcquired,
    /// The library says why.
    Named(Box<procsync::Error>),
    /// The raw layer says why.
    Raw(procsync::raw::Error),
}

/// What a method is given by CPython: `METH_FASTCALL | METH_KEYWORDS`.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    values: *const *mut PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut PyObject,
    call: PhantomData<&'a ()>,
}

impl Arguments<'_> {
    /// # Safety
    /// They must be what CPython has given to a method that goes on running for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(
        values: *const *mut PyObject,
        positional: ffi::Py_ssize_t,
        names: *mut PyObject,
    ) -> Self {
        Arguments { values, positional, names, call: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn is_empty(self) -> bool {
        self.positional == 0 && self.names.is_null()
    }

    /// The arguments by their places, as `def function(self, NAMES…)` would get them.
    pub(crate) fn read<'py, const N: usize>(
        self,
        py: Python<'py>,
        function: &str,
        parameters: [&str; N],
    ) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
        let mut read = [const { None }; N];
        let positional = self.positional as usize;
        if positional > N {
            return Err(PyTypeError::new_err(format!(
                "{function}() takes at most {N} arguments ({positional} given)"
            )));
        }
        let value = |index| {
            // SAFETY: CPython gives as many values as it says, then one for each name (`new`).
            let place = unsafe { self.values.add(index) };
            // SAFETY: as above.
            let value = unsafe { *place };
            // SAFETY: a live object, which the caller of the method keeps.
            unsafe { Bound::from_borrowed_ptr(py, value) }
        };
        for (index, place) in read.iter_mut().enumerate().take(positional) {
            *place = Some(value(index));
        }
        if !self.names.is_null() {
            // SAFETY: a live tuple of strings, by CPython's calling convention.
            let names = unsafe { Bound::from_borrowed_ptr(py, self.names) };
            let names = names.cast_into::<PyTuple>()?;
            for (index, name) in names.iter().enumerate() {
                let name = name.cast_into::<PyString>()?;
                let name = name.to_str()?;
                let Some(at) = parameters.iter().position(|parameter| *parameter == name) else {
                    return Err(PyTypeError::new_err(format!(
                        "{function}() got an unexpected keyword argument '{name}'"
                    )));
                };
                if read[at].replace(value(positional + index)).is_some() {
                    return Err(PyTypeError::new_err(format!(
                        "{function}() got multiple values for argument '{name}'"
                    )));
                }
            }
        }
        Ok(read)
    }
}

/// The object whose method is called.
///
/// # Safety
/// `object` must be a live object of class `T` or of one derived from it, for as long as `'a`.
#[inline(always)]
pub(crate) unsafe fn receiver<'a, T>(py: Python<'a>, object: *mut PyObject) -> &'a T
where
    T: PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync,
{
    // SAFETY: live, as the caller promises.
    let object = unsafe { Borrowed::from_ptr(py, object) };
    // SAFETY: of that class, as the caller promises.
    let object: Borrowed<'a, 'a, T> = unsafe { object.cast_unchecked() };
    let value: *const T = object.get();
    // SAFETY: lies in the object, which lives for `'a`; a frozen class gives out shared references
    // only.
    unsafe { &*value }
}

/// The token of a thread that CPython has called.
///
/// # Safety
/// Only in a function that CPython calls, and before it is left.
#[inline(always)]
pub(crate) unsafe fn token<'a>() -> Python<'a> {
    // SAFETY: CPython calls methods in attached threads only.
    unsafe { Python::assume_attached() }
}

#[inline(always)]
pub(crate) fn bool_object(py: Python<'_>, value: bool) -> *mut PyObject {
    PyBool::new(py, value).to_owned().into_any().into_ptr()
}

#[inline(always)]
pub(crate) fn none_object(py: Python<'_>) -> *mut PyObject {
    py.None().into_ptr()
}

#[inline(always)]
pub(crate) fn int_object(value: u64) -> *mut PyObject {
    // SAFETY: attached: only functions that CPython calls use it. Null is an exception, which is
    // handed on.
    unsafe { ffi::PyLong_FromUnsignedLongLong(value) }
}

/// An argument that has no default.
pub(crate) fn required<'py>(
    given: Option<Bound<'py, PyAny>>,
    function: &str,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    given.ok_or_else(|| {
        PyTypeError::new_err(format!("{function}() missing required argument: '{name}'"))
    })
}

/// Runs what may raise, panic or take its time, and answers CPython as it wants it.
#[cold]
#[inline(never)]
pub(crate) fn slowly(body: impl FnOnce(Python<'_>) -> PyResult<*mut PyObject>) -> *mut PyObject {
    // Attached by the book, so that objects that go are freed at once.
    Python::attach(|py| {
        let outcome = catch_unwind(AssertUnwindSafe(|| body(py)));
        let outcome = outcome.unwrap_or_else(|_| {
            Err(PyRuntimeError::new_err("procsync panicked; please report this as a bug"))
        });
        outcome.unwrap_or_else(|error| {
            error.restore(py);
            std::ptr::null_mut()
        })
    })
}

/// A method that is declared by hand.
pub(crate) enum Method {
    /// `method()`
    Plain(unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject),
    /// `method(argument)`
    One(unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject),
    /// `method(…)`
    Many(ffi::PyCFunctionFastWithKeywords),
    /// `method(…)`, without names
    Positional(ffi::PyCFunctionFast),
}

/// Adds methods to a class. A documentation begins with the signature, as in CPython's own sources.
pub(crate) fn add<T: PyClass>(
    py: Python<'_>,
    methods: Vec<(&'static CStr, Method, &'static CStr)>,
) -> PyResult<()> {
    let class = py.get_type::<T>();
    for (name, method, documentation) in methods {
        use ffi::PyMethodDefPointer as Pointer;
        let (pointer, flags) = match method {
            Method::Plain(function) => (Pointer { PyCFunction: function }, ffi::METH_NOARGS),
            Method::One(function) => (Pointer { PyCFunction: function }, ffi::METH_O),
            Method::Positional(function) => {
                (Pointer { PyCFunctionFast: function }, ffi::METH_FASTCALL)
            }
            Method::Many(function) => (
                Pointer { PyCFunctionFastWithKeywords: function },
                ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ),
        };
        // Kept for good, for the class points to it and is never freed.
        let definition = Box::leak(Box::new(ffi::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: pointer,
            ml_flags: flags,
            ml_doc: documentation.as_ptr(),
        }));
        // SAFETY: the class is live, the definition lives for ever, and its flags say what its
        // function takes.
        let descriptor = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition) };
        // SAFETY: a new object, or null with an exception set.
        let descriptor = unsafe { Bound::from_owned_ptr_or_err(py, descriptor) }?;
        class.setattr(PyString::new(py, &name.to_string_lossy()), descriptor)?;
    }
    Ok(())
}

/// Declares a function for [`Method::Many`].
macro_rules! many {
    ($(#[$about:meta])* fn $name:ident($py:ident, $this:ident: &$class:ty, $arguments:ident: Arguments) $body:block) => {
        $(#[$about])*
        #[allow(unsafe_code, reason = "a function that CPython calls")]
        unsafe extern "C" fn $name(
            object: *mut pyo3::ffi::PyObject,
            values: *const *mut pyo3::ffi::PyObject,
            positional: pyo3::ffi::Py_ssize_t,
            names: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: CPython calls this.
            let $py = unsafe { crate::fast::token() };
            // SAFETY: a method of this class: its descriptor lets no other objects pass.
            let $this: &$class = unsafe { crate::fast::receiver($py, object) };
            // SAFETY: CPython gave them to this method.
            let $arguments = unsafe { crate::fast::Arguments::new(values, positional, names) };
            $body
        }
    };
}
pub(crate) use many;

/// Declares a function for [`Method::Plain`].
macro_rules! plain {
    ($(#[$about:meta])* fn $name:ident($py:ident, $this:ident: &$class:ty) $body:block) => {
        $(#[$about])*
        #[allow(unsafe_code, reason = "a function that CPython calls")]
        unsafe extern "C" fn $name(
            object: *mut pyo3::ffi::PyObject,
            _nothing: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: CPython calls this.
            let $py = unsafe { crate::fast::token() };
            // SAFETY: a method of this class: its descriptor lets no other objects pass.
            let $this: &$class = unsafe { crate::fast::receiver($py, object) };
            $body
        }
    };
}
pub(crate) use plain;

/// `acquire`, `release`, `__enter__` and `__exit__` of a class.
pub(crate) fn add_acquire<T: Acquire>(py: Python<'_>, acquire_doc: &'static CStr) -> PyResult<()> {
    add::<T>(
        py,
        vec![
            (c"acquire", Method::Many(acquire::<T>), acquire_doc),
            (c"__enter__", Method::Plain(enter::<T>), c"__enter__($self, /)\n--\n\nAcquires it."),
        ],
    )?;
    add_exit::<T>(py)
}

/// `__exit__`
pub(crate) fn add_exit<T: Acquire>(py: Python<'_>) -> PyResult<()> {
    let doc = c"__exit__($self, exc_type, exc_value, traceback, /)\n--\n\nReleases it.";
    add::<T>(py, vec![(c"__exit__", Method::Positional(exit::<T>), doc)])
}

/// `release` of a class whose `release` has no arguments.
pub(crate) fn add_release<T: Acquire>(py: Python<'_>, doc: &'static CStr) -> PyResult<()> {
    add::<T>(py, vec![(c"release", Method::Plain(release::<T>), doc)])
}

unsafe extern "C" fn acquire<T: Acquire>(
    object: *mut PyObject,
    values: *const *mut PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls this.
    let py = unsafe { token() };
    // SAFETY: a method of `T`: its descriptor lets no other objects pass.
    let this: &T = unsafe { receiver(py, object) };
    // SAFETY: CPython gave them to this method.
    let arguments = unsafe { Arguments::new(values, positional, names) };
    // Whoever comes first, whatever else was asked for: that is what the arguments are about only
    // if it is not free. But arguments that make no sense are refused always.
    if arguments.is_empty() && this.at_once(py) {
        return bool_object(py, true);
    }
    slowly(|py| {
        let [blocking, timeout] = arguments.read(py, "acquire", ["blocking", "timeout"])?;
        let patience = Patience::read(blocking.as_ref(), timeout.as_ref())?;
        let got = this.at_once(py) || this.acquire(py, patience)?;
        Ok(bool_object(py, got))
    })
}

unsafe extern "C" fn release<T: Acquire>(
    object: *mut PyObject,
    _nothing: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls this.
    let py = unsafe { token() };
    // SAFETY: a method of `T`: its descriptor lets no other objects pass.
    let this: &T = unsafe { receiver(py, object) };
    match this.release(py) {
        Ok(()) => none_object(py),
        Err(refused) => slowly(|py| Err(this.explain(py, refused))),
    }
}

unsafe extern "C" fn enter<T: Acquire>(
    object: *mut PyObject,
    _nothing: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls this.
    let py = unsafe { token() };
    // SAFETY: a method of `T`: its descriptor lets no other objects pass.
    let this: &T = unsafe { receiver(py, object) };
    if this.at_once(py) {
        return bool_object(py, true);
    }
    slowly(|py| Ok(bool_object(py, this.acquire(py, Patience::Forever)?)))
}

unsafe extern "C" fn exit<T: Acquire>(
    object: *mut PyObject,
    _values: *mut *mut PyObject,
    _positional: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: as in `release`, whose second argument means nothing.
    unsafe { release::<T>(object, std::ptr::null_mut()) }
}
