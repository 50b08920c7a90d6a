//! Of the system's calls as they are used here.

use super::*;

#[test]
fn pauses_grow_and_stay_bounded() {
    let mut pauses = Pauses::new();
    let all: Vec<_> = (0..40).map(|_| pauses.next()).collect();
    assert_eq!(all[0], Pauses::SHORTEST);
    assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!(all[39], Pauses::LONGEST);
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use crate::sys::clock;

    struct Named(SystemName);

    impl Named {
        fn new(what: &str) -> Named {
            Named(system_name(&format!("procsync-unit-{what}-{}", std::process::id()), false))
        }
    }

    impl Drop for Named {
        fn drop(&mut self) {
            let _ = unlink(&self.0);
        }
    }

    /// Also NF6: with another value of `SEM_FAILED` this would be an open semaphore.
    #[test]
    fn a_failing_open_is_noticed_and_says_why() {
        let name = Named::new("missing");
        let error = open_existing(&name.0).unwrap_err();
        assert_eq!(error, Refused { call: "sem_open", code: libc::ENOENT });
        assert!(not_there(&error));
        assert!(error.to_string().contains("sem_open failed: ENOENT (2): No such file"), "{error}");
        assert_eq!(presence(&name.0), Presence::Gone);
        assert!(unlink(&name.0).is_err());
    }

    /// Also NF5: with another width of `mode_t` the mode would be another one.
    #[test]
    fn the_mode_is_the_one_asked_for_without_the_umask() {
        use std::os::unix::fs::MetadataExt;
        for mode in [0o600, 0o644, 0o640] {
            let name = Named::new(&format!("mode-{mode:o}"));
            let (_semaphore, origin, incarnation) = open(&name.0, mode, 1).unwrap();
            assert_eq!(origin, Origin::Created);
            let file = std::fs::metadata(format!("/dev/shm/sem.{}", &name.0.0[1..])).unwrap();
            // No usual umask takes anything from the user, nor from the group more than writing.
            assert_eq!(file.mode() & 0o700, mode & 0o700);
            assert_eq!(file.mode() & 0o777 & !mode, 0);
            assert_eq!(incarnation.unwrap().number, file.ino());
        }
    }

    #[test]
    fn created_or_found_is_told_and_the_count_of_a_found_one_stays() {
        let name = Named::new("found");
        let (one, origin, first) = open(&name.0, 0o600, 3).unwrap();
        assert_eq!((origin, one.value()), (Origin::Created, Some(3)));
        let (other, origin, second) = open(&name.0, 0o600, 1).unwrap();
        assert_eq!((origin, other.value(), second), (Origin::Found, Some(3), first));
        unlink(&name.0).unwrap();
        let (_new, origin, third) = open(&name.0, 0o600, 1).unwrap();
        assert_eq!(origin, Origin::Created);
        assert_ne!(third, first, "another one of the same name");
    }

    #[test]
    fn both_timed_waits_take_what_there_is_and_end_in_time() {
        let name = Named::new("timed");
        let (semaphore, ..) = open(&name.0, 0o600, 2).unwrap();
        assert!(clockwait().is_some() || cfg!(target_env = "musl"));
        for wait in [Semaphore::take_until, Semaphore::take_in_pieces] {
            let until = clock::monotonic() + 10_000_000_000;
            assert_eq!(wait(&semaphore, until), Ok(Waited::Granted));
        }
        assert_eq!(semaphore.try_take(), Ok(false));
        for wait in [Semaphore::take_until, Semaphore::take_in_pieces] {
            let until = clock::monotonic() + 60_000_000;
            assert_eq!(wait(&semaphore, until), Ok(Waited::TimedOut));
            assert!(clock::monotonic() >= until);
        }
        assert_eq!(semaphore.value(), Some(0));
    }

    #[test]
    fn a_count_at_its_limit_refuses_another_one() {
        let name = Named::new("limit");
        let (semaphore, ..) = open(&name.0, 0o600, MOST).unwrap();
        let error = semaphore.give().unwrap_err();
        assert_eq!((error.call, error.code_name()), ("sem_post", "EOVERFLOW"));
        assert_eq!(semaphore.value(), Some(MOST));
        semaphore.close().unwrap();
    }

    /// Found, it was there before and after: which one it is must be known.
    #[test]
    fn a_name_that_comes_and_goes_never_gives_an_unknown_one() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let name = Named::new("flicker");
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let _ = open(&name.0, 0o600, 1);
                    let _ = unlink(&name.0);
                }
            });
            let until = clock::monotonic() + 200_000_000;
            while clock::monotonic() < until {
                if let Ok((_semaphore, incarnation)) = open_existing(&name.0) {
                    assert!(incarnation.is_some());
                }
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
