//! `AWS::Scheduler::Schedule` that invokes a function.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use super::error::TemplateError;
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

impl Schedule {
    pub(super) fn read(schedule: &Resource<'_>) -> Result<Self, TemplateError> {
        let properties = schedule.properties(&["ScheduleExpression"])?;
        let expression = properties.text("/ScheduleExpression");
        let every = expression.and_then(rate).ok_or_else(|| {
            schedule.must_be("ScheduleExpression", "a rate, such as rate(5 minutes)")
        })?;
        // Only this of the target: its role has no local counterpart.
        let target = schedule.declaration.pointer("/Properties/Target/Arn");
        let target = target.ok_or_else(|| schedule.must_be("Target", "a mapping with Arn"))?;
        let place = schedule.place().key("Target").key("Arn");
        let arn = schedule.evaluator.string(target, &place)?;
        Ok(Self {
            name: schedule.name.to_owned(),
            function: schedule.function_in("Target", Some(&arn))?,
            every,
        })
    }
}

/// The time of `rate(1 minute)`, `rate(5 minutes)`, and so on. Cron expressions are not understood.
fn rate(expression: &str) -> Option<Duration> {
    let time = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let time: Span = time.parse().ok()?;
    let time = time.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    time.try_into()
        .ok()
        .filter(|time: &Duration| !time.is_zero())
}
