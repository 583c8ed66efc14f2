//! Arguments: flags with their values, and the rest.

use crate::shell::Word;

/// How a program reads its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    /// Flags that take the next word as their value, as they are spelled: `--context`, `-n`.
    pub(crate) valued: &'static [&'static str],
    /// Flags whose value can only stand right behind them: `-psecret`, `-i.bak`.
    pub(crate) attached: &'static [&'static str],
    /// Whether `-rf` is `-r -f`. Otherwise a single hyphen begins a long name, as in Go: `-auto-approve`.
    pub(crate) clusters: bool,
    /// Whether the first word that is no flag ends the flags, as of a program that runs another.
    pub(crate) stops: bool,
}

/// A flag as it was given.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    /// With its hyphens. In Go's style always with one.
    pub(crate) name: String,
    pub(crate) value: Option<Word>,
}

/// Arguments, taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args {
    pub(crate) flags: Vec<Flag>,
    pub(crate) positionals: Vec<Word>,
    /// What stands behind `--`, or from the first word that is no flag where that ends them.
    pub(crate) rest: Vec<Word>,
    /// Whether some word may stand for flags that cannot be read.
    pub(crate) unread: bool,
}

impl Args {
    pub(crate) fn parse(words: &[Word], spec: &Spec) -> Self {
        let mut args = Self::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            let text = word.known_part();
            if text == "--" && word.is_known() {
                args.rest = words.get(at..).unwrap_or_default().to_vec();
                if !spec.stops {
                    args.positionals.extend(args.rest.iter().cloned());
                }
                return args;
            }
            if text.len() < 2 || !text.starts_with('-') {
                args.unread |= word.is_opaque() && !word.quoted;
                if spec.stops {
                    args.rest = words.get(at - 1..).unwrap_or_default().to_vec();
                    return args;
                }
                args.positionals.push(word.clone());
                continue;
            }
            let long = text.starts_with("--") || !spec.clusters;
            if long {
                at += args.long(word, words.get(at), spec);
            } else {
                at += args.cluster(word, words.get(at), spec);
            }
        }
        args
    }

    /// Reads a long flag. Returns how many of the words after it are its value.
    fn long(&mut self, word: &Word, next: Option<&Word>, spec: &Spec) -> usize {
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) => (name, Some(word.after(word.text.len() - value.len()))),
            None => (word.text.as_str(), None),
        };
        let name = if spec.clusters { name.to_owned() } else { format!("-{}", name.trim_start_matches('-')) };
        let takes = value.is_none() && spec.valued.contains(&name.as_str());
        let value = if takes { next.cloned() } else { value };
        let used = usize::from(takes && value.is_some());
        self.flags.push(Flag { name, value });
        used
    }

    /// Reads `-abc`. Returns how many of the words after it are the value of its last letter.
    fn cluster(&mut self, word: &Word, next: Option<&Word>, spec: &Spec) -> usize {
        for (index, letter) in word.text.char_indices().skip(1) {
            let name = format!("-{letter}");
            let after = index + letter.len_utf8();
            if spec.attached.contains(&name.as_str()) {
                let value = (after < word.text.len()).then(|| word.after(after));
                self.flags.push(Flag { name, value });
                return 0;
            }
            if !spec.valued.contains(&name.as_str()) {
                self.flags.push(Flag { name, value: None });
                continue;
            }
            if after < word.text.len() {
                let skip = usize::from(word.text.get(after..).is_some_and(|rest| rest.starts_with('=')));
                self.flags.push(Flag { name, value: Some(word.after(after + skip)) });
                return 0;
            }
            // In `-af --volumes` the last letter is a switch of another sub-command.
            let next = next.filter(|next| index == 1 || !next.text.starts_with('-'));
            self.flags.push(Flag { name, value: next.cloned() });
            return usize::from(next.is_some());
        }
        0
    }

    /// Whether a flag is there and not switched off: `--force=false` is not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name == name && !flag.is_off())
    }

    pub(crate) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// Whether a long flag is there, perhaps cut short as Git allows: `--forc` for `--force`.
    pub(crate) fn has_abbreviated(&self, name: &str, least: usize) -> bool {
        self.flags.iter().any(|flag| flag.name.len() >= least && name.starts_with(&flag.name))
    }

    /// The last value of a flag.
    pub(crate) fn value(&self, name: &str) -> Option<&Word> {
        self.flags.iter().rev().find(|flag| flag.name == name)?.value.as_ref()
    }

    /// The values of flags, in their order.
    pub(crate) fn values<'a>(&'a self, names: &'a [&'a str]) -> impl Iterator<Item = &'a Word> {
        self.flags.iter().filter(|flag| names.contains(&flag.name.as_str())).filter_map(|flag| flag.value.as_ref())
    }

    /// The text of a positional argument, where it is known.
    pub(crate) fn positional(&self, index: usize) -> Option<&str> {
        self.positionals.get(index)?.known()
    }

    /// What is hit: positional arguments from one on, for a message.
    pub(crate) fn named_from(&self, index: usize) -> Option<String> {
        let words: Vec<&str> = self.positionals.iter().skip(index).map(|word| word.text.as_str()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

impl Flag {
    /// Whether the flag says no.
    pub(crate) fn is_off(&self) -> bool {
        self.value
            .as_ref()
            .and_then(Word::known)
            .is_some_and(|value| matches!(value, "false" | "False" | "0" | "none" | "no"))
    }
}
