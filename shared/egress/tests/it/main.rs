//! The guarded client, and the wallet client against wallets that behave, and wallets that do not.
#![cfg(test)]

mod credential_statuses;
mod guard;
mod tokens;
mod wallet;
mod wallet_client;
