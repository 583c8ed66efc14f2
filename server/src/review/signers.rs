//! Whose key is whose.

use countersign_engine::report::JsonProblem;
use countersign_review::Signers;

/// Bytes of a signers' file that are read.
const MAX_SIGNERS_BYTES: usize = 4 << 20;

/// Reads the content of the signers' file; `path` is its name for what is wrong with it.
pub(crate) fn read_signers(path: &str, content: &[u8]) -> (Signers, Vec<JsonProblem>) {
    if content.len() > MAX_SIGNERS_BYTES {
        let message = format!(
            "it has {} bytes, and at most {MAX_SIGNERS_BYTES} are read, so nobody's signature counts",
            content.len()
        );
        return (Signers::default(), vec![JsonProblem { path: path.to_owned(), message }]);
    }
    let (signers, problems) = Signers::read(&String::from_utf8_lossy(content));
    let problem = |problem: countersign_review::SignerProblem| JsonProblem {
        path: format!("{path}:{}", problem.line),
        message: format!("this signer does not count: {}", problem.why),
    };
    (signers, problems.into_iter().map(problem).collect())
}
