//! Counts of durations, of which quantiles are asked.

use hdrhistogram::Histogram as Buckets;
use serde::{Deserialize, Serialize};

/// Two digits that matter: buckets are never wider than a hundredth of what they hold.
const DIGITS: u8 = 2;

/// The shares at which a distribution is drawn.
const SHOWN: [f64; 14] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0];

/// A histogram of 64-bit values, for durations in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Sparse", into = "Sparse")]
pub(crate) struct Histogram {
    buckets: Buckets<u64>,
    /// Exactly, which its bucket does not tell.
    largest: u64,
}

/// How a histogram travels: a worker fills a few dozen of the buckets.
#[derive(Serialize, Deserialize)]
struct Sparse {
    /// A value of each bucket, and the count.
    buckets: Vec<(u64, u64)>,
    largest: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        let buckets = Buckets::new(DIGITS).expect("a number of digits that the crate allows");
        Histogram { buckets, largest: 0 }
    }

    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    fn record_many(&mut self, value: u64, count: u64) {
        self.buckets.record_n(value, count).expect("it grows as needed");
        self.largest = self.largest.max(value);
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: &Histogram) {
        self.buckets.add(&other.buckets).expect("it grows as needed");
        self.largest = self.largest.max(other.largest);
    }

    /// The largest value recorded, exactly; 0 if there is none.
    pub(crate) fn largest(&self) -> u64 {
        self.largest
    }

    /// The value that a share of `quantile` of all values does not exceed, to within 1 %. Not a number if there is none.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        if self.buckets.is_empty() {
            return f64::NAN;
        }
        if quantile >= 1.0 {
            return self.largest as f64;
        }
        let middle = self.buckets.median_equivalent(self.buckets.value_at_quantile(quantile));
        middle.min(self.largest) as f64
    }

    /// Pairs of a share and the value that it does not exceed: as far as there are enough values to tell.
    pub(crate) fn distribution(&self) -> Vec<(f64, f64)> {
        let values = self.buckets.len() as f64;
        let told = |share: &f64| *share >= 1.0 || (1.0 - share) * values >= 1.0;
        let shares = SHOWN.into_iter().filter(|_| values > 0.0).filter(told);
        shares.map(|share| (share, self.quantile(share))).collect()
    }
}

impl From<Sparse> for Histogram {
    fn from(sparse: Sparse) -> Self {
        let mut histogram = Histogram::new();
        for (value, count) in sparse.buckets {
            // The last bucket's own value may be above all that it holds.
            histogram.record_many(value.min(sparse.largest), count);
        }
        histogram.largest = sparse.largest;
        histogram
    }
}

impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        let filled = histogram.buckets.iter_recorded();
        let filled = filled.map(|step| (step.value_iterated_to(), step.count_at_value()));
        Sparse { buckets: filled.collect(), largest: histogram.largest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_shown_to_within_a_hundredth() {
        for shift in 0..64 {
            for near in [0u64, 1, 2, 3, 5, 7] {
                for value in
                    [(1u64 << shift).wrapping_add(near), (1u64 << shift).wrapping_sub(near)]
                {
                    let mut histogram = Histogram::new();
                    histogram.record(value);
                    histogram.record(u64::MAX);
                    let shown = histogram.quantile(0.5);
                    let error = (shown - value as f64).abs();
                    assert!(error <= value as f64 / 100.0, "{value} is shown as {shown}");
                }
            }
        }
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
        assert!(Histogram::new().distribution().is_empty());
    }

    #[test]
    fn a_distribution_tells_no_more_than_the_values_can() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|value| histogram.record(value));
        let shares: Vec<f64> = histogram.distribution().iter().map(|point| point.0).collect();
        assert!(shares.contains(&0.99) && shares.contains(&1.0), "{shares:?}");
        assert!(!shares.contains(&0.999), "{shares:?}");
    }

    #[test]
    fn merging_and_travelling_keep_every_count() {
        let (mut low, mut high) = (Histogram::new(), Histogram::new());
        (0..1_000).for_each(|value| low.record(value));
        (5_000..6_000).for_each(|value| high.record(value));
        let text = serde_json::to_string(&high).unwrap();
        low.merge(&serde_json::from_str(&text).unwrap());
        assert_eq!((low.buckets.len(), low.largest()), (2_000, 5_999));
        assert!(low.quantile(0.5) < 1_010.0);
        assert!(low.quantile(0.51) > 4_900.0);
    }
}
