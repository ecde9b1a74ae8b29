//! A series of measurements: its median and its spread.

use std::time::Duration;

/// Measurements of the same thing, in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// Adds a measurement.
    pub(crate) fn push(&mut self, seconds: f64) {
        self.0.push(seconds);
    }

    /// The middle measurement, in seconds; the mean of the two middle ones of an even number.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let (lower, upper) = (
            sorted.get((sorted.len().max(1) - 1) / 2),
            sorted.get(sorted.len() / 2),
        );
        f64::midpoint(
            lower.copied().unwrap_or(f64::NAN),
            upper.copied().unwrap_or(f64::NAN),
        )
    }

    /// How many times longer this takes than `other`: the median over pairs of the same round, because what
    /// slows the machine down for a moment slows both.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(ours, theirs)| ours / theirs)
                .collect(),
        )
        .median()
    }

    /// `54.3 µs (51.0–60.2)`: the median, then the fastest and the slowest.
    pub(crate) fn text(&self) -> String {
        let sorted = self.sorted();
        let (Some(fastest), Some(slowest)) = (sorted.first(), sorted.last()) else {
            return "not measured".to_owned();
        };
        let (unit, scale) = match self.median() {
            ..1e-6 => ("ns", 1e9),
            ..1e-3 => ("µs", 1e6),
            _ => ("ms", 1e3),
        };
        format!(
            "{:.1} {unit} ({:.1}–{:.1})",
            self.median() * scale,
            fastest * scale,
            slowest * scale
        )
    }

    /// `54321 /s (51000–60000)`: how many a second, in the median, then the fewest and the most.
    pub(crate) fn rate(&self) -> String {
        let sorted = self.sorted();
        let (Some(fastest), Some(slowest)) = (sorted.first(), sorted.last()) else {
            return "not measured".to_owned();
        };
        format!(
            "{:.0} /s ({:.0}–{:.0})",
            1.0 / self.median(),
            1.0 / slowest,
            1.0 / fastest
        )
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Seconds of each of `count` things that together took `total`.
pub(crate) fn seconds_each(total: Duration, count: u32) -> f64 {
    total.as_secs_f64() / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(seconds: &[f64]) -> Series {
        Series(seconds.to_vec())
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((series(&[3.0, 1.0, 9.0]).median() - 3.0).abs() < 1e-9);
        assert!((series(&[4.0, 1.0, 2.0, 9.0]).median() - 3.0).abs() < 1e-9);
        assert!(series(&[]).median().is_nan());
    }

    #[test]
    fn a_ratio_compares_the_same_round() {
        // The second round was slow for both.
        let ratio = series(&[2.0, 20.0, 2.0]).times(&series(&[1.0, 10.0, 1.0]));
        assert!((ratio - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_text_has_the_spread() {
        assert_eq!(
            series(&[0.000_054, 0.000_051, 0.000_06]).text(),
            "54.0 µs (51.0–60.0)"
        );
        assert_eq!(series(&[0.3, 0.2, 0.4]).text(), "300.0 ms (200.0–400.0)");
        assert_eq!(series(&[3e-7]).text(), "300.0 ns (300.0–300.0)");
        assert_eq!(series(&[0.001, 0.002, 0.0005]).rate(), "1000 /s (500–2000)");
    }
}
