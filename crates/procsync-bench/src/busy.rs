//! Work of a fixed size.

use std::hint::black_box;

/// So many steps of arithmetic, of one to two nanoseconds each, in registers alone.
#[inline]
pub(crate) fn busy(steps: u32) {
    let mut state = black_box(1u64);
    for _ in 0..steps {
        // Each step needs the last one's result, so the processor cannot overlap them.
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    black_box(state);
}
