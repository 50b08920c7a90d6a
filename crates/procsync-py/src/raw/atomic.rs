//! `AtomicU32` and `AtomicU64`.
#![allow(unsafe_code)] // numbers in the caller's memory, functions that CPython calls

use super::buffer::Place;
use crate::fast::{self, Method};
use procsync::raw;
use pyo3::exceptions::PyOverflowError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

macro_rules! atomic {
    ($module:ident, $name:ident, $number:ty, $what:literal) => {
        /// A number in the caller's memory that several processes change without locks.
        #[pyclass(frozen, weakref, module = "procsync.raw")]
        pub(crate) struct $name {
            place: Place<raw::$name<'static>>,
        }

        #[pymethods]
        impl $name {
            #[new]
            fn new(buffer: &Bound<'_, PyAny>) -> PyResult<Self> {
                let put = |start, length| {
                    // SAFETY: valid for as long as the number lives; others are up to the program.
                    unsafe { raw::$name::from_ptr(start, length) }
                };
                // SAFETY: what lies there is an atomic number: any bytes are one.
                let place = unsafe { Place::new($what, buffer, put) }?;
                Ok($name { place })
            }

            /// Lets the bytes go.
            fn close(&self, py: Python<'_>) {
                self.place.close(py);
            }

            fn __repr__(&self, py: Python<'_>) -> String {
                match self.place.look(py, |number| number.load()) {
                    Some(value) => format!("<procsync.raw.{}: {value}>", stringify!($name)),
                    None => format!("<procsync.raw.{}: closed>", stringify!($name)),
                }
            }
        }

        mod $module {
            use super::*;

            type Number = raw::$name<'static>;

            fn read(value: &Bound<'_, PyAny>) -> PyResult<$number> {
                value.extract::<$number>().map_err(|error| {
                    let py = value.py();
                    // -1 too, which the conversion may call otherwise.
                    let is_integer = value.is_instance_of::<pyo3::types::PyInt>();
                    if is_integer && !error.is_instance_of::<PyOverflowError>(py) {
                        PyOverflowError::new_err(concat!("not a ", $what))
                    } else {
                        error
                    }
                })
            }

            #[inline(always)]
            fn one(
                object: *mut PyObject,
                argument: *mut PyObject,
                body: impl FnOnce(&Number, $number) -> $number + Send,
            ) -> *mut PyObject {
                // SAFETY: CPython calls this.
                let py = unsafe { fast::token() };
                // SAFETY: a method of this class: its descriptor lets no other objects pass.
                let this: &$name = unsafe { fast::receiver(py, object) };
                // SAFETY: CPython's caller keeps the argument.
                let value = unsafe { small(argument) };
                let Some(value) = value.filter(|value| *value <= u64::from(<$number>::MAX)) else {
                    return fast::slowly(|py| {
                        // SAFETY: as above.
                        let argument = unsafe { Bound::from_borrowed_ptr(py, argument) };
                        let value = read(&argument)?;
                        let before = this.place.read(py, |number| body(number, value))?;
                        Ok(fast::int_object(u64::from(before)))
                    });
                };
                match this.place.look(py, |number| body(number, value as $number)) {
                    Some(before) => fast::int_object(u64::from(before)),
                    None => fast::slowly(|_| Err(this.place.closed_error())),
                }
            }

            macro_rules! one {
                ($method:ident, $operation:ident) => {
                    unsafe extern "C" fn $method(
                        object: *mut PyObject,
                        argument: *mut PyObject,
                    ) -> *mut PyObject {
                        one(object, argument, |number, value| number.$operation(value))
                    }
                };
            }

            one!(swap, swap);
            one!(fetch_add, fetch_add);
            one!(fetch_sub, fetch_sub);
            one!(fetch_and, fetch_and);
            one!(fetch_or, fetch_or);
            one!(max, fetch_max);
            one!(min, fetch_min);

            fast::plain! {
                fn load(py, this: &$name) {
                    match this.place.look(py, |number| number.load()) {
                        Some(value) => fast::int_object(u64::from(value)),
                        None => fast::slowly(|_| Err(this.place.closed_error())),
                    }
                }
            }

            fast::many! {
                fn store(py, this: &$name, arguments: Arguments) {
                    fast::slowly(|py| {
                        let [value] = arguments.read(py, "store", ["v"])?;
                        let value = read(&fast::required(value, "store", "v")?)?;
                        this.place.read(py, |number| number.store(value))?;
                        Ok(fast::none_object(py))
                    })
                }
            }

            fast::many! {
                fn cas(py, this: &$name, arguments: Arguments) {
                    fast::slowly(|py| {
                        let [expected, new] = arguments.read(py, "cas", ["expected", "new"])?;
                        let expected = read(&fast::required(expected, "cas", "expected")?)?;
                        let new = read(&fast::required(new, "cas", "new")?)?;
                        let done = this.place.read(py, |number| number.cas(expected, new))?;
                        Ok(fast::bool_object(py, done))
                    })
                }
            }

            pub(super) fn add_methods(py: Python<'_>) -> PyResult<()> {
                fast::add::<$name>(
                    py,
                    vec![
                        (c"load", Method::Plain(load), c"load($self, /)\n--\n\nReads the number."),
                        (c"store", Method::Many(store), c"store($self, /, v)\n--\n\nWrites the number."),
                        (c"cas", Method::Many(cas), c"cas($self, /, expected, new)\n--\n\nWrites `new` if the number is `expected`; whether it was."),
                        (c"swap", Method::One(swap), c"swap($self, value, /)\n--\n\nWrites the number; answers what it was."),
                        (c"fetch_add", Method::One(fetch_add), c"fetch_add($self, value, /)\n--\n\nAdds, beginning again at 0 after the largest number; answers what it was."),
                        (c"fetch_sub", Method::One(fetch_sub), c"fetch_sub($self, value, /)\n--\n\nSubtracts, going on with the largest number below 0; answers what it was."),
                        (c"fetch_and", Method::One(fetch_and), c"fetch_and($self, value, /)\n--\n\nKeeps the bits that `value` has too; answers what it was."),
                        (c"fetch_or", Method::One(fetch_or), c"fetch_or($self, value, /)\n--\n\nAdds the bits that `value` has; answers what it was."),
                        (c"max", Method::One(max), c"max($self, value, /)\n--\n\nMakes it the larger one of itself and `value`; answers what it was."),
                        (c"min", Method::One(min), c"min($self, value, /)\n--\n\nMakes it the smaller one of itself and `value`; answers what it was."),
                    ],
                )
            }
        }
    };
}

atomic!(numbers32, AtomicU32, u32, "32-bit number");
atomic!(numbers64, AtomicU64, u64, "64-bit number");

/// The value of an int that is not negative and not long; the other ones take longer.
///
/// # Safety
/// A live object.
#[inline(always)]
unsafe fn small(argument: *mut PyObject) -> Option<u64> {
    // SAFETY: live, as the caller promises.
    if unsafe { ffi::PyLong_CheckExact(argument) } == 0 {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: an int, which is never asked for anything that could raise.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(argument, &raw mut overflow) };
    if overflow == 0 { u64::try_from(value).ok() } else { None }
}

pub(super) fn add_methods(py: Python<'_>) -> PyResult<()> {
    numbers32::add_methods(py)?;
    numbers64::add_methods(py)
}
