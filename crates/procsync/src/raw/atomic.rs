//! Numbers in the caller's memory that several processes change without locks.
#![allow(unsafe_code)] // views of the caller's memory
#![allow(clippy::disallowed_types)] // std's atomics are part of the interface

use super::error::Error;
use super::memory;
use std::sync::atomic::{self, Ordering};

macro_rules! atomic {
    ($name:ident, $number:ty, $bytes:literal, $what:literal) => {
        #[doc = concat!("A ", $what, " in the caller's memory.")]
        ///
        /// Loading is an acquire, storing a release, and everything that does both is both: who
        /// reads a number sees what was written before that number was. Each operation is one
        /// instruction or a short loop of them, and never sleeps.
        ///
        /// ```
        #[doc = concat!("use procsync::raw::", stringify!($name), ";")]
        ///
        #[doc = concat!("let number = std::sync::atomic::", stringify!($name), "::new(5);")]
        #[doc = concat!("let shared = ", stringify!($name), "::over(&number);")]
        /// assert!(shared.cas(5, 6));
        /// assert!(!shared.cas(5, 7));
        /// assert_eq!(shared.fetch_add(10), 6);
        /// assert_eq!(shared.load(), 16);
        /// ```
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'a>(&'a atomic::$name);

        impl<'a> $name<'a> {
            /// Uses an atomic of the standard library.
            pub fn over(number: &'a atomic::$name) -> Self {
                $name(number)
            }

            #[doc = concat!("Uses the first ", $bytes, " of the `len` bytes at `ptr`.")]
            ///
            /// # Errors
            #[doc = concat!("[`Error::TooSmall`] below ", $bytes, " bytes, [`Error::Misaligned`]")]
            #[doc = concat!("if the address is not a multiple of ", $bytes, ".")]
            ///
            /// # Safety
            /// The bytes must be valid for reads and writes during `'a`, and whoever else accesses
            /// them meanwhile, in this process or another, does so by atomic operations of this
            /// size.
            ///
            /// ```
            #[doc = concat!("use procsync::raw::", stringify!($name), ";")]
            ///
            #[doc = concat!("let mut number: ", stringify!($number), " = 5;")]
            /// // SAFETY: nobody else uses `number` as long as `shared`.
            /// let shared =
            #[doc = concat!("    unsafe { ", stringify!($name),
                                        "::from_ptr((&raw mut number).cast(), ", $bytes, ") }?;")]
            /// shared.store(6);
            /// assert_eq!(shared.load(), 6);
            /// # Ok::<(), procsync::raw::Error>(())
            /// ```
            pub unsafe fn from_ptr(ptr: *mut u8, len: usize) -> Result<Self, Error> {
                // SAFETY: an atomic; the rest is what the caller promised.
                unsafe { memory::view($what, ptr, len) }.map($name)
            }

            /// Reads the number.
            #[inline]
            pub fn load(&self) -> $number {
                self.0.load(Ordering::Acquire)
            }

            /// Writes the number.
            #[inline]
            pub fn store(&self, value: $number) {
                self.0.store(value, Ordering::Release);
            }

            /// Writes `new` if the number is `expected`; answers whether it was.
            #[inline]
            pub fn cas(&self, expected: $number, new: $number) -> bool {
                self.compare_exchange(expected, new).is_ok()
            }

            /// Writes `new` if the number is `expected`; answers what it was before.
            ///
            /// # Errors
            /// The number, if it is another one; it is unchanged.
            #[inline]
            pub fn compare_exchange(
                &self,
                expected: $number,
                new: $number,
            ) -> Result<$number, $number> {
                self.0.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Acquire)
            }

            /// Writes the number; answers what it was before.
            #[inline]
            pub fn swap(&self, new: $number) -> $number {
                self.0.swap(new, Ordering::AcqRel)
            }

            /// Adds, beginning again at 0 after the largest number; answers what it was before.
            #[inline]
            pub fn fetch_add(&self, value: $number) -> $number {
                self.0.fetch_add(value, Ordering::AcqRel)
            }

            /// Subtracts, going on with the largest number below 0; answers what it was before.
            #[inline]
            pub fn fetch_sub(&self, value: $number) -> $number {
                self.0.fetch_sub(value, Ordering::AcqRel)
            }

            /// Keeps those bits that `value` has too; answers what it was before.
            #[inline]
            pub fn fetch_and(&self, value: $number) -> $number {
                self.0.fetch_and(value, Ordering::AcqRel)
            }

            /// Adds the bits that `value` has; answers what it was before.
            #[inline]
            pub fn fetch_or(&self, value: $number) -> $number {
                self.0.fetch_or(value, Ordering::AcqRel)
            }

            /// Makes it the larger one of itself and `value`; answers what it was before.
            #[inline]
            pub fn fetch_max(&self, value: $number) -> $number {
                self.0.fetch_max(value, Ordering::AcqRel)
            }

            /// Makes it the smaller one of itself and `value`; answers what it was before.
            #[inline]
            pub fn fetch_min(&self, value: $number) -> $number {
                self.0.fetch_min(value, Ordering::AcqRel)
            }
        }
    };
}

atomic!(AtomicU32, u32, "4", "32-bit number");
atomic!(AtomicU64, u64, "8", "64-bit number");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::testing::aligned_bytes;

    #[test]
    fn too_small_or_misaligned_memory_is_refused() {
        let mut bytes = aligned_bytes();
        let start = bytes.0.as_mut_ptr();
        // SAFETY: inside the array, which nobody else uses.
        let small = unsafe { AtomicU64::from_ptr(start, 7) };
        let what = "64-bit number";
        assert_eq!(small.unwrap_err(), Error::TooSmall { what, needed: 8, got: 7 });
        // SAFETY: as above.
        let place = unsafe { start.add(4) };
        // SAFETY: as above.
        let odd = unsafe { AtomicU64::from_ptr(place, 8) };
        assert_eq!(odd.unwrap_err(), Error::Misaligned { what, needed: 8, remainder: 4 });
        // SAFETY: as above.
        let fits = unsafe { AtomicU32::from_ptr(place, 8) };
        fits.unwrap().store(u32::MAX);
        assert_eq!(bytes.0[..12], [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
    }

    #[test]
    fn each_operation_does_its_own() {
        let number = atomic::AtomicU64::new(12);
        let shared = AtomicU64::over(&number);
        assert_eq!(shared.fetch_sub(13), 12);
        assert_eq!(shared.fetch_add(3), u64::MAX);
        assert_eq!(shared.swap(0b1100), 2);
        assert_eq!(shared.fetch_and(0b0110), 0b1100);
        assert_eq!(shared.fetch_or(0b0011), 0b0100);
        assert_eq!(shared.fetch_max(9), 7);
        assert_eq!(shared.fetch_min(8), 9);
        assert_eq!(shared.compare_exchange(9, 1), Err(8));
        assert_eq!(shared.compare_exchange(8, 1), Ok(8));
        assert_eq!(shared.load(), 1);
    }

    #[test]
    fn no_addition_is_lost() {
        let number = atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let shared = AtomicU32::over(&number);
                    for _ in 0..5_000 {
                        shared.fetch_add(1);
                        let mut seen = shared.load();
                        while let Err(now) = shared.compare_exchange(seen, seen + 1) {
                            seen = now;
                        }
                    }
                });
            }
        });
        assert_eq!(number.into_inner(), 40_000);
    }
}
