use crate::{MAX_BYTES, Signers};
use jiff::Timestamp;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey, SshSig};

/// What `ssh-keygen -Y sign -n` is given, so that no signature that was made for something else counts.
pub const NAMESPACE: &str = "countersign";

/// The flag by which a hardware key says that somebody touched it (OpenSSH, `PROTOCOL.u2f`).
const USER_PRESENT: u8 = 1;

/// Bytes behind the signature of a hardware key: its flags and a counter.
const FLAGS_AND_COUNTER: usize = 5;

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The names of the key's owner, by the signers' file.
    pub principals: Vec<String>,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// The key is in hardware, and somebody touched it.
    pub in_hardware: bool,
}

impl Signed {
    /// Whether its key is that of a person, by a name.
    pub fn is_by(&self, name: &str) -> bool {
        self.principals.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("its signature cannot be read: {0}")]
    Unreadable(String),
    /// It was made for something else.
    #[error("it was signed for `{found}`, and not for `{wanted}`")]
    OtherNamespace {
        /// What it was made for.
        found: String,
        /// What it should have been made for.
        wanted: String,
    },
    /// It is not the signature of these bytes by that key.
    #[error("its signature is not that of what it says")]
    Wrong,
    /// A hardware key that nobody touched.
    #[error("it was signed by a hardware key that nobody touched")]
    Untouched,
    /// The key's owner may not sign.
    #[error("{0}")]
    NotASigner(String),
}

/// Checks a signature of some bytes, as `ssh-keygen -Y verify` does: an `SSHSIG` in its armour (OpenSSH, `PROTOCOL.sshsig`). The
/// key has to be allowed at all of `times`.
pub fn verify(bytes: &[u8], signature: &[u8], signers: &Signers, times: &[Timestamp]) -> Result<Signed, Refused> {
    verify_in(NAMESPACE, bytes, signature, signers, times)
}

/// The same for one that a person has to have made: whoever `by` names, with a key in hardware where `hardware` asks for one. An
/// error says why it does not count.
pub(crate) fn verify_as(
    by: &str,
    hardware: bool,
    bytes: &[u8],
    signature: &[u8],
    signers: &Signers,
    times: &[Timestamp],
) -> Result<Signed, String> {
    let signed = verify(bytes, signature, signers, times).map_err(|refused| refused.to_string())?;
    if !signed.is_by(by) {
        return Err(format!("it says to be from {by}, and was signed by {}", signed.principals.join(", ")));
    }
    if hardware && !signed.in_hardware {
        return Err("its key is not in hardware, and policy asks for one that somebody has to touch".to_owned());
    }
    Ok(signed)
}

/// The same for a signature that was made for another namespace.
pub fn verify_in(
    namespace: &str,
    bytes: &[u8],
    signature: &[u8],
    signers: &Signers,
    times: &[Timestamp],
) -> Result<Signed, Refused> {
    if signature.len() > MAX_BYTES {
        return Err(Refused::Unreadable(format!("it has {} bytes, and at most {MAX_BYTES} are read", signature.len())));
    }
    let signature = SshSig::from_pem(signature).map_err(|error| Refused::Unreadable(error.to_string()))?;
    if signature.namespace() != namespace {
        let found = signature.namespace().chars().take(100).collect();
        return Err(Refused::OtherNamespace { found, wanted: namespace.to_owned() });
    }
    let key = PublicKey::from(signature.public_key().clone());
    key.verify(namespace, bytes, &signature).map_err(|_| Refused::Wrong)?;
    let in_hardware = matches!(key.key_data(), KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_));
    if in_hardware {
        let raw = signature.signature_bytes();
        let flags = raw.len().checked_sub(FLAGS_AND_COUNTER).and_then(|at| raw.get(at));
        if flags.is_none_or(|flags| flags & USER_PRESENT == 0) {
            return Err(Refused::Untouched);
        }
    }
    let principals = signers.principals(key.key_data(), namespace, times).map_err(Refused::NotASigner)?;
    Ok(Signed {
        principals: principals.into_iter().map(str::to_owned).collect(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        in_hardware,
    })
}
