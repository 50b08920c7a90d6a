//! The machine on which the figures were made, and how quiet it was meanwhile.

use std::fs;
use std::time::Instant;

use serde::{Deserialize, Deserializer, Serialize};

use crate::busy::busy;
use crate::statistics::{largest, median, quantile};
use crate::sys;

/// What a figure depends on, apart from the contender.
#[derive(Serialize, Deserialize)]
pub(crate) struct Machine {
    cpu: String,
    cpus: usize,
    memory_gib: f64,
    kernel: String,
    c_library: String,
    /// The kernel's policy: it decides how long a large process takes to die.
    huge_pages: String,
    optimised_build: bool,
}

impl Machine {
    pub(crate) fn describe() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let memory_kib = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| {
            let number = text.split_whitespace().next()?;
            number.parse::<f64>().ok()
        });
        Machine {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or("unknown").to_owned(),
            cpus: sys::allowed_cpus().map_or(0, |cpus| cpus.len()),
            memory_gib: memory_kib.unwrap_or(f64::NAN) / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            c_library: sys::c_library(),
            huge_pages: chosen(&read("/sys/kernel/mm/transparent_hugepage/enabled")).to_owned(),
            optimised_build: !cfg!(debug_assertions),
        }
    }

    pub(crate) fn render(&self) -> String {
        let build =
            if self.optimised_build { "" } else { "\n**Debug build: the figures mean little.**" };
        format!(
            "{}, {} CPUs, {:.0} GiB, Linux {}, {}, huge pages: {}{build}",
            self.cpu, self.cpus, self.memory_gib, self.kernel, self.c_library, self.huge_pages
        )
    }
}

/// How much memory programs could use now, in MiB.
pub(crate) fn available_mib() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = field(&text, "MemAvailable").and_then(|text| text.split_whitespace().next());
    kib.and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// The value behind `name` and a colon in text like that of `/proc/cpuinfo`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// The word in brackets in text like `always [madvise] never`.
fn chosen(text: &str) -> &str {
    text.split(['[', ']']).nth(1).unwrap_or("unknown")
}

/// Samples of a loop that always does the same, taken between measurements.
pub(crate) struct Noise {
    samples_us: Vec<f64>,
    ticks_at_start: Option<Ticks>,
}

/// How quiet the machine was. What could not be measured is no number, in JSON null.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoiseReport {
    samples: usize,
    #[serde(deserialize_with = "null_is_no_number")]
    fastest_us: f64,
    #[serde(deserialize_with = "null_is_no_number")]
    median_us: f64,
    /// All but one in twenty took no longer.
    #[serde(deserialize_with = "null_is_no_number")]
    p95_us: f64,
    #[serde(deserialize_with = "null_is_no_number")]
    slowest_us: f64,
    /// How much of the processors' time the hypervisor gave to others.
    #[serde(deserialize_with = "null_is_no_number")]
    stolen_percent: f64,
    /// How much of it other programs of this machine used.
    #[serde(deserialize_with = "null_is_no_number")]
    others_percent: f64,
}

fn null_is_no_number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Noise {
    pub(crate) fn new() -> Self {
        Noise { samples_us: Vec::new(), ticks_at_start: Ticks::now() }
    }

    /// Does the loop once more: about a millisecond.
    pub(crate) fn sample(&mut self) {
        let begin = Instant::now();
        busy(500_000);
        self.samples_us.push(begin.elapsed().as_secs_f64() * 1e6);
    }

    pub(crate) fn report(&self) -> NoiseReport {
        let samples = || self.samples_us.iter().copied();
        let meanwhile =
            Ticks::now().zip(self.ticks_at_start).map(|(now, before)| now.since(before));
        NoiseReport {
            samples: self.samples_us.len(),
            fastest_us: quantile(samples(), 0.0),
            median_us: median(samples()),
            p95_us: quantile(samples(), 0.95),
            slowest_us: largest(samples()),
            stolen_percent: meanwhile.map_or(f64::NAN, |ticks| ticks.percent(ticks.stolen)),
            others_percent: meanwhile.map_or(f64::NAN, |ticks| ticks.percent(ticks.others())),
        }
    }
}

impl NoiseReport {
    pub(crate) fn render(&self) -> String {
        let above = |figure: f64| (figure / self.fastest_us - 1.0) * 100.0;
        format!(
            "noise: of {} samples of a fixed loop, the fastest took {:.0} µs, the median {:.0} % longer, the 95th \
             percentile {:.0} % longer, the slowest {:.0} % longer; other programs used {:.1} % of processor time, the \
             hypervisor took {:.2} %",
            self.samples,
            self.fastest_us,
            above(self.median_us),
            above(self.p95_us),
            above(self.slowest_us),
            self.others_percent,
            self.stolen_percent
        )
    }
}

/// Clock ticks of all processors.
#[derive(Clone, Copy)]
struct Ticks {
    all: f64,
    idle: f64,
    stolen: f64,
    /// This program's and its workers', as far as they have ended.
    own: f64,
}

impl Ticks {
    /// Since the machine was started.
    fn now() -> Option<Self> {
        let of_all = fs::read_to_string("/proc/stat").ok()?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&of_all, &own)
    }

    fn parse(of_all: &str, own: &str) -> Option<Self> {
        let numbers = |text: &str| -> Vec<f64> {
            text.split_whitespace().map(|word| word.parse().unwrap_or(0.0)).collect()
        };
        // user, nice, system, idle, waiting for disks, interrupts (two), stolen; what guests used, which comes next, is
        // part of the first two already.
        let of_all = numbers(of_all.lines().next()?.strip_prefix("cpu ")?);
        let of_all = of_all.get(..8)?;
        // Behind the name, which may hold anything, the twelfth to the fifteenth: user and system, own and of children.
        let own = numbers(own.rsplit_once(')')?.1);
        Some(Ticks {
            all: of_all.iter().sum(),
            idle: of_all[3] + of_all[4],
            stolen: of_all[7],
            own: own.get(11..15)?.iter().sum(),
        })
    }

    fn since(self, before: Self) -> Self {
        Ticks {
            all: self.all - before.all,
            idle: self.idle - before.idle,
            stolen: self.stolen - before.stolen,
            own: self.own - before.own,
        }
    }

    fn others(self) -> f64 {
        (self.all - self.idle - self.stolen - self.own).max(0.0)
    }

    fn percent(self, part: f64) -> f64 {
        part / self.all.max(1.0) * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_texts_are_understood() {
        let text = "processor\t: 0\nmodel name\t: Some CPU: fast\nmodel name\t: other\n";
        assert_eq!(field(text, "model name"), Some("Some CPU: fast"));
        assert_eq!(field(text, "model"), None);
        assert_eq!(chosen("always [madvise] never\n"), "madvise");
        assert_eq!(chosen(""), "unknown");
    }

    #[test]
    fn what_others_used_is_what_is_neither_idle_nor_stolen_nor_our_own() {
        let before = Ticks::parse(
            "cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 9 9\n",
            "17 (a ) b) S 1 2 3 4 5 6 7 8 9 10 100 200 300 400 15\n",
        );
        let after = Ticks::parse(
            "cpu  40 20 40 440 60 6 7 18 9 10\n",
            "17 (a ) b) S 1 2 3 4 5 6 7 8 9 10 101 202 303 404 15\n",
        );
        let meanwhile = after.unwrap().since(before.unwrap());
        assert_eq!((meanwhile.all, meanwhile.idle), (100.0, 50.0));
        assert_eq!((meanwhile.stolen, meanwhile.own, meanwhile.others()), (10.0, 10.0, 30.0));
        assert_eq!(meanwhile.percent(meanwhile.others()), 30.0);
        assert!(Ticks::parse("cpu  1 2 3\n", "17 (a) S 1\n").is_none());
    }

    #[test]
    fn the_fixed_loop_takes_time() {
        let mut noise = Noise::new();
        noise.sample();
        noise.sample();
        let report = noise.report();
        assert_eq!(report.samples, 2);
        assert!(report.fastest_us > 10.0, "the compiler has removed the loop");
        assert!(report.fastest_us <= report.median_us && report.median_us <= report.slowest_us);
    }
}
