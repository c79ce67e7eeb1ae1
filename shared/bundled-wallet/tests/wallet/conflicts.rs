//! Writes that meet others on the same items.

use bestow_bundled_wallet::{Creation, StatusChangeOutcome, WalletTable};
use bestow_contract::CredentialStatus::{Revoked, Valid};
use bestow_issuer::{ListNumber, StatusRecord, Transition, Written};

use crate::world::{NOW, TABLE, client, issuer, offer, offer_without_status, record, table};

/// More than anybody tries.
const ALWAYS: u32 = u32::MAX;

/// The table behind `endpoint`, the next writes of which meet so many conflicts.
async fn busy(endpoint: &str, conflicts: u32) -> WalletTable {
    WalletTable::new(
        client(&bestow_embedded_aws::busy(endpoint, conflicts).await),
        TABLE,
    )
}

#[tokio::test]
async fn a_start_succeeds_once_nobody_is_in_its_way() {
    let endpoint = table().await.endpoint;
    let issuer = issuer();
    for offer in [offer(&issuer, "a"), offer_without_status(&issuer, "b")] {
        let wallet = busy(&endpoint, 3).await;
        let status = offer.revocation_uuid.map(StatusRecord::new);
        let created = wallet.create_offer(&offer, status.as_ref()).await.unwrap();
        assert!(matches!(created, Creation::Created));
        assert_eq!(wallet.offer(&offer.offer_id).await.unwrap(), Some(offer));
    }
}

#[tokio::test]
async fn a_status_changes_once_nobody_is_in_its_way() {
    let endpoint = table().await.endpoint;
    let record = record(ListNumber::FIRST, 1);
    let wallet = busy(&endpoint, 0).await;
    let offer = offer(&issuer(), "a");
    wallet.create_offer(&offer, Some(&record)).await.unwrap();

    let wallet = busy(&endpoint, 3).await;
    let revoked = StatusRecord {
        status: Revoked,
        ..record
    };
    let outcome = wallet.change_status(Valid, &revoked).await.unwrap();
    assert_eq!(outcome, StatusChangeOutcome::Changed);
    assert_eq!(wallet.list_version(ListNumber::FIRST).await.unwrap(), 1);
}

#[tokio::test]
async fn a_step_is_taken_once_no_repeated_start_is_in_its_way() {
    let endpoint = table().await.endpoint;
    let offer = offer_without_status(&issuer(), "a");
    let wallet = busy(&endpoint, 0).await;
    wallet.create_offer(&offer, None).await.unwrap();

    let wallet = busy(&endpoint, 3).await;
    let retrieve = Transition::retrieve(offer.offer_id, NOW);
    let written = wallet.write(&retrieve).await.unwrap();
    assert!(matches!(written, Written::Applied(_)));
}

#[tokio::test]
async fn a_write_that_others_are_always_in_the_way_of_is_told_from_a_failure() {
    let wallet = busy(&table().await.endpoint, ALWAYS).await;
    let issuer = issuer();
    let with_status = offer(&issuer, "a");
    let without_status = offer_without_status(&issuer, "b");
    let record = record(ListNumber::FIRST, 1);
    let (one, other, change) = tokio::join!(
        wallet.create_offer(&with_status, Some(&record)),
        wallet.create_offer(&without_status, None),
        wallet.change_status(Valid, &record),
    );
    assert!(matches!(one.unwrap(), Creation::Contended));
    assert!(matches!(other.unwrap(), Creation::Contended));
    assert_eq!(change.unwrap(), StatusChangeOutcome::Contended);
}
