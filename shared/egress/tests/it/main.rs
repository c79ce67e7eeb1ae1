//! The wallet client against wallets that behave, and wallets that do not.
#![cfg(test)]

mod credential_statuses;
mod tokens;
mod wallet;
mod wallet_client;
