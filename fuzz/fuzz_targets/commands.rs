//! Commands, calls of tools, and the files that they run: no panic, and what is pointed at is there.
#![no_main]

use countersign_commands::{Context, File, Files, MAX_OPERATIONS, judge, judge_tool};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

/// Every file holds the same text.
struct Same<'a>(&'a str);

impl Files for Same<'_> {
    fn read(&self, _: &str) -> File {
        File::Text(self.0.to_owned())
    }
}

fuzz_target!(|text: &str| {
    let (command, file) = text.split_once('\u{1}').unwrap_or((text, text));
    let environment = BTreeMap::from([("AWS_PROFILE".to_owned(), "prod".to_owned())]);
    let files = Same(file);
    let context = Context { files: &files, folder: "infra", environment: &environment, branch: Some("main"), protected: &[] };
    let operations = judge(command, &context);
    assert!(operations.len() <= MAX_OPERATIONS);
    for operation in &operations {
        assert!(!operation.what.is_empty() && !operation.instead.is_empty());
        if operation.file.is_none() {
            assert!(command.get(operation.range.clone()).is_some());
        }
    }
    assert_eq!(judge(command, &context), operations);
    judge_tool(command, &serde_json::json!({ "command": file, "sql": file }), &context);
});
