//! What is used, in dollars. `infra/docs/deploy.md` has the same list; a test compares them.

use std::collections::BTreeMap;
use std::time::Duration;

use bestow_local::{Stack, TEMPLATE};
use serde_yaml_ng::{Mapping, Value};

use crate::usage::{Quantity, Usage};

/// A list price of US East, without free tiers.
struct Price {
    part: &'static str,
    usd: f64,
    /// For how many.
    per: f64,
    /// The same in words.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the page of the operators"))]
    unit: &'static str,
}

const fn price(part: &'static str, usd: f64, per: f64, unit: &'static str) -> Price {
    Price {
        part,
        usd,
        per,
        unit,
    }
}

const HTTP_API: Price = price("HTTP API", 1.0, 1e6, "million requests");
const KMS: Price = price("KMS signatures", 0.15, 1e4, "10,000");
const WRITES: Price = price("DynamoDB writes", 0.625, 1e6, "million units");
const READS: Price = price("DynamoDB reads", 0.125, 1e6, "million units");
const LOGS: Price = price("CloudWatch logs", 0.50, 1e9, "GB");
const LAMBDA: Price = price("Lambda requests", 0.20, 1e6, "million");
const LAMBDA_TIME: Price = price("Lambda time, arm64", 13.3334, 1e6, "million GB-seconds");
const SQS: Price = price("SQS", 0.40, 1e6, "million requests");
const EVENTBRIDGE: Price = price("EventBridge", 1.0, 1e6, "million events");
const XRAY: Price = price("X-Ray", 5.0, 1e6, "million traces");
const EGRESS: Price = price("data out", 0.09, 1e9, "GB");

const KMS_KEY: Price = price("KMS key", 1.0, 1.0, "month");
const SECRET: Price = price("secret", 0.40, 1.0, "month");
const ALARM: Price = price("metric of an alarm", 0.10, 1.0, "month");
const DASHBOARD: Price = price("dashboard", 3.0, 1.0, "month");

/// A credential is signed once; nothing else of an issuance is.
const SIGNATURES: f64 = 1.0;
/// How long a function is taken to wait for a call to AWS. (It waits for some of them at the same time.)
const ROUND_TRIP_SECONDS: f64 = 0.005;
/// The memory size with which a function has one core.
const MB_OF_A_CORE: f64 = 1_769.0;
/// Headers and framing of an answer to a client.
const ANSWER_OVERHEAD_BYTES: f64 = 400.0;
/// What X-Ray keeps of the invocations beyond the first of each second, if it is switched on.
const TRACED: f64 = 0.05;
/// What it keeps of a lone issuance, which takes about two seconds.
const TRACES_ALONE: f64 = 2.0;
/// The long polls with which Lambda waits at an empty queue: five, of 20 seconds.
const POLLS_PER_SECOND: f64 = 5.0 / 20.0;
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How issuances come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// One, and then nothing for a while.
    Alone,
    /// Many at the same time.
    Load,
}

/// A part of what is to be paid.
pub(crate) struct Cost {
    pub(crate) part: &'static str,
    pub(crate) amount: f64,
    pub(crate) unit: &'static str,
    pub(crate) usd: f64,
}

impl Price {
    fn of(&self, amount: f64, unit: &'static str) -> Cost {
        Cost {
            part: self.part,
            amount,
            unit,
            usd: amount * self.usd / self.per,
        }
    }
}

/// Whether a cost is that of KMS, without which the signing key is a secret.
pub(crate) fn is_kms(cost: &Cost) -> bool {
    cost.part == KMS.part
}

/// What an issuance that uses so much costs.
pub(crate) fn of_an_issuance(usage: &Usage, stack: &Stack, traffic: Traffic) -> Vec<Cost> {
    let total = |quantity| usage.total(quantity);
    let invocations = total(Quantity::Invocations);
    let requests = total(Quantity::HttpRequests);
    let traces = match traffic {
        _ if !is_traced() => 0.0,
        Traffic::Alone => TRACES_ALONE,
        Traffic::Load => TRACED * invocations,
    };
    let egress = total(Quantity::EgressBytes) + requests * ANSWER_OVERHEAD_BYTES;
    vec![
        HTTP_API.of(requests, "requests"),
        KMS.of(SIGNATURES, "signatures"),
        WRITES.of(total(Quantity::WriteUnits), "units"),
        READS.of(total(Quantity::ReadUnits), "units"),
        LOGS.of(total(Quantity::LogBytes), "bytes"),
        LAMBDA.of(invocations, "invocations"),
        LAMBDA_TIME.of(gb_seconds(usage, stack), "GB-s"),
        SQS.of(total(Quantity::SqsRequests), "requests"),
        EVENTBRIDGE.of(total(Quantity::Events), "events"),
        XRAY.of(traces, "traces"),
        EGRESS.of(egress, "bytes"),
    ]
}

/// Whether the template's default is that X-Ray records invocations.
fn is_traced() -> bool {
    let tracing = at(&template(), &["Parameters", "Tracing", "Default"]);
    tracing.as_str() != Some("Disabled")
}

/// The conditions of the template that do not hold with its defaults.
const NOT_BY_DEFAULT: [&str; 3] = [
    "ExternalWallet",
    "ShowsCompletedIssuances",
    "ShowsDashboard",
];

/// What the template deploys with its defaults.
fn resources() -> Vec<Value> {
    let all = at(&template(), &["Resources"]);
    let all = all.as_mapping().into_iter().flat_map(Mapping::values);
    let is_deployed = |resource: &&Value| {
        let condition = resource.get("Condition").and_then(Value::as_str);
        condition.is_none_or(|condition| !NOT_BY_DEFAULT.contains(&condition))
    };
    all.filter(is_deployed).cloned().collect()
}

fn template() -> Value {
    serde_yaml_ng::from_str(TEMPLATE).unwrap_or_default()
}

fn at(value: &Value, path: &[&str]) -> Value {
    let found = path.iter().try_fold(value, |value, key| value.get(key));
    found.cloned().unwrap_or_default()
}

/// What is to be paid each month where nothing happens. `schedules` is what one run of each schedule's function uses.
pub(crate) fn idle(schedules: &BTreeMap<String, Usage>, stack: &Stack) -> Vec<Cost> {
    let resources = resources();
    let of_type = |kind: &str| {
        let kind = format!("AWS::{kind}");
        let is_one = |one: &&Value| at(one, &["Type"]).as_str() == Some(&kind);
        resources.iter().filter(is_one).count() as f64
    };
    // An alarm on an expression is billed for each metric that it reads.
    let alarmed = resources
        .iter()
        .filter_map(|one| serde_yaml_ng::to_string(one).ok());
    let alarmed: usize = alarmed.map(|one| one.matches("MetricName:").count()).sum();
    let polls = stack.event_sources.len() as f64 * POLLS_PER_SECOND * MONTH.as_secs_f64();
    let runs = stack.schedules.iter().filter_map(|schedule| {
        let usage = schedules.get(&schedule.function)?;
        let costs = of_an_issuance(usage, stack, Traffic::Load);
        let usd: f64 = costs
            .iter()
            .filter(|one| !is_kms(one))
            .map(|one| one.usd)
            .sum();
        let runs = MONTH.as_secs_f64() / schedule.every.as_secs_f64();
        Some((runs, usd * runs))
    });
    let (runs, usd) = runs.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    vec![
        KMS_KEY.of(of_type("KMS::Key"), "keys"),
        SECRET.of(of_type("SecretsManager::Secret"), "secrets"),
        ALARM.of(alarmed as f64, "metrics"),
        DASHBOARD.of(of_type("CloudFormation::Stack"), "dashboards"),
        Cost {
            part: "Lambda's polling of empty queues",
            ..SQS.of(polls, "requests")
        },
        Cost {
            part: "schedules",
            amount: runs,
            unit: "runs",
            usd,
        },
    ]
}

/// The time that functions are billed: their CPU time on their share of a core, and what they wait for AWS.
fn gb_seconds(usage: &Usage, stack: &Stack) -> f64 {
    let seconds_gb = |function: &str, seconds: f64| {
        let known = stack.functions.iter().find(|one| one.binary == function);
        seconds * known.map_or(0.0, |one| f64::from(one.memory_mb)) / 1_024.0
    };
    let waited: f64 = usage
        .of(Quantity::AwsCalls)
        .map(|(call, calls)| {
            let function = call.split(' ').next().unwrap_or_default();
            seconds_gb(function, calls * ROUND_TRIP_SECONDS)
        })
        .sum();
    // A share of a core takes longer, by as much as it has less memory.
    let worked = usage.total(Quantity::CpuMs) / 1_000.0 * MB_OF_A_CORE / 1_024.0;
    waited + worked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paid_for_when_nothing_happens_is_what_the_template_deploys() {
        for condition in NOT_BY_DEFAULT {
            assert!(TEMPLATE.contains(&format!("\n  {condition}: ")));
        }
        let idle = idle(&BTreeMap::new(), &Stack::default());
        let amount = |part: Price| {
            let mut costs = idle.iter();
            costs.find(|cost| cost.part == part.part).unwrap().amount
        };
        assert_eq!(amount(KMS_KEY), 2.0);
        assert_eq!(amount(SECRET), 4.0);
        assert_eq!(amount(DASHBOARD), 0.0);
        assert!(amount(ALARM) >= 30.0);
        let usd: f64 = idle.iter().map(|cost| cost.usd).sum();
        // Beside it are the polling of three queues and a schedule, 0.88 together.
        assert!(usd < 8.0 - 0.88, "{usd}");
    }

    #[test]
    fn the_page_for_operators_has_the_same_prices() {
        let page = include_str!("../../docs/deploy.md");
        let prices = [
            HTTP_API,
            KMS,
            WRITES,
            READS,
            LOGS,
            LAMBDA,
            LAMBDA_TIME,
            SQS,
            EVENTBRIDGE,
            XRAY,
            EGRESS,
            KMS_KEY,
            SECRET,
            ALARM,
            DASHBOARD,
        ];
        for Price {
            part, usd, unit, ..
        } in prices
        {
            let row = format!("| {part} | {usd} per {unit} |");
            assert!(page.contains(&row), "infra/docs/deploy.md lacks {row}");
        }
    }
}
