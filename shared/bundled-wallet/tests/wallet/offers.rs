//! New offers.

use bestow_bundled_wallet::Creation;
use bestow_issuer::{Offer, StatusRecord};

use crate::world::{SECOND, issuer, offer, offer_without_status, table};

fn status_of(offer: &Offer) -> StatusRecord {
    StatusRecord::new(offer.revocation_uuid.unwrap())
}

#[tokio::test]
async fn an_offer_and_its_status_are_stored_together() {
    let wallet = table().await.table;
    let issuer = issuer();
    let offer = offer(&issuer, "a");
    let status = status_of(&offer);
    let created = wallet.create_offer(&offer, Some(&status)).await.unwrap();
    assert!(matches!(created, Creation::Created));
    assert_eq!(wallet.offer(&offer.offer_id).await.unwrap(), Some(offer));
    let stored = wallet.status(status.revocation_uuid).await.unwrap();
    assert_eq!(stored, Some(status));
}

#[tokio::test]
async fn a_second_start_is_told_about_the_first() {
    let wallet = table().await.table;
    let issuer = issuer();
    let with_status = offer(&issuer, "a");
    let without_status = offer_without_status(&issuer, "b");
    for first in [with_status, without_status] {
        let status = first.revocation_uuid.map(StatusRecord::new);
        wallet.create_offer(&first, status.as_ref()).await.unwrap();

        let mut second = first
            .clone()
            .redraw_status(bestow_issuer::ListNumber::FIRST, [8; 16]);
        second.created_at += SECOND;
        let status = second.revocation_uuid.map(StatusRecord::new);
        match wallet.create_offer(&second, status.as_ref()).await.unwrap() {
            Creation::Exists(stored) => assert_eq!(*stored, first),
            other => panic!("{other:?}"),
        }
        if let Some(status) = status {
            let stored = wallet.status(status.revocation_uuid).await.unwrap();
            assert_eq!(stored, None, "nothing was written");
        }
    }
}

#[tokio::test]
async fn a_place_on_a_status_list_is_given_out_once() {
    let wallet = table().await.table;
    let issuer = issuer();
    let first = offer(&issuer, "a");
    let status = status_of(&first);
    wallet.create_offer(&first, Some(&status)).await.unwrap();

    let second = offer(&issuer, "b");
    let created = wallet.create_offer(&second, Some(&status)).await.unwrap();
    assert!(matches!(created, Creation::IndexTaken));
    assert_eq!(wallet.offer(&second.offer_id).await.unwrap(), None);
}
