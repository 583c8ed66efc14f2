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
