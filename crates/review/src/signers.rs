use crate::EVIDENCE_NAMESPACE;
use globset::GlobBuilder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

/// Lines of a file that are read; more are a mistake.
const MAX_LINES: usize = 10_000;

/// Whose keys are whose: the `allowed_signers` file of OpenSSH, as `man ssh-keygen` describes it under ALLOWED SIGNERS.
#[derive(Debug, Clone, Default)]
pub struct Signers {
    lines: Vec<Line>,
}

/// A line of the file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerProblem {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it, and what to do.
    pub why: String,
}

#[derive(Debug, Clone)]
struct Line {
    principals: Vec<String>,
    key: KeyData,
    namespaces: Vec<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl Signers {
    /// Reads a file. What cannot be used of it counts for nothing and is told.
    pub fn read(text: &str) -> (Self, Vec<SignerProblem>) {
        let (mut signers, mut problems) = (Self::default(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if index >= MAX_LINES {
                let why = format!("only the first {MAX_LINES} lines are read");
                problems.push(SignerProblem { line: index + 1, why });
                break;
            }
            match Line::read(text) {
                Ok(line) => signers.lines.push(line),
                Err(why) => problems.push(SignerProblem { line: index + 1, why }),
            }
        }
        (signers, problems)
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Everybody, each line by its first name.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.lines.iter().filter_map(|line| line.principals.first().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The names by which the owner of a key is known, where it may be used for a namespace at all these times; else why not.
    pub(crate) fn principals(&self, key: &KeyData, namespace: &str, times: &[Timestamp]) -> Result<Vec<&str>, String> {
        let mut why = "its key is not among the signers".to_owned();
        let mut names = Vec::new();
        for line in self.lines.iter().filter(|line| line.key == *key) {
            match line.refuses(namespace, times) {
                None => names.extend(line.principals.iter().map(String::as_str)),
                Some(refusal) => why = refusal,
            }
        }
        if names.is_empty() { Err(why) } else { Ok(names) }
    }

    /// Who stands for whom: a person may have several keys, and a key several names. The names that are one person's with this
    /// one, itself included.
    pub fn same_person(&self, name: &str) -> Vec<&str> {
        let mut same: Vec<&str> = Vec::new();
        let mut keys: Vec<&KeyData> = Vec::new();
        loop {
            let before = (same.len(), keys.len());
            for line in &self.lines {
                let is_theirs = keys.contains(&&line.key)
                    || line
                        .principals
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(name) || same.contains(&known.as_str()));
                if is_theirs {
                    if !keys.contains(&&line.key) {
                        keys.push(&line.key);
                    }
                    for principal in &line.principals {
                        if !same.contains(&principal.as_str()) {
                            same.push(principal);
                        }
                    }
                }
            }
            if before == (same.len(), keys.len()) {
                return same;
            }
        }
    }
}

impl Line {
    fn read(text: &str) -> Result<Self, String> {
        let (principals, rest) = word(text);
        let mut line = Self {
            principals: principals.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            // Any key; it is replaced below.
            key: KeyData::Ed25519(ssh_key::public::Ed25519PublicKey([0; 32])),
            namespaces: Vec::new(),
            valid_after: None,
            valid_before: None,
        };
        if line.principals.is_empty() {
            return Err("it names nobody".to_owned());
        }
        if let Some(pattern) = line.principals.iter().find(|name| name.contains(['*', '?', '!'])) {
            return Err(format!(
                "`{pattern}` names nobody in particular; who signs has to be known, so write the e-mail address"
            ));
        }
        let mut rest = rest.trim_start();
        if !is_key_type(word(rest).0) {
            let (options, key) = word(rest);
            line.options(options)?;
            rest = key.trim_start();
        }
        line.key = PublicKey::from_openssh(rest)
            .map_err(|error| format!("its key cannot be read: {error}"))?
            .key_data()
            .clone();
        Ok(line)
    }

    fn options(&mut self, options: &str) -> Result<(), String> {
        for option in split_quoted(options) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "namespaces" => self.namespaces = value.split(',').map(str::to_owned).collect(),
                "valid-after" => self.valid_after = Some(time(value)?),
                "valid-before" => self.valid_before = Some(time(value)?),
                "cert-authority" => return Err("certificates are not supported; write the person's own key".to_owned()),
                _ => return Err(format!("`{name}` is no option of such a line, and no key")),
            }
        }
        Ok(())
    }

    /// Why it does not hold; `None` where it does.
    fn refuses(&self, namespace: &str, times: &[Timestamp]) -> Option<String> {
        // As OpenSSH matches a list: what a pattern with a `!` names is not meant, whatever else names it.
        let is = |pattern: &str| {
            let glob = GlobBuilder::new(pattern).build();
            glob.is_ok_and(|glob| glob.compile_matcher().is_match(namespace))
        };
        let is_named = self.namespaces.iter().any(|pattern| is(pattern))
            && !self.namespaces.iter().any(|pattern| pattern.strip_prefix('!').is_some_and(is));
        let (first, last) = (times.iter().min()?, times.iter().max()?);
        if namespace == EVIDENCE_NAMESPACE && self.namespaces.is_empty() {
            Some(format!(
                "its key is a person's, for its line among the signers does not name `{namespace}` in `namespaces`"
            ))
        } else if !self.namespaces.is_empty() && !is_named {
            Some(format!("its key may not be used for `{namespace}`, by `namespaces` of the signers"))
        } else if self.valid_after.is_some_and(|after| *first < after) {
            Some("its key was not valid yet, by `valid-after` of the signers".to_owned())
        } else if self.valid_before.is_some_and(|before| *last >= before) {
            Some("its key is not valid any more, by `valid-before` of the signers".to_owned())
        } else {
            None
        }
    }
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start))
}

/// The first word of a line, in which blanks between quotes count, and the rest.
fn word(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let end = text.find(|c: char| {
        is_quoted ^= c == '"';
        !is_quoted && c.is_ascii_whitespace()
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// The parts between commas that stand in no quotes.
fn split_quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c: char| {
        is_quoted ^= c == '"';
        !is_quoted && c == ','
    })
}

/// `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, in UTC with a `Z` behind it. Without one OpenSSH takes the machine's own zone, which would
/// make an answer of where it is asked; here it is UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    let format = match digits.len() {
        8 => "%Y%m%d",
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        _ => "",
    };
    let refused = || format!("`{text}` is no time; write YYYYMMDD or YYYYMMDDHHMM, and Z for UTC");
    let parsed = jiff::fmt::strtime::parse(format, digits).map_err(|_| refused())?;
    let time = if digits.len() == 8 {
        parsed.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
    } else {
        parsed.to_datetime()
    };
    let time: DateTime = time.map_err(|_| refused())?;
    Ok(time.to_zoned(TimeZone::UTC).map_err(|_| refused())?.timestamp())
}
