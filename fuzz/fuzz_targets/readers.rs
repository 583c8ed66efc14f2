//! Readers of foreign text: settings, risks' files, saved attribution, tags and suppressions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for problem in countersign_policy::Config::read(text).1 {
        assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
    }
    for problem in countersign_policy::Config::problems_of_risks(text, countersign_policy::Catalogue::built_in()) {
        assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
    }
    if let Err(wrong) = countersign_policy::read_own_risk(text, "a") {
        assert!(text.get(wrong.range.clone()).is_some(), "{wrong:?}");
    }
    let _ = countersign_policy::read_suppression(text, 0);
    let _ = countersign_policy::read_peers(text, 0);
    let _ = countersign_provenance::read_tag(text, 0);
    let (saved, now) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(saved) = serde_json::from_str::<countersign_provenance::Saved>(saved) {
        let _ = saved.restore(now);
    }
});
