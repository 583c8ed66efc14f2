//! `cargo xtask book`: the pages under `docs` as a book, of which every page is named and every link leads somewhere.

use anyhow::{Context, ensure};
use html5gum::{Token, Tokenizer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// What the part of the contents begins with that is made from the catalogue.
const RISKS: &str = "\n# Risks\n";

/// The contents of the book: what stands there of pages that people write, and the pages of the risks by area.
pub(crate) fn contents(written: &str, risks: &[Value]) -> anyhow::Result<String> {
    let (pages, _) = written.split_once(RISKS).context("docs/SUMMARY.md has a part `# Risks`")?;
    let mut contents = format!("{pages}{RISKS}\n- [All of them](risks/README.md)\n");
    let text = |risk: &Value, key: &str| risk[key].as_str().unwrap_or_default().to_owned();
    let mut area = String::new();
    for risk in risks {
        if area != text(risk, "area") {
            area = text(risk, "area");
            writeln!(contents, "- [{area}]()")?;
        }
        writeln!(contents, "  - [{}](risks/{}.md)", text(risk, "title"), text(risk, "id"))?;
    }
    Ok(contents)
}

/// Makes the book in `target/book`.
pub(crate) fn build() -> anyhow::Result<()> {
    let root = crate::root();
    let contents = fs::read_to_string(root.join("docs/SUMMARY.md"))?;
    let mut unnamed = files(&root.join("docs"), "md")?;
    unnamed.retain(|page| page != "SUMMARY.md" && !contents.contains(&format!("]({page})")));
    ensure!(unnamed.is_empty(), "docs/SUMMARY.md does not name {}", unnamed.join(", "));

    let program = root.join("target/tools/bin/mdbook");
    let program = if program.is_file() { program } else { PathBuf::from("mdbook") };
    let status = Command::new(&program).args(["build", "docs"]).current_dir(&root).status();
    let status = status.context("mdbook is not there; `.ci/test` installs it, and so does `cargo install mdbook`")?;
    ensure!(status.success(), "mdbook ended with {status}");

    let book = root.join("target/book");
    let broken = broken_links(&book)?;
    ensure!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
    writeln!(std::io::stdout(), "{}", book.join("index.html").display())?;
    Ok(())
}

/// A page of the book: where its links lead, and the places in it that they can lead to.
#[derive(Default)]
struct Page {
    links: BTreeSet<String>,
    places: BTreeSet<String>,
}

impl Page {
    fn read(html: &str) -> Self {
        let mut page = Self::default();
        for Ok(token) in Tokenizer::new(html) {
            let Token::StartTag(tag) = token else { continue };
            for (name, value) in &tag.attributes {
                let value = String::from_utf8_lossy(value).into_owned();
                match &***name {
                    b"href" | b"src" => _ = page.links.insert(value),
                    b"id" => _ = page.places.insert(value),
                    _ => {}
                }
            }
        }
        page
    }
}

/// Links of the pages below a folder that lead to no file or place there; those to elsewhere are not followed.
fn broken_links(book: &Path) -> anyhow::Result<Vec<String>> {
    let pages: BTreeMap<String, Page> = files(book, "html")?
        .into_iter()
        .map(|name| Ok((name.clone(), Page::read(&fs::read_to_string(book.join(&name))?))))
        .collect::<anyhow::Result<_>>()?;
    let mut broken = Vec::new();
    // What is shown where a page is missing has its links from the root of wherever the book is.
    for (name, page) in pages.iter().filter(|(name, _)| *name != "404.html") {
        for link in page.links.iter().filter(|link| !link.contains(':')) {
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { name.clone() } else { beside(name, path) };
            let is_there = match pages.get(&target) {
                Some(target) => place.is_empty() || target.places.contains(place),
                None => book.join(&target).is_file(),
            };
            if !is_there {
                broken.push(format!("  {name}: {link}"));
            }
        }
    }
    Ok(broken)
}

/// What a path leads to from a page.
fn beside(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = parts.pop(),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    parts.join("/")
}

/// The files below a folder with an extension, from there, in order.
fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        for entry in fs::read_dir(folder.join(&inside))? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_that_lead_nowhere_are_told() {
        let folder = std::env::temp_dir().join(format!("countersign-book-{}", std::process::id()));
        fs::create_dir_all(folder.join("risks")).expect("a folder");
        let page = r##"<h1 id="top">A</h1><a href="b.html#gone">b</a><a href="#top">up</a><a href="risks/">r</a><a href="https://example.org">e</a>"##;
        fs::write(folder.join("a.html"), page).expect("a page");
        fs::write(folder.join("b.html"), r#"<img src="no.png"><a href="./risks/c.html">c</a>"#).expect("a page");
        fs::write(folder.join("risks/c.html"), r#"<a href="../a.html#top">a</a>"#).expect("a page");
        let broken = broken_links(&folder).expect("links");
        fs::remove_dir_all(&folder).expect("no folder");
        assert_eq!(broken, ["  a.html: b.html#gone", "  a.html: risks/", "  b.html: no.png"]);
    }

    #[test]
    fn risks_stand_by_area_behind_what_people_write() {
        let risk = |area, id| json!({ "area": area, "id": id, "title": format!("The {id}") });
        let risks = [risk("data-loss", "a"), risk("data-loss", "b"), risk("secrets", "c")];
        let made =
            contents("# Summary\n\n- [A](a.md)\n\n# Risks\n\n- [old](risks/old.md)\n", &risks).expect("contents");
        assert_eq!(
            made,
            "# Summary\n\n- [A](a.md)\n\n# Risks\n\n- [All of them](risks/README.md)\n- [data-loss]()\n  - [The a](risks/a.md)\n  \
             - [The b](risks/b.md)\n- [secrets]()\n  - [The c](risks/c.md)\n"
        );
        assert!(contents("# Summary\n", &risks).is_err());
    }
}
