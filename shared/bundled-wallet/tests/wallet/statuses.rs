//! Changes of status, and the lists that publish them.

use aws_sdk_dynamodb::types::AttributeValue;
use bestow_bundled_wallet::{StatusChangeOutcome, WalletTable};
use bestow_contract::CredentialStatus::{self, Revoked, Suspended, Valid};
use bestow_issuer::{ListNumber, StatusRecord};
use futures::future::join_all;

use crate::world::{NOW, TABLE, issuer, offer, record, table};

/// Stores the record of a new credential.
async fn store(wallet: &WalletTable, correlation_id: &str, record: &StatusRecord) {
    let offer = offer(&issuer(), correlation_id);
    wallet.create_offer(&offer, Some(record)).await.unwrap();
}

fn changed(record: &StatusRecord, status: CredentialStatus) -> StatusRecord {
    StatusRecord {
        status,
        changed_at: Some(NOW),
        ..record.clone()
    }
}

#[tokio::test]
async fn a_change_is_in_every_list_that_is_read_after_it() {
    let wallet = table().await.table;
    let record = record(ListNumber::FIRST, 1);
    store(&wallet, "a", &record).await;
    assert_eq!(wallet.list_version(ListNumber::FIRST).await.unwrap(), 0);

    let mut before = Valid;
    for (version, (status, listed)) in
        (1..).zip([(Suspended, true), (Valid, false), (Revoked, true)])
    {
        let changed = changed(&record, status);
        let outcome = wallet.change_status(before, &changed).await.unwrap();
        assert_eq!(outcome, StatusChangeOutcome::Changed);
        let stored = wallet.status(record.revocation_uuid).await.unwrap();
        assert_eq!(stored, Some(changed));
        let read = wallet.list_version(ListNumber::FIRST).await.unwrap();
        assert_eq!(read, version);
        let entries = wallet.list_entries(ListNumber::FIRST).await.unwrap();
        let entry = (record.revocation_uuid.index(), status);
        assert_eq!(entries, if listed { vec![entry] } else { vec![] });
        before = status;
    }
}

#[tokio::test]
async fn a_change_that_was_decided_on_something_else_changes_nothing() {
    let wallet = table().await.table;
    let mine = record(ListNumber::FIRST, 1);
    store(&wallet, "a", &mine).await;
    let stale = wallet
        .change_status(Suspended, &changed(&mine, Valid))
        .await;
    assert_eq!(stale.unwrap(), StatusChangeOutcome::Outdated);

    let mut same_place = [7; 16];
    same_place[5] = 1;
    same_place[15] = 8;
    let guess = StatusRecord::new(bestow_issuer::RevocationUuid::draw(
        ListNumber::FIRST,
        same_place,
    ));
    assert_eq!(guess.revocation_uuid.index(), mine.revocation_uuid.index());
    let guessed = wallet.change_status(Valid, &changed(&guess, Revoked)).await;
    assert_eq!(guessed.unwrap(), StatusChangeOutcome::Outdated);

    let stored = wallet.status(mine.revocation_uuid).await.unwrap();
    assert_eq!(stored, Some(mine));
    assert_eq!(wallet.list_version(ListNumber::FIRST).await.unwrap(), 0);
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_in_the_list() {
    let wallet = table().await.table;
    let records: Vec<_> = (0..20)
        .map(|place| record(ListNumber::FIRST, place))
        .collect();
    for (number, record) in records.iter().enumerate() {
        store(&wallet, &number.to_string(), record).await;
    }
    let changes = records.iter().map(async |record| {
        let changed = changed(record, Revoked);
        wallet.change_status(Valid, &changed).await.unwrap()
    });
    for outcome in join_all(changes).await {
        assert_eq!(outcome, StatusChangeOutcome::Changed);
    }
    assert_eq!(wallet.list_version(ListNumber::FIRST).await.unwrap(), 20);
    let entries = wallet.list_entries(ListNumber::FIRST).await.unwrap();
    for record in records {
        assert!(entries.contains(&(record.revocation_uuid.index(), Revoked)));
    }
    assert_eq!(entries.len(), 20);
}

#[tokio::test]
async fn a_full_list_is_left_for_the_next_and_never_returned_to() {
    let wallet = table().await.table;
    let first = ListNumber::FIRST;
    let second = first.next().unwrap();
    let third = second.next().unwrap();
    assert_eq!(wallet.current_list().await.unwrap(), first);
    assert_eq!(wallet.advance_current_list(second).await.unwrap(), second);
    assert_eq!(wallet.current_list().await.unwrap(), second);
    assert_eq!(wallet.advance_current_list(third).await.unwrap(), third);

    // A process that has not noticed.
    assert_eq!(wallet.advance_current_list(second).await.unwrap(), third);
    assert_eq!(wallet.current_list().await.unwrap(), third);
}

#[tokio::test]
async fn what_is_stored_keeps_its_names_and_types() {
    let table = table().await;
    let record = record(ListNumber::FIRST, 1);
    store(&table.table, "a", &record).await;
    let suspended = changed(&record, Suspended);
    let outcome = table.table.change_status(Valid, &suspended).await.unwrap();
    assert_eq!(outcome, StatusChangeOutcome::Changed);
    let next = ListNumber::try_from(3).unwrap();
    table.table.advance_current_list(next).await.unwrap();

    let string = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    let (list, index) = (ListNumber::FIRST, record.revocation_uuid.index());
    let (list, status) = (format!("list#{list}"), format!("status#{list}#{index}"));
    let entry = format!("entry#{index}");
    let uuid = record.revocation_uuid.uuid().to_string();
    for (pk, sk, attributes) in [
        (
            status.as_str(),
            "status",
            vec![
                ("revocation_uuid", string(&uuid)),
                ("status", string("suspended")),
                ("changed_at_seconds", number(NOW.as_second())),
            ],
        ),
        (
            &list,
            &entry,
            vec![
                ("idx", number(index.into())),
                ("status", string("suspended")),
            ],
        ),
        (&list, "head", vec![("version", number(1))]),
        ("lists", "current", vec![("list", number(3))]),
    ] {
        let key = [("pk", string(pk)), ("sk", string(sk))];
        let key = key.map(|(name, value)| (name.to_owned(), value));
        let get = table.client.get_item().table_name(TABLE);
        let found = get.set_key(Some(key.clone().into())).send().await.unwrap();
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(found.item, Some(attributes.chain(key).collect()));
    }
}
