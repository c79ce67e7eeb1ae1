//! Black-box tests: everything here talks HTTP to a local cloud, as backends, wallets and verifiers do.
//!
//! What helps: [`cloud`] starts local clouds, [`backend`] calls the issue contract, [`wallet_client`] and
//! [`node`] are wallets, [`redeemed`] is one that has its token, [`status_list`] reads lists, [`queues`] looks
//! into queues, [`tables`] into tables, [`records`] into the backend's, [`receiver`] is posted to,
//! [`function_host`] runs the functions with other environments, [`function_processes`] as processes of their
//! own, [`wiretap`] hears what they tell AWS, [`access_keys`] gives keys out,
//! [`external_wallet`] is another wallet of the contract, [`template`] reads the
//! deployment's, [`job`] uploads and follows jobs, [`marks`] looks for values that leaked, [`recorder`] keeps what
//! goes through it, [`marked_stage`] is a cloud that is listened to, [`marked_flows`] and [`echoing_wallet`] are what
//! happens in it, [`command`] runs the local cloud's command. All other modules are tests, one subject each.

// All of it is test code, and nothing of it is used from elsewhere.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub
)]

mod access_keys;
mod answer;
mod backend;
mod cloud;
mod echoing_wallet;
mod eventually;
mod external_wallet;
mod function_host;
mod function_processes;
mod job;
mod marked_flows;
mod marked_stage;
mod marks;
mod node;
mod queues;
mod receiver;
mod recorder;
mod records;
mod redeemed;
mod status_list;
mod tables;
mod template;
mod wallet_client;
mod wiretap;

mod access;
mod access_limits;
mod access_tokens;
mod bulk_faults;
mod bulk_start;
mod bundled_wallet;
mod claims_erasure;
mod command;
mod compatibility;
mod configuration;
mod contract_errors;
mod correlation_ids;
mod credential_endpoint;
mod deployment;
mod event_faults;
mod events;
mod external_wallet_faults;
mod idempotency;
mod interop;
mod issuance_flows;
mod issuer_documents;
mod key_proofs;
mod local_cloud;
mod logging_rules;
mod logs;
mod marked_values;
mod openapi;
mod operations;
mod packages;
mod permissions;
mod polling;
mod qr_code;
mod revocation;
mod second_bestow;
mod secrecy;
mod token_endpoint;
mod wallet_callbacks;
mod webhooks;
mod webhooks_of_account;
mod webhooks_retried;
