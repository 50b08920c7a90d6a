//! `procsync bench`: it measures, and leaves nothing behind.

use crate::support::Place;
use serde_json::Value;

#[test]
fn each_measurement_has_a_value_and_nothing_is_left() {
    let place = Place::new();
    let done = place.run(&["bench", "--each", "0.05", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let measured: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(measured.len(), 8);
    for one in &measured {
        assert!(one["value"].as_f64().unwrap() > 0.0, "{one}");
        assert!(["ns", "µs", "ms", "thousand per s"].contains(&one["unit"].as_str().unwrap()));
    }
    assert_eq!(place.files(), [""; 0]);
    let words = place.run(&["bench", "--each", "0.05"]).stdout;
    assert_eq!(words.lines().count(), 8, "{words}");
    assert!(words.contains("kill -9"), "{words}");
    assert_eq!(place.run(&["bench", "--each", "0"]).code, Some(2));
}
