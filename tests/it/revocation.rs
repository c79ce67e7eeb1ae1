//! Revoked means published (invariants 5 and 6).

use std::collections::HashSet;

use futures::future::join_all;
use futures::stream::{StreamExt, iter};

use crate::answer::Answer;
use crate::backend::{Backend, unique};
use crate::cloud::{self, Cloud};
use crate::status_list::{INVALID, PublishedList, SUSPENDED, VALID, status_reference};
use crate::wallet_client::{WalletClient, now_seconds};

/// An issued credential: its revocation UUID, and its place on the list.
struct Issued {
    uuid: String,
    list: String,
    index: u64,
}

async fn issue(backend: &Backend) -> Issued {
    let id = unique("revocable");
    let started = backend.start_iban(&id).await;
    let taken = WalletClient::new().take(started.str("request_uri")).await;
    let uuid = backend.revocation_uuid(&id).await;
    let (list, index) = status_reference(&taken.credential);
    Issued { uuid, list, index }
}

async fn issue_many(backend: &Backend) -> Vec<Issued> {
    iter(0..24)
        .map(|_| issue(backend))
        .buffer_unordered(8)
        .collect()
        .await
}

#[tokio::test]
async fn each_change_is_in_the_list_before_it_is_reported_done() {
    let backend = cloud::shared().backend();
    let issued = issue(&backend).await;
    assert_eq!(on_list(&backend, &issued).await, VALID);

    for (status, number) in [
        ("suspended", SUSPENDED),
        ("valid", VALID),
        ("suspended", SUSPENDED),
        ("revoked", INVALID),
    ] {
        let changed = backend
            .set_credential_status(&issued.uuid, status)
            .await
            .expect(200);
        assert_eq!(
            (changed.str("status"), changed.str("published_status")),
            (status, status)
        );
        assert_eq!(on_list(&backend, &issued).await, number, "{status}");

        let read = backend.credential_status(&issued.uuid).await.expect(200);
        assert_eq!(
            (read.str("status"), read.str("published_status")),
            (status, status)
        );
        assert!(read.body["published_at"].is_u64(), "{}", read.text());
        assert_eq!(read.body["status_list"]["uri"], issued.list);
        assert_eq!(read.body["status_list"]["idx"], issued.index);
    }
}

#[tokio::test]
async fn revoked_is_final_and_a_repeat_of_it_is_no_fault() {
    let backend = cloud::shared().backend();
    let issued = issue(&backend).await;
    backend
        .set_credential_status(&issued.uuid, "revoked")
        .await
        .expect(200);
    backend
        .set_credential_status(&issued.uuid, "revoked")
        .await
        .expect(200);
    for status in ["valid", "suspended"] {
        backend
            .set_credential_status(&issued.uuid, status)
            .await
            .expect_problem(409);
    }
    assert_eq!(on_list(&backend, &issued).await, INVALID);
}

#[tokio::test]
async fn a_credential_can_be_revoked_before_it_is_taken() {
    let backend = cloud::shared().backend();
    let id = unique("early");
    let started = backend.start_iban(&id).await;
    let uuid = backend.revocation_uuid(&id).await;
    backend
        .set_credential_status(&uuid, "revoked")
        .await
        .expect(200);

    let wallet = WalletClient::new();
    let offer = Answer::to(
        wallet
            .http
            .get(crate::wallet_client::offer_uri(started.str("request_uri"))),
    )
    .await;
    if offer.status == 200 {
        let taken = wallet.take(started.str("request_uri")).await;
        let (list, index) = status_reference(&taken.credential);
        assert_eq!(
            PublishedList::fetch(&backend.http, &list)
                .await
                .status(index),
            INVALID
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_issuances_at_once_get_indices_of_their_own_that_tell_nothing() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let issued = issue_many(&backend).await;
    let indices: HashSet<_> = issued
        .iter()
        .map(|one| (one.list.clone(), one.index))
        .collect();
    assert_eq!(
        indices.len(),
        issued.len(),
        "an index belongs to one credential"
    );

    let mut in_order: Vec<_> = issued.iter().map(|one| one.index).collect();
    in_order.sort_unstable();
    let steps: HashSet<_> = in_order.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        steps.len() > 1,
        "the indices form a progression: {in_order:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_at_once_leave_as_many_changed_entries() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let issued = issue_many(&backend).await;
    let list = PublishedList::fetch(&backend.http, &issued[0].list).await;
    assert_eq!(list.changed(), 0);
    assert!(
        list.len() >= 100_000,
        "a list hides each credential among many: {}",
        list.len()
    );

    let (suspended, revoked) = issued.split_at(12);
    join_all(
        suspended
            .iter()
            .map(|one| (one, "suspended"))
            .chain(revoked.iter().map(|one| (one, "revoked")))
            .map(|(one, status)| async { set(&backend, &one.uuid, status).await }),
    )
    .await;

    let list = PublishedList::fetch(&backend.http, &issued[0].list).await;
    assert_eq!(list.changed(), 24);
    assert!(
        suspended
            .iter()
            .all(|one| list.status(one.index) == SUSPENDED)
    );
    assert!(revoked.iter().all(|one| list.status(one.index) == INVALID));
}

#[tokio::test]
async fn opposite_changes_at_once_leave_the_list_as_the_status_says() {
    let backend = cloud::shared().backend();
    let issued = issue(&backend).await;
    join_all((0..8).map(|number| {
        let (backend, uuid) = (&backend, &issued.uuid);
        async move {
            set(
                backend,
                uuid,
                if number % 2 == 0 {
                    "suspended"
                } else {
                    "valid"
                },
            )
            .await
        }
    }))
    .await;
    let said = backend
        .credential_status(&issued.uuid)
        .await
        .expect(200)
        .str("status")
        .to_owned();
    let number = if said == "suspended" {
        SUSPENDED
    } else {
        VALID
    };
    assert_eq!(on_list(&backend, &issued).await, number, "{said}");
}

#[tokio::test]
async fn a_list_is_served_as_its_specification_says() {
    let backend = cloud::shared().backend();
    let issued = issue(&backend).await;
    let plain = Answer::to(backend.http.get(&issued.list)).await.expect(200);
    assert_eq!(plain.media_type(), "application/statuslist+jwt");
    assert_eq!(plain.header("access-control-allow-origin"), "*");

    let list = PublishedList::read(&plain.text());
    assert_eq!(list.header["typ"], "statuslist+jwt");
    assert_eq!(list.header["alg"], "ES256");
    assert_eq!(list.payload["sub"], issued.list);
    let number = |name: &str| {
        list.payload[name]
            .as_u64()
            .unwrap_or_else(|| panic!("no {name}"))
    };
    assert!(number("exp") > number("iat") + number("ttl"));
    let max_age = plain
        .header("cache-control")
        .split(',')
        .find_map(|directive| {
            directive
                .trim()
                .strip_prefix("max-age=")?
                .parse::<u64>()
                .ok()
        });
    // Neither nearly stale nor cached beyond its time (which went on since it was answered).
    let stale_at = number("iat") + number("ttl");
    assert!(
        max_age.is_some_and(|seconds| seconds >= number("ttl") / 2
            && (stale_at..stale_at + 10).contains(&(now_seconds() + seconds))),
        "{:?}",
        plain.headers
    );

    let etag = plain.header("etag").to_owned();
    let unchanged = backend
        .http
        .get(&issued.list)
        .header("if-none-match", &etag);
    Answer::to(unchanged).await.expect(304);
    backend
        .set_credential_status(&issued.uuid, "suspended")
        .await
        .expect(200);
    let changed = backend
        .http
        .get(&issued.list)
        .header("if-none-match", &etag);
    Answer::to(changed).await.expect(200);
}

#[tokio::test]
async fn a_list_is_compressed_for_who_accepts_it() {
    let backend = cloud::shared().backend();
    let issued = issue(&backend).await;
    let plain = Answer::to(backend.http.get(&issued.list)).await.expect(200);
    let request = backend
        .http
        .get(&issued.list)
        .header("accept-encoding", "gzip");
    let zipped = Answer::to(request).await.expect(200);
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert!(
        zipped
            .header("vary")
            .to_ascii_lowercase()
            .contains("accept-encoding")
    );
    let mut unzipped = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(zipped.bytes.as_slice()),
        &mut unzipped,
    )
    .unwrap();
    assert_eq!(
        PublishedList::read(&unzipped).payload["sub"],
        PublishedList::read(&plain.text()).payload["sub"]
    );

    let refusing = backend
        .http
        .get(&issued.list)
        .header("accept-encoding", "gzip;q=0");
    let plain = Answer::to(refusing).await.expect(200);
    assert_eq!(plain.header("content-encoding"), "");
}

#[tokio::test]
async fn an_unknown_list_is_not_found_and_history_is_not_kept() {
    let backend = cloud::shared().backend();
    let issued = issue(&backend).await;
    let (lists, _) = issued.list.rsplit_once('/').unwrap();
    for unknown in ["999999", "x", "-1", "18446744073709551616"] {
        let answer = Answer::to(backend.http.get(format!("{lists}/{unknown}"))).await;
        assert_eq!(answer.status, 404, "{unknown}");
    }
    // Token Status List §8.4.
    let past = Answer::to(backend.http.get(format!("{}?time=1", issued.list))).await;
    assert_eq!(past.status, 501);
}

/// Sets a status, coming again when told to.
async fn set(backend: &Backend, uuid: &str, status: &str) {
    let answer = backend.set_credential_status(uuid, status).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What the list that anyone can fetch says about the credential now.
async fn on_list(backend: &Backend, issued: &Issued) -> u8 {
    PublishedList::fetch(&backend.http, &issued.list)
        .await
        .status(issued.index)
}
