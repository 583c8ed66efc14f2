//! Whose key is whose.

use crate::disk::read_most;
use countersign_engine::report::JsonProblem;
use countersign_review::Signers;
use std::path::Path;

/// Bytes of a signers' file that are read.
const MAX_SIGNERS_BYTES: usize = 4 << 20;

/// The content of the signers' file on disk, up to the byte by which it is known to be too long; nothing where it is no file.
pub(crate) fn signers_on_disk(path: &Path) -> Vec<u8> {
    if path.is_file() { read_most(path, MAX_SIGNERS_BYTES).unwrap_or_default() } else { Vec::new() }
}

/// Reads the content of the signers' file; `path` is its name for what is wrong with it.
pub(crate) fn read_signers(path: &str, content: &[u8]) -> (Signers, Vec<JsonProblem>) {
    if content.len() > MAX_SIGNERS_BYTES {
        let message =
            format!("it is longer than {MAX_SIGNERS_BYTES} bytes and is not read, so nobody's signature counts");
        return (Signers::default(), vec![JsonProblem { path: path.to_owned(), message }]);
    }
    let (signers, problems) = Signers::read(&String::from_utf8_lossy(content));
    let problem = |problem: countersign_review::SignerProblem| JsonProblem {
        path: format!("{path}:{}", problem.line),
        message: format!("this signer does not count: {}", problem.why),
    };
    (signers, problems.into_iter().map(problem).collect())
}
