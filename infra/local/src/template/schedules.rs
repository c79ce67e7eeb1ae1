//! `AWS::Scheduler::Schedule` that invokes a function.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::resource::{Resource, function_in_arn};

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
    pub(super) fn read(
        schedule: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let known = ["ScheduleExpression", "State"];
        let properties = schedule.properties(&known, evaluator)?;
        let expression = properties.text("/ScheduleExpression");
        let every = expression.and_then(rate).ok_or_else(|| {
            schedule.must_be("ScheduleExpression", "a rate, such as rate(5 minutes)")
        })?;
        if properties.text("/State") == Some("DISABLED") {
            let expected = "ENABLED; the local cloud runs every schedule";
            return Err(schedule.must_be("State", expected));
        }
        // Only this of the target: its role has no local counterpart.
        let target = schedule.declaration.pointer("/Properties/Target/Arn");
        let target = target.ok_or_else(|| schedule.must_be("Target", "a mapping with Arn"))?;
        let arn = evaluator.string(target, &schedule.place.key("Target").key("Arn"))?;
        let function = function_in_arn(&arn, all)
            .ok_or_else(|| schedule.must_be("Target", "the ARN of a function of this template"))?;
        Ok(Self {
            name: schedule.name.clone(),
            function,
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
