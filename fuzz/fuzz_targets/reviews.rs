//! Requests for reviews, answers to them, break-glasses, agreements to commands, their signatures, and the signers' file: all of it is committed by whoever likes to.
#![no_main]

use countersign_grammars::Language;
use countersign_review::{Answer, BreakGlass, CommandApproval, Request, Signers, seal, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::read(bytes) {
        assert_eq!(request.bound.id(), request.request_id);
        assert_eq!(request.bound.differs(&request.bound), None);
        let again = Request::read(&request.to_bytes("")).expect("what was written is read");
        assert_eq!(Request { digest: String::new(), ..again }, Request { digest: String::new(), ..request });
    }
    if let Ok(answer) = Answer::read(bytes) {
        assert_eq!(Answer::read(&answer.to_bytes()).expect("what was written is read"), answer);
    }
    if let Ok(glass) = BreakGlass::read(bytes) {
        assert_eq!(BreakGlass::read(&glass.to_bytes()).expect("what was written is read"), glass);
    }
    if let Ok(agreed) = CommandApproval::read(bytes) {
        assert_eq!(CommandApproval::read(&agreed.to_bytes()).expect("what was written is read"), agreed);
    }
    let text = String::from_utf8_lossy(bytes);
    let (signers, _) = Signers::read(&text);
    for one in signers.names() {
        for other in signers.same_person(one) {
            assert!(signers.same_person(other).iter().any(|name| name.eq_ignore_ascii_case(one)), "{one} {other}");
        }
    }
    let _ = verify(b"", bytes, &signers, &[]);
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&Language::Terraform.grammar()).expect("the grammar fits");
    let tree = (text.len() < 10_000).then(|| parser.parse(&*text, None)).flatten();
    // Layout before and behind never counts.
    let sealed = seal(&text, tree.as_ref());
    if let Some(tree) = tree.filter(|tree| !tree.root_node().has_error()) {
        let moved = format!("\n\n{text}\n");
        let again = parser.parse(&moved, None);
        if again.as_ref().is_some_and(|tree| !tree.root_node().has_error()) {
            assert_eq!(seal(&moved, again.as_ref()), sealed, "{tree:?}");
        }
    }
});
