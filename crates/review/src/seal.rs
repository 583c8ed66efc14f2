use sha2::{Digest, Sha256};
use tree_sitter::{Node, Tree};

/// Nodes whose text counts as it is, for white space means something in them.
const VERBATIM: &[&str] = &["quoted_template", "heredoc_template", "string_lit", "string", "comment"];

/// SHA-256, in lower-case hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The digest of what a part of a file says: of its tokens, with strings, heredocs and comments as they are written. So the part
/// may be moved and laid out anew, and any other change gives another digest. `text` is the part and `tree` its tree. Where there
/// is none, or it has an error, the digest is that of the text as it is.
pub fn seal(text: &str, tree: Option<&Tree>) -> String {
    let mut hash = Sha256::new();
    if let Some(tree) = tree.filter(|tree| !tree.root_node().has_error()) {
        hash.update("tokens\0");
        for token in tokens(text, tree.root_node()) {
            hash.update((token.len() as u64).to_le_bytes());
            hash.update(token);
        }
    } else {
        hash.update("text\0");
        hash.update(text);
    }
    hex(&hash.finalize())
}

/// The tokens of a text, in order: leaves, what counts as it is, and whatever else than white space stands between them.
fn tokens<'t>(text: &'t str, root: Node<'_>) -> Vec<&'t str> {
    let mut tokens = Vec::new();
    let mut end = 0;
    let mut cursor = root.walk();
    let mut add = |end: &mut usize, node: Node<'_>| {
        let range = node.byte_range();
        if range.start < *end {
            return;
        }
        tokens.extend(text.get(*end..range.start).map(str::trim).filter(|between| !between.is_empty()));
        // A comment's end of line, and the white space before it, is layout.
        let token = text.get(range.clone()).unwrap_or_default();
        let token = if node.kind() == "comment" { token.trim_end() } else { token };
        tokens.extend(Some(token).filter(|token| !token.trim().is_empty()));
        *end = range.end;
    };
    loop {
        let node = cursor.node();
        let is_token = node.child_count() == 0 || VERBATIM.contains(&node.kind());
        if is_token {
            add(&mut end, node);
        }
        if !is_token && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                tokens.extend(text.get(end..).map(str::trim).filter(|rest| !rest.is_empty()));
                return tokens;
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_grammars::Language;
    use proptest::prelude::*;

    const BLOCK: &str = "resource \"aws_db_instance\" \"a\" {\n  name = \"a  ${var.x} b\" # why\n  size = [1, 2]\n  doc = <<-EOT\n    x\n      y\n  EOT\n}\n";

    fn tree(text: &str) -> Tree {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&Language::Terraform.grammar()).expect("the grammar fits");
        parser.parse(text, None).expect("a tree")
    }

    fn sealed(text: &str) -> String {
        seal(text, Some(&tree(text)))
    }

    #[test]
    fn layout_does_not_count_and_all_else_does() {
        let same = [
            BLOCK.replace("name =", "name   ="),
            BLOCK.replace("[1, 2]", "[\n    1,\n    2\n  ]"),
            BLOCK.replace(" # why\n", "   # why  \n\n"),
            format!("\n\n{BLOCK}\n"),
        ];
        for text in same {
            assert_eq!(sealed(&text), sealed(BLOCK), "{text}");
        }
        let other = [
            BLOCK.replace("a  $", "a $"),
            BLOCK.replace("} b", "}  b"),
            BLOCK.replace("      y", "     y"),
            BLOCK.replace("# why", "# why not"),
            BLOCK.replace("[1, 2]", "[12]"),
            BLOCK.replace("1, 2", "2, 1"),
            BLOCK.replace("\"a\" {", "\"b\" {"),
            BLOCK.replace("size", "sizes"),
        ];
        for text in other {
            assert_ne!(sealed(&text), sealed(BLOCK), "{text}");
        }
    }

    #[test]
    fn what_is_broken_counts_as_it_is() {
        let broken = "resource \"a\" \"b\" {\n  x = [\n}\n";
        assert_ne!(sealed(broken), sealed(&broken.replace("x = ", "x =  ")));
        assert_ne!(seal(BLOCK, None), sealed(BLOCK));
    }

    proptest! {
        /// Against the plain meaning: two texts that differ in more than white space never have one seal.
        #[test]
        fn a_change_of_a_letter_gives_another_seal(at in 0_usize..BLOCK.len(), new in "[a-z0-9\"{}\\[\\]=#$ ]") {
            let mut text = BLOCK.to_owned();
            text.replace_range(at..=at, &new);
            let plain = |text: &str| text.split_whitespace().collect::<String>();
            if plain(&text) != plain(BLOCK) {
                prop_assert_ne!(sealed(&text), sealed(BLOCK));
            }
        }
    }
}
