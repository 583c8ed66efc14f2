//! What a unit says as bytes, to be kept from one run to the next.
//!
//! The bytes are those of [postcard](https://postcard.jamesmunns.com/wire-format) and mean something only to the very program that
//! wrote them. Whatever is read as such is either what some text may say or nothing: what nests deeper than any text, ends
//! early or goes on is refused.

use super::lower::interned;
use super::syntax::{Block, Lowered};
use serde::{Deserialize, Deserializer};
use std::cell::Cell;
use std::sync::Arc;

/// Deepest nesting of blocks and expressions in each other that is kept. People write a dozen; what is deeper is read from its
/// text each time.
const MAX_NESTING: u32 = 100;

impl Lowered {
    /// What it says, but for its text. `None` where the unit could not be read in full.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.broken { None } else { postcard::to_allocvec(&self.blocks).ok() }
    }

    /// What a unit says; `source` is its text.
    pub fn from_bytes(bytes: &[u8], source: &str) -> Option<Self> {
        let (blocks, rest) = postcard::take_from_bytes::<Box<[Block]>>(bytes).ok()?;
        let kept = Self::source_of(source, false);
        let lowered = || Self { digest: super::digest(source), blocks, broken: false, source: kept };
        rest.is_empty().then(lowered)
    }
}

/// Reads a name, which stands in the same place as those that are equal to it.
pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    Ok(interned(<&str>::deserialize(from)?))
}

/// Reads a name that may be missing.
pub(super) fn optional_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
    Ok(Option::<&str>::deserialize(from)?.map(interned))
}

/// Reads names.
pub(super) fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Box<[Arc<str>]>, D::Error> {
    Ok(Vec::<&str>::deserialize(from)?.into_iter().map(interned).collect())
}

/// What may hold something of its own kind is neither written nor read where it stands too deep in others.
pub(super) mod nested {
    use super::{Cell, Deserialize, Deserializer, MAX_NESTING};
    use serde::{Serialize, Serializer, de, ser};

    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }

    /// Goes one deeper; `None` where that is too deep.
    fn deeper<T>(go: impl FnOnce() -> T) -> Option<T> {
        let depth = DEPTH.get();
        if depth >= MAX_NESTING {
            return None;
        }
        DEPTH.set(depth + 1);
        let done = go();
        DEPTH.set(depth);
        Some(done)
    }

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        deeper(|| value.serialize(to)).unwrap_or_else(|| Err(ser::Error::custom("nested too deep")))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
        deeper(|| T::deserialize(from)).unwrap_or_else(|| Err(de::Error::custom("nested too deep")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::{Expr, ExprKind, Span};
    use super::Lowered;
    use countersign_grammars::Language;
    use proptest::prelude::*;

    const TEXT: &str = r#"resource "aws_db_instance" "a" {
  count      = var.on ? 1 : 0
  name       = "a-${each.key}-%{ if var.on }x%{ else }${var.y[0].z}%{ endif }"
  tags       = { for k, v in local.tags : k => upper(v) if !v.off }
  list       = [1, -2.5, null, true, aws_x.y[*].id, merge(local.a, local.b...)]
  dynamic "ingress" {
    for_each = var.ports
    iterator = port
    content {
      from = port.value + 1
    }
  }
  policy = <<-EOT
    text ${file("x.json")}
  EOT
}
"#;

    fn lowered(text: &str) -> Lowered {
        let tree = super::super::parse_fragment(text).expect("a tree");
        super::super::lower(Language::Terraform, text, &tree)
    }

    #[test]
    fn what_a_unit_says_comes_back() {
        let unit = lowered(TEXT);
        assert!(!unit.broken);
        let bytes = unit.to_bytes().expect("it is kept");
        assert_eq!(Lowered::from_bytes(&bytes, TEXT), Some(unit));
        for end in 0..bytes.len() {
            assert_eq!(Lowered::from_bytes(&bytes[..end], TEXT), None, "{end} of {} bytes", bytes.len());
        }
        assert_eq!(Lowered::from_bytes(&[&bytes[..], &[0]].concat(), TEXT), None);
    }

    #[test]
    fn what_could_not_be_read_or_nests_too_deep_is_not_kept() {
        assert_eq!(lowered("resource \"a\" \"b\" {\n  x = [\n}\n").to_bytes(), None);
        let deep = |levels| format!("x = {}1{}\n", "[".repeat(levels), "]".repeat(levels));
        assert!(lowered(&deep(50)).to_bytes().is_some());
        assert_eq!(lowered(&deep(150)).to_bytes(), None);
        // It goes on as if nothing had happened.
        assert!(lowered(TEXT).to_bytes().is_some());
    }

    #[test]
    fn bytes_that_nest_without_end_are_refused() {
        let list = |elements| Expr { range: Span::default(), kind: ExprKind::List(elements) };
        let innermost = postcard::to_allocvec(&list(Box::default())).expect("bytes");
        let one = postcard::to_allocvec(&list([list(Box::default())].into())).expect("bytes");
        let outer = one.strip_suffix(&*innermost).expect("the inner one comes last");
        // On a stack half as large as that of any thread here.
        let nested = |levels| [outer.repeat(levels), innermost.clone()].concat();
        let [some, all] = [50, 100_000].map(nested);
        let read = || [some, all].map(|bytes| postcard::from_bytes::<Expr>(&bytes).is_ok());
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(read).expect("a thread");
        assert_eq!(thread.join().expect("it ends"), [true, false]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_unit_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Lowered::from_bytes(&bytes, TEXT);
        }

        #[test]
        fn bytes_that_were_changed_are_a_unit_or_nothing(at in 0_usize..1000, byte: u8) {
            let mut bytes = lowered(TEXT).to_bytes().expect("it is kept");
            let len = bytes.len();
            bytes[at % len] = byte;
            let _ = Lowered::from_bytes(&bytes, TEXT);
        }
    }
}
