//! `AWS::Scheduler::Schedule` that invokes a function.

use std::time::Duration;

use serde_json::Value as Json;

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

const CARRIED_OUT: [&str; 3] = ["ScheduleExpression", "State", "Target"];

/// What a schedule is called, who may run it, how exactly its time is kept.
const LEFT_OUT: [&str; 5] = [
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
];

impl Schedule {
    pub(super) fn read(
        schedule: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        schedule.only(&CARRIED_OUT, &LEFT_OUT)?;
        let must_be =
            |key: &str, expected| schedule.at_properties(|at| at.key(key).must_be(expected));

        let expression = schedule.string("ScheduleExpression", evaluator)?;
        let every = rate(&expression)
            .ok_or_else(|| must_be("ScheduleExpression", "a rate, such as rate(5 minutes)"))?;
        if schedule.property("State", evaluator)? == Some(Json::from("DISABLED")) {
            return Err(must_be(
                "State",
                "ENABLED; the local cloud runs every schedule",
            ));
        }
        // Only this of the target: its role has no local counterpart.
        let target = schedule.raw("Target").and_then(|target| target.get("Arn"));
        let target = target.ok_or_else(|| must_be("Target", "a mapping with Arn"))?;
        let arn =
            schedule.at_properties(|at| evaluator.string(target, &at.key("Target").key("Arn")))?;
        let function = function_in_arn(&arn, all)
            .ok_or_else(|| must_be("Target", "the ARN of a function of this template"))?;
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
