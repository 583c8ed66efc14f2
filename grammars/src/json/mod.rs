//! JSON: Terraform's configuration and values in their JSON form.
//!
//! Most such files are written by programs, and their order and grouping say nothing: the file is one unit.

use crate::{Scan, ScannedUnit};

/// See [`crate::Language::scan_unit`].
pub(crate) fn scan_unit(bytes: &[u8], complete: bool) -> Scan {
    if !complete {
        return Scan::NeedMore;
    }
    let (mut depth, mut nesting) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                nesting = nesting.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // Whatever is added behind it belongs to it.
    Scan::Found(ScannedUnit { len: bytes.len(), reach: bytes.len() + 1, nesting })
}
