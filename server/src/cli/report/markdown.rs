//! The report as Markdown, for a terminal and for whatever shows pull requests and notes.

use super::page::{Cell, Page, Table};
use crate::cli::person::shown;
use crate::cli::stamp;
use std::fmt::Write as _;

/// What others have written, as code, without what turns the order of letters around.
fn code(text: &str) -> String {
    stamp::code(&shown(text))
}

/// All of it.
pub(super) fn text(page: &Page) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n\n{}", code_in_title(&page.title), page.subtitle);
    for doubt in &page.doubts {
        let _ = writeln!(out, "\n> {}", code(doubt));
    }
    for section in &page.sections {
        let _ = writeln!(out, "\n## {}", section.title);
        for sentence in &section.says {
            let _ = writeln!(out, "\n{sentence}");
        }
        for table in &section.tables {
            write(&mut out, table);
        }
    }
    out
}

/// A title, of which a part may be the name of a folder: without what means something in Markdown.
fn code_in_title(title: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '/' | ',');
    title.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

fn write(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n{}:\n\n| {} |", table.caption, table.head.join(" | "));
    // A column of numbers stands to the right.
    let is_number = |column: usize| {
        let cells = || table.rows.iter().filter_map(|row| row.get(column));
        cells().any(|cell| matches!(cell, Cell::Number(_))) && !cells().any(|cell| matches!(cell, Cell::Foreign(_)))
    };
    let lines: Vec<&str> = (0..table.head.len()).map(|it| if is_number(it) { "---:" } else { "---" }).collect();
    let _ = writeln!(out, "|{}|", lines.join("|"));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    if let Some(note) = &table.note {
        let _ = writeln!(out, "\n{note}");
    }
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Words(text) | Cell::Number(text) => text.clone(),
        Cell::Foreign(text) if text.is_empty() => String::new(),
        Cell::Foreign(text) => code(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_written_stays_in_its_cell() {
        let head = ["name", "times"].map(str::to_owned).to_vec();
        let rows = vec![vec![Cell::Foreign("a|b`\n# c <b>\u{202e}".to_owned()), Cell::Number("3".to_owned())]];
        let mut out = String::new();
        write(&mut out, &Table { caption: "What".to_owned(), head, rows, note: None });
        assert_eq!(out, "\nWhat:\n\n| name | times |\n|---|---:|\n| ``a\\|b` # c <b>\u{fffd}`` | 3 |\n");
        assert_eq!(code_in_title("x](javascript:y) <b>"), "x--javascript-y- -b-");
    }
}
