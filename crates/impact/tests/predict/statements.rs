//! What statements of SQL do when they run.

use crate::support::{changes, short};
use countersign_impact::{Action, Change};

/// What is predicted of a new migration.
fn of(migration: &str) -> Vec<Change> {
    let before = [("/w/db/1.sql", "CREATE TABLE users (id bigint, email text);\n")];
    changes(&before, &[before[0], ("/w/db/2.sql", migration)])
}

/// In short, with what is lost and what does not answer.
fn said(migration: &str) -> Vec<String> {
    let found = of(migration);
    let each = short(&found).into_iter().zip(&found).map(|(short, change)| {
        let loss = change.loss.as_ref().map(|it| format!(", lost: {}", it.why)).unwrap_or_default();
        let held_up = change.interruption.as_ref().map(|it| format!(", held up: {}", it.why)).unwrap_or_default();
        let opened = change.widened.first().map(|it| format!(", opened: {}", it.reason.why)).unwrap_or_default();
        format!("{short}{loss}{held_up}{opened}")
    });
    each.collect()
}

#[test]
fn what_is_dropped_is_destroyed_with_what_is_in_it() {
    assert_eq!(
        said("DROP TABLE users;\n"),
        ["destroy users, lost: the table, every row of it and its indexes: gone once this runs"]
    );
    assert_eq!(
        said("ALTER TABLE public.users DROP COLUMN email;\n"),
        ["destroy users.email, lost: what is in the column, in every row: gone once this runs"]
    );
    assert_eq!(short(&of("DROP TABLE IF EXISTS users;\n")), ["destroy? users"]);
    assert_eq!(short(&of("DROP SCHEMA app CASCADE;\nDROP DATABASE shop;\n")), ["destroy app", "destroy shop"]);
    assert_eq!(short(&of("DROP TEMPORARY TABLE users;\nDROP SCHEMA app;\n")), Vec::<String>::new());
}

#[test]
fn rows_are_lost_where_nothing_says_which() {
    assert_eq!(said("TRUNCATE users;\n"), ["update users, lost: every row of it: gone once this runs"]);
    assert_eq!(
        said("TRUNCATE users CASCADE;\n"),
        ["update users, lost: every row of it and of every table that refers to it: gone once this runs"]
    );
    assert_eq!(said("DELETE FROM users;\n"), ["update users, lost: every row of it: gone once this runs"]);
    assert_eq!(
        said("UPDATE users SET a = 1;\n"),
        ["update users, held up: whoever writes to it waits until every row is written anew"]
    );
    assert_eq!(said("DELETE FROM users WHERE id = 1;\nUPDATE users SET a = 1 WHERE id = 1;\n"), Vec::<String>::new());
}

#[test]
fn a_lock_holds_others_up() {
    for (statement, what) in [
        (
            "CREATE INDEX i ON users (email);\n",
            "create i, held up: nobody writes to the table until the index is built",
        ),
        (
            "ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (id);\n",
            "create f, held up: every row is checked while nobody writes to the table",
        ),
        (
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;\n",
            "update users.email, held up: every row is checked while nobody reads the table",
        ),
        (
            "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();\n",
            "create users.token, held up: the whole table is written anew, and nobody reads it meanwhile",
        ),
        (
            "VACUUM FULL users;\n",
            "update users, held up: nobody writes to it, and mostly nobody reads it, until it is done",
        ),
    ] {
        assert_eq!(said(statement), [what], "{statement}");
    }
    for (statement, what) in [
        ("CREATE INDEX CONCURRENTLY i ON users (email);\n", "create i"),
        ("ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (id) NOT VALID;\n", "create f"),
        // MySQL.
        ("CREATE INDEX i ON `users` (email);\n", "create i"),
    ] {
        assert_eq!(said(statement), [what], "{statement}");
    }
    assert_eq!(said("ALTER TABLE users ADD COLUMN a int;\n"), ["create users.a"]);
}

#[test]
fn what_a_type_loses_is_known_from_the_one_before() {
    let made = "CREATE TABLE t (\n  id int, name varchar(40) NOT NULL, price numeric(10,2) DEFAULT 0, at timestamptz,\n  PRIMARY KEY (id));\n";
    let between = |statement: &str| {
        let before =
            [("/w/db/1.sql", made), ("/w/db/2.sql", "ALTER TABLE t ADD COLUMN much bigint NOT NULL DEFAULT 0;\n")];
        let found = changes(&before, &[before[0], before[1], ("/w/db/3.sql", statement)]);
        let [change] = found.as_slice() else { return short(&found).join(", ") };
        let reasons: Vec<_> = change.reasons.iter().map(|reason| reason.why.as_str()).collect();
        let (lost, held_up) = (change.loss.is_some(), change.interruption.is_some());
        format!("{}{}{}", reasons.join("; "), if lost { ", lost" } else { "" }, if held_up { ", held up" } else { "" })
    };
    assert_eq!(between("ALTER TABLE t ALTER COLUMN id TYPE bigint;\n"), "`int` becomes `bigint`, held up");
    assert_eq!(between("ALTER TABLE t ALTER name TYPE text;\n"), "`varchar(40)` becomes `text`");
    assert_eq!(
        between("ALTER TABLE t ALTER name TYPE varchar(20);\n"),
        "`varchar(40)` becomes `varchar(20)`; where a value does not fit into `varchar(20)`, the statement fails, held up"
    );
    assert_eq!(
        between("ALTER TABLE t ALTER COLUMN price TYPE int USING price::int;\n"),
        "`numeric(10,2)` becomes `int`, lost, held up"
    );
    assert_eq!(between("ALTER TABLE t ALTER at TYPE date;\n"), "`timestamptz` becomes `date`, lost, held up");
    assert_eq!(
        between("ALTER TABLE t ALTER much TYPE int;\n"),
        "`bigint` becomes `int`; where a value does not fit into `int`, the statement fails, held up"
    );
    assert_eq!(
        between("ALTER TABLE t ALTER other TYPE int;\n"),
        "its type becomes `int`; whether `int` holds all that is in it is not known, held up"
    );
    // MySQL takes other locks, and says the whole column anew.
    assert_eq!(
        between("ALTER TABLE `t` MODIFY COLUMN much INT NOT NULL;\n"),
        "`bigint` becomes `INT`; where a value does not fit into `INT`, the statement fails"
    );
    assert_eq!(between("ALTER TABLE `t` CHANGE much amount bigint;\n"), ", held up");
}

#[test]
fn what_is_renamed_has_its_new_name() {
    let found = of("ALTER TABLE users RENAME COLUMN email TO mail;\nALTER TABLE users RENAME TO people;\n");
    assert_eq!(short(&found), ["rename users -> people", "rename users.email -> users.mail"]);
    assert!(found.iter().all(|change| change.interruption.is_some()));
}

#[test]
fn what_is_opened_is_said() {
    assert_eq!(
        said("ALTER TABLE users DISABLE ROW LEVEL SECURITY;\n"),
        ["update users, opened: its policies of rows do not count any more"]
    );
    assert_eq!(said("GRANT ALL ON users TO PUBLIC;\n"), ["update users, opened: everybody may do anything with it"]);
    assert_eq!(said("ALTER ROLE app SUPERUSER;\n"), ["update app, opened: it is asked for no permission any more"]);
}

#[test]
fn what_has_run_and_what_is_new_itself_is_nothing() {
    let text = "DROP TABLE users;\nDELETE FROM logs;\n";
    // It was there before, or stands in another file now, or in another spelling.
    let same = |after: &[(&str, &str)]| short(&changes(&[("/w/db/2.sql", text)], after));
    assert_eq!(same(&[("/w/db/2.sql", text)]), Vec::<String>::new());
    assert_eq!(same(&[("/w/db/0002.sql", text)]), Vec::<String>::new());
    assert_eq!(same(&[("/w/db/2.sql", "drop  table users;\ndelete from logs;\n")]), Vec::<String>::new());
    // What is there no more has run.
    assert_eq!(same(&[("/w/db/2.sql", "DELETE FROM logs;\n")]), Vec::<String>::new());
    assert_eq!(same(&[]), Vec::<String>::new());
    // Once more is once more.
    assert_eq!(same(&[("/w/db/2.sql", text), ("/w/db/3.sql", "DROP TABLE users;\n")]), ["destroy users"]);
    // A table that only another new migration makes holds nothing yet.
    let made = ("/w/db/3.sql", "CREATE TABLE carts (id bigint);\n");
    let changed = ("/w/db/4.sql", "ALTER TABLE carts DROP COLUMN id;\nDROP TABLE carts;\n");
    assert_eq!(short(&changes(&[], &[made, changed])), ["create carts"]);
    assert_eq!(short(&changes(&[made], &[made, changed])), ["destroy carts", "destroy carts.id"]);
}

#[test]
fn two_statements_about_the_same_are_one_change() {
    let found = of("DELETE FROM users;\nDROP TABLE users;\n");
    assert_eq!(short(&found), ["destroy users"]);
    assert_eq!((found[0].action, found[0].reasons.len()), (Action::Destroy, 2));
    assert_eq!(found[0].kind, "sql/drop-table");
}
