//! What is said with a cache on disk and what is said without one is the same, to the byte.

use crate::cli::{Said, countersign};
use crate::editor::Workspace;
use std::fs;
use std::path::PathBuf;

/// Pieces of files.
const BLOCKS: &[&str] = &[
    "resource \"aws_vpc\" \"a\" {\n  cidr_block = var.cidr\n}\n",
    "resource \"aws_vpc\" \"a\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n",
    "variable \"cidr\" {\n  default = \"10.1.0.0/16\"\n}\n",
    "variable \"cidr\" {}\n",
    "resource \"aws_lightsail_database\" \"db\" {\n  publicly_accessible = local.open\n}\n",
    "# countersign: allow database-public reason=\"a test\" until=2999-12-31\nresource \"aws_lightsail_database\" \"db\" {\n  publicly_accessible = true\n}\n",
    "locals {\n  open = true\n}\n",
    "locals {\n  open = var.cidr == \"\"\n}\n",
    "module \"m\" {\n  source = \"../b\"\n  cidr   = aws_vpc.a.cidr_block\n}\n",
    "resource \"aws_security_group\" \"s\" {\n  vpc_id = aws_vpc.a.id\n  ingress {\n    cidr_blocks = [\"0.0.0.0/0\"]\n    from_port = 22\n    to_port = 22\n  }\n}\n",
    "resource \"aws_iam_policy\" \"p\" {\n  policy = <<-EOT\n    {\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}\n  EOT\n}\n",
    "resource \"aws_s3_bucket\" \"b\" {\n  force_destroy = true\n",
    "<<<<<<< ours\n",
];

/// Numbers that look like chance and are the same each time (a linear congruential generator, Knuth's constants).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn text(&mut self) -> String {
        let blocks = self.below(6);
        (0..blocks).map(|_| BLOCKS[self.below(BLOCKS.len())]).collect::<Vec<_>>().join("\n")
    }
}

fn all_said(workspace: &Workspace) -> Vec<Said> {
    let commands: [&[&str]; 3] = [
        &["impact", "--format", "json", "--fail-on", "never"],
        &["check", "--format", "json"],
        &["check", "a", "--undecided", "--format", "json"],
    ];
    commands.iter().map(|arguments| countersign(workspace, arguments)).collect()
}

fn units(workspace: &Workspace) -> PathBuf {
    workspace.path(".git/countersign/units")
}

#[test]
fn with_and_without_a_cache_the_same_is_said() {
    let mut chance = Chance(7);
    let workspace = Workspace::git(&[
        ("a/main.tf", &chance.text()),
        ("a/more.tf", &chance.text()),
        ("b/main.tf", &chance.text()),
        ("b/more.tf.json", "{\"locals\": {\"open\": true}}"),
    ]);
    for _ in 0..12 {
        let file = ["a/main.tf", "a/more.tf", "b/main.tf"][chance.below(3)];
        workspace.write(file, &chance.text());
        // What the runs before left, and what this one did.
        let (before, again) = (all_said(&workspace), all_said(&workspace));
        fs::remove_dir_all(units(&workspace)).expect("there is a cache");
        let without = all_said(&workspace);
        for ((before, again), without) in before.iter().zip(&again).zip(&without) {
            let all = |said: &Said| (said.code, said.stdout.clone(), said.stderr.clone());
            assert_eq!(all(before), all(without));
            assert_eq!(all(again), all(without));
        }
    }
}

#[test]
fn a_cache_of_anything_is_none() {
    let workspace = Workspace::git(&[("a/main.tf", BLOCKS[5]), ("b/main.tf", BLOCKS[9])]);
    workspace.write("b/main.tf", BLOCKS[0]);
    let said =
        |workspace: &Workspace| all_said(workspace).into_iter().map(|said| (said.code, said.stdout, said.stderr));
    let expected: Vec<_> = said(&workspace).collect();
    for garbage in [&b""[..], b"\0\0\0\0", &[0xFF; 4096]] {
        for file in fs::read_dir(units(&workspace)).expect("there is a cache").flatten() {
            fs::write(file.path(), garbage).expect("it is written");
        }
        assert!(said(&workspace).eq(expected.iter().cloned()));
    }
    // Nor can one be written.
    fs::remove_dir_all(units(&workspace)).expect("there is a cache");
    fs::write(units(&workspace), "").expect("the file is written");
    assert!(said(&workspace).eq(expected));
}
