//! What happens to an issuance at most once, to be counted.

use bestow_contract::Stage;

use crate::record::{Record, State};

/// A change that an issuance goes through at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleMetric {
    /// There is an offer.
    Started,
    /// It ended with a credential.
    Completed,
    /// It ended without one, for another reason than expiry.
    Failed,
    /// Its offer was not taken in time.
    Expired,
}

impl LifecycleMetric {
    /// What a write recorded that replaced `before` by `after`. Only one write can replace a record, so each lifecycle_metric
    /// is recorded once.
    pub fn between(before: &Record, after: &Record) -> impl Iterator<Item = Self> {
        let has_offer = |record: &Record| !matches!(record.state, State::Reserved { .. });
        let started = (!has_offer(before) && has_offer(after)).then_some(Self::Started);
        let ended = match &after.state {
            _ if before.is_ended() => None,
            State::Reserved { .. } | State::Offered { .. } => None,
            State::Completed { .. } => Some(Self::Completed),
            State::Failed {
                stage: Stage::Expired,
                ..
            } => Some(Self::Expired),
            State::Failed { .. } => Some(Self::Failed),
        };
        started.into_iter().chain(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Offer;
    use bestow_contract::{IssueError, Status};
    use jiff::Timestamp;

    fn records() -> [Record; 5] {
        let offer = Offer::default;
        let failed = |stage| State::Failed {
            offer: offer(),
            stage,
            error: IssueError::new("expired", "It is over."),
        };
        let states = [
            State::Reserved {
                lease_until: Timestamp::UNIX_EPOCH,
            },
            State::Offered {
                offer: offer(),
                stage: Stage::OfferCreated,
                wallet_status: Status::IssueRequestCreated,
            },
            State::Completed {
                offer: offer(),
                stage: Stage::CredentialIssued,
            },
            failed(Stage::Declined),
            failed(Stage::Expired),
        ];
        states.map(|state| Record {
            state,
            ..Record::reserve(
                "a".parse().unwrap(),
                "t".to_owned(),
                hash(),
                Timestamp::UNIX_EPOCH,
            )
        })
    }

    fn hash() -> crate::RequestHash {
        crate::RequestHash::from_stored("00")
    }

    #[test]
    fn each_metric_counts_once_on_every_way_to_an_end() {
        use LifecycleMetric::{Completed, Expired, Failed, Started};
        let records = records();
        let [reserved, offered, ..] = &records;
        let between = |before, after| LifecycleMetric::between(before, after).collect::<Vec<_>>();
        let from_reserved: [&[LifecycleMetric]; 5] = [
            &[],
            &[Started],
            &[Started, Completed],
            &[Started, Failed],
            &[Started, Expired],
        ];
        let from_offered: [&[LifecycleMetric]; 5] = [&[], &[], &[Completed], &[Failed], &[Expired]];
        for (position, after) in records.iter().enumerate() {
            assert_eq!(between(reserved, after), from_reserved[position]);
            assert_eq!(between(offered, after), from_offered[position]);
            assert_eq!(between(after, after), []);
        }
        let mut accepted = records[2].clone();
        accepted.state = State::Completed {
            offer: Offer::default(),
            stage: Stage::Accepted,
        };
        assert_eq!(between(&records[2], &accepted), [], "it is completed once");
    }
}
