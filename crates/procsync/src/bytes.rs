//! Copying bytes that other processes may change at the same time.
#![allow(unsafe_code)] // copies through raw pointers

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The bytes before the first boundary of 8, and the number of whole words after them.
fn split(shared: *const u8, length: usize) -> (usize, usize) {
    let head = shared.align_offset(8).min(length);
    (head, (length - head) / 8)
}

/// Copies shared bytes. Each byte is one that was there at some time; together they need not have
/// been there at any one time. Eight bytes on a boundary of eight are copied in one piece.
///
/// # Safety
/// `shared` must be mapped for reading over the length of `to`.
#[inline]
pub(crate) unsafe fn load(shared: *const u8, to: &mut [u8]) {
    let (head, words) = split(shared, to.len());
    let (to_head, rest) = to.split_at_mut(head);
    let (to_words, to_tail) = rest.split_at_mut(words * 8);
    let byte = |at: usize| {
        // SAFETY: inside the range that the caller vouches for.
        let place = unsafe { shared.add(at) }.cast_mut();
        // SAFETY: an atomic of one byte is aligned everywhere, and what others write at the same
        // time is no data race with an atomic.
        unsafe { AtomicU8::from_ptr(place) }.load(Ordering::Relaxed)
    };
    for (at, byte_to) in to_head.iter_mut().enumerate() {
        *byte_to = byte(at);
    }
    for (index, word_to) in to_words.chunks_exact_mut(8).enumerate() {
        // SAFETY: inside the range that the caller vouches for.
        let place = unsafe { shared.add(head + index * 8) }.cast_mut();
        // SAFETY: on a boundary of 8, by `split`; others are atomics too.
        let word = unsafe { AtomicU64::from_ptr(place.cast()) };
        word_to.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
    }
    for (at, byte_to) in to_tail.iter_mut().enumerate() {
        *byte_to = byte(head + words * 8 + at);
    }
}

/// Copies bytes to where others may read and write at the same time; as [`load`].
///
/// # Safety
/// `shared` must be mapped for writing over the length of `from`.
#[inline]
pub(crate) unsafe fn store(shared: *mut u8, from: &[u8]) {
    let (head, words) = split(shared, from.len());
    let (from_head, rest) = from.split_at(head);
    let (from_words, from_tail) = rest.split_at(words * 8);
    let store_byte = |at: usize, byte: u8| {
        // SAFETY: as in `load`.
        let place = unsafe { shared.add(at) };
        // SAFETY: as in `load`.
        unsafe { AtomicU8::from_ptr(place) }.store(byte, Ordering::Relaxed);
    };
    for (at, byte) in from_head.iter().enumerate() {
        store_byte(at, *byte);
    }
    for (index, chunk) in from_words.chunks_exact(8).enumerate() {
        let eight = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| chunk[i]);
        // SAFETY: as in `load`.
        let place = unsafe { shared.add(head + index * 8) };
        // SAFETY: as in `load`.
        let word = unsafe { AtomicU64::from_ptr(place.cast()) };
        word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
    }
    for (at, byte) in from_tail.iter().enumerate() {
        store_byte(head + words * 8 + at, *byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_at_every_alignment_is_copied_whole() {
        let from: Vec<u8> = (0..40).map(|i| i + 1).collect();
        for offset in 0..9 {
            for length in 0..32 {
                let mut shared = [0_u8; 48];
                let place = shared[offset..].as_mut_ptr();
                // SAFETY: offset + length is below the array's length.
                unsafe { store(place, &from[..length]) };
                assert_eq!(shared[offset..offset + length], from[..length]);
                assert!(shared[..offset].iter().chain(&shared[offset + length..]).all(|b| *b == 0));
                let mut back = vec![0; length];
                let place = shared[offset..].as_ptr();
                // SAFETY: as above.
                unsafe { load(place, &mut back) };
                assert_eq!(back, from[..length], "{offset} {length}");
            }
        }
    }
}
