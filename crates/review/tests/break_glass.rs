//! Break-glasses: who may, for how long, for what, and each way to make more of one.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_review::{Bound, BreakGlass, Given, NAMESPACE, Rules, Signers, digest};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::process::Command;
use tempfile::TempDir;

const BASE: &str = "0123456789abcdef0123456789abcdef01234567";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    time("2026-11-22T12:00:00Z")
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn bound(address: &str) -> Bound {
    Bound {
        repository: "git.example/shop/infra".to_owned(),
        path: "live/main.tf".to_owned(),
        address: Some(address.to_owned()),
        from_sha256: Some(digest(b"before")),
        to_sha256: Some(digest(b"after")),
    }
}

fn glass() -> BreakGlass {
    BreakGlass {
        base: BASE.to_owned(),
        changes: vec![bound("aws_vpc.a"), bound("aws_vpc.b")],
        reason: "The shop is down.".to_owned(),
        by: "ann@shop.example".to_owned(),
        at: now(),
        expires: now() + hours(2),
    }
}

/// A folder with the keys of Ann and of Bob, and the signers' file.
struct Keys(TempDir, String);

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut signers = String::new();
        for name in ["ann", "bob"] {
            let mut make = Command::new("ssh-keygen");
            make.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name]).current_dir(&folder);
            assert!(make.output().expect("ssh-keygen is there").status.success());
            let public = std::fs::read_to_string(folder.path().join(format!("{name}.pub"))).expect("the key");
            signers += &[name, "@shop.example ", &public].concat();
        }
        Self(folder, signers)
    }

    fn sign(&self, bytes: &[u8], name: &str, namespace: &str) -> Vec<u8> {
        let file = self.0.path().join("signed");
        std::fs::write(&file, bytes).expect("written");
        let signature = self.0.path().join("signed.sig");
        let _ = std::fs::remove_file(&signature);
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-n", namespace, "-f", name, "signed"]).current_dir(&self.0);
        assert!(sign.output().expect("ssh-keygen is there").status.success());
        std::fs::read(signature).expect("the signature")
    }

    /// What becomes of a break-glass that somebody has signed, by rules for two hours at most, at a time.
    fn given(&self, glass: &BreakGlass, name: &str, at: Timestamp) -> Result<Given, String> {
        let bytes = glass.to_bytes();
        self.judge(&bytes, &self.sign(&bytes, name, NAMESPACE), at)
    }

    fn judge(&self, bytes: &[u8], signature: &[u8], at: Timestamp) -> Result<Given, String> {
        let (signers, problems) = Signers::read(&self.1);
        assert_eq!(problems, []);
        let refuses = |emails: &[&str]| {
            (!emails.contains(&"ann@shop.example")).then(|| "policy does not name this person".to_owned())
        };
        let rules = Rules { signers: &signers, longest: hours(2), hardware: false, refuses: &refuses };
        Given::read(bytes, signature, &rules, at)
    }
}

#[test]
fn whoever_may_lets_these_changes_through_and_no_others() {
    let keys = Keys::new();
    let given = keys.given(&glass(), "ann", now()).expect("it was given by somebody who may");
    assert_eq!(given, Given { statement: glass(), revoked: None });
    let refuses = |bound: &Bound| given.refuses(bound, BASE, now()).unwrap_or_default();
    assert_eq!(refuses(&bound("aws_vpc.a")), "");
    assert_eq!(refuses(&bound("aws_vpc.b")), "");
    assert!(refuses(&bound("aws_vpc.c")).contains("none of the changes that it names"), "wider than it is");
    let other = |change: fn(&mut Bound)| {
        let mut other = bound("aws_vpc.a");
        change(&mut other);
        refuses(&other)
    };
    assert!(other(|it| it.to_sha256 = Some(digest(b"more"))).contains("has changed since"));
    assert!(other(|it| it.to_sha256 = None).contains("is gone since"));
    assert!(other(|it| it.from_sha256 = None).contains("the base has moved"));
    assert!(other(|it| it.repository = "git.example/shop/shop".to_owned()).contains("about the repository"));
    assert!(other(|it| it.path = "live/other.tf".to_owned()).contains("none of the changes"));
    assert!(other(|it| it.address = None).contains("none of the changes"), "the whole file is more than two resources");
    let elsewhere = given.refuses(&bound("aws_vpc.a"), "ffff", now());
    assert!(elsewhere.is_some_and(|why| why.contains("start from 0123456, and these start from ffff")));
}

#[test]
fn it_ends() {
    let keys = Keys::new();
    let end = now() + hours(2);
    let given = keys.given(&glass(), "ann", end).expect("it was given, whenever somebody looks");
    let before = end - SignedDuration::from_secs(1);
    assert_eq!(given.refuses(&bound("aws_vpc.a"), BASE, before), None);
    for late in [end, end + hours(1)] {
        assert_eq!(given.refuses(&bound("aws_vpc.a"), BASE, late).as_deref(), Some("it has expired"));
    }
    let long = BreakGlass { expires: end + SignedDuration::from_secs(1), ..glass() };
    assert!(keys.given(&long, "ann", now()).is_err_and(|why| why.contains("longer than the 2 hours")));
    let backwards = BreakGlass { expires: now(), ..glass() };
    assert!(keys.given(&backwards, "ann", now()).is_err_and(|why| why.contains("ends before it begins")));
    let ahead = BreakGlass { at: now() + hours(1), ..glass() };
    assert!(keys.given(&ahead, "ann", now()).is_err_and(|why| why.contains("dated in the future")));
}

#[test]
fn nobody_else_gives_it() {
    let keys = Keys::new();
    let refused = |given: Result<Given, String>| given.expect_err("it counts for nothing");
    let bobs = BreakGlass { by: "bob@shop.example".to_owned(), ..glass() };
    assert_eq!(refused(keys.given(&bobs, "bob", now())), "policy does not name this person");
    assert!(refused(keys.given(&glass(), "bob", now())).contains("says to be from ann@shop.example"));
    let bytes = glass().to_bytes();
    let for_git = keys.sign(&bytes, "ann", "git");
    assert!(refused(keys.judge(&bytes, &for_git, now())).contains("it was signed for `git`"));
    let signature = keys.sign(&bytes, "ann", NAMESPACE);
    let wider = BreakGlass { changes: vec![bound("aws_vpc.a"), bound("aws_vpc.b"), bound("aws_vpc.c")], ..glass() };
    let other = BreakGlass { reason: "Another one.".to_owned(), ..glass() };
    for edited in [wider, other] {
        assert!(refused(keys.judge(&edited.to_bytes(), &signature, now())).contains("is not that of what it says"));
    }
    // Ann's key is taken back while it holds: it lets nothing through, and was given all the same.
    let Keys(folder, signers) = keys;
    let end = " valid-before=\"202611221300Z\" ssh-ed25519";
    let keys = Keys(folder, signers.replacen(" ssh-ed25519", end, 1));
    let stopped = |at: Timestamp| {
        let given = keys.judge(&bytes, &signature, at).expect("it was given");
        given.refuses(&bound("aws_vpc.a"), BASE, at)
    };
    assert_eq!(stopped(now()), None);
    assert!(stopped(now() + hours(1)).is_some_and(|why| why.contains("not valid any more")));
}

#[test]
fn what_says_nothing_is_none() {
    let keys = Keys::new();
    let empty = BreakGlass { changes: Vec::new(), ..glass() };
    let silent = BreakGlass { reason: " ".to_owned(), ..glass() };
    for (glass, why) in [(empty, "it names no change"), (silent, "it gives no reason")] {
        assert_eq!(keys.given(&glass, "ann", now()), Err(why.to_owned()));
    }
    let request = glass().to_bytes();
    let text = String::from_utf8(request).expect("JSON");
    let other = text.replace("urn:countersign:break-glass:v1", "urn:countersign:review:v1");
    assert!(BreakGlass::read(other.as_bytes()).is_err(), "an answer is none");
    let more = text.replace("\"reason\"", "\"paths\": [\"**\"], \"reason\"");
    assert!(BreakGlass::read(more.as_bytes()).is_err(), "what nobody knows does not count as nothing");
    assert!(BreakGlass::read(b"{").is_err());
}

proptest! {
    /// What is written is read, and whatever else stands in a statement, it lets nothing through but the very changes that it names.
    #[test]
    fn only_what_is_named_passes(
        named in prop::collection::vec("[a-d]\\.[a-d]", 1..4),
        asked in "[a-e]\\.[a-e]",
        to in "[xy]",
        base in "[01]",
        later in 0_i64..200,
    ) {
        let with = |address: &str, to: &str| Bound { to_sha256: Some(digest(to.as_bytes())), ..bound(address) };
        let changes = named.iter().map(|address| with(address, "x")).collect();
        let glass = BreakGlass { changes, base: "0".to_owned(), ..glass() };
        prop_assert_eq!(&BreakGlass::read(&glass.to_bytes()).expect("it is read"), &glass);
        let at = now() + SignedDuration::from_mins(later);
        let passes = Given { statement: glass, revoked: None }.refuses(&with(&asked, &to), &base, at).is_none();
        prop_assert_eq!(passes, named.contains(&asked) && to == "x" && base == "0" && later < 120);
    }
}
