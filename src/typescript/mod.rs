//! What TypeScript is to know of the core, as TypeScript: its rules as data (`js/core/rules.ts`), and records of every
//! type that crosses over (`tests/js/wire.ts`), which do not compile where the types of the two sides differ.
//!
//! Both files are kept in git and compared with the core by a test. `UPDATE_TYPESCRIPT=1 cargo test --lib typescript` writes
//! them.

mod print;
mod rules;
mod wire;

use std::path::Path;

const UPDATE: &str = "UPDATE_TYPESCRIPT";

/// Compares a file with what it must be, or writes it where that is asked for.
#[allow(clippy::disallowed_methods, reason = "a test of files, run by hand to write them")]
fn hold(path: &str, wanted: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The crate by itself comes without the TypeScript.
    if !root.join("js").exists() {
        return;
    }
    let file = root.join(path);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    for (number, (found, wanted)) in found.lines().chain([""]).zip(wanted.lines().chain([""])).enumerate() {
        assert_eq!(
            found,
            wanted,
            "{path}:{}: not as the core has it; {UPDATE}=1 cargo test --lib typescript",
            number + 1
        );
    }
    assert_eq!(found.len(), wanted.len(), "{path} is older than the core");
}
