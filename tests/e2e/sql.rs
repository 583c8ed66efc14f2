//! Migrations in SQL.

use crate::agents::{claude, decision};
use crate::cli::{countersign, files, findings, report};
use crate::editor::{INFORMATION, WARNING, Workspace, finding};
use crate::impact::{actions, impact};
use crate::reviews::Team;
use serde_json::json;

const DROP: &str = "ALTER TABLE users DROP COLUMN first_name;\n";

#[test]
fn a_folder_of_migrations() {
    let workspace = files(&[
        ("migrations/1_users.sql", "CREATE TABLE users (id bigint);\nCREATE INDEX users_id ON users (id);\n"),
        ("migrations/2_names.sql", DROP),
        ("migrations/2_names.down.sql", "DROP TABLE users;\n"),
        ("migrations/3_goose.sql", "-- +goose Up\nTRUNCATE users;\n-- +goose Down\nDROP TABLE users;\n"),
        ("queries/users.sql", "-- name: DeleteUsers :exec\nDELETE FROM users;\n"),
        ("seeds/plans.sql", "INSERT INTO plans (name) VALUES ('drop table users');\n"),
    ]);
    let (said, code) = report(&workspace, &["."]);
    let expected = [
        ("migrations/2_names.sql", "column-dropped", "review"),
        ("migrations/3_goose.sql", "every-row-deleted", "review"),
    ];
    assert_eq!((findings(&said), code), (expected.to_vec(), Some(1)));
    assert_eq!(said["findings"][0]["resource"]["address"], "users.first_name");
    // What takes a migration back is no file that was checked.
    let human = countersign(&workspace, &["check", "."]);
    assert!(human.stdout.contains("2 findings (2 high) in 5 files"), "{}", human.stdout);
}

#[test]
fn what_an_ai_writes_is_told_while_it_does() {
    let workspace = Workspace::git(&[("1.sql", "CREATE TABLE plans (name text);\n")]);
    let mut editor = workspace.editor();
    editor.open("1.sql", "CREATE TABLE plans (name text);\n");
    editor.ai_appends("1.sql", "ALTER TABLE plans ADD COLUMN price numeric NOT NULL;\n");
    assert_eq!(editor.findings("1.sql"), [], "the table is new");
    editor.ai_appends("1.sql", DROP);
    let dropped = |severity| finding(severity, "column-dropped", "first_name");
    assert_eq!(editor.findings("1.sql"), [dropped(WARNING)]);
    // Without the statement that makes the table, what follows is something else.
    editor.replace("1.sql", "CREATE TABLE plans (name text);\n", "");
    let found = editor.findings("1.sql");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&finding(INFORMATION, "required-column-without-default", "NOT NULL")), "{found:?}");
    editor.choose("1.sql", "first_name", "Tag as written by");
    assert!(editor.text("1.sql").contains("-- ai-provenance: begin"), "{}", editor.text("1.sql"));
}

#[test]
fn a_comment_takes_a_finding_away() {
    let above = format!("-- countersign: allow column-dropped reason=\"Nobody reads it.\"\n{DROP}");
    let behind = DROP.replace(";\n", "; -- countersign: allow column-dropped reason=\"Nobody reads it.\"\n");
    let in_it = DROP.replace(" DROP", "\n  -- countersign: allow column-dropped reason=\"Nobody reads it.\"\n  DROP");
    for text in [above, behind, in_it] {
        let (said, code) = report(&files(&[("1.sql", &text)]), &["."]);
        assert_eq!((findings(&said), code), (Vec::new(), Some(0)), "{text}");
    }
    let elsewhere = format!("-- countersign: allow column-dropped reason=\"Nobody reads it.\"\nSELECT 1;\n{DROP}");
    let (said, _) = report(&files(&[("1.sql", &elsewhere)]), &["."]);
    assert_eq!(findings(&said), [("1.sql", "column-dropped", "review")]);
}

#[test]
fn a_comment_that_is_none_of_a_tool_hides_nothing() {
    for (text, risk) in [
        (format!("-- migrate:down\n{DROP}"), "rollback-alone"),
        (format!("INSERT INTO a VALUES (1);\n-- rollback\n{DROP}"), "rollback-alone"),
        (format!("-- name: Cleanup :exec\n{DROP}"), "column-dropped"),
        (format!("-- rename: it\n{DROP}"), "column-dropped"),
        ("-- username: ann\nDELETE FROM users;\n".to_owned(), "every-row-deleted"),
    ] {
        let (said, _) = report(&files(&[("1.sql", &text)]), &["."]);
        assert_eq!(findings(&said), [("1.sql", risk, "review")], "{text}");
    }
}

#[test]
fn another_database_takes_other_locks() {
    let index = "CREATE INDEX orders_user ON orders (user_id);\n";
    let of = |text: &str| {
        let (said, _) = report(&files(&[("1.sql", text)]), &["."]);
        findings(&said).into_iter().map(|(_, risk, _)| risk.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(index), ["index-blocks-writes"]);
    for other in [
        "UPDATE `plans` SET a = 1 WHERE b = 2;\n",
        "CREATE TABLE [dbo].[a] (b NVARCHAR(10));\n",
        "CREATE TABLE a (b int) ENGINE=InnoDB;\n",
    ] {
        assert_eq!(of(&format!("{other}{index}")), [] as [&str; 0], "{other}");
        assert_eq!(of(&format!("{other}{DROP}")), ["column-dropped"], "{other}");
    }
}

#[test]
fn whatever_stands_in_it_has_an_answer() {
    let deep = format!("ALTER TABLE a ADD CHECK {}1;\n", "(".repeat(100_000));
    let long = format!("DELETE FROM a WHERE b IN ({});\n", "1,".repeat(600_000));
    let latin = b"ALTER TABLE a DROP COLUMN \xe9t\xe9;\n".as_slice();
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(DROP.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for (bytes, expected) in [
        (deep.as_bytes(), "brackets"),
        (long.as_bytes(), "longer than"),
        (latin, ""),
        (&utf16, ""),
        (b"DROP TABLE \0a;\n", "NUL"),
        (b"DROP", ""),
        (b"DROP TABLE", ""),
        (b"ALTER TABLE", ""),
        (b"CREATE INDEX ON", ""),
        (b"GRANT", ""),
        (b"TRUNCATE ,,,", ""),
        (b"$a$ $b$", ""),
        (b"ALTER TABLE a ALTER COLUMN b TYPE", ""),
        (b"<<<<<<< HEAD\nDROP TABLE a;\n=======\n>>>>>>> b\n", "merge conflict"),
    ] {
        let workspace = files(&[]);
        std::fs::write(workspace.path("1.sql"), bytes).expect("it is written");
        let said = countersign(&workspace, &["check", "."]);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(said.code.is_some_and(|code| code <= 2) && all.contains(expected), "{expected}: {all:.300}");
        assert!(!all.contains("panicked"), "{all:.300}");
    }
}

#[test]
fn the_gate_wants_a_review_of_what_an_ai_drops() {
    let team =
        Team::new("[[require]]\norigin = [\"ai\", \"mixed\"]\nverdict = [\"deny\", \"review\"]\napprovals = 1\n");
    let tagged = format!("-- ai-provenance: begin id=t1 tool=claude\n{DROP}-- ai-provenance: end id=t1\n");
    team.workspace.write("migrations/2.sql", &tagged);
    team.commit("Drop a column");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes").clone();
    let change = changes.iter().find(|change| change["path"] == "migrations/2.sql").expect("the migration");
    assert!(change["risks"].to_string().contains("column-dropped"), "{change}");
}

/// What is new in a migration is what will run: what was there before has.
#[test]
fn what_a_new_migration_does_to_what_is_live() {
    let users =
        ("db/1_users.sql", "CREATE TABLE users (id bigint, email text, seen timestamptz);\nDROP TABLE people;\n");
    let workspace = Workspace::git(&[users]);
    workspace.write(
        "db/2_less.sql",
        "ALTER TABLE users DROP COLUMN email;\nALTER TABLE users ALTER seen TYPE date;\nCREATE TABLE carts (id bigint);\nDROP TABLE carts;\n",
    );
    workspace.write("db/2_less.down.sql", "DROP TABLE users;\n");
    let (json, code) = impact(&workspace, &[]);
    let mut found = actions(&json);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("create", "db/2_less.sql", "carts"),
            ("destroy", "db/2_less.sql", "users.email"),
            ("update", "db/2_less.sql", "users.seen"),
        ]
    );
    assert_eq!(code, Some(1));
    let said = countersign(&workspace, &["impact"]).stdout;
    for line in [
        "destroy: users.email is destroyed",
        "data loss: what is in the column, in every row: gone once this runs",
        "`timestamptz` becomes `date`",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

/// What holds data is not dropped by an agent; that somebody has to look at the rest stays so.
#[test]
fn an_agent_is_stopped_before_it_drops_a_column() {
    let workspace = Workspace::git(&[("db/1.sql", "CREATE TABLE users (id bigint, first_name text);\n")]);
    let write = |content: &str| {
        decision(&claude(&workspace, "Write", &json!({ "file_path": workspace.path("db/2.sql"), "content": content })))
    };
    let (said, why) = write(DROP);
    assert!(said == "deny" && why.contains("`users.first_name`"), "{said}: {why}");
    assert_eq!(write("DROP TABLE users;\n").0, "deny");
    assert_eq!(write("TRUNCATE users;\n").0, "tell");
    assert_ne!(write("CREATE TABLE carts (id bigint);\nDROP TABLE carts;\n").0, "deny");
}
