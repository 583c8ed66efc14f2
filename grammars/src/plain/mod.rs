//! Plain text: files in languages that are not parsed, of which only counts who wrote what.
//!
//! Its units are runs of lines whose ends the text itself tells: behind a line whose hash says so. So an edit moves the ends of
//! the units near it, and all further ones are where they were.

use crate::{LineComment, Scan, ScannedUnit};

/// A unit does not end before it has so many bytes, so that there are not too many of them.
const LEAST: usize = 512;

/// It ends behind the first line with which it has so many, whatever that line is.
const MOST: usize = 16 << 10;

/// Of so many lines, one ends a unit.
const ONE_OF: u32 = 32;

/// See [`crate::Language::scan_unit`].
pub(crate) fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    let mut len = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !line.ends_with(b"\n") {
            break;
        }
        len += line.len();
        if len >= MOST || (len >= LEAST && hash(line).is_multiple_of(ONE_OF)) {
            return Scan::Found(ScannedUnit { len, reach: len, nesting: 0 });
        }
    }
    if !complete {
        return Scan::NeedMore;
    }
    // Whatever is added behind it belongs to it.
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting: 0 })
}

/// FNV-1a, whose upper half tells lines apart better than its lowest bits.
fn hash(line: &[u8]) -> u32 {
    let hash = line.iter().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash >> 16
}

/// How the language of a file writes a comment that ends with its line, by the file's name; `None` where it has none or it is
/// not known.
pub(crate) fn line_comment(path: &str) -> LineComment {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    if matches!(name.as_str(), "dockerfile" | "containerfile" | "makefile" | "codeowners" | "gemfile" | "rakefile") {
        return Some("#");
    }
    if name == "jenkinsfile" {
        return Some("//");
    }
    let (_, extension) = name.rsplit_once('.')?;
    match extension {
        "bash" | "cfg" | "conf" | "cr" | "ex" | "exs" | "fish" | "graphql" | "jl" | "mk" | "nix" | "pl"
        | "properties" | "ps1" | "py" | "pyi" | "r" | "rake" | "rb" | "rego" | "sh" | "star" | "bzl" | "toml"
        | "yaml" | "yml" | "zsh" => Some("#"),
        "c" | "cc" | "cpp" | "cs" | "cue" | "cxx" | "dart" | "fs" | "go" | "gradle" | "groovy" | "h" | "hpp"
        | "java" | "js" | "json5" | "jsonc" | "jsonnet" | "jsx" | "kt" | "kts" | "libsonnet" | "m" | "mjs" | "mm"
        | "mts" | "php" | "proto" | "rs" | "scala" | "scss" | "sol" | "swift" | "ts" | "tsx" | "cjs" | "cts"
        | "zig" | "bicep" => Some("//"),
        "adb" | "elm" | "hs" | "lua" | "sql" => Some("--"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of all units.
    fn lengths(mut bytes: &[u8]) -> Vec<usize> {
        let mut lengths = Vec::new();
        while !bytes.is_empty() {
            let Scan::Found(unit) = scan_unit(bytes, true) else { panic!("all of it was given") };
            lengths.push(unit.len);
            bytes = &bytes[unit.len..];
        }
        lengths
    }

    #[test]
    fn an_edit_moves_the_ends_of_the_units_near_it() {
        let lines: Vec<String> = (0..20_000).map(|number| format!("price[{number}] = {}\n", number * 7)).collect();
        let before = lengths(lines.concat().as_bytes());
        let mut edited = lines.clone();
        edited.insert(10_000, "surprise\n".to_owned());
        let after = lengths(edited.concat().as_bytes());
        assert!(before.len() > 100, "{}", before.len());
        assert!(before.iter().all(|length| *length <= MOST + 100));
        let same_start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let same_end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
        assert!(before.len() - same_start - same_end <= 4, "{same_start} and {same_end} of {}", before.len());
    }

    #[test]
    fn what_is_all_the_same_is_cut_all_the_same() {
        for line in ["\n", "a\n", "    }\n", "0,0\n"] {
            let units = lengths(line.repeat(100_000).as_bytes());
            assert!(units.iter().all(|length| (1..=MOST + line.len()).contains(length)), "{line:?}");
        }
        assert_eq!(lengths("one line".repeat(100_000).as_bytes()), [800_000], "a line is one");
    }

    #[test]
    fn a_window_tells_the_same_as_the_whole() {
        let text = (0..500).map(|number| format!("line {number}\r\n")).collect::<Vec<_>>().concat();
        let Scan::Found(whole) = scan_unit(text.as_bytes(), true) else { panic!("all of it was given") };
        for window in 0..text.len() {
            match scan_unit(&text.as_bytes()[..window], false) {
                Scan::Found(unit) => assert_eq!(unit, whole),
                Scan::NeedMore => assert!(window < whole.reach),
            }
        }
    }

    #[test]
    fn comments_are_written_as_the_language_has_them() {
        let of = line_comment;
        assert_eq!(of("src/checkout/total.py"), Some("#"));
        assert_eq!(of("src\\checkout\\Total.TS"), Some("//"));
        assert_eq!(of("db/price.sql"), Some("--"));
        assert_eq!((of("Dockerfile"), of("Jenkinsfile")), (Some("#"), Some("//")));
        assert_eq!((of("flags.json"), of("prices.csv"), of("LICENSE")), (None, None, None));
    }
}
