//! How much is measured: enough to be believed, or a first impression, or what was asked for.

use clap::Args;

use crate::bench::Settings;

/// What was not typed depends on whether it is to be quick.
#[derive(Args)]
pub(crate) struct Amount {
    /// A first impression, in less than four minutes: fewer and shorter runs, fewer sizes
    #[arg(long)]
    quick: bool,

    /// How long one measurement of one contender takes [default: 0.5, quick: 0.1]
    #[arg(long, value_parser = positive)]
    seconds: Option<f64>,

    /// How often everything is measured; figures are medians of these [default: 3, quick: 2]
    #[arg(long, value_parser = at_least_one)]
    runs: Option<usize>,

    /// contended: how many processes [default: 1,2,4,8,32, quick: 2,8]
    #[arg(long, value_delimiter = ',', value_parser = some_workers)]
    processes: Option<Vec<usize>>,

    /// contended: how long each works for itself between two turns, in steps of one to two nanoseconds [default: 0,100]
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    between: Option<Vec<u32>>,

    /// contended: how long each works while it holds the lock, in the same steps [default: 0,5000]
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    inside: Option<Vec<u32>>,

    /// broadcast: how many processes wait for one signal [default: 1,8,64, quick: 1,8]
    #[arg(long, value_delimiter = ',', value_parser = some_workers)]
    listeners: Option<Vec<usize>>,

    /// recovery: how many small holders are killed in a run; of large ones, a third as many, and of those above 1 GiB a
    /// tenth [default: 30, quick: 6]
    #[arg(long, value_parser = at_least_one)]
    kills: Option<usize>,

    /// recovery: how many MiB a large holder has in use [default: 512,4096, quick: 512]
    #[arg(long, value_delimiter = ',', value_name = "MIB")]
    big: Option<Vec<usize>>,

    /// waiters: how many threads wait [default: 1,10,100,1000, quick: 1,100]
    #[arg(long, value_delimiter = ',', value_parser = at_least_one)]
    waiters: Option<Vec<usize>>,

    /// objects: how many there are at once [default: 1,100,10000, quick: 1,100]
    #[arg(long, value_delimiter = ',', value_parser = at_least_one)]
    objects: Option<Vec<usize>>,
}

impl Amount {
    /// What was typed, and what stands for the rest, for these contenders.
    pub(crate) fn settings(self, contenders: Vec<String>) -> Settings {
        let quick = self.quick;
        let either = |long: &[usize], short: &[usize]| {
            if quick { short.to_vec() } else { long.to_vec() }
        };
        Settings {
            seconds: self.seconds.unwrap_or(if quick { 0.1 } else { 0.5 }),
            runs: self.runs.unwrap_or(if quick { 2 } else { 3 }),
            contenders,
            processes: self.processes.unwrap_or_else(|| either(&[1, 2, 4, 8, 32], &[2, 8])),
            between: self.between.unwrap_or_else(|| vec![0, 100]),
            inside: self.inside.unwrap_or_else(|| vec![0, 5_000]),
            listeners: self.listeners.unwrap_or_else(|| either(&[1, 8, 64], &[1, 8])),
            kills: self.kills.unwrap_or(if quick { 6 } else { 30 }),
            big_mib: self.big.unwrap_or_else(|| either(&[512, 4_096], &[512])),
            waiters: self.waiters.unwrap_or_else(|| either(&[1, 10, 100, 1_000], &[1, 100])),
            objects: self.objects.unwrap_or_else(|| either(&[1, 100, 10_000], &[1, 100])),
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 3_600.0 => Ok(number),
        _ => Err("a number above 0 and up to 3600".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| "a whole number above 0".to_owned())
}

fn some_workers(text: &str) -> Result<usize, String> {
    let most = crate::control::MOST_WORKERS;
    let number = at_least_one(text)?;
    if number <= most { Ok(number) } else { Err(format!("no more than {most} processes")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        amount: Amount,
    }

    fn settings(arguments: &[&str]) -> Settings {
        let arguments = ["bench"].iter().chain(arguments);
        Program::try_parse_from(arguments).unwrap().amount.settings(Vec::new())
    }

    #[test]
    fn quick_is_less_of_everything_and_nothing_of_none() {
        let (long, quick) = (settings(&[]), settings(&["--quick"]));
        assert!(quick.seconds < long.seconds && quick.runs < long.runs && quick.kills < long.kills);
        for (few, many) in [
            (&quick.processes, &long.processes),
            (&quick.listeners, &long.listeners),
            (&quick.big_mib, &long.big_mib),
            (&quick.waiters, &long.waiters),
            (&quick.objects, &long.objects),
        ] {
            assert!(!few.is_empty() && few.len() < many.len(), "{few:?} of {many:?}");
        }
    }

    #[test]
    fn what_was_typed_counts_also_when_it_is_to_be_quick() {
        let settings = settings(&["--quick", "--seconds", "7", "--processes", "1,32"]);
        assert_eq!((settings.seconds, settings.processes), (7.0, vec![1, 32]));
        assert_eq!(settings.runs, 2);
    }
}
