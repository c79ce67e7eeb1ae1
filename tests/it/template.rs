//! `template.yaml` as it is written, apart from the crate that reads it for the local cloud.

use std::collections::BTreeSet;

use serde_yaml_ng::Value as Yaml;

/// The deployment's template.
pub struct Template(Yaml);

impl Template {
    pub fn read() -> Self {
        Self(serde_yaml_ng::from_str(&workspace_file("template.yaml")).expect("YAML"))
    }

    fn resources(&self, kind: &str) -> impl Iterator<Item = &Yaml> {
        self.0["Resources"]
            .as_mapping()
            .expect("resources")
            .values()
            .filter(move |resource| resource["Type"].as_str() == Some(kind))
    }

    /// The resources of a type, each with its logical id.
    pub fn named_resources(&self, kind: &str) -> impl Iterator<Item = (&str, &Yaml)> {
        self.0["Resources"]
            .as_mapping()
            .expect("resources")
            .iter()
            .filter(move |(_, resource)| resource["Type"].as_str() == Some(kind))
            .map(|(id, resource)| (id.as_str().expect("a logical id"), resource))
    }

    /// Whether there is a resource of this logical id.
    pub fn has(&self, id: &str) -> bool {
        !self.resource(id).is_null()
    }

    /// The resource of this logical id.
    pub fn resource(&self, name: &str) -> &Yaml {
        &self.0["Resources"][name]
    }

    /// Method, path and the binary that answers, of each route.
    pub fn routes(&self) -> BTreeSet<(String, String, String)> {
        self.resources("AWS::ApiGatewayV2::Route")
            .map(|route| {
                let key = text(&route["Properties"]["RouteKey"]);
                let (method, path) = key.split_once(' ').expect("a method and a path");
                let integration = text(&route["Properties"]["Target"])
                    .trim_start_matches("integrations/${")
                    .trim_end_matches('}');
                let alias = text(&self.resource(integration)["Properties"]["IntegrationUri"]);
                let function = self.resource(alias.trim_end_matches(".Alias"));
                let binary = text(&function["Metadata"]["BuildProperties"]["Binary"]);
                (method.to_owned(), path.to_owned(), binary.to_owned())
            })
            .collect()
    }

    /// The actions that the policies of the function with this binary allow.
    pub fn actions(&self, binary: &str) -> BTreeSet<String> {
        let function = self
            .resources("AWS::Serverless::Function")
            .find(|function| {
                function["Metadata"]["BuildProperties"]["Binary"].as_str() == Some(binary)
            })
            .unwrap_or_else(|| panic!("no function {binary}"));
        let mut actions = BTreeSet::new();
        collect_actions(&function["Properties"]["Policies"], &mut actions);
        actions
    }
}

/// A string, also behind an intrinsic function such as `!Ref`.
pub fn text(value: &Yaml) -> &str {
    match value {
        Yaml::Tagged(tagged) => text(&tagged.value),
        plain => plain.as_str().expect("a string"),
    }
}

/// Every `Action` below, whatever conditions stand in between.
fn collect_actions(value: &Yaml, actions: &mut BTreeSet<String>) {
    match value {
        Yaml::Mapping(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    (Some("Action"), Yaml::String(action)) => drop(actions.insert(action.clone())),
                    (Some("Action"), Yaml::Sequence(several)) => actions.extend(
                        several
                            .iter()
                            .map(|action| action.as_str().expect("an action").to_owned()),
                    ),
                    _ => collect_actions(member, actions),
                }
            }
        }
        Yaml::Sequence(items) => items.iter().for_each(|item| collect_actions(item, actions)),
        Yaml::Tagged(tagged) => collect_actions(&tagged.value, actions),
        _ => {}
    }
}

/// A file of the workspace's root.
pub fn workspace_file(name: &str) -> String {
    let path: std::path::PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", name].iter().collect();
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
