//! The little arithmetic that turns runs into figures.

/// The middle value; between the two middle ones if their number is even. Not a number if there is none. Values that
/// are not numbers are left out.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let sorted = sorted(values);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

/// The smallest value that a share of `quantile` of all values does not exceed. Not a number if there is none.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, quantile: f64) -> f64 {
    let sorted = sorted(values);
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// The largest value. Not a number if there is none.
pub(crate) fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NAN, f64::max)
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_order_and_outliers() {
        assert_eq!(median([3.0, 1.0, 1_000.0]), 3.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median([7.0]), 7.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_value_that_is_no_number_does_not_count() {
        assert_eq!(median([f64::NAN, 2.0]), 2.0);
        assert_eq!(largest([f64::NAN, 2.0]), 2.0);
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values = || (1..=100).map(f64::from);
        assert_eq!(quantile(values(), 0.5), 50.0);
        assert_eq!(quantile(values(), 0.99), 99.0);
        assert_eq!(quantile(values(), 1.0), 100.0);
        assert_eq!(quantile([5.0, 9.0], 0.0), 5.0);
        assert!(quantile([], 0.5).is_nan());
    }

    #[test]
    fn the_largest_of_nothing_is_no_number() {
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
        assert!(largest([]).is_nan());
    }
}
