//! Plans, and the addresses in them.
#![no_main]

use countersign_impact::{graph, plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (calls, address) = graph::parts(text);
    let joined = calls.iter().map(String::as_str).chain([address.as_str()]).collect::<Vec<_>>().join(".");
    // An address without keys stays what it is.
    assert_eq!(graph::parts(&joined), (calls, address));
    let set = format!("{{\"ChangeSetName\":\"c\",\"Changes\":{text}}}");
    if let Ok(plan::Plan::CloudFormation(set)) = plan::Plan::read(&set) {
        assert!(set.resources.iter().all(|one| one.instances.len() == usize::from(one.action.is_some())), "each is one");
    }
    for text in [text.to_owned(), format!("{{\"format_version\":\"1.2\",\"planned_values\":{{}},\"resource_changes\":{text}}}")] {
        let Ok(planned) = plan::read(&text) else { continue };
        for pair in planned.windows(2) {
            assert!((&pair[0].calls, &pair[0].address) < (&pair[1].calls, &pair[1].address), "each block once, in order");
        }
    }
});
