//! What operators rely on: every alarm has its page in `infra/runbook`, every page its alarm, what pages name is
//! there, and nothing of the deployment is without an alarm or missing on the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_yaml_ng::{Mapping, Value as Yaml};

use crate::logging_rules::documented_metrics;
use crate::template::{Template, text, workspace_file};

const RUNBOOK: &str = "infra/runbook/";
const INDEX: &str = "README.md";

/// The pages, by their file names.
fn pages() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(RUNBOOK);
    let files = fs::read_dir(folder).expect("a folder");
    files
        .map(|file| {
            let name = file.expect("a file").file_name();
            let name = name.into_string().expect("UTF-8");
            let page = workspace_file(&format!("{RUNBOOK}{name}"));
            (name, page)
        })
        .collect()
}

/// The file name of each alarm's page.
fn page_of_each_alarm(template: &Template) -> BTreeMap<String, String> {
    template
        .named_resources("AWS::CloudWatch::Alarm")
        .map(|(alarm, resource)| {
            let description = text(&resource["Properties"]["AlarmDescription"]);
            let (_, link) = description
                .rsplit_once("Runbook: infra/runbook/")
                .unwrap_or_else(|| panic!("{alarm} names no page: {description}"));
            (alarm.to_owned(), link.trim().to_owned())
        })
        .collect()
}

/// The words of a page that end like `ending`.
fn words<'p>(page: &'p str, ending: &'p str) -> impl Iterator<Item = &'p str> {
    page.split(|character: char| !character.is_ascii_alphanumeric() && character != '…')
        .filter(move |word| word.ends_with(ending) && word.len() > ending.len())
}

#[test]
fn every_alarm_has_its_page_and_every_page_its_alarm() {
    let template = Template::read();
    let pages = pages();
    let links = page_of_each_alarm(&template);
    let index = &pages[INDEX];
    for (alarm, link) in &links {
        let page = pages
            .get(link)
            .unwrap_or_else(|| panic!("{alarm}: there is no {RUNBOOK}{link}"));
        // Functions share a page for their errors.
        let name = match alarm.strip_suffix("ErrorsAlarm") {
            Some(_) if link == "function-errors.md" => "…ErrorsAlarm",
            _ => alarm.as_str(),
        };
        let heading = page.lines().next().unwrap_or_default();
        assert!(heading.contains(&format!("`{name}`")), "{link}: {heading}");
        assert!(
            index
                .lines()
                .any(|line| line.contains(&format!("`{name}`")) && line.contains(link)),
            "{RUNBOOK}{INDEX} does not lead from {name} to {link}"
        );
    }
    for (name, page) in &pages {
        assert!(
            name == INDEX || links.values().any(|link| link == name),
            "no alarm leads to {name}"
        );
        for alarm in words(page, "Alarm").filter(|word| !word.contains('…')) {
            assert!(links.contains_key(alarm), "{name} names {alarm}");
        }
    }
}

#[test]
fn what_the_commands_of_the_pages_name_is_deployed() {
    let template = Template::read();
    for (name, page) in pages() {
        let ids = words(&page, "Queue")
            .chain(words(&page, "Logs"))
            .chain(words(&page, "Function"))
            .chain(words(&page, "Table"))
            .chain(words(&page, "Schedule"));
        for id in ids.filter(|id| !id.contains('…')) {
            assert!(template.has(id), "{name} names {id}");
        }
    }
}

#[test]
fn every_function_and_queue_has_its_alarms() {
    let template = Template::read();
    let watched: BTreeSet<(String, String)> = template
        .named_resources("AWS::CloudWatch::Alarm")
        .flat_map(|(_, alarm)| {
            let properties = &alarm["Properties"];
            let metric = properties["MetricName"].as_str().unwrap_or_default();
            let dimensions = properties["Dimensions"].as_sequence().into_iter().flatten();
            dimensions
                .map(|dimension| {
                    let of = text(&dimension["Value"]).split('.').next();
                    (of.unwrap_or_default().to_owned(), metric.to_owned())
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let is_watched = |of: &str, metric: &str| watched.contains(&(of.to_owned(), metric.to_owned()));
    for (function, _) in template.named_resources("AWS::Serverless::Function") {
        assert!(is_watched(function, "Errors"), "{function}");
    }
    let sources: BTreeSet<String> = template
        .named_resources("AWS::Lambda::EventSourceMapping")
        .filter_map(|(_, source)| {
            let arn = text(&source["Properties"]["EventSourceArn"]);
            arn.split('.').next().map(str::to_owned)
        })
        .collect();
    for (queue, _) in template.named_resources("AWS::SQS::Queue") {
        // A queue that a function reads must not fall behind; one that nobody reads must be empty.
        let metric = if sources.contains(queue) {
            "ApproximateAgeOfOldestMessage"
        } else {
            "ApproximateNumberOfMessagesVisible"
        };
        assert!(is_watched(queue, metric), "{queue}: {metric}");
    }
}

/// SQS says nothing of a queue that nobody has touched for six hours; the letters are still there.
#[test]
fn an_alarm_of_letters_that_lie_there_does_not_end_by_itself() {
    let template = Template::read();
    let mut found = 0;
    for (alarm, resource) in template.named_resources("AWS::CloudWatch::Alarm") {
        let properties = &resource["Properties"];
        if properties["MetricName"].as_str() == Some("ApproximateNumberOfMessagesVisible") {
            found += 1;
            let missing = properties["TreatMissingData"].as_str();
            assert_eq!(missing, Some("ignore"), "{alarm}");
        }
    }
    assert_eq!(found, 4);
}

#[test]
fn an_outage_of_aws_for_three_hours_makes_no_dead_letters_of_polls_and_deliveries() {
    let template = Template::read();
    for queue in ["PollQueue", "WebhookQueue"] {
        let properties = &template.resource(queue)["Properties"];
        let seconds = properties["VisibilityTimeout"].as_u64().expect("a number");
        let receives = properties["RedrivePolicy"]["maxReceiveCount"].as_u64();
        let until_dead = seconds * receives.expect("a number");
        assert!(until_dead >= 3 * 60 * 60, "{queue}: {until_dead} s");
    }
}

/// An event source that is off makes no error and no age, so both sides are counted.
#[test]
fn issuances_of_which_nothing_is_published_raise_an_alarm() {
    let template = Template::read();
    let metrics = &template.resource("NothingPublishedAlarm")["Properties"]["Metrics"];
    // Without FILL a silent metric has no value, and the alarm none either.
    let silent = "FILL(started, 0) > 0 AND FILL(published, 0) == 0";
    let expression = metrics[0]["Expression"].as_str();
    assert!(expression.is_some_and(|expression| expression.contains(silent)));
    for (place, id, name) in [
        (1, "started", "IssuancesStarted"),
        (2, "published", "EventsPublished"),
    ] {
        let metric = &metrics[place];
        assert_eq!(metric["Id"].as_str(), Some(id));
        let metric = &metric["MetricStat"]["Metric"]["MetricName"];
        assert_eq!(metric.as_str(), Some(name));
    }
}

/// The dashboard's JSON before anything is substituted, and what is substituted besides resources and parameters.
fn dashboard(template: &Template) -> (&str, &Mapping) {
    let Yaml::Tagged(body) = &template.resource("Dashboard")["Properties"]["DashboardBody"] else {
        panic!("it is substituted");
    };
    let text = body.value[0].as_str().expect("text");
    (text, body.value[1].as_mapping().expect("variables"))
}

fn collect_text<'y>(value: &'y Yaml, found: &mut Vec<&'y str>) {
    match value {
        Yaml::String(text) => found.push(text),
        Yaml::Sequence(items) => items.iter().for_each(|item| collect_text(item, found)),
        Yaml::Tagged(tagged) => collect_text(&tagged.value, found),
        _ => {}
    }
}

/// CloudWatch takes searches of at most 1,024 characters; a function's name has at most 64.
#[test]
fn the_dashboards_searches_are_short_enough_whatever_the_stack_is_called() {
    let template = Template::read();
    let (body, variables) = dashboard(&template);
    let searches: Vec<_> = body
        .split("SEARCH(")
        .skip(1)
        .map(|rest| rest.split("\"label\"").next().expect("a search"))
        .filter(|search| search.contains("${Functions}"))
        .collect();
    assert!(searches.len() >= 4, "{searches:?}");
    let longest = searches.iter().map(|search| search.len()).max();
    let mut functions = Vec::new();
    collect_text(&variables["Functions"], &mut functions);
    let functions = functions
        .iter()
        .filter(|name| name.ends_with("Function"))
        .count();
    let length = longest.expect("a search") + functions * (64 + "\" OR \"".len());
    assert!(length <= 1024, "{length}");
}

#[test]
fn the_dashboard_shows_every_function_queue_and_table() {
    let template = Template::read();
    let (body, variables) = dashboard(&template);
    serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    let mut named = Vec::new();
    for (variable, value) in variables {
        let variable = variable.as_str().expect("a name");
        assert!(body.contains(&format!("${{{variable}}}")), "{variable}");
        collect_text(value, &mut named);
    }
    for kind in [
        "AWS::Serverless::Function",
        "AWS::SQS::Queue",
        "AWS::DynamoDB::Table",
    ] {
        for (name, _) in template.named_resources(kind) {
            let queue = format!("{name}.QueueName");
            let is_shown = named.iter().any(|text| *text == name || *text == queue);
            assert!(is_shown, "{name} is not on the dashboard");
        }
    }
    for (alarm, resource) in template.named_resources("AWS::CloudWatch::Alarm") {
        // One that is not always there has a stand-in.
        let place = match resource.get("Condition") {
            None => format!("\"${{{alarm}.Arn}}\""),
            Some(_) => format!("\"${{{alarm}}}\""),
        };
        assert!(body.contains(&place), "{alarm} is not on the dashboard");
    }
}

#[test]
fn the_metrics_of_alarms_and_dashboard_are_those_of_the_functions() {
    let documented = documented_metrics();
    let template = workspace_file("template.yaml");
    // In an alarm, and in the dashboard.
    let alarms = template
        .split("Namespace: Bestow\n")
        .skip(1)
        .map(|rest| rest.split("MetricName: ").nth(1).expect("a metric"))
        .map(|rest| rest.split('\n').next().expect("its name"));
    let widgets = template
        .split("[\"Bestow\", \"")
        .skip(1)
        .map(|rest| rest.split('"').next().expect("its name"));
    let searches = template
        .split("SEARCH('{Bestow,")
        .skip(1)
        .map(|rest| rest.split("MetricName=\\\"").nth(1).expect("a metric"))
        .map(|rest| rest.split('\\').next().expect("its name"));
    let used: BTreeSet<_> = alarms
        .chain(widgets)
        .chain(searches)
        .map(str::trim)
        .collect();
    assert!(used.contains("ColdStarts"), "{used:?}");
    assert!(used.len() > 5, "{used:?}");
    for metric in used {
        assert!(documented.contains(metric), "{metric}");
    }
}
