//! One word on a futex, in a mapped file: the floor for a signal to many.
// Says that its word may be shared.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Release},
};

use super::{Gate, Object, Place};
use crate::shared::{Mapped, Shareable};
use crate::sys::{futex_wait, futex_wake};

pub(super) struct Word(AtomicU32);

// SAFETY: an atomic integer, for which every pattern of bits is a value.
unsafe impl Shareable for Word {}

const CLOSED: u32 = 0;
const OPEN: u32 = 1;

pub(super) struct FutexGate(Mapped<Word>);

impl Object for FutexGate {
    const NAME: &'static str = "futex";
    const ABOUT: &'static str = "floor: a word on a futex, everybody woken at once";

    fn create(place: &Place) -> io::Result<Self> {
        Mapped::create(&place.path()).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Gate for FutexGate {
    fn open(&self, _: u32) {
        self.0.0.store(OPEN, Release);
        futex_wake(&self.0.0, i32::MAX);
    }

    fn shut(&self) {
        self.0.0.store(CLOSED, Release);
    }

    fn pass(&self) {
        while self.0.0.load(Acquire) == CLOSED {
            futex_wait(&self.0.0, CLOSED);
        }
    }
}
