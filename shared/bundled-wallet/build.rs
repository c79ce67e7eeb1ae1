//! Embeds the issue templates of `infra/issue-templates/` into the function: a deployment carries
//! exactly the templates that it was built and tested with.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/issue-templates");
    println!("cargo::rerun-if-changed={}", templates.display());

    let mut files: Vec<_> = fs::read_dir(&templates)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();

    let mut list = String::from("&[\n");
    for path in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_name().unwrap_or_default();
        list.push_str(&format!("    ({name:?}, include_str!({path:?})),\n"));
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("issue_templates.rs"), list)
}
