//! Gives the programs that read units differently different names, so that what one of them kept is nothing to another.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Everything that has to do with what is made of a unit's text.
const READERS: [&str; 7] = [
    "src",
    "../../Cargo.lock",
    "../../grammars",
    "../infra/src",
    "../policy/src",
    "../provenance/src",
    "../syntax/src",
];

fn main() {
    let mut files = Vec::new();
    for reader in READERS {
        println!("cargo::rerun-if-changed={reader}");
        if let Err(error) = collect(Path::new(reader), &mut files) {
            println!("cargo::error={reader} cannot be read: {error}");
        }
    }
    files.sort();
    // FNV-1a, 128 bits.
    let mut hash = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D_u128;
    for file in files {
        let text = fs::read(&file).unwrap_or_default();
        for byte in file.to_string_lossy().bytes().chain([0]).chain(text).chain([0]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013B);
        }
    }
    println!("cargo::rustc-env=COUNTERSIGN_READER={hash:032x}");
}

/// The files below a path, or the file that it is.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
