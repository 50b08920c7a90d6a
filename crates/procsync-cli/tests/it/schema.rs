//! What is printed with `--json` is what `docs/schema.json` says, and nothing that it does not say.

use crate::native::Name;
use crate::support::{Place, eventually, signal};
use serde_json::Value;

struct Schema(Value);

impl Schema {
    fn read() -> Schema {
        let path = format!("{}/../../docs/schema.json", env!("CARGO_MANIFEST_DIR"));
        Schema(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    /// Why a value is not as the schema says. Knows what this schema uses of JSON Schema; unknown
    /// properties are faults here, because they would be undocumented.
    fn fault(&self, rule: &Value, value: &Value, at: &str) -> Option<String> {
        for (word, says) in rule.as_object().unwrap() {
            let fault = match word.as_str() {
                "$ref" => {
                    let to = says.as_str().unwrap().strip_prefix('#').unwrap();
                    self.fault(self.0.pointer(to).unwrap(), value, at)
                }
                "anyOf" => {
                    let faults: Vec<_> = says
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter_map(|rule| self.fault(rule, value, at))
                        .collect();
                    (faults.len() == says.as_array().unwrap().len()).then(|| faults.join(", or "))
                }
                "enum" => (!says.as_array().unwrap().contains(value))
                    .then(|| format!("{at}: {value} is none of {says}")),
                "type" => {
                    let one = std::slice::from_ref(says);
                    let types = says.as_array().map_or(one, Vec::as_slice);
                    (!types.iter().any(|name| is_a(value, name.as_str().unwrap())))
                        .then(|| format!("{at}: {value} is no {says}"))
                }
                "required" => says
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|name| value.get(name.as_str().unwrap()).is_none())
                    .map(|name| format!("{at}: {name} is missing")),
                "properties" => {
                    value.as_object().into_iter().flatten().find_map(|(name, value)| {
                        match says.get(name) {
                            Some(rule) => self.fault(rule, value, &format!("{at}.{name}")),
                            None => Some(format!("{at}: {name} is not in the schema")),
                        }
                    })
                }
                "items" => {
                    value.as_array().into_iter().flatten().enumerate().find_map(|(index, value)| {
                        self.fault(says, value, &format!("{at}[{index}]"))
                    })
                }
                other => panic!("this test does not know {other}"),
            };
            if fault.is_some() {
                return fault;
            }
        }
        None
    }

    fn holds(&self, definition: &str, text: &str) -> Value {
        let value = serde_json::from_str(text).unwrap();
        let fault = self.fault(&self.0["$defs"][definition], &value, definition);
        assert_eq!(fault, None, "{text}");
        value
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "array" => value.is_array(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("this test does not know {other}"),
    }
}

#[test]
fn everything_that_is_printed_is_as_the_schema_says() {
    let (place, schema) = (Place::new(), Schema::read());
    for create in [
        &["mutex", "m"][..],
        &["reentrant-mutex", "r"],
        &["semaphore", "s", "--permits", "2"],
        &["tokens", "t"],
        &["event", "e", "--auto"],
        &["event", "machine", "--scope", "machine", "--mode", "666"],
    ] {
        assert_eq!(place.run(&[&["create"], create].concat()).code, Some(0));
    }
    let native = Name::new("schema");
    assert_eq!(place.run(&["create", "native", &native]).code, Some(0));
    std::fs::write(place.object("broken"), "damaged").unwrap();
    // One that died holding, and was noticed; one who holds, one who waits.
    let mut dead = place.hold(&[], "m");
    signal(dead.procsync.pid(), libc::SIGKILL);
    signal(dead.command, libc::SIGKILL);
    dead.procsync.end();
    let holder = place.hold(&[], "m");
    let waiter = place.start(&["run", "m", "--", "true"]);
    eventually("the waiter to be seen", || {
        place.look("m").unwrap()["waiters"][0]["pid"] == waiter.pid()
    });
    let list = schema.holds("list", &place.run(&["ls", "--json", "--scope", "all"]).stdout);
    assert_eq!(list.as_array().unwrap().len(), 8);
    let shown = schema.holds("object", &place.run(&["show", "--json", "m"]).stdout);
    assert!(shown["deceased"]["pid"].is_u64(), "{shown}");
    let graph = schema.holds("graph", &place.run(&["deadlocks", "--json"]).stdout);
    assert_eq!(graph["waits"][0]["object"]["name"], "m");
    let findings = schema.holds("findings", &place.run(&["doctor", "--json"]).stdout);
    assert!(!findings.as_array().unwrap().is_empty());
    schema.holds("measured", &place.run(&["bench", "--json", "--each", "0.05"]).stdout);
    drop(holder);
}

#[test]
fn what_is_not_as_the_schema_says_is_found() {
    let schema = Schema::read();
    let fault = |text: &str| {
        schema.fault(&schema.0["$defs"]["measured"], &serde_json::from_str(text).unwrap(), "")
    };
    assert_eq!(fault(r#"[{"what": "x", "value": 1, "unit": "ns"}]"#), None);
    assert!(fault(r#"[{"what": "x", "value": "1", "unit": "ns"}]"#).is_some());
    assert!(fault(r#"[{"what": "x", "unit": "ns"}]"#).is_some());
    assert!(fault(r#"[{"what": "x", "value": 1, "unit": "ns", "more": 1}]"#).is_some());
    assert!(fault("{}").is_some());
}
