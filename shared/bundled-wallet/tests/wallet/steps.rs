//! The table's conditional updates against the state machine that they stand for: every step, on every
//! offer that it can meet, does what [`Transition::is_allowed`] and [`Transition::apply`] say.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bestow_issuer::{
    CredentialRequest, IssuedCredential, IssuedToken, Issuer, MAXIMUM_TX_CODE_ATTEMPTS, Offer,
    OfferState, Redeem, Step, TokenRequest, Transition, WalletReport, Written,
};
use bestow_jose::jws::SigningInput;
use bestow_signing::{LocalKey, Signer as _};
use serde_json::json;

use crate::world::{ISSUER, NOW, SECOND, TABLE, Table, issuer, offer, table};

type Item = HashMap<String, AttributeValue>;

#[tokio::test]
async fn every_step_is_one_conditional_update() {
    let table = table().await;
    let world = World::new().await;
    let steps = world.every_step();
    let offers = world.every_offer();
    let mut allowed = vec![0; steps.len()];
    for offer in &offers {
        table.put(offer).await;
        for (step, allowed) in steps.iter().zip(&mut allowed) {
            if table.agrees(step, offer).await {
                *allowed += 1;
                table.put(offer).await;
            }
        }
    }
    for allowed in &allowed {
        assert!((1..offers.len()).contains(allowed), "{allowed:?}");
    }

    table.remove(&world.offer).await;
    for step in steps {
        let written = table.table.write(&step).await.unwrap();
        assert_eq!(written, Written::Refused(None));
        assert_eq!(table.get(&world.offer).await, None);
    }
}

#[tokio::test]
async fn a_new_offer_is_the_item_that_steps_are_taken_on() {
    let table = table().await;
    let offer = offer(&issuer(), "a");
    table.table.create_offer(&offer, None).await.unwrap();
    assert_eq!(table.get(&offer).await, Some(item(&offer)));
}

impl Table {
    /// Takes a step on a stored offer: whether it was allowed.
    async fn agrees(&self, step: &Transition, before: &Offer) -> bool {
        let described = || format!("{step:?} on {}", json!(before));
        let written = self.table.write(step).await.unwrap();
        if step.is_allowed(before) {
            let mut after = before.clone();
            step.apply(&mut after);
            assert_eq!(
                self.get(before).await,
                Some(item(&after)),
                "{}",
                described()
            );
            assert_eq!(written, Written::Applied(after), "{}", described());
            true
        } else {
            let refused = Written::Refused(Some(before.clone()));
            assert_eq!(written, refused, "{}", described());
            false
        }
    }

    async fn put(&self, offer: &Offer) {
        let put = self.client.put_item().table_name(TABLE);
        put.set_item(Some(item(offer))).send().await.unwrap();
    }

    async fn get(&self, offer: &Offer) -> Option<Item> {
        let get = self.client.get_item().table_name(TABLE);
        let answer = get.set_key(Some(key(offer))).send().await.unwrap();
        answer.item
    }

    async fn remove(&self, offer: &Offer) {
        let delete = self.client.delete_item().table_name(TABLE);
        delete.set_key(Some(key(offer))).send().await.unwrap();
    }
}

fn key(offer: &Offer) -> Item {
    let pk = format!("offer#{}", offer.offer_id.as_str());
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk)),
        ("sk".to_owned(), AttributeValue::S("offer".to_owned())),
    ])
}

/// The whole item: what an update forgets to remove is found too.
fn item(offer: &Offer) -> Item {
    let mut item: Item = serde_dynamo::to_item(offer).unwrap();
    item.extend(key(offer));
    let expires_at = AttributeValue::N(offer.purge_at().as_second().to_string());
    item.insert("expires_at".to_owned(), expires_at);
    if let Some(due) = offer.erase_at() {
        let shard: u64 = offer.offer_id.as_str().bytes().map(u64::from).sum();
        for (name, value) in [
            ("erase_at_seconds", due.as_second()),
            ("erase_shard", (shard % 8) as i64),
        ] {
            item.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        }
    }
    item
}

/// The steps of one offer, as the issuer makes them at [`NOW`].
struct World {
    offer: Offer,
    redeem: Transition,
    issue: Transition,
    reports: [Transition; 3],
}

impl World {
    async fn new() -> Self {
        let issuer = issuer();
        let offer = offer(&issuer, "89cba89");
        let mut world = offer.clone();
        let (redeem, access_token) = redeem(&issuer, &mut world);
        let token = issuer
            .authorize(Some(&format!("Bearer {access_token}")), NOW)
            .unwrap();

        let wallet = LocalKey::generate().unwrap();
        let body = credential_request(&issuer, &wallet);
        let request = CredentialRequest::parse(Some("application/json"), body.as_bytes()).unwrap();
        let verified = issuer.verify_request(&token, request, NOW, [4; 8]).unwrap();
        let unsigned = verified
            .prepare(&issuer, Some(&world), bestow_issuer::system_randomness)
            .unwrap();
        let signed = unsigned.sign(&issuer).await.unwrap();
        let issue = signed.write();
        let response = signed
            .conclude(&applied(&issue, &mut world))
            .map(|response| serde_json::to_value(response).unwrap())
            .unwrap();

        let events = [
            "credential_accepted",
            "credential_failure",
            "credential_deleted",
        ];
        let reports = events.map(|event| {
            let body = json!({"notification_id": response["notification_id"], "event": event});
            issuer
                .notification(&token, body.to_string().as_bytes(), NOW)
                .unwrap()
        });
        Self {
            offer,
            redeem,
            issue,
            reports,
        }
    }

    fn every_step(&self) -> Vec<Transition> {
        let offer_id = &self.offer.offer_id;
        let of_this_offer = |step| {
            let mut transition = self.redeem.clone();
            transition.step = step;
            transition
        };
        let mut steps = vec![
            Transition::retrieve(offer_id.clone(), NOW),
            of_this_offer(Step::CountTxCodeAttempt),
            of_this_offer(Step::ExhaustTxCode),
            self.redeem.clone(),
            self.issue.clone(),
        ];
        // Before the claims of an offer of `every_offer` are due, and when they are.
        for now in [59, 60, 61].map(|seconds| NOW + seconds * SECOND) {
            steps.push(Transition::purge_expired_claims(offer_id.clone(), now));
        }
        steps.extend(self.reports.clone());
        steps
    }

    fn holder_thumbprint(&self) -> String {
        match &self.issue.step {
            Step::IssueCredential {
                holder_thumbprint, ..
            } => holder_thumbprint.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn token_id(&self) -> &str {
        match &self.redeem.step {
            Step::RedeemCode { token, .. } => &token.token_id,
            other => panic!("{other:?}"),
        }
    }

    /// Every offer that a step can meet: each state; this offer, or a later one of the same name; each
    /// time limit one second before and at its end; claims there or erased; this token, or another;
    /// each report; tries of the transaction code up to the last and after it.
    fn every_offer(&self) -> Vec<Offer> {
        let mut offers = Vec::new();
        for (state, tx_code_attempts) in self.every_state() {
            for created_at in [NOW, NOW + SECOND] {
                for code_expires_at in [NOW, NOW + SECOND] {
                    for encrypted_claims in [None, self.offer.encrypted_claims.clone()] {
                        offers.push(Offer {
                            state: state.clone(),
                            tx_code_attempts,
                            created_at,
                            code_expires_at,
                            encrypted_claims,
                            changed_at: NOW - 7 * SECOND,
                            ..self.offer.clone()
                        });
                    }
                }
            }
        }
        offers
    }

    /// Each state, and the tries of a transaction code that it can be met with.
    fn every_state(&self) -> Vec<(OfferState, u32)> {
        let mut states = Vec::new();
        for attempts in [0, MAXIMUM_TX_CODE_ATTEMPTS - 1, MAXIMUM_TX_CODE_ATTEMPTS] {
            let without_token = [
                OfferState::Created,
                OfferState::Retrieved,
                OfferState::TxCodeExhausted,
            ];
            states.extend(without_token.map(|state| (state, attempts)));
        }
        for token in self.every_token() {
            states.push((OfferState::TokenIssued(token.clone()), 0));
            for report in [
                None,
                Some(WalletReport::Accepted),
                Some(WalletReport::Declined),
                Some(WalletReport::Deleted),
            ] {
                let issued = IssuedCredential {
                    token: token.clone(),
                    holder_thumbprint: self.holder_thumbprint(),
                    issued_at: NOW - 9 * SECOND,
                    report,
                };
                states.push((OfferState::CredentialIssued(issued), 0));
            }
        }
        states
    }

    fn every_token(&self) -> Vec<IssuedToken> {
        let mut tokens = Vec::new();
        for token_id in [self.token_id(), "another"] {
            for expires_at in [NOW, NOW + SECOND] {
                tokens.push(IssuedToken {
                    token_id: token_id.to_owned(),
                    expires_at,
                });
            }
        }
        tokens
    }
}

/// The outcome of a step that is allowed.
fn applied(step: &Transition, offer: &mut Offer) -> Written {
    assert!(step.is_allowed(offer));
    step.apply(offer);
    Written::Applied(offer.clone())
}

/// Takes the code to the token endpoint: the write, and the access token.
fn redeem(issuer: &Issuer, offer: &mut Offer) -> (Transition, String) {
    let credential_offer = issuer.credential_offer(Some(offer), NOW).unwrap();
    let credential_offer = serde_json::to_value(credential_offer).unwrap();
    let grant = &credential_offer["grants"][bestow_issuer::PRE_AUTHORIZED_CODE];
    let body = serde_urlencoded::to_string([
        ("grant_type", bestow_issuer::PRE_AUTHORIZED_CODE),
        (
            "pre-authorized_code",
            grant["pre-authorized_code"].as_str().unwrap(),
        ),
    ])
    .unwrap();
    let form = Some("application/x-www-form-urlencoded");
    let request = TokenRequest::parse(form, body.as_bytes()).unwrap();
    let Ok(Redeem::Now(redemption)) = issuer.redeem(request, NOW, [1; 16]) else {
        panic!("the offer needs no transaction code");
    };
    let write = redemption.write();
    let response = redemption
        .conclude(issuer, &applied(&write, offer), [2; 8])
        .unwrap();
    let response = serde_json::to_value(response).unwrap();
    (write, response["access_token"].as_str().unwrap().to_owned())
}

fn credential_request(issuer: &Issuer, wallet: &LocalKey) -> String {
    let nonce = issuer.nonce(NOW, [3; 8]).unwrap().c_nonce;
    let header = json!({"alg": "ES256", "typ": "openid4vci-proof+jwt",
        "jwk": wallet.public_jwk().to_json()});
    let claims = json!({"aud": ISSUER, "iat": NOW.as_second(), "nonce": nonce});
    let input = SigningInput::new(&header, &claims).unwrap();
    let signature = wallet.sign_now(input.as_bytes()).unwrap();
    json!({"credential_configuration_id": "BankAccountCredential",
        "proofs": {"jwt": [input.finish(&signature)]}})
    .to_string()
}
