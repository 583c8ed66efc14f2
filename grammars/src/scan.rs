//! What every unit scanner answers.

/// Where a unit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// The unit was found.
    Found(ScannedUnit),
    /// The end is not within the bytes given and more follow: ask again with more.
    NeedMore,
}

/// A unit as the scanner sees it. Lengths count from the unit's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannedUnit {
    /// Length in bytes, with the comments and blank lines before it and the line break after it.
    pub len: usize,
    /// How many bytes had to be looked at to know this: a change beyond them cannot move the unit's end.
    pub reach: usize,
    /// Deepest nesting of brackets and templates.
    pub nesting: usize,
}

/// Splits a whole text, once with all of it at hand and once with windows that grow, as an editor would.
#[cfg(test)]
pub(crate) fn split(scan_unit: fn(&[u8], bool) -> Scan, text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let bytes = &text.as_bytes()[at..];
        let Scan::Found(unit) = scan_unit(bytes, true) else { panic!("complete") };
        assert!(unit.len > 0, "{:?}", &text[at..]);
        for window in 0..bytes.len() {
            match scan_unit(&bytes[..window], false) {
                Scan::Found(windowed) => assert_eq!(windowed, unit, "the window does not matter: {:?}", &text[at..]),
                Scan::NeedMore => assert!(window < unit.reach, "{window} of {unit:?} in {:?}", &text[at..]),
            }
        }
        units.push(&text[at..at + unit.len]);
        at += unit.len;
    }
    units
}
