//! The index of the claims that are to be erased.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_aws::erasure::{Due, ERASE_SHARDS};
use bestow_bundled_wallet::WalletTable;
use bestow_issuer::{Offer, OfferId, Transition, Written};
use jiff::Timestamp;

use crate::world::{SECOND, TABLE, issuer, offer_without_status, table};

/// What is due in every shard, sorted, and in which order each shard told it.
async fn due(table: &WalletTable, now: Timestamp) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for shard in 0..ERASE_SHARDS {
        let mut last = i64::MIN;
        for Due {
            id,
            erase_at_seconds,
        } in shard_due(table, shard, now).await
        {
            assert!(last <= erase_at_seconds, "the oldest come first");
            last = erase_at_seconds;
            assert!(found.insert(id.as_str().to_owned()), "in two shards");
        }
    }
    found
}

async fn shard_due(table: &WalletTable, shard: u8, now: Timestamp) -> Vec<Due<OfferId>> {
    let mut pages = table.claims_due(shard, now);
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.unwrap().into_iter().map(Result::unwrap));
    }
    found
}

fn ids<'o>(offers: impl IntoIterator<Item = &'o Offer>) -> BTreeSet<String> {
    let ids = offers.into_iter().map(|offer| offer.offer_id.as_str());
    ids.map(str::to_owned).collect()
}

#[tokio::test]
async fn claims_are_found_when_they_are_due_in_whatever_shard_and_gone_once_erased() {
    let wallet = table().await.table;
    let issuer = issuer();
    let mut offers = Vec::new();
    for number in 0..40 {
        let mut offer = offer_without_status(&issuer, &format!("offer-{number}"));
        offer.code_expires_at += number * SECOND;
        wallet.create_offer(&offer, None).await.unwrap();
        offers.push(offer);
    }
    let first_due = offers[0].erase_at().unwrap();
    assert_eq!(due(&wallet, first_due - SECOND).await, BTreeSet::new());
    assert_eq!(due(&wallet, first_due).await, ids(&offers[..1]));
    assert_eq!(due(&wallet, first_due + 39 * SECOND).await, ids(&offers));
    let mut in_first_shard = shard_due(&wallet, 0, Timestamp::MAX).await;
    assert!(
        (1..20).contains(&in_first_shard.len()),
        "{in_first_shard:?}"
    );

    let erased = in_first_shard.remove(0);
    let step = Transition::purge_expired_claims(erased.id.clone(), second(erased.erase_at_seconds));
    let Written::Applied(offer) = wallet.write(&step).await.unwrap() else {
        panic!("it was due");
    };
    assert!(offer.encrypted_claims.is_none());
    let left = offers.iter().filter(|offer| offer.offer_id != erased.id);
    assert_eq!(due(&wallet, first_due + 39 * SECOND).await, ids(left));
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What is due in the third shard.
fn entry(pk: &str, erase_at: u8) -> WriteRequest {
    let item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk.to_owned())),
        ("sk".to_owned(), AttributeValue::S("offer".to_owned())),
        ("erase_shard".to_owned(), AttributeValue::N("3".to_owned())),
        (
            "erase_at_seconds".to_owned(),
            AttributeValue::N(erase_at.to_string()),
        ),
    ]);
    let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_hide_the_others() {
    let table = table().await;
    let id = URL_SAFE_NO_PAD.encode([7; 16]);
    let entries = vec![entry("nobody's", 1), entry(&format!("offer#{id}"), 2)];
    let batch = table.client.batch_write_item();
    batch.request_items(TABLE, entries).send().await.unwrap();
    let mut pages = table.table.claims_due(3, second(2));
    let page = pages.next().await.unwrap().unwrap();
    let read: Vec<_> = page.iter().map(Result::is_ok).collect();
    assert_eq!(read, [false, true]);
}

#[tokio::test]
async fn there_is_no_end_to_what_is_found() {
    let table = table().await;
    // More than one page of one shard.
    let entries = (0..220_u8).map(|number| {
        let id = URL_SAFE_NO_PAD.encode([number; 16]);
        entry(&format!("offer#{id}"), number)
    });
    for some in entries.collect::<Vec<_>>().chunks(25) {
        let batch = table.client.batch_write_item();
        batch
            .request_items(TABLE, some.to_vec())
            .send()
            .await
            .unwrap();
    }
    assert_eq!(due(&table.table, second(219)).await.len(), 220);
    assert_eq!(due(&table.table, second(209)).await.len(), 210);
}
