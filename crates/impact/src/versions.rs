//! Versions of providers and modules, as far as constraints tell them.

/// Major, minor and patch.
pub type Version = [u32; 3];

/// Reads a version: `2`, `2.3`, `2.3.1`, with a `v` before it or not. `None` for what is none, a pre-release for instance.
pub fn version(text: &str) -> Option<Version> {
    let text = text.trim();
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let mut version = [0; 3];
    for (index, part) in version.iter_mut().enumerate() {
        match parts.next() {
            Some(written) => *part = written.parse().ok()?,
            None if index > 0 => break,
            None => return None,
        }
    }
    parts.next().is_none().then_some(version)
}

/// The versions that a constraint leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first one, where there is one.
    low: Option<Version>,
    /// The first one that is left out again, where there is one.
    high: Option<Version>,
}

impl Span {
    /// The versions that a constraint leaves; `None` where a part of it cannot be read. What it leaves out by `!=` is not left out.
    pub fn of(constraint: &str) -> Option<Self> {
        let is_read = |part: &str| version(part.trim_start_matches(['~', '>', '<', '=', '!', ' '])).is_some();
        constraint.split(',').all(is_read).then(|| {
            let mut span = Self::default();
            span.narrow(constraint);
            span
        })
    }

    /// Whether another one leaves all that this one leaves.
    pub fn is_within(self, other: Self) -> bool {
        let starts = other.low.is_none_or(|low| self.low.is_some_and(|own| own >= low));
        starts && other.high.is_none_or(|high| self.high.is_some_and(|own| own <= high))
    }

    /// Narrows it by a constraint as in `required_providers`: `~> 5.1, != 5.4.0`. What cannot be read narrows nothing.
    ///
    /// Source: <https://developer.hashicorp.com/terraform/language/expressions/version-constraints>
    pub(crate) fn narrow(&mut self, constraint: &str) {
        for part in constraint.split(',') {
            let part = part.trim();
            let number = part.trim_start_matches(['~', '>', '<', '=', '!', ' ']);
            let Some(found) = version(number) else { continue };
            let after = |at: usize| {
                let mut next = [0; 3];
                for (to, from) in next.iter_mut().zip(found.iter().take(at + 1)) {
                    *to = *from;
                }
                if let Some(part) = next.get_mut(at) {
                    *part = part.saturating_add(1);
                }
                next
            };
            let (low, high) = match part.get(..part.len() - number.len()).unwrap_or_default().trim() {
                "" | "=" => (Some(found), Some(after(2))),
                "~>" => (Some(found), Some(after(number.split('.').count().saturating_sub(2)))),
                ">" | ">=" => (Some(found), None),
                "<" => (None, Some(found)),
                "<=" => (None, Some(after(2))),
                _ => (None, None),
            };
            self.low = self.low.max(low);
            self.high = self.high.into_iter().chain(high).min();
        }
    }

    /// Whether all versions that are left are one or later; `None` where some are and some are not.
    pub(crate) fn is_from(&self, version: Version) -> Option<bool> {
        if self.low.is_some_and(|low| low >= version) {
            return Some(true);
        }
        self.high.is_some_and(|high| high <= version).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("2"), Some([2, 0, 0]));
        assert_eq!(version(" v2.3.1 "), Some([2, 3, 1]));
        for none in ["", "x", "2.x", "1.2.3.4", "2.0.0-beta1", "-1"] {
            assert_eq!(version(none), None, "{none}");
        }
    }

    #[test]
    fn one_constraint_is_within_another() {
        let is_within = |one: &str, other: &str| Some(Span::of(one)?.is_within(Span::of(other)?));
        for (one, other) in [
            ("5.1.2", "~> 5.1"),
            ("~> 5.1.0", "~> 5.1"),
            (">= 5.1, < 5.3, != 5.2.0", ">= 5"),
            ("v2", ">= 1, < 3"),
            ("< 2", "< 3"),
        ] {
            assert_eq!(is_within(one, other), Some(true), "{one} {other}");
        }
        for (one, other) in [("~> 5", "~> 5.1"), (">= 5.1", "~> 5.1"), ("< 2", ">= 1"), ("6.0.0", "~> 5.1")] {
            assert_eq!(is_within(one, other), Some(false), "{one} {other}");
        }
        for none in ["", "main", "5.x", "~> 5.1, x", "1.0.0-beta"] {
            assert_eq!(Span::of(none), None, "{none}");
        }
    }

    #[test]
    fn a_constraint_tells_whether_a_version_has_come() {
        let of = |constraint: &str| {
            let mut span = Span::default();
            span.narrow(constraint);
            span.is_from([5, 2, 0])
        };
        for yes in ["5.2", "= 5.2.0", ">= 5.2", "~> 5.2", "~> 6.0", "> 5.3, < 7", "~> 5.2.1", "6.1.0"] {
            assert_eq!(of(yes), Some(true), "{yes}");
        }
        for no in ["5.1.9", "< 5.2", "~> 4.0", "~> 5.1.0", "<= 5.1.9", ">= 4, < 5"] {
            assert_eq!(of(no), Some(false), "{no}");
        }
        for unknown in ["", "~> 5.0", ">= 4", "< 6", "!= 5.1", "nonsense", "<= 5.2.0", "~> 5"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }
}
