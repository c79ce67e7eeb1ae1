//! Lists the crates whose code runs in functions, so that the log knows its own lines from those of libraries.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    // It changes with every crate that is added or renamed.
    println!(
        "cargo::rerun-if-changed={}",
        root.join("Cargo.lock").display()
    );
    let mut names = Vec::new();
    for folder in ["functions", "shared"] {
        for member in fs::read_dir(root.join(folder))? {
            names.extend(name(&member?.path().join("Cargo.toml")));
        }
    }
    names.sort_unstable();
    let list = PathBuf::from(env::var("OUT_DIR")?).join("ours.rs");
    fs::write(list, format!("{names:?}"))?;
    Ok(())
}

/// The name of a package as its code has it.
fn name(manifest: &Path) -> Option<String> {
    let manifest = fs::read_to_string(manifest).ok()?;
    let mut lines = manifest.lines();
    let name = lines.find_map(|line| line.strip_prefix("name = \""))?;
    Some(name.trim_end_matches('"').replace('-', "_"))
}
