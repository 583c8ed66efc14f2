//! The unit scanner: it ends, covers the text, and says the same whatever window it is shown.
#![no_main]

use countersign_grammars::{Language, Scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    use Language::{Dockerfile, Json, Shell, Sql, Terraform, Yaml};
    for language in [Terraform, Yaml, Json, Sql, Shell, Dockerfile] {
        split(language, bytes);
    }
});

fn split(language: Language, bytes: &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let Scan::Found(unit) = language.scan_unit(rest, true) else { panic!("all of it was given") };
        assert!(unit.len > 0 && unit.len <= rest.len() && unit.reach >= unit.len);
        for window in [unit.len / 2, unit.len, unit.len + 1] {
            let window = window.min(rest.len());
            if let Scan::Found(windowed) = language.scan_unit(&rest[..window], window == rest.len()) {
                assert_eq!(windowed, unit);
            }
        }
        at += unit.len;
    }
}
