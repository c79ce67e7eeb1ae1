//! The subscriptions of every issuance that the operator configured.

use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::AccountSubscriptions;
use url::Url;

use crate::allowed::{Allowed, UrlError};

const NAME: &str = "WEBHOOK_SUBSCRIPTIONS";

/// `WEBHOOK_SUBSCRIPTIONS`: URLs separated by commas, each of which may be posted to, given `EGRESS_ALLOW`; one
/// that may not would fail at each delivery. Unset, none. A fault names the variable and not the URL.
pub fn subscriptions_from_env(env: &Env) -> Result<AccountSubscriptions, ConfigError> {
    let allowed = Allowed::from_env(env)?;
    let subscriptions: AccountSubscriptions = env.parsed(NAME)?.unwrap_or_default();
    for (index, (_, url)) in subscriptions.iter().enumerate() {
        let url = Url::parse(url.as_str()).map_err(|_| UrlError::Scheme);
        if let Err(fault) = url.and_then(|url| allowed.check(&url)) {
            let position = index + 1;
            let reason = format!("URL number {position} {fault}");
            return Err(ConfigError::invalid(NAME, reason));
        }
    }
    Ok(subscriptions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriptions(list: &str) -> Result<AccountSubscriptions, ConfigError> {
        subscriptions_from_env(&Env::from_iter([
            (NAME, list),
            ("EGRESS_ALLOW", "127.0.0.1"),
        ]))
    }

    #[test]
    fn what_may_be_posted_to_is_a_subscription() {
        let list = "https://one.example/hunter2,http://127.0.0.1:9/hook";
        assert_eq!(subscriptions(list).unwrap().iter().count(), 2);
        assert_eq!(subscriptions("").unwrap(), AccountSubscriptions::default());
    }

    #[test]
    fn what_can_never_be_posted_to_is_a_fault_of_the_configuration() {
        for bad in [
            "http://one.example/hunter2",
            "https://hunter2@one.example/hook",
            "https://me:hunter2@one.example/hook",
            "https://10.0.0.1/hunter2",
            "https://one.example:25/hunter2",
        ] {
            let list = format!("https://good.example/hook,{bad}");
            let fault = subscriptions(&list).unwrap_err().to_string();
            assert!(fault.contains(NAME), "{fault}");
            assert!(fault.contains("URL number 2 "), "{fault}");
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
