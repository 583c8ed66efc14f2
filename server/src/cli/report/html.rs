//! The report as one page of HTML that loads nothing and runs nothing.

use super::charts;
use super::page::{Cell, Page, Section, Table};
use data_encoding::BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(super) fn text(page: &Page) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (readable(&page.title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#content" { "To the content" }
                header {
                    h1 { (readable(&page.title)) }
                    p class="soft" { (page.subtitle) }
                }
                nav aria-label="Sections" {
                    ul {
                        @for section in &page.sections {
                            li { a href={ "#" (section.id) } { (section.title) } }
                        }
                    }
                }
                main id="content" tabindex="-1" {
                    @if !page.doubts.is_empty() {
                        section class="doubts" aria-labelledby="doubts" {
                            h2 id="doubts" { "What makes this less than one expects" }
                            ul {
                                @for doubt in &page.doubts {
                                    li { (readable(doubt)) }
                                }
                            }
                        }
                    }
                    @for section in &page.sections {
                        (shown(section))
                    }
                }
            }
        }
    };
    format!("{}\n", markup.into_string())
}

/// What the page may do: be shown in its own style.
fn policy() -> String {
    let style = BASE64.encode(&Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

fn shown(section: &Section) -> Markup {
    html! {
        section aria-labelledby=(section.id) {
            h2 id=(section.id) { (section.title) }
            @for sentence in &section.says {
                p { (readable(sentence)) }
            }
            @for chart in &section.charts {
                @if let Some(svg) = charts::svg(chart) {
                    figure {
                        div role="img" aria-label=(chart.shows) { (PreEscaped(svg)) }
                        figcaption { (chart.shows) }
                    }
                }
            }
            @for (index, one) in section.tables.iter().enumerate() {
                (table(one, &format!("{}-{}", section.id, index + 1)))
            }
        }
    }
}

/// A table that whoever has no mouse can scroll to the side.
fn table(table: &Table, id: &str) -> Markup {
    html! {
        div class="table" role="region" aria-labelledby=(id) tabindex="0" {
            table {
                caption id=(id) { (table.caption) }
                thead {
                    tr {
                        @for (column, name) in table.head.iter().enumerate() {
                            th scope="col" class=[is_number(table, column).then_some("number")] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (column, one) in row.iter().enumerate() {
                                @if column == 0 {
                                    th scope="row" { (cell(one)) }
                                } @else {
                                    td class=[is_number(table, column).then_some("number")] { (cell(one)) }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(note) = &table.note {
                p class="soft" { (note) }
            }
        }
    }
}

/// Whether a column holds numbers.
fn is_number(table: &Table, column: usize) -> bool {
    table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))))
}

fn cell(cell: &Cell) -> Markup {
    match cell {
        Cell::Words(text) | Cell::Number(text) => html! { (text) },
        Cell::Foreign(text) => html! { @if !text.is_empty() { code dir="ltr" { (readable(text)) } } },
    }
}

/// A text of others, without what no reader sees or what turns the order of letters around.
fn readable(text: &str) -> String {
    crate::cli::person::shown(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_written_is_text() {
        let evil = "\"><script>alert(1)</script><img src=x onerror=y>\u{202e}";
        let rows = vec![vec![Cell::Foreign(evil.to_owned()), Cell::Foreign(evil.to_owned())]];
        let head = vec!["a".to_owned(), "b".to_owned()];
        let tables = vec![Table { caption: "c".to_owned(), head, rows, note: None }];
        let section = Section { id: "s", title: "t", says: vec![evil.to_owned()], charts: Vec::new(), tables };
        let page = Page {
            title: evil.to_owned(),
            subtitle: String::new(),
            doubts: vec![evil.to_owned()],
            sections: vec![section],
        };
        let html = text(&page);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{202e}'));
        assert!(html.contains("&lt;script&gt;"));
        assert!(html.contains("default-src 'none'; style-src 'sha256-"));
    }
}
