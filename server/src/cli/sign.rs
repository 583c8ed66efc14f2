//! Signatures that are made here, as git makes those of commits.

use crate::git::Git;
use anyhow::{Context, bail};
use countersign_review::{NAMESPACE, Signed, Signers, verify};
use jiff::Timestamp;
use std::process::{Command, Stdio};

/// Signs bytes with git's program for it and git's key, unless another one is named.
pub(super) fn sign(git: &Git, namespace: &str, key: Option<&str>, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let program = git.setting("gpg.ssh.program").unwrap_or_else(|| "ssh-keygen".to_owned());
    let key = match key {
        Some(key) => key.to_owned(),
        None => git.path_setting("user.signingKey").context(
            "nobody knows which key to sign with: name one with --key, or set `git config user.signingKey` to the path of an SSH \
             key",
        )?,
    };
    let folder = tempfile::tempdir()?;
    let statement = folder.path().join("statement");
    std::fs::write(&statement, bytes)?;
    let mut command = Command::new(&program);
    command.args(["-Y", "sign", "-n", namespace]);
    let literal = key
        .strip_prefix("key::")
        .or(Some(key.as_str()).filter(|key| key.starts_with("ssh-") || key.starts_with("sk-")));
    match literal {
        // It is held by an agent.
        Some(public) => {
            let file = folder.path().join("key.pub");
            std::fs::write(&file, format!("{public}\n"))?;
            command.arg("-U").arg("-f").arg(file);
        }
        None => drop(command.arg("-f").arg(&key)),
    }
    // What it asks, a passphrase or a touch, it asks at the terminal.
    let output = command.arg(&statement).stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    let status = output.with_context(|| format!("`{program}` cannot be run; it comes with OpenSSH"))?;
    if !status.success() {
        bail!("`{program}` did not sign with {key}, and nothing was written");
    }
    std::fs::read(folder.path().join("statement.sig")).context("the signature cannot be read")
}

/// Who signs, and what is asked of the signature.
pub(super) struct Signer<'a> {
    /// The address of the person, by git.
    pub(super) person: &'a str,
    /// The key, unless it is git's.
    pub(super) key: Option<&'a str>,
    /// Whose key is whose.
    pub(super) signers: &'a Signers,
    /// The file that says so.
    pub(super) signers_file: &'a str,
    /// Whether only keys in hardware count.
    pub(super) hardware: bool,
}

impl Signer<'_> {
    /// Signs bytes in the person's name, and checks that the signature will count at `now`.
    pub(super) fn sign(&self, git: &Git, bytes: &[u8], now: Timestamp) -> anyhow::Result<(Vec<u8>, Signed)> {
        let Self { person, key, signers, signers_file, hardware } = *self;
        let signature = sign(git, NAMESPACE, key, bytes)?;
        let signed = verify(bytes, &signature, signers, &[now]).map_err(|refused| {
            anyhow::anyhow!("this key cannot answer: {refused}; {signers_file} says whose key is whose")
        })?;
        if !signed.is_by(person) {
            let whose = signed.principals.join(", ");
            bail!(
                "this key is {whose}'s by {signers_file}, and you are {person} by git's `user.email`; name your own with --key"
            );
        }
        if hardware && !signed.in_hardware {
            bail!(
                "policy asks for a key in hardware here (`ssh-keygen -t ed25519-sk` makes one), and this one is in a file"
            );
        }
        Ok((signature, signed))
    }
}
