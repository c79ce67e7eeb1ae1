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
        let heading = page.lines().next().unwrap_or_default();
        assert!(heading.contains(&format!("`{alarm}`")), "{link}: {heading}");
        assert!(
            index
                .lines()
                .any(|line| line.contains(&format!("`{alarm}`")) && line.contains(link)),
            "{RUNBOOK}{INDEX} does not lead from {alarm} to {link}"
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

/// The metrics that an alarm reads: its only one, or those of its expression.
fn metrics_of(alarm: &Yaml) -> Vec<&Yaml> {
    let properties = &alarm["Properties"];
    if !properties["MetricName"].is_null() {
        return vec![properties];
    }
    let metrics = properties["Metrics"].as_sequence().expect("metrics");
    let metrics = metrics.iter().map(|one| &one["MetricStat"]["Metric"]);
    metrics.filter(|metric| !metric.is_null()).collect()
}

/// What a metric is of: the logical ids in its dimensions.
fn subjects_of(metric: &Yaml) -> Vec<&str> {
    let mut values = Vec::new();
    for dimension in metric["Dimensions"].as_sequence().into_iter().flatten() {
        collect_text(&dimension["Value"], &mut values);
    }
    let ids = values.into_iter().filter_map(|text| text.split('.').next());
    ids.collect()
}

#[test]
fn every_function_and_queue_has_its_alarms() {
    let template = Template::read();
    let watched: BTreeSet<(String, String)> = template
        .named_resources("AWS::CloudWatch::Alarm")
        .flat_map(|(_, alarm)| metrics_of(alarm))
        .flat_map(|metric| {
            let name = text(&metric["MetricName"]).to_owned();
            let subjects = subjects_of(metric).into_iter();
            subjects.map(move |of| (of.to_owned(), name.clone()))
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

#[test]
fn an_error_of_any_function_raises_an_alarm_that_stops_a_canary() {
    let template = Template::read();
    let preference = &template.function_globals()["DeploymentPreference"];
    let alarms = preference["Alarms"].as_sequence().expect("alarms");
    let mut watched = Vec::new();
    for alarm in alarms {
        let resource = template.resource(text(alarm));
        let expression = &resource["Properties"]["Metrics"][0]["Expression"];
        assert_eq!(text(expression), "SUM(METRICS())");
        let metrics = metrics_of(resource);
        assert!(metrics.len() <= 10, "CloudWatch takes no more in an alarm");
        for metric in metrics {
            assert_eq!(text(&metric["MetricName"]), "Errors");
            watched.extend(subjects_of(metric));
        }
    }
    for (function, resource) in template.named_resources("AWS::Serverless::Function") {
        assert!(watched.contains(&function), "{function}");
        let own = &resource["Properties"]["DeploymentPreference"];
        assert!(own.is_null(), "{function} has alarms of its own");
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

const DASHBOARD: &str = "infra/dashboard.yaml";

/// The dashboard's JSON before anything is substituted.
fn dashboard(template: &Template) -> &str {
    text(&template.resource("Dashboard")["Properties"]["DashboardBody"])
}

/// What the deployment substitutes in it.
fn dashboard_parameters(template: &Template) -> &Mapping {
    let properties = &template.resource("DashboardStack")["Properties"];
    assert_eq!(text(&properties["TemplateURL"]), DASHBOARD);
    properties["Parameters"].as_mapping().expect("parameters")
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
    let dashboard_template = Template::read_file(DASHBOARD);
    let searches: Vec<_> = dashboard(&dashboard_template)
        .split("SEARCH(")
        .skip(1)
        .map(|rest| rest.split("\"label\"").next().expect("a search"))
        .filter(|search| search.contains("${Functions}"))
        .collect();
    assert!(searches.len() >= 4, "{searches:?}");
    let longest = searches.iter().map(|search| search.len()).max();
    let mut functions = Vec::new();
    collect_text(
        &dashboard_parameters(&template)["Functions"],
        &mut functions,
    );
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
    let dashboard_template = Template::read_file(DASHBOARD);
    let body = dashboard(&dashboard_template);
    serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    let given = dashboard_parameters(&template);
    let mut named = Vec::new();
    for (variable, value) in given {
        let variable = variable.as_str().expect("a name");
        assert!(body.contains(&format!("${{{variable}}}")), "{variable}");
        collect_text(value, &mut named);
    }
    assert_eq!(given.len(), dashboard_template.parameters().len());
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
    for (alarm, _) in template.named_resources("AWS::CloudWatch::Alarm") {
        let arn = format!("{alarm}.Arn");
        assert!(named.contains(&arn.as_str()), "{alarm} is not on it");
    }
}

#[test]
fn the_metrics_of_alarms_and_dashboard_are_those_of_the_functions() {
    let documented = documented_metrics();
    let template = workspace_file("template.yaml") + &workspace_file(DASHBOARD);
    // In an alarm, and in the dashboard.
    let alarms = template
        .split("Namespace: Bestow")
        .skip(1)
        .map(|rest| rest.split("MetricName: ").nth(1).expect("a metric"))
        .map(|rest| rest.split(['\n', ',']).next().expect("its name"));
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
