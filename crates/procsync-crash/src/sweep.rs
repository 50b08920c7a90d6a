//! Every point of a scenario, or every so many.

use crate::crew::Crew;
use crate::scenario::Scenario;
use crate::victim::{Point, Reached, Trail, Trouble, Victim};
use std::path::Path;
use std::time::{Duration, Instant};

/// Which points are tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stride {
    /// Every so many instructions, at least 1.
    pub(crate) every: u64,
    /// The first one.
    pub(crate) first: u64,
}

/// What came of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How many processes were killed.
    pub(crate) points: u64,
    /// How many system calls the longest way had.
    pub(crate) calls: u64,
    /// At how many points a native semaphore's unit was gone, and only `post_doubtful` brought it back.
    pub(crate) doubtful: u64,
    /// The longest time in which somebody who waited was let in.
    pub(crate) slowest: Duration,
    pub(crate) took: Duration,
    /// Where something was wrong, and what.
    pub(crate) failures: Vec<String>,
}

/// Once something is wrong, it usually is at many points, and each may take its time to fail.
const MOST_FAILURES: usize = 5;

/// No operation has so many; one that has waits for what will never be.
const MOST_POINTS: u64 = 200_000;

/// After so many deaths the object is made anew: each leaves a slot that looks taken, and to search
/// through a thousand of those is thousands of instructions, all the same.
const YOUTH: u64 = 32;

/// Kills at every point, and looks. An error only if this cannot be tried on this machine.
pub(crate) fn sweep(scenario: &Scenario, base: &Path, stride: Stride) -> Result<Findings, String> {
    let began = Instant::now();
    let mut findings = Findings::default();
    let mut crew: Option<Crew> = None;
    let mut crews = 0;
    let mut target = Point { calls: 0, steps: stride.first };
    let (mut trail, mut turn) = (Trail::default(), 0);
    while findings.failures.len() < MOST_FAILURES {
        turn += 1;
        if turn % YOUTH == 0 {
            crew = None;
        }
        let tried = (|| {
            let crew = match &mut crew {
                Some(crew) => crew,
                none => {
                    crews += 1;
                    let name = format!("crash-{}-{crews}", std::process::id());
                    let mut new = Crew::new(base, scenario.kind, name)?;
                    (scenario.set_up)(&mut new)?;
                    none.insert(new)
                }
            };
            crew.turn = turn;
            try_point(scenario, crew, target, &mut trail)
        })();
        let (reached, fault) = match tried {
            Ok((reached, checked)) => (Some(reached), checked.err()),
            Err(Trouble::Refused(why)) => return Err(why),
            Err(Trouble::Failed(why)) => (None, Some(why)),
            Err(Trouble::Elsewhere) => {
                // Not so far along the trail: the next one steps.
                (trail, crew) = (Trail::default(), None);
                continue;
            }
        };
        if let Some(crew) = &crew {
            findings.slowest = findings.slowest.max(crew.slowest);
            findings.doubtful += u64::from(crew.doubtful);
        }
        if let Some(fault) = fault {
            let at = match reached {
                Some(Reached::Here(point) | Reached::End(point)) => point,
                None => target,
            };
            let end = if matches!(reached, Some(Reached::End(_))) { ", the end" } else { "" };
            findings.failures.push(format!(
                "after {} system calls and {} instructions{end}: {fault}",
                at.calls, at.steps
            ));
            // Whatever state it is in: the next point begins anew.
            crew = None;
        }
        let Some(reached) = reached else { break };
        findings.points += 1;
        if findings.points > MOST_POINTS {
            findings.failures.push("it does not come to an end".to_owned());
        }
        match reached {
            Reached::Here(point) => {
                findings.calls = findings.calls.max(point.calls);
                target = Point { calls: point.calls, steps: point.steps + stride.every };
            }
            Reached::End(_) => break,
        }
    }
    findings.took = began.elapsed();
    Ok(findings)
}

fn try_point(
    scenario: &Scenario,
    crew: &mut Crew,
    target: Point,
    trail: &mut Trail,
) -> Result<(Reached, Result<(), String>), Trouble> {
    (crew.slept, crew.doubtful) = (false, false);
    (scenario.before)(crew)?;
    let (kind, name) = (crew.kind, crew.name.clone());
    let mut victim = Victim::start(|| (scenario.prepare)(kind, &name))?;
    (scenario.begun)(crew)?;
    let mut slept = false;
    let reached = victim.run_to(target, trail, || {
        slept = true;
        (scenario.asleep)(crew)
    })?;
    crew.slept = slept;
    crew.ended = matches!(reached, Reached::End(_));
    let checked = (scenario.check)(crew, &mut victim);
    Ok((reached, checked))
}
