//! `AWS::Scheduler::Schedule` that invokes a function.

use std::time::Duration;

use serde::Deserialize;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::functions::function_in_arn;
use super::resource::Resource;

/// A schedule that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// The logical id of the function.
    pub function: String,
    /// The time from one invocation to the next.
    pub every: Duration,
}

/// What a schedule is called, who may run it, how exactly its time is kept; the target is read by itself.
const LEFT_OUT: [&str; 6] = [
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "Target",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    schedule_expression: String,
    state: Option<String>,
}

impl Schedule {
    pub(super) fn read(
        schedule: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let properties: Properties = schedule.read(&LEFT_OUT, evaluator)?;
        let every = rate(&properties.schedule_expression).ok_or_else(|| {
            schedule.must_be("ScheduleExpression", "a rate, such as rate(5 minutes)")
        })?;
        if properties.state.as_deref() == Some("DISABLED") {
            let expected = "ENABLED; the local cloud runs every schedule";
            return Err(schedule.must_be("State", expected));
        }
        // Only this of the target: its role has no local counterpart.
        let target = schedule.raw("Target").and_then(|target| target.get("Arn"));
        let target = target.ok_or_else(|| schedule.must_be("Target", "a mapping with Arn"))?;
        let arn = schedule
            .at_properties(|place| evaluator.string(target, &place.key("Target").key("Arn")))?;
        let function = function_in_arn(&arn, all)
            .ok_or_else(|| schedule.must_be("Target", "the ARN of a function of this template"))?;
        Ok(Self {
            name: schedule.name.clone(),
            function: function.to_owned(),
            every,
        })
    }
}

/// The time of `rate(1 minute)`, `rate(5 minutes)`, and so on. Cron expressions are not understood.
fn rate(expression: &str) -> Option<Duration> {
    let (value, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let value: u64 = value.parse().ok().filter(|value| *value > 0)?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 60 * 60,
        "day" | "days" => 24 * 60 * 60,
        _ => return None,
    };
    value.checked_mul(seconds).map(Duration::from_secs)
}
