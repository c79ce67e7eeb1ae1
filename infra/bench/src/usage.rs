//! What is used: how much of what AWS counts, by whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is counted. Each is told apart by a name besides: a function, a call, a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quantity {
    /// Requests through API Gateway, by method and route.
    HttpRequests,
    /// Invocations, by function.
    Invocations,
    /// Calls of functions to AWS, by function and operation.
    AwsCalls,
    /// DynamoDB write units, by table or `table/index`.
    WriteUnits,
    /// DynamoDB read units, by table or `table/index`.
    ReadUnits,
    /// Requests to SQS, by function or, for what Lambda itself receives and deletes, by queue.
    SqsRequests,
    /// Entries of `PutEvents`, by function.
    Events,
    /// CPU time in milliseconds, by function.
    CpuMs,
    /// Bytes that are logged, by function.
    LogBytes,
    /// Bytes of answers to clients.
    EgressBytes,
    /// Milliseconds from the request for a credential until it is on record that the customer has it.
    DetectionMs,
}

/// Amounts by quantity and name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage(BTreeMap<(Quantity, String), f64>);

impl Usage {
    pub(crate) fn add(&mut self, quantity: Quantity, name: &str, amount: f64) {
        *self.0.entry((quantity, name.to_owned())).or_default() += amount;
    }

    /// What was used since `before`, for each of so many issuances.
    pub(crate) fn since(&self, before: &Self, issuances: usize) -> Self {
        let each = self.0.iter().map(|(key, after)| {
            let before = before.0.get(key).copied().unwrap_or_default();
            (key.clone(), (after - before) / issuances.max(1) as f64)
        });
        Self(each.filter(|(_, amount)| *amount > 0.0).collect())
    }

    /// The amounts of a quantity by name.
    pub(crate) fn of(&self, quantity: Quantity) -> impl Iterator<Item = (&str, f64)> {
        let all = self.0.iter().filter(move |((one, _), _)| *one == quantity);
        all.map(|((_, name), amount)| (name.as_str(), *amount))
    }

    /// The amount of a quantity under all names.
    pub(crate) fn total(&self, quantity: Quantity) -> f64 {
        self.of(quantity).map(|(_, amount)| amount).sum()
    }

    /// The same, with `quantities` as they are in `other`.
    pub(crate) fn with(mut self, quantities: &[Quantity], other: &Self) -> Self {
        let taken = |(quantity, _): &(Quantity, String)| quantities.contains(quantity);
        self.0.retain(|key, _| !taken(key));
        let others = other.0.iter().filter(|(key, _)| taken(key));
        self.0
            .extend(others.map(|(key, amount)| (key.clone(), *amount)));
        self
    }
}

/// Where what is used is written down, as it happens. Clones write into the same.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Mutex<(Usage, Instant)>>);

impl Default for Ledger {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((Usage::default(), Instant::now()))))
    }
}

impl Ledger {
    pub(crate) fn add(&self, quantity: Quantity, name: &str, amount: f64) {
        let mut entries = self.lock();
        entries.0.add(quantity, name, amount);
        entries.1 = Instant::now();
    }

    pub(crate) fn so_far(&self) -> Usage {
        self.lock().0.clone()
    }

    /// When something was last written.
    pub(crate) fn last(&self) -> Instant {
        self.lock().1
    }

    fn lock(&self) -> MutexGuard<'_, (Usage, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_before_does_not_count() {
        let mut usage = Usage::default();
        usage.add(Quantity::AwsCalls, "a GetItem", 1.0);
        let before = usage.clone();
        usage.add(Quantity::AwsCalls, "a GetItem", 2.0);
        usage.add(Quantity::AwsCalls, "b PutItem", 4.0);
        usage.add(Quantity::Events, "b", 1.0);
        let each = usage.since(&before, 2);
        assert_eq!(each.total(Quantity::AwsCalls), 3.0);
        let calls: Vec<_> = each.of(Quantity::AwsCalls).collect();
        assert_eq!(calls, [("a GetItem", 1.0), ("b PutItem", 2.0)]);
        assert_eq!(usage.since(&usage, 2), Usage::default());
    }
}
