//! What `cargo lambda watch` must know: the functions' environment, and the routes of the template.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::RunningCloud;
use crate::data::data_dir::{DataDirError, create_private_dir, write_private};
use crate::template::Route;

/// The functions' environment, in the data directory.
const ENVIRONMENT: &str = "lambda.env";
/// The configuration of cargo lambda, beside it.
const CONFIGURATION: &str = "lambda.toml";

/// Writes the variables of all functions to one file, for a shell and for cargo lambda, and a configuration of cargo
/// lambda that names it; its path. The variables hold secrets, so only their owner can read them.
pub(super) fn write(cloud: &RunningCloud, data_dir: &Path) -> Result<PathBuf, DataDirError> {
    let environment = data_dir.join(ENVIRONMENT);
    let configuration = data_dir.join(CONFIGURATION);
    let routes = cloud.routes().iter().filter_map(|route| {
        let binary = cloud.binary_of(&route.function)?;
        Some((route, binary))
    });
    create_private_dir(data_dir)?;
    write_private(&environment, &text(&variables(cloud)))?;
    write_private(&configuration, &toml(&environment, routes))?;
    Ok(configuration)
}

/// The routes as cargo lambda takes them: by path, `{*name}` for the rest of a path, and no method for any.
fn toml<'a>(environment: &Path, routes: impl Iterator<Item = (&'a Route, &'a str)>) -> String {
    let mut by_path: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for (route, binary) in routes {
        by_path
            .entry(route.matchit_path())
            .or_default()
            .push((&route.method, binary));
    }
    let environment = environment.display().to_string();
    let mut text = format!(
        "[watch]\nenv_file = {}\n\n[watch.router]\n",
        json!(environment)
    );
    for (path, methods) in by_path {
        let to = match methods.iter().find(|(method, _)| *method == "ANY") {
            Some((_, binary)) => json!(binary).to_string(),
            None => {
                let each = methods.iter().map(|(method, binary)| {
                    format!(
                        "{{ method = {}, function = {} }}",
                        json!(method),
                        json!(binary)
                    )
                });
                format!("[{}]", each.collect::<Vec<_>>().join(", "))
            }
        };
        // A JSON string is a TOML string.
        let _ = writeln!(text, "{} = {to}", json!(path));
    }
    text
}

/// The variables of all functions: a name has the same value wherever it is set.
fn variables(cloud: &RunningCloud) -> BTreeMap<&str, &str> {
    cloud
        .function_names()
        .filter_map(|name| cloud.function_environment(name))
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// `export NAME='value'` lines. Values may have several lines (keys and certificates in PEM do).
fn text(variables: &BTreeMap<&str, &str>) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        // The two readers agree on no escape for a quote within quotes of its own kind.
        let quote = if value.contains('\'') { '"' } else { '\'' };
        let _ = writeln!(text, "export {name}={quote}{value}{quote}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_written() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n";
        let variables = BTreeMap::from([("EMPTY", ""), ("KEY", pem), ("QUOTED", "it's")]);
        let script = format!(
            "{}printf '%s|' \"$EMPTY\" \"$KEY\" \"$QUOTED\"",
            text(&variables)
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read, format!("|{pem}|it's|"));
    }
    #[test]
    fn routes_are_written_as_cargo_lambda_takes_them() {
        let route = |method: &str, path: &str| Route {
            path: path.to_owned(),
            method: method.to_owned(),
            function: "Function".to_owned(),
        };
        let routes = [
            (route("GET", "/things/{id}"), "read"),
            (route("PUT", "/things/{id}"), "write"),
            (route("ANY", "/wallet/{proxy+}"), "wallet"),
        ];
        let routes = routes.iter().map(|(route, binary)| (route, *binary));
        let expected = r#"[watch]
env_file = ".local/lambda.env"

[watch.router]
"/things/{id}" = [{ method = "GET", function = "read" }, { method = "PUT", function = "write" }]
"/wallet/{*proxy}" = "wallet"
"#;
        assert_eq!(toml(Path::new(".local/lambda.env"), routes), expected);
    }
}
