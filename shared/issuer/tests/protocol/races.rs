//! Any order of anything, by several wallets at once, with writes that come late.

use std::collections::HashSet;
use std::time::Duration;

use bestow_issuer::{
    AccessToken, Offer, OfferState, Redeem, Redemption, SignedCredential, TokenRequest, Transition,
    TxCodeCheck, Written,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::world::{FORM, NOW, Wallet, World, claims};

/// After this time the function that serves a request is ended.
const REQUEST: Duration = Duration::from_secs(60);
/// Time after the end of an issuance at which no claim is left (ten minutes), less what the schedule
/// of the erasure and a run of it may take.
const DUE_AFTER_END: Duration = Duration::from_mins(10 - 2);

/// What may happen next.
#[derive(Debug, Clone)]
enum Step {
    /// Seconds go by.
    Wait(u64),
    /// Somebody opens the link.
    Fetch,
    /// A wallet sends the code, with the right transaction code or a wrong one.
    Redeem { is_right: bool },
    /// The oldest redemption that was begun goes one write further (the last write may never come).
    WriteRedemption,
    /// A wallet with this key asks for the credential, with the latest token.
    Request { wallet: usize },
    /// The oldest credential that was signed reaches the store.
    WriteRequest,
    /// A wallet reports.
    Report(&'static str),
    /// Claims that are due are erased.
    Erase,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop::sample::select(vec![1, 30, 59, 240, 299, 300, 540]).prop_map(Step::Wait),
        1 => Just(Step::Fetch),
        4 => prop::bool::weighted(0.6).prop_map(|is_right| Step::Redeem { is_right }),
        6 => Just(Step::WriteRedemption),
        4 => (0..2_usize).prop_map(|wallet| Step::Request { wallet }),
        4 => Just(Step::WriteRequest),
        2 => prop::sample::select(vec!["credential_accepted", "credential_failure", "credential_deleted"])
            .prop_map(Step::Report),
        2 => Just(Step::Erase),
    ]
}

enum Begun {
    Counting(TxCodeCheck),
    Redeeming(Redemption),
    Exhausting(Transition),
}

impl Begun {
    fn since(&self) -> Timestamp {
        match self {
            Self::Counting(check) => check.count().now,
            Self::Redeeming(redemption) => redemption.write().now,
            Self::Exhausting(exhaust) => exhaust.now,
        }
    }
}

/// The world, and what was seen in it.
struct Run {
    world: World,
    now: Timestamp,
    code: String,
    tx_code: Option<String>,
    wallets: [Wallet; 2],
    begun: Vec<Begun>,
    signed: Vec<SignedCredential>,
    tokens: Vec<AccessToken>,
    notification_id: Option<String>,
    wrong_codes: u32,
    holders: HashSet<String>,
    names: u8,
    terminal: Option<String>,
    accepted: bool,
}

impl Run {
    fn new(needs_tx_code: bool) -> Self {
        let more = if needs_tx_code {
            json!({"tx_code": {}})
        } else {
            json!({})
        };
        let mut world = World::started(more);
        let tx_code = world.tx_code();
        // The code is known before the run, so that fetching is a step of its own.
        let before = world.offer().clone();
        let code = world.code();
        world.store.put(before);
        Self {
            world,
            now: NOW,
            code,
            tx_code,
            wallets: [Wallet::new(), Wallet::new()],
            begun: vec![],
            signed: vec![],
            tokens: vec![],
            notification_id: None,
            wrong_codes: 0,
            holders: HashSet::new(),
            names: 0,
            terminal: None,
            accepted: false,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(*seconds);
                let oldest = self.now - REQUEST;
                self.begun.retain(|begun| begun.since() > oldest);
                self.signed.retain(|signed| signed.write().now > oldest);
            }
            Step::Fetch => {
                let retrieve = Transition::retrieve(self.world.offer_id.clone(), self.now);
                self.world.store.write(&retrieve);
            }
            Step::Redeem { is_right } => self.redeem(*is_right),
            Step::WriteRedemption => self.write_redemption(),
            Step::Request { wallet } => self.request(*wallet),
            Step::WriteRequest => self.write_request(),
            Step::Report(event) => self.report(event),
            Step::Erase => self.erase(),
        }
        self.check_status();
        self.check_claims();
    }

    fn redeem(&mut self, is_right: bool) {
        let mut form = vec![
            ("grant_type", bestow_issuer::PRE_AUTHORIZED_CODE),
            ("pre-authorized_code", self.code.as_str()),
        ];
        if let Some(tx_code) = &self.tx_code {
            form.push(("tx_code", if is_right { tx_code } else { "wrong" }));
        }
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = TokenRequest::parse(FORM, body.as_bytes()).unwrap();
        self.names += 1;
        match self
            .world
            .issuer
            .redeem(request, self.now, [self.names; 16])
        {
            Ok(Redeem::Now(redemption)) => self.begun.push(Begun::Redeeming(redemption)),
            Ok(Redeem::AfterTxCode(check)) => self.begun.push(Begun::Counting(check)),
            Err(_) => assert!(self.now >= NOW + bestow_issuer::OFFER_LIFETIME),
        }
    }

    fn write_redemption(&mut self) {
        if self.begun.is_empty() {
            return;
        }
        match self.begun.remove(0) {
            Begun::Counting(check) => {
                let counted = self.world.store.write(&check.count());
                match check.compare(&self.world.issuer, &counted) {
                    Ok(redemption) => {
                        assert!(self.wrong_codes < 5, "a code that was guessed too often");
                        self.begun.push(Begun::Redeeming(redemption));
                    }
                    Err(wrong) => {
                        if matches!(counted, Written::Applied(_)) {
                            self.wrong_codes += 1;
                        }
                        self.begun.extend(wrong.exhausted.map(Begun::Exhausting));
                    }
                }
            }
            Begun::Exhausting(exhaust) => {
                self.world.store.write(&exhaust);
            }
            Begun::Redeeming(redemption) => {
                let redeemed_at = redemption.write().now;
                let written = self.world.store.write(&redemption.write());
                let Ok(response) = redemption.conclude(&self.world.issuer, &written, [9; 8]) else {
                    return;
                };
                assert!(redeemed_at < NOW + bestow_issuer::OFFER_LIFETIME);
                let token = serde_json::to_value(response).unwrap()["access_token"].clone();
                let header = format!("Bearer {}", token.as_str().unwrap());
                self.tokens.push(
                    self.world
                        .issuer
                        .authorize(Some(&header), redeemed_at)
                        .unwrap(),
                );
                assert_eq!(self.tokens.len(), 1, "a second redemption");
            }
        }
    }

    fn request(&mut self, wallet: usize) {
        let Some(token) = self.tokens.last() else {
            return;
        };
        let wallet = &self.wallets[wallet];
        let mut claims = claims(&self.world.nonce(self.now));
        claims["iat"] = json!(self.now.as_second());
        let proof = wallet.sign(&wallet.header(), &claims);
        let body = json!({"credential_configuration_id": "BankAccountCredential", "proofs": {"jwt": [proof]}});
        if let Ok(signed) = self.world.signed(token, &body, self.now) {
            self.signed.push(signed.unwrap());
        }
    }

    fn write_request(&mut self) {
        if self.signed.is_empty() {
            return;
        }
        let signed = self.signed.remove(0);
        let asked_at = signed.write().now;
        let step = signed.write().step;
        let bestow_issuer::Step::IssueCredential {
            holder_thumbprint, ..
        } = step
        else {
            panic!("a credential is issued");
        };
        let had_claims = self.world.offer().encrypted_claims.is_some();
        let Ok(response) = self.world.conclude(signed) else {
            return;
        };
        self.notification_id = response["notification_id"].as_str().map(str::to_owned);
        assert!(
            had_claims && !self.accepted,
            "a credential after its claims had gone"
        );
        assert!(asked_at < NOW + bestow_issuer::OFFER_LIFETIME + bestow_issuer::TOKEN_LIFETIME);
        self.holders.insert(holder_thumbprint);
        assert_eq!(self.holders.len(), 1, "one credential for two keys");
    }

    fn report(&mut self, event: &str) {
        let (Some(token), Some(id)) = (self.tokens.last(), &self.notification_id) else {
            return;
        };
        let body = json!({"notification_id": id, "event": event}).to_string();
        let report = self
            .world
            .issuer
            .notification(token, body.as_bytes(), self.now)
            .unwrap();
        let written = self.world.store.write(&report);
        token.conclude_notification(&written).unwrap();
        if let Written::Applied(offer) = written {
            self.accepted |= offer.encrypted_claims.is_none();
        }
    }

    fn erase(&mut self) {
        let before = self.world.offer().clone();
        let erase = Transition::purge_expired_claims(before.offer_id.clone(), self.now);
        if let Written::Refused(_) = self.world.store.write(&erase) {
            return;
        }
        assert!(before.encrypted_claims.is_some());
        assert!(
            before.issue_status(self.now) == self.world.offer().issue_status(self.now),
            "an erasure is no step of the issuance"
        );
        for begun in &self.begun {
            if let Begun::Redeeming(redemption) = begun {
                assert!(!redemption.write().is_allowed(&before), "a code in time");
            }
        }
        for signed in &self.signed {
            assert!(!signed.write().is_allowed(&before), "a request in time");
        }
    }

    /// The claims of an issuance that has ended are due soon after; those of one that cannot end otherwise
    /// are due some time; and the claims of one that could still issue are not erased.
    fn check_claims(&self) {
        let offer = self.world.offer();
        let Some(due) = offer.erase_at() else {
            assert!(offer.encrypted_claims.is_none());
            assert!(!offer.is_open(self.now), "an open offer without its claims");
            return;
        };
        assert!(due < NOW + bestow_issuer::OFFER_LIFETIME + DUE_AFTER_END);
        if let Some(ended_at) = ended_at(offer, self.now) {
            assert!(due <= ended_at + DUE_AFTER_END);
        }
    }

    /// What a backend was told to be the end stays the end.
    fn check_status(&mut self) {
        let status = self.world.offer().issue_status(self.now).status;
        if let Some(terminal) = &self.terminal {
            assert_eq!(status.as_str(), terminal);
        } else if status.is_terminal() {
            self.terminal = Some(status.as_str().to_owned());
        }
    }
}

/// When the issuance came to its end, as a backend is told.
fn ended_at(offer: &Offer, now: Timestamp) -> Option<Timestamp> {
    let status = offer.issue_status(now);
    match &offer.state {
        OfferState::CredentialIssued(issued) => Some(issued.issued_at),
        _ if status.status.is_terminal() => Timestamp::from_millisecond(status.last_updated?).ok(),
        _ => None,
    }
}

proptest! {
    #[test]
    fn no_order_of_steps_breaks_an_offer(needs_tx_code: bool, steps in prop::collection::vec(step(), 0..60)) {
        let mut run = Run::new(needs_tx_code);
        for step in &steps {
            run.take(step);
        }
    }
}
