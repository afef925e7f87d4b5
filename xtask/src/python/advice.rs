//! What a person can do when the private Python environment cannot be made.

use std::path::Path;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The environment itself.
    Environment,
    /// The packages in it.
    Packages,
}

const FULL: &[&str] = &["No space left on device", "Disk quota exceeded"];
const FORBIDDEN: &[&str] = &["Permission denied", "Read-only file system"];
const NO_VENV: &[&str] = &["No module named venv", "ensurepip"];
const OTHER_FILES: &[&str] = &["DO NOT MATCH THE HASHES", "do not match the hashes"];
const UNREACHABLE: &[&str] = &[
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname provided",
    "Connection refused",
    "Network is unreachable",
    "timed out",
    "ProxyError",
    "CERTIFICATE_VERIFY_FAILED",
];
const ABSENT: &[&str] = &["No matching distribution found"];

/// One sentence that says what is wrong, and one that says what to run; `said` are the words of Python or pip.
pub fn advice(step: Step, said: &str, cache: &Path) -> String {
    let cache = cache.display();
    let any = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
    if any(FULL) {
        format!(
            "the disk is full: free 300 MB for {cache}, or use another disk by: export XDG_CACHE_HOME=<folder>"
        )
    } else if any(FORBIDDEN) {
        format!("{cache} cannot be written by you; run: sudo chown -R \"$(id -un)\" '{cache}'")
    } else if step == Step::Environment && any(NO_VENV) {
        "this Python lacks its module venv; run: sudo apt-get install python3-venv (Debian, Ubuntu), or name another \
         Python by: export SLUICE_PYTHON=<path>"
            .to_owned()
    } else if any(OTHER_FILES) {
        "the package index serves other files than those that are pinned; name another one by: \
         export PIP_INDEX_URL=https://pypi.org/simple"
            .to_owned()
    } else if any(UNREACHABLE) {
        "no Python package index can be reached; check the network, or name one that can be by: \
         export PIP_INDEX_URL=<url>"
            .to_owned()
    } else if any(ABSENT) {
        "the package index lacks a package for this Python and machine; name a Python of 3.11 to 3.14 by: \
         export SLUICE_PYTHON=<path>"
            .to_owned()
    } else {
        format!(
            "the words of Python are below; after a repair remove what is half done by: rm -r '{cache}'/python-*"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_own_way_out() {
        let cases = [
            (
                Step::Packages,
                "OSError: [Errno 28] No space left on device",
                "the disk is full",
            ),
            (
                Step::Packages,
                "[Errno 13] Permission denied: '/home/me/.cache'",
                "run: sudo chown -R",
            ),
            (
                Step::Environment,
                "Error: [Errno 30] Read-only file system: '/x'",
                "run: sudo chown -R",
            ),
            (
                Step::Environment,
                "/usr/bin/python3: No module named venv",
                "apt-get install python3-venv",
            ),
            (
                Step::Environment,
                "The virtual environment was not created successfully because ensurepip is not available.",
                "apt-get install python3-venv",
            ),
            (
                Step::Packages,
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
                "export PIP_INDEX_URL=https://pypi.org/simple",
            ),
            (
                Step::Packages,
                "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution\n\
                 ERROR: No matching distribution found for boto3",
                "no Python package index can be reached",
            ),
            (
                Step::Packages,
                "ERROR: No matching distribution found for boto3==1.2.3",
                "export SLUICE_PYTHON",
            ),
            (Step::Packages, "something new", "rm -r '/cache'/python-*"),
        ];
        for (step, said, expected) in cases {
            let told = advice(step, said, Path::new("/cache"));
            assert!(told.contains(expected), "{said:?} gave {told:?}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }
}
