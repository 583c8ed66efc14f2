//! Signed answers: those of `ssh-keygen`, and each way to pass off something else as one.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_review::{
    About, AboutEvidence, Answer, Bound, CommandApproval, Decision, Done, EVIDENCE_NAMESPACE, Evidence, NAMESPACE,
    Need, Refused, Region, Request, Signers, Standing, digest, standing, verify,
};
use jiff::Timestamp;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const NOW: &str = "2026-11-22T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// A folder with keys.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) {
        let run =
            Command::new("ssh-keygen").args(arguments).current_dir(&self.0).output().expect("ssh-keygen is there");
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    }

    /// Makes a key; the public one as it stands in the file.
    fn make(&self, name: &str, kind: &[&str]) -> String {
        self.run(&[kind, &["-q", "-N", "", "-C", "", "-f", name]].concat());
        let public = std::fs::read_to_string(self.path(&format!("{name}.pub"))).expect("the key");
        public.trim().to_owned()
    }

    fn sign(&self, name: &str, namespace: &str, bytes: &[u8]) -> Vec<u8> {
        std::fs::write(self.path("signed"), bytes).expect("written");
        let _ = std::fs::remove_file(self.path("signed.sig"));
        self.run(&["-q", "-Y", "sign", "-n", namespace, "-f", name, "signed"]);
        std::fs::read(self.path("signed.sig")).expect("the signature")
    }
}

fn bound() -> Bound {
    Bound {
        repository: "git.example/shop/infra".to_owned(),
        path: "live/main.tf".to_owned(),
        address: Some("aws_db_instance.orders".to_owned()),
        from_sha256: Some(digest(b"before")),
        to_sha256: Some(digest(b"after")),
    }
}

fn request(bound: &Bound) -> Request {
    let request = Request {
        request_id: bound.id(),
        bound: bound.clone(),
        region: Region {
            path: bound.path.clone(),
            range: serde_json::json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 3, "character": 1 } }),
            content_sha256: digest(b"text"),
        },
        findings: Vec::new(),
        about: About::default(),
        requested_by: "Ann <ann@shop.example>".to_owned(),
        requested_at: now(),
        why: "It replaces the database.".to_owned(),
        digest: String::new(),
    };
    Request::read(&request.to_bytes(&digest(b"file"))).expect("a request")
}

/// An answer, signed.
fn answer(keys: &Keys, key: &str, request: &Request, who: &str, change: impl FnOnce(&mut Answer)) -> [Vec<u8>; 2] {
    let mut answer = Answer::to(request, Decision::Approve, who, now());
    change(&mut answer);
    let bytes = answer.to_bytes();
    let signature = keys.sign(key, NAMESPACE, &bytes);
    [bytes, signature]
}

fn judged(request: &Request, answers: &[[Vec<u8>; 2]], signers: &str, need: &Need<'_>) -> (Standing, Vec<String>) {
    let (signers, problems) = Signers::read(signers);
    assert_eq!(problems, []);
    let answers: Vec<_> = answers
        .iter()
        .enumerate()
        .map(|(at, [bytes, signature])| (format!("{at}.json"), bytes.clone(), signature.clone()))
        .collect();
    let (standing, judged) = standing(request, Ok(&request.bound), &answers, &signers, need, now());
    (standing, judged.into_iter().filter_map(|one| one.said.err()).collect())
}

fn approved(who: &[&str]) -> Standing {
    Standing::Approved(who.iter().map(|&who| who.to_owned()).collect())
}

#[test]
fn signatures_of_ssh_keygen_hold_whatever_the_kind_of_key() {
    let keys = Keys::new();
    let kinds: &[(&str, &[&str])] = &[
        ("ed", &["-t", "ed25519"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "3072"]),
    ];
    for (name, kind) in kinds {
        let line = format!("bob@shop.example namespaces=\"{NAMESPACE}\" {}", keys.make(name, kind));
        let (signers, problems) = Signers::read(&line);
        assert_eq!(problems, [], "{name}");
        let signature = keys.sign(name, NAMESPACE, b"what is said");
        let signed = verify(b"what is said", &signature, &signers, &[now()]).expect(name);
        assert_eq!(signed.principals, ["bob@shop.example"], "{name}");
        assert!(!signed.in_hardware && signed.fingerprint.starts_with("SHA256:"), "{name}");
        assert_eq!(verify(b"what is sad", &signature, &signers, &[now()]), Err(Refused::Wrong), "{name}");
    }
}

#[test]
fn ssh_keygen_takes_what_we_take() {
    let keys = Keys::new();
    let key = keys.make("bob", &["-t", "ed25519"]);
    std::fs::write(keys.path("allowed"), format!("bob@shop.example {key}\n")).expect("written");
    let [bytes, signature] = answer(&keys, "bob", &request(&bound()), "bob@shop.example", |_| {});
    std::fs::write(keys.path("answer.sig"), signature).expect("written");
    let mut verify = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", NAMESPACE, "-f", "allowed", "-I", "bob@shop.example", "-s", "answer.sig"])
        .current_dir(&keys.0)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("ssh-keygen is there");
    std::io::Write::write_all(verify.stdin.as_mut().expect("its input"), &bytes).expect("written");
    assert!(verify.wait().expect("it ends").success());
}

#[test]
fn so_many_people_and_not_so_many_keys() {
    let keys = Keys::new();
    let [bob, second, eve] = ["bob", "second", "eve"].map(|name| keys.make(name, &["-t", "ed25519"]));
    let signers = format!(
        "bob@shop.example {bob}\nbob@shop.example,robert@home.example {second}\nrobert@home.example {second}\neve@shop.example {eve}\n"
    );
    let request = request(&bound());
    let one = answer(&keys, "bob", &request, "bob@shop.example", |_| {});
    let same = answer(&keys, "second", &request, "robert@home.example", |_| {});
    let other = answer(&keys, "eve", &request, "eve@shop.example", |_| {});
    let two = Need::people(2);
    assert_eq!(judged(&request, &[one.clone(), same], &signers, &two).0, Standing::Waits(1));
    assert_eq!(
        judged(&request, &[one.clone(), other], &signers, &two).0,
        approved(&["bob@shop.example", "eve@shop.example"])
    );
    // Whoever says no has said so, until the same person says yes.
    let no = answer(&keys, "eve", &request, "eve@shop.example", |answer| answer.decision = Decision::Reject);
    let rejected = Standing::Rejected(vec!["eve@shop.example".to_owned()]);
    assert_eq!(judged(&request, &[one.clone(), no.clone()], &signers, &Need::people(1)).0, rejected);
    let after = answer(&keys, "eve", &request, "eve@shop.example", |answer| {
        answer.at = now() + jiff::SignedDuration::from_mins(1);
    });
    for order in [[no.clone(), after.clone()], [after, no]] {
        assert_eq!(judged(&request, &order, &signers, &Need::people(1)).0, approved(&["eve@shop.example"]));
    }
}

#[test]
fn what_passes_itself_off_as_an_answer_is_refused_with_its_reason() {
    let keys = Keys::new();
    let [bob, eve, _] = ["bob", "eve", "agent"].map(|name| keys.make(name, &["-t", "ed25519"]));
    let signers = format!("bob@shop.example {bob}\neve@shop.example {eve}\n");
    let request = request(&bound());
    let good = answer(&keys, "bob", &request, "bob@shop.example", |_| {});
    assert_eq!(
        judged(&request, std::slice::from_ref(&good), &signers, &Need::people(1)),
        (approved(&["bob@shop.example"]), Vec::new())
    );

    let refused = |answer: [Vec<u8>; 2], signers: &str, need: &Need<'_>, why: &str| {
        let (standing, whys) = judged(&request, &[answer], signers, need);
        assert_eq!(standing, Standing::Waits(1), "{why}");
        assert!(whys.len() == 1 && whys[0].contains(why), "{why}: {whys:?}");
    };
    let one = Need::people(1);
    let edited = |from: &str, to: &str| {
        let bytes = String::from_utf8(good[0].clone()).expect("JSON").replace(from, to);
        [bytes.into_bytes(), good[1].clone()]
    };
    refused(edited("approve", "reject"), &signers, &one, "not that of what it says");
    let other = answer(&keys, "eve", &request, "eve@shop.example", |_| {});
    refused([good[0].clone(), other[1].clone()], &signers, &one, "not that of what it says");
    refused(answer(&keys, "eve", &request, "bob@shop.example", |_| {}), &signers, &one, "was signed by eve@");
    refused(answer(&keys, "agent", &request, "bob@shop.example", |_| {}), &signers, &one, "not among the signers");
    refused([good[0].clone(), keys.sign("bob", "git", &good[0])], &signers, &one, "signed for `git`");
    refused([good[0].clone(), b"no signature".to_vec()], &signers, &one, "cannot be read");
    refused([b"{}".to_vec(), keys.sign("bob", NAMESPACE, b"{}")], &signers, &one, "missing field");
    refused([vec![b' '; 2 << 20], good[1].clone()], &signers, &one, "at most");

    // The same words about something else.
    for (change, why) in [
        (Bound { path: "other/main.tf".to_owned(), ..bound() }, "in other/main.tf, and not"),
        (
            Bound { repository: "git.example/shop/other".to_owned(), ..bound() },
            "about the repository git.example/shop/other",
        ),
        (Bound { to_sha256: Some(digest(b"older")), ..bound() }, "has changed since"),
    ] {
        let elsewhere = self::request(&change);
        refused(answer(&keys, "bob", &elsewhere, "bob@shop.example", |_| {}), &signers, &one, "another request");
        let mixed = answer(&keys, "bob", &request, "bob@shop.example", |answer| answer.bound = change);
        refused(mixed, &signers, &one, why);
    }

    // Whose own it is.
    for own in ["bob@shop.example", "BOB@shop.example"] {
        let need = Need { own: vec![own.to_owned()], ..Need::people(1) };
        refused(good.clone(), &signers, &need, "nobody approves what is their own");
    }
    let second = format!("bob@shop.example,bob@home.example {bob}\n");
    let need = Need { own: vec!["bob@home.example".to_owned()], ..Need::people(1) };
    refused(good.clone(), &second, &need, "nobody approves what is their own");

    // Keys that do not count, and times.
    let limited = |option: &str| format!("bob@shop.example {option} {bob}\n");
    refused(good.clone(), &limited("valid-before=\"20261122115959Z\""), &one, "not valid any more");
    refused(good.clone(), &limited("valid-after=\"20261123Z\""), &one, "not valid yet");
    refused(good.clone(), &limited("namespaces=\"git,file\""), &one, "may not be used for `countersign`");
    refused(good.clone(), "", &one, "not among the signers");
    let expired = answer(&keys, "bob", &request, "bob@shop.example", |answer| answer.expires = Some(now()));
    refused(expired, &signers, &one, "expired");
    let ahead = answer(&keys, "bob", &request, "bob@shop.example", |answer| {
        answer.at = now() + jiff::SignedDuration::from_hours(1);
    });
    refused(ahead, &signers, &one, "in the future");
    refused(good.clone(), &signers, &Need { hardware: true, ..Need::people(1) }, "not in hardware");
    let nobody = |names: &[&str]| Some(format!("{} may not", names.join(" and ")));
    refused(good, &signers, &Need { refuses: &nobody, ..Need::people(1) }, "bob@shop.example may not");
}

#[test]
fn what_is_there_now_has_to_be_what_was_approved() {
    let keys = Keys::new();
    let signers = format!("bob@shop.example {}\n", keys.make("bob", &["-t", "ed25519"]));
    let (signers, _) = Signers::read(&signers);
    let request = request(&bound());
    let [bytes, signature] = answer(&keys, "bob", &request, "bob@shop.example", |_| {});
    let answers = [("a.json".to_owned(), bytes, signature)];
    let of = |here: Result<&Bound, &str>| standing(&request, here, &answers, &signers, &Need::people(1), now()).0;
    assert_eq!(of(Ok(&bound())), approved(&["bob@shop.example"]));
    let void = |here: Bound, why: &str| match of(Ok(&here)) {
        Standing::Void(said) => assert!(said.contains(why), "{said}"),
        standing => panic!("{standing:?}"),
    };
    void(Bound { to_sha256: Some(digest(b"edited")), ..bound() }, "has changed since");
    void(Bound { to_sha256: None, ..bound() }, "is gone since");
    void(Bound { from_sha256: None, ..bound() }, "the base has moved");
    void(Bound { repository: String::new(), ..bound() }, "one without a remote");
    assert_eq!(of(Err("the file is gone")), Standing::Void("the file is gone".to_owned()));
}

#[test]
fn an_edited_request_is_another_one() {
    let keys = Keys::new();
    let signers = format!("bob@shop.example {}\n", keys.make("bob", &["-t", "ed25519"]));
    let request = request(&bound());
    let good = answer(&keys, "bob", &request, "bob@shop.example", |_| {});
    let edited = Request { why: "Nothing of note.".to_owned(), ..request.clone() };
    let edited = Request::read(&edited.to_bytes(&digest(b"file"))).expect("a request");
    assert_eq!(edited.request_id, request.request_id);
    let (standing, whys) = judged(&edited, &[good], &signers, &Need::people(1));
    assert_eq!((standing, whys.len()), (Standing::Waits(1), 1), "{whys:?}");
    // What it is about cannot be edited behind its name's back.
    let moved = Request { bound: Bound { path: "x.tf".to_owned(), ..bound() }, ..request };
    let read = Request::read(&moved.to_bytes(&digest(b"file")));
    assert!(read.expect_err("refused").to_string().contains("its name is not that"));
}

#[test]
fn lines_of_signers_that_cannot_be_used_are_told_and_count_for_nothing() {
    let keys = Keys::new();
    let key = keys.make("bob", &["-t", "ed25519"]);
    let text = format!(
        "# people\n\n*@shop.example {key}\nca@shop.example cert-authority {key}\nbob@shop.example {key} a comment\n\
         eve@shop.example ssh-ed25519 AAAA\nmal@shop.example valid-before=\"soon\" {key}\ngarbage\n\"a b\" {key}\n"
    );
    let (signers, problems) = Signers::read(&text);
    let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 4, 6, 7, 8], "{problems:?}");
    assert!(!signers.is_empty() && Signers::read("").0.is_empty());
}

#[test]
fn evidence_is_a_pipelines_about_one_commit() {
    let keys = Keys::new();
    let (pipeline, person) = (keys.make("ci", &["-t", "ed25519"]), keys.make("ann", &["-t", "ed25519"]));
    let open = format!("ci@example.org namespaces=\"{EVIDENCE_NAMESPACE}\" {pipeline}\nann@example.org {person}\n");
    let (signers, problems) = Signers::read(&open);
    assert!(problems.is_empty(), "{problems:?}");
    let evidence = Evidence {
        done: Done::Tests,
        repository: "git.example/shop/infra".to_owned(),
        commit: "a".repeat(40),
        results: "junit.xml".to_owned(),
        results_sha256: digest(b"results"),
        passed: true,
        summary: "12 tests".to_owned(),
        at: now(),
    };
    let plans = [digest(b"plan")];
    let commit = "a".repeat(40);
    let about = AboutEvidence { repository: "git.example/shop/infra", commit: &commit, plans: &plans };
    let judged = |evidence: &Evidence, key: &str, namespace: &str| {
        let bytes = evidence.to_bytes();
        Evidence::judged(&bytes, &keys.sign(key, namespace, &bytes), &signers, about, now())
    };
    assert_eq!(judged(&evidence, "ci", EVIDENCE_NAMESPACE).as_ref(), Ok(&evidence));
    let refused = |evidence: &Evidence, key: &str, namespace: &str, why: &str| {
        let refusal = judged(evidence, key, namespace).expect_err(why);
        assert!(refusal.contains(why), "{why}: {refusal}");
    };
    refused(&evidence, "ann", EVIDENCE_NAMESPACE, "its key is a person's");
    refused(&evidence, "ci", NAMESPACE, "it was signed for `countersign`");
    refused(
        &Evidence { commit: "b".repeat(40), ..evidence.clone() },
        "ci",
        EVIDENCE_NAMESPACE,
        "it is of the commit bbb",
    );
    let elsewhere = Evidence { repository: "git.example/eve/infra".to_owned(), ..evidence.clone() };
    refused(&elsewhere, "ci", EVIDENCE_NAMESPACE, "it is of the repository");
    refused(&Evidence { passed: false, ..evidence.clone() }, "ci", EVIDENCE_NAMESPACE, "it did not pass: 12 tests");
    let ahead = Evidence { at: "2026-11-23T12:00:00Z".parse().expect("a time"), ..evidence.clone() };
    refused(&ahead, "ci", EVIDENCE_NAMESPACE, "in the future");
    let plan = Evidence { done: Done::Plan, ..evidence.clone() };
    refused(&plan, "ci", EVIDENCE_NAMESPACE, "another plan");
    let plan = Evidence { results_sha256: digest(b"plan"), ..plan };
    assert!(judged(&plan, "ci", EVIDENCE_NAMESPACE).is_ok());
    // The statement was edited after it was signed.
    let signature = keys.sign("ci", EVIDENCE_NAMESPACE, &evidence.to_bytes());
    let edited = Evidence { summary: "13 tests".to_owned(), ..evidence }.to_bytes();
    let refusal = Evidence::judged(&edited, &signature, &signers, about, now()).expect_err("edited");
    assert!(refusal.contains("not that of what it says"), "{refusal}");
    // Nor does a pipeline's key answer for a person.
    let bytes = b"answer";
    let signature = keys.sign("ci", NAMESPACE, bytes);
    assert!(matches!(verify(bytes, &signature, &signers, &[now()]), Err(Refused::NotASigner(_))));
}

#[test]
fn an_agreement_to_a_command_is_of_one_request() {
    let keys = Keys::new();
    let [bob, eve] = ["bob", "eve"].map(|name| keys.make(name, &["-t", "ed25519"]));
    let (signers, problems) = Signers::read(&format!("bob@shop.example {bob}\neve@shop.example {eve}\n"));
    assert!(problems.is_empty(), "{problems:?}");
    let agreed = CommandApproval {
        request_id: "3f2a9c1b".to_owned(),
        request_sha256: digest(b"request"),
        command: "terraform destroy".to_owned(),
        reviewer: "bob@shop.example".to_owned(),
        at: now(),
    };
    let judged = |bytes: &[u8], signature: &[u8], request: &[u8], hardware| {
        let judged = CommandApproval::judged(bytes, signature, &digest(request), &signers, hardware, now());
        judged.map(|(said, signed)| (said.command, signed.in_hardware))
    };
    let bytes = agreed.to_bytes();
    let signature = keys.sign("bob", NAMESPACE, &bytes);
    assert_eq!(judged(&bytes, &signature, b"request", false), Ok(("terraform destroy".to_owned(), false)));
    let refused = |bytes: &[u8], signature: &[u8], request: &[u8], hardware, why: &str| {
        let refusal = judged(bytes, signature, request, hardware).expect_err(why);
        assert!(refusal.contains(why), "{why}: {refusal}");
    };
    refused(&bytes, &signature, b"another", false, "agrees to another request");
    refused(&bytes, &signature, b"request", true, "not in hardware");
    refused(&bytes, &keys.sign("eve", NAMESPACE, &bytes), b"request", false, "signed by eve@shop.example");
    refused(&bytes, &keys.sign("bob", "git", &bytes), b"request", false, "signed for `git`");
    let edited = CommandApproval { command: "terraform apply".to_owned(), ..agreed.clone() }.to_bytes();
    refused(&edited, &signature, b"request", false, "not that of what it says");
    let ahead = CommandApproval { at: "2026-11-23T12:00:00Z".parse().expect("a time"), ..agreed }.to_bytes();
    refused(&ahead, &keys.sign("bob", NAMESPACE, &ahead), b"request", false, "in the future");
    // An answer to a review is none, whoever has signed it.
    let answer = Answer::to(&request(&bound()), Decision::Approve, "bob@shop.example", now()).to_bytes();
    refused(&answer, &keys.sign("bob", NAMESPACE, &answer), b"request", false, "urn:countersign:review");
}

#[test]
fn a_namespace_that_is_taken_back_is_not_meant() {
    let keys = Keys::new();
    let bob = keys.make("bob", &["-t", "ed25519"]);
    let bytes = b"answer";
    let signature = keys.sign("bob", NAMESPACE, bytes);
    let is_refused = |namespaces: &str| {
        let (signers, problems) = Signers::read(&format!("bob@shop.example namespaces=\"{namespaces}\" {bob}\n"));
        assert!(problems.is_empty(), "{problems:?}");
        verify(bytes, &signature, &signers, &[now()]).is_err()
    };
    assert!(!is_refused("*") && !is_refused("git,countersign") && !is_refused("*,!git"));
    assert!(is_refused("*,!countersign") && is_refused("!countersign,*") && is_refused("!git"));
}
