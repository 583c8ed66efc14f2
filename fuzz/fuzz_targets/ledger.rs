//! What is said to be an export of a ledger: an answer or an error, whatever it is.
#![no_main]

use countersign_ledger::verify_export;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|export: &[u8]| {
    if let Ok(found) = verify_export(export, &[]) {
        assert!(!found.to_string().is_empty());
    }
});
