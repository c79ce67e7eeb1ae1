//! What Cargo is told of the packages, held against their sources.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// `test = false` in a manifest saves building an empty test binary; left there, it would hide the first test.
#[test]
fn a_library_that_is_not_tested_has_no_tests() {
    let packages = packages();
    let targets = packages
        .iter()
        .flat_map(|package| package["targets"].as_array().expect("targets"));
    let untested = targets.filter(|target| target["kind"][0] == "lib" && target["test"] == false);
    let mut sources = 0;
    for target in untested {
        let file = Path::new(target["src_path"].as_str().expect("a path"));
        sources += check(file.parent().expect("a folder"));
    }
    assert!(sources > 0, "none was looked at");
}

/// The log takes lines for ours by this beginning; those of a crate without it would be a library's.
#[test]
fn every_crate_has_the_prefix_of_the_house() {
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        assert!(
            name.starts_with("bestow-") || name == "workspace-hack",
            "{name}"
        );
    }
}

/// `cargo run`, the README's first command, starts the local cloud. With a second package that has a default, Cargo
/// refuses to choose.
#[test]
fn one_package_is_what_cargo_runs() {
    let runs: Vec<Value> = packages()
        .into_iter()
        .map(|package| package["default_run"].clone())
        .filter(|runs| !runs.is_null())
        .collect();
    assert_eq!(runs, ["local"]);
}

fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// How many sources are below this folder; none has a test.
fn check(folder: &Path) -> usize {
    let entries = folder.read_dir().expect("a folder");
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                return check(&path);
            }
            let source = std::fs::read_to_string(&path).expect("a source");
            let has_tests = source.contains("#[test]") || source.contains("#[tokio::test");
            assert!(!has_tests, "{} is not tested", path.display());
            1
        })
        .sum()
}
