//! Counts of durations in buckets that are never wider than a sixty-fourth of what they hold.

use serde::{Deserialize, Serialize};

/// Values below this have a bucket each; above, every doubling is cut into as many.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// One linear group, and one for each power of two from `STEPS` up to the largest 64-bit value.
const BUCKETS: usize = ((64 - STEP_BITS + 1) as u64 * STEPS) as usize;

/// A histogram of 64-bit values, for durations in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Sparse", into = "Sparse")]
pub(crate) struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    total: u64,
    largest: u64,
}

/// How a histogram travels: a worker fills a few dozen of the buckets.
#[derive(Serialize, Deserialize)]
struct Sparse {
    buckets: Vec<(usize, u64)>,
    largest: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Histogram { counts: Box::new([0; BUCKETS]), total: 0, largest: 0 }
    }

    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        self.counts[bucket_of(value)] += 1;
        self.total += 1;
        self.largest = self.largest.max(value);
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
        self.total += other.total;
        self.largest = self.largest.max(other.largest);
    }

    /// The largest value recorded, exactly; 0 if there is none.
    pub(crate) fn largest(&self) -> u64 {
        self.largest
    }

    /// The value that a share of `quantile` of all values does not exceed, to within 1 %. Not a number if there is none.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        if self.total == 0 {
            return f64::NAN;
        }
        let rank = ((quantile * self.total as f64).ceil() as u64).max(1);
        if rank >= self.total {
            return self.largest as f64;
        }
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle_of(bucket).min(self.largest as f64);
            }
        }
        self.largest as f64
    }
}

impl From<Sparse> for Histogram {
    fn from(sparse: Sparse) -> Self {
        let mut histogram = Histogram::new();
        for (bucket, count) in sparse.buckets {
            histogram.counts[bucket.min(BUCKETS - 1)] += count;
            histogram.total += count;
        }
        histogram.largest = sparse.largest;
        histogram
    }
}

impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        let filled = histogram.counts.iter().copied().enumerate().filter(|&(_, count)| count > 0);
        Sparse { buckets: filled.collect(), largest: histogram.largest }
    }
}

#[inline]
fn bucket_of(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    // The leading one and the bits after it: the group is how far they had to be shifted.
    let shift = value.ilog2() - STEP_BITS;
    let step = (value >> shift) - STEPS;
    ((u64::from(shift) + 1) * STEPS + step) as usize
}

fn middle_of(bucket: usize) -> f64 {
    let (group, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if group == 0 {
        return step as f64;
    }
    let shift = group - 1;
    let first = ((STEPS + step) << shift) as f64;
    let last = first + ((1u64 << shift) - 1) as f64;
    (first + last) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_within_a_128th_of_its_buckets_middle() {
        for shift in 0..64 {
            for near in [0u64, 1, 2, 3, 5, 7] {
                for value in
                    [(1u64 << shift).wrapping_add(near), (1u64 << shift).wrapping_sub(near)]
                {
                    let middle = middle_of(bucket_of(value));
                    let error = (middle - value as f64).abs();
                    assert!(error <= value as f64 / 128.0, "{value} is shown as {middle}");
                }
            }
        }
    }

    #[test]
    fn buckets_follow_one_another_without_gap_or_overlap() {
        let mut last = 0;
        for value in 1..100_000u64 {
            let bucket = bucket_of(value);
            assert!(bucket == last || bucket == last + 1, "{value} skips from {last} to {bucket}");
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::new();
        for value in (1..=10_000u64).rev() {
            histogram.record(value);
        }
        for (quantile, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.0001, 1.0)] {
            let shown = histogram.quantile(quantile);
            assert!((shown - exact).abs() <= exact / 100.0, "{quantile} is shown as {shown}");
        }
        assert_eq!(histogram.quantile(1.0), 10_000.0);
        assert_eq!(histogram.largest(), 10_000);
    }

    #[test]
    fn one_outlier_in_a_hundred_shows_at_the_top_only() {
        let mut histogram = Histogram::new();
        (0..99).for_each(|_| histogram.record(10));
        histogram.record(1_000_000);
        assert_eq!(histogram.quantile(0.99), 10.0);
        assert_eq!(histogram.quantile(1.0), 1_000_000.0);
    }

    #[test]
    fn an_empty_one_has_no_quantiles() {
        assert!(Histogram::new().quantile(0.5).is_nan());
    }

    #[test]
    fn merging_and_travelling_keep_every_count() {
        let (mut low, mut high) = (Histogram::new(), Histogram::new());
        (0..1_000).for_each(|value| low.record(value));
        (5_000..6_000).for_each(|value| high.record(value));
        let text = serde_json::to_string(&high).unwrap();
        low.merge(&serde_json::from_str(&text).unwrap());
        assert_eq!((low.total, low.largest()), (2_000, 5_999));
        assert!(low.quantile(0.5) < 1_010.0);
        assert!(low.quantile(0.51) > 4_900.0);
    }
}
