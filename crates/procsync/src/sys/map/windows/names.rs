//! Names of objects as names of files, on a file system that ignores case and keeps some names for
//! devices.

/// What the file of an object of this name is called: the name in small letters, and if it had
/// capital ones, `!` and which ones, in hexadecimal digits of four characters each. `!` before a
/// name that the system keeps for a device, and after one that ends with a dot, which it would take
/// off. (No name of an object has a `!`.)
///
/// 162 characters at most, of a name of 128.
pub(crate) fn file_name(name: &str) -> String {
    let mut file = name.to_ascii_lowercase();
    let digits: String = name
        .as_bytes()
        .chunks(4)
        .map(|four| {
            let bits =
                four.iter().zip(0..).map(|(c, bit)| u32::from(c.is_ascii_uppercase()) << bit);
            char::from_digit(bits.sum(), 16).unwrap_or('0')
        })
        .collect();
    let digits = digits.trim_end_matches('0');
    if !digits.is_empty() || file.ends_with('.') {
        file.push('!');
        file.push_str(digits);
    }
    if is_device(&file) {
        file.insert(0, '!');
    }
    file
}

/// Whether the system would open a device by this name in any directory.
fn is_device(file: &str) -> bool {
    let stem = file.split('.').next().unwrap_or(file);
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|number| {
            number.len() == 1 && number.bytes().all(|digit| digit.is_ascii_digit())
        })
    };
    ["con", "prn", "aux", "nul"].contains(&stem) || numbered("com") || numbered("lpt")
}

/// Of which object this could be the file's name.
pub(crate) fn name_in(file: &str) -> Option<String> {
    let bare = file.strip_prefix('!').unwrap_or(file);
    let (small, digits) = bare.split_once('!').unwrap_or((bare, ""));
    let mut name = small.as_bytes().to_vec();
    for (four, digit) in name.chunks_mut(4).zip(digits.chars()) {
        let bits = digit.to_digit(16)?;
        for (character, bit) in four.iter_mut().zip(0..) {
            if bits >> bit & 1 != 0 {
                character.make_ascii_uppercase();
            }
        }
    }
    let name = String::from_utf8(name).ok()?;
    // Only what this library writes itself.
    (file_name(&name) == file).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_case_and_come_back() {
        for (name, file) in [
            ("gpu0", "gpu0"),
            ("GPU0", "gpu0!7"),
            ("MyLock", "mylock!5"),
            ("aaaaB", "aaaab!01"),
            ("con", "!con"),
            ("Con.x", "!con.x!1"),
            ("com1.log", "!com1.log"),
            ("com", "com"),
            ("com10", "com10"),
            ("console", "console"),
            ("a.", "a.!"),
            ("A..", "a..!1"),
        ] {
            assert_eq!(file_name(name), file, "{name}");
            assert_eq!(name_in(file).as_deref(), Some(name), "{file}");
        }
        let longest = "A".repeat(128);
        assert_eq!(name_in(&file_name(&longest)), Some(longest.clone()));
        assert!(file_name(&longest).len() <= 162);
    }

    #[test]
    fn other_files_are_nobodys() {
        for file in ["GPU0", "gpu0!", "gpu0!0", "gpu0!70", "gpu0!x", "!gpu0", "con", "a.", "x!1!1"]
        {
            assert_eq!(name_in(file), None, "{file}");
        }
    }
}
