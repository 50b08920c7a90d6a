//! dart:ffi declarations from procsync.h. There is no Dart on the machines that build this, so this
//! is all that is checked of the Dart package.

use crate::installed::declared;
use crate::toolbox::root;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

const HEAD: &str = "\
// Everything that procsync.h declares, for dart:ffi. Made of it by `cargo xtask header`; not to be
// changed by hand. The documentation is in procsync.h.
//
// ignore_for_file: camel_case_types, constant_identifier_names, non_constant_identifier_names

import 'dart:ffi';
";

/// The declarations, as Dart has them.
pub(crate) fn declarations(header: &str) -> String {
    let code: String = header
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let (types, functions) = code.split_once("extern \"C\" {").expect("functions come last");
    let mut dart = HEAD.to_owned();
    for part in types.split("\nenum ").skip(1) {
        let (name, rest) = part.split_once('\n').expect("a line ends");
        let (_, body) = rest.split_once('{').expect("an enumeration has values");
        let (body, _) = body.split_once('}').expect("its values end");
        writeln!(dart, "\nabstract final class {name} {{").unwrap();
        for value in body.split(',').map(str::trim).filter(|value| !value.is_empty()) {
            writeln!(dart, "  static const int {value};").unwrap();
        }
        dart.push_str("}\n");
    }
    for part in types.split("typedef struct ").skip(1) {
        let (name, rest) = part.split_once([' ', '\n']).expect("a name ends");
        let Some((body, _)) = rest.split_once('}').filter(|_| rest.trim_start().starts_with('{'))
        else {
            writeln!(dart, "\nfinal class {name} extends Opaque {{}}").unwrap();
            continue;
        };
        writeln!(dart, "\nfinal class {name} extends Struct {{").unwrap();
        let fields = body.trim_start().trim_start_matches('{');
        for field in fields.split(';').map(str::trim).filter(|field| !field.is_empty()) {
            let (kind, field) = named(field);
            let (native, plain) = kinds(kind);
            if native != plain {
                writeln!(dart, "  @{native}()").unwrap();
            }
            writeln!(dart, "  external {plain} {field};").unwrap();
        }
        dart.push_str("}\n");
    }
    dart.push_str(
        "\ntypedef procsync_interrupt = NativeFunction<Int Function(Pointer<Void> context)>;\n",
    );
    dart.push_str(
        "\ntypedef procsync_native_observer =\n    \
         NativeFunction<Void Function(Pointer<Void> context, Int32 step, Int32 event)>;\n",
    );
    dart.push_str("\n/// The functions of the library.\nfinal class Bindings {\n");
    dart.push_str("  Bindings(this._library);\n\n  final DynamicLibrary _library;\n");
    let functions = functions.split("#ifdef").next().expect("a first part");
    for function in functions.split(';').map(str::trim).filter(|function| function.contains('(')) {
        let function = function.trim_start_matches("#endif // __cplusplus").trim();
        let (before, arguments) = function.split_once('(').expect("just seen");
        let (answer, name) = named(before);
        let arguments = arguments.trim_end_matches(')');
        let kind_pairs: Vec<_> = arguments
            .split(',')
            .map(|argument| argument.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|argument| argument != "void")
            .map(|argument| {
                let (kind, name) = named(&argument);
                let (native, plain) = kinds(kind);
                (format!("{native} {name}"), format!("{plain} {name}"))
            })
            .collect();
        let list = |of: fn(&(String, String)) -> &str| {
            kind_pairs.iter().map(of).collect::<Vec<_>>().join(", ")
        };
        let (native, plain) = kinds(answer);
        let (native_list, plain_list) = (list(|pair| &pair.0), list(|pair| &pair.1));
        write!(
            dart,
            "\n  late final {name} = _library.lookupFunction<\n      {native} Function({native_list}),\n      \
             {plain} Function({plain_list})>('{name}');\n"
        )
        .unwrap();
    }
    dart.push_str("}\n");
    dart
}

/// A declaration as its type and its name: `const char *name` is `const char *` and `name`.
fn named(declaration: &str) -> (&str, &str) {
    let at = declaration.rfind([' ', '*']).expect("a type and a name") + 1;
    (declaration[..at].trim(), &declaration[at..])
}

/// A C type as dart:ffi calls it, and as Dart sees it.
fn kinds(c: &str) -> (String, String) {
    let c = c.replace("const", "").replace("struct ", "");
    let pointers = c.matches('*').count();
    let base = c.replace('*', "");
    let base = base.trim();
    let native = match base {
        "procsync_status" | "int32_t" => "Int32",
        "uint32_t" => "Uint32",
        "int64_t" => "Int64",
        "uint64_t" => "Uint64",
        "size_t" => "Size",
        "int" => "Int",
        "bool" => "Bool",
        "char" => "Char",
        "void" => "Void",
        "procsync_interrupt" | "procsync_native_observer" => {
            return (format!("Pointer<{base}>"), format!("Pointer<{base}>"));
        }
        other if other.starts_with("procsync_") => other,
        other => panic!("what is {other:?} in Dart?"),
    };
    if pointers > 0 {
        let whole = (0..pointers).fold(native.to_owned(), |inner, _| format!("Pointer<{inner}>"));
        return (whole.clone(), whole);
    }
    (native.to_owned(), if native == "Bool" { "bool" } else { "int" }.to_owned())
}

#[test]
fn types_are_translated() {
    assert_eq!(kinds("const char *"), ("Pointer<Char>".into(), "Pointer<Char>".into()));
    assert_eq!(kinds("struct procsync_mutex **").0, "Pointer<Pointer<procsync_mutex>>");
    assert_eq!(
        kinds("const struct procsync_participant *const *").0,
        "Pointer<Pointer<procsync_participant>>"
    );
    assert_eq!(kinds("int64_t"), ("Int64".into(), "int".into()));
    assert_eq!(named("const char *name"), ("const char *", "name"));
}

#[test]
fn every_function_of_the_header_is_declared_for_dart() {
    let text = fs::read_to_string(root().join("bindings/dart/lib/src/bindings.dart")).unwrap();
    let looked_up = text.split(">('").skip(1).filter_map(|rest| rest.split_once("')"));
    let names: BTreeSet<String> = looked_up.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, declared());
}

#[test]
fn the_dart_class_uses_only_what_is_declared_and_has_the_life_cycle() {
    let text =
        fs::read_to_string(root().join("bindings/dart/lib/src/native_semaphore.dart")).unwrap();
    let known = declared();
    let used: Vec<_> = text
        .split("bindings.")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next())
        .filter(|name| name.starts_with("procsync_"))
        .collect();
    assert!(used.len() > 5, "{used:?}");
    for name in used {
        assert!(known.contains(name), "{name}");
    }
    let header = fs::read_to_string(root().join("crates/procsync-c/include/procsync.h")).unwrap();
    for constant in text.split("PROCSYNC_").skip(1) {
        let name = constant.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap();
        assert!(header.contains(&format!("PROCSYNC_{name} = ")), "PROCSYNC_{name}");
    }
    for method in
        ["instantiate<", "bool open(", "bool lock(", "bool unlock(", "bool close(", "bool unlink("]
    {
        assert!(text.contains(method), "{method}");
    }
}
