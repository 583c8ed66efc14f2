//! Readers of foreign text: settings, risks' files, saved attribution, tags and suppressions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for problem in countersign_policy::Config::read(text).1 {
        assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
    }
    let _ = countersign_policy::read_risk(text, "a", "state", &Default::default(), &Default::default());
    let _ = countersign_policy::read_suppression(text, 0);
    let _ = countersign_policy::read_peers(text, 0);
    let _ = countersign_provenance::read_tag(text, 0);
    let (saved, now) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(saved) = serde_json::from_str::<countersign_provenance::Saved>(saved) {
        let _ = saved.restore(now);
    }
});
