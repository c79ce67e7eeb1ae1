//! `template.yaml` as it is written, apart from the crate that reads it for the local cloud.

use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value as Yaml};

/// An IAM action, and what it is on: the logical id of a resource, with what follows it in the ARN
/// (`JobTable/index/progress`).
pub type Permission = (String, String);

/// The deployment's template.
pub struct Template(Yaml);

impl Template {
    pub fn read() -> Self {
        Self::read_file("template.yaml")
    }

    /// Another template, of which it has a part.
    pub fn read_file(name: &str) -> Self {
        Self(serde_yaml_ng::from_str(&workspace_file(name)).expect("YAML"))
    }

    /// What holds for every function.
    pub fn function_globals(&self) -> &Yaml {
        &self.0["Globals"]["Function"]
    }

    /// The parameters.
    pub fn parameters(&self) -> &Mapping {
        self.0["Parameters"].as_mapping().expect("parameters")
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

    /// The binaries of the functions.
    pub fn binaries(&self) -> BTreeSet<&str> {
        self.resources("AWS::Serverless::Function")
            .map(|function| text(&function["Metadata"]["BuildProperties"]["Binary"]))
            .collect()
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

    /// What the policies of the function with this binary allow, its own and those that it shares.
    pub fn permissions(&self, binary: &str) -> BTreeSet<Permission> {
        let (_, function) = self.function(binary);
        let policies = function["Properties"]["Policies"].as_sequence();
        let mut permissions = BTreeSet::new();
        for policy in policies.expect("policies") {
            match policy {
                Yaml::Tagged(shared) => {
                    let shared = self.resource(text(&shared.value));
                    assert_eq!(text(&shared["Type"]), "AWS::IAM::ManagedPolicy");
                    let document = &shared["Properties"]["PolicyDocument"];
                    collect_permissions(document, &mut permissions);
                }
                own => collect_permissions(own, &mut permissions),
            }
        }
        permissions
    }

    /// What Lambda itself does with the role of the function with this binary: it reads the queue or stream that
    /// invokes the function, and the configuration that is under a key.
    pub fn permissions_for_lambda(&self, binary: &str) -> BTreeSet<Permission> {
        let (id, function) = self.function(binary);
        let alias = format!("{id}.Alias");
        let mut permissions = BTreeSet::new();
        let mut add = |action: &str, resource: &str| {
            permissions.insert((action.to_owned(), resource.to_owned()));
        };
        let mappings = self.resources("AWS::Lambda::EventSourceMapping");
        for mapping in mappings.map(|mapping| &mapping["Properties"]) {
            if text(&mapping["FunctionName"]) != alias {
                continue;
            }
            let source = text(&mapping["EventSourceArn"]);
            if let Some(table) = source.strip_suffix(".StreamArn") {
                add("dynamodb:DescribeStream", source);
                add("dynamodb:GetRecords", source);
                add("dynamodb:GetShardIterator", source);
                add("dynamodb:ListStreams", &format!("{table}/stream/*"));
            } else {
                let queue = path_of(source);
                add("sqs:ReceiveMessage", &queue);
                add("sqs:DeleteMessage", &queue);
                add("sqs:GetQueueAttributes", &queue);
            }
        }
        let key = &function["Properties"]["KmsKeyArn"];
        if !key.is_null() {
            add("kms:Decrypt", &path_of(text(key)));
        }
        permissions
    }

    /// The function with this binary, and its logical id.
    fn function(&self, binary: &str) -> (&str, &Yaml) {
        self.named_resources("AWS::Serverless::Function")
            .find(|(_, function)| {
                function["Metadata"]["BuildProperties"]["Binary"].as_str() == Some(binary)
            })
            .unwrap_or_else(|| panic!("no function {binary}"))
    }
}

/// A string, also behind an intrinsic function such as `!Ref`.
pub fn text(value: &Yaml) -> &str {
    match value {
        Yaml::Tagged(tagged) => text(&tagged.value),
        plain => plain.as_str().expect("a string"),
    }
}

/// Every statement below, whatever conditions stand in between.
fn collect_permissions(value: &Yaml, permissions: &mut BTreeSet<Permission>) {
    match value {
        Yaml::Mapping(statement) if statement.contains_key("Action") => {
            for action in one_or_more(&statement["Action"]) {
                for resource in one_or_more(&statement["Resource"]) {
                    permissions.insert((text(action).to_owned(), path_of(text(resource))));
                }
            }
        }
        Yaml::Mapping(members) => members
            .values()
            .for_each(|member| collect_permissions(member, permissions)),
        Yaml::Sequence(items) => items
            .iter()
            .for_each(|item| collect_permissions(item, permissions)),
        Yaml::Tagged(tagged) => collect_permissions(&tagged.value, permissions),
        _ => {}
    }
}

fn one_or_more(value: &Yaml) -> &[Yaml] {
    value
        .as_sequence()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// `Table` of `!GetAtt Table.Arn`, and `Table/index/name` of `!Sub ${Table.Arn}/index/name`.
fn path_of(arn: &str) -> String {
    arn.replace("${", "")
        .replace('}', "")
        .replacen(".Arn", "", 1)
}

/// A file of the workspace's root.
pub fn workspace_file(name: &str) -> String {
    let path: std::path::PathBuf = [env!("CARGO_MANIFEST_DIR"), "../..", name].iter().collect();
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
