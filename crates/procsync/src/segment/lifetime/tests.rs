use super::*;

/// A shared memory that nobody else opens.
pub(in crate::segment) fn memory(label: &str) -> Spec {
    let name = Name::new(&format!("lifetime-{label}-{}", process::pid())).unwrap();
    let kind = Kind::SharedMemory;
    let object = Object { kind, name: name.as_str().to_owned() };
    Spec {
        name,
        scope: Scope::User,
        place: Place::of(Scope::User, true, &object).unwrap(),
        facts: Facts {
            kind,
            flags: 0,
            slots: 4,
            capacity: 0,
            data_size: 100,
            data_align: 1,
            created: 0,
        },
        persistent: false,
        spin: Spin::Never,
        detects_deadlocks: false,
        state: 0,
        data: Vec::new(),
        by_process: false,
    }
}

/// What happens if others take the object for a leftover between the two locks of who makes it: both
/// files had their names, have lost them, and are to be made once more.
#[test]
fn a_try_after_one_that_came_to_nothing_begins_with_a_new_data_file() {
    let spec = memory("again");
    let path = spec.place.path(&spec.name);
    let mut attempt =
        Attempt { spec: &spec, how: How::Open, path, object: spec.object(), data_file: None };
    for _ in 0..2 {
        let mut found = None;
        let first = attempt.attach(&mut registry::lock(), &mut found).unwrap();
        assert!(matches!(first, Try::NeedsDataFile));
        attempt.data_file = Some(DataFile::make(&spec).unwrap());
        let made = attempt.attach(&mut registry::lock(), &mut found).unwrap();
        let Try::Done(segment, true) = made else { panic!("nobody else wants it") };
        assert!(data_file::path(&attempt.path, &spec.name).exists());
        drop(segment);
        assert!(!data_file::path(&attempt.path, &spec.name).exists());
    }
}
