//! What to try, as commands to paste.

use std::path::Path;

use crate::{DEFAULT_WEBHOOK_SECRET, RunningCloud};

/// The sample of the issue contract, as one line of JSON but for its correlation id.
const SAMPLE_CLAIMS: &str = r#"{"companyname":"CoolSoft B.V.","currency":"EUR","iban":"NL12TUL25708789078","bic":"TULINL2A","acccount_type":"Business Checking Account"}"#;

/// What is printed when everything is up.
pub(super) fn of_cloud(cloud: &RunningCloud, data_dir: &Path) -> String {
    let url = cloud.base_url();
    let header = api_key_header(cloud);
    let kept = match cloud.data_dir() {
        Some(path) => format!("kept in {}", path.display()),
        None => "in memory, gone when this stops".to_owned(),
    };
    let public = match cloud.public_url() {
        public if public == url => String::new(),
        public => format!("  reached at       {public}\n"),
    };
    let holder = holder_command("credentials", data_dir);
    format!(
        r#"
Bestow is up at {url}
{public}  API key          {api_key}
  webhook secret   {webhook_secret}
  data             {kept}
  DynamoDB, SQS    {dynamodb}, {sqs}
  events           {url}/local/events
  OpenAPI          {url}/openapi.json

Try it, in another terminal:

1. Start an issuance. The link and its QR code appear here.

   id=demo-$(date +%s)
   curl -s {url}/api/v2/credential/issue {header} -H 'content-type: application/json' \
     -d '{{"correlation_id":"'$id'","template_id":"issue_iban","claims":{SAMPLE_CLAIMS}}}'

2. Take the credential: scan the QR code, or paste the accept command that stands below it.

3. Ask for the status.

   curl -s {url}/api/v2/issue/$id {header}

4. Revoke the credential.

   uuid=$(curl -s {url}/api/v2/issue/$id {header} | sed 's/.*"revocation_uuid":"\([^"]*\)".*/\1/')
   curl -s -X PUT {url}/api/v2/credential/status/$uuid {header} \
     -H 'content-type: application/json' -d '{{"status":"revoked"}}'

5. Look at it as a verifier does, by the published status list.

   {holder}

6. Be told instead of asking: listen in a third terminal, start an issuance as in step 1 with
   "callback":{{"url":"http://127.0.0.1:9999/hook"}} in its body, and look at what was posted.

   {receiver}

   curl -s {url}/api/v2/deliveries/$id {header}

Ctrl-C stops it. What happens:
"#,
        webhook_secret = cloud.webhook_secrets(),
        receiver = receiver_command(cloud.webhook_secrets()),
        api_key = cloud.api_key(),
        dynamodb = cloud.dynamodb_endpoint(),
        sqs = cloud.sqs_endpoint(),
    )
}

/// What is printed with `--emulators-only`.
pub(super) fn of_emulators(cloud: &RunningCloud, configuration: &Path) -> String {
    let configuration = quoted(&configuration.display().to_string());
    let lambda_endpoint = cloud.base_url();
    let authority = lambda_endpoint.rsplit('/').next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "9000"));
    format!(
        r#"
The AWS endpoints are up:

  DynamoDB         {dynamodb}
  SQS              {sqs}
  EventBridge      {eventbridge}

Events that are put there show below, and at {events}

The functions' environment and routes stand in {configuration}, for cargo lambda.
Start the functions in another terminal. Build them first: cargo lambda builds a function when
it is first asked for, and that takes longer than the functions wait for each other.

   for function in $(ls functions); do cargo build --bin $function; done
   cargo lambda --global {configuration} watch -A {host} -P {port}

Their API is then at {lambda_endpoint}, with the key {api_key}.
Batches of queues and streams are posted there. Ctrl-C stops it. What happens:
"#,
        dynamodb = cloud.dynamodb_endpoint(),
        sqs = cloud.sqs_endpoint(),
        eventbridge = cloud.eventbridge_endpoint(),
        events = cloud.events_url(),
        api_key = cloud.api_key(),
    )
}

/// What is printed when an issuance was started.
pub(super) fn of_issuance(
    cloud: &RunningCloud,
    data_dir: &Path,
    correlation_id: &str,
    request_uri: &str,
    status_uri: &str,
) -> String {
    let holder = holder_command("accept", data_dir);
    format!(
        "     {correlation_id} was started. Take the credential:\n\n     {holder} {}\n\n     Ask for \
         its status:\n\n     curl -s {} {}\n",
        quoted(request_uri),
        quoted(status_uri),
        api_key_header(cloud),
    )
}

fn api_key_header(cloud: &RunningCloud) -> String {
    format!("-H {}", quoted(&format!("x-api-key: {}", cloud.api_key())))
}

fn holder_command(command: &str, data_dir: &Path) -> String {
    if data_dir == Path::new(".local") {
        return format!("cargo run -- {command}");
    }
    let data_dir = quoted(&data_dir.display().to_string());
    format!("cargo run -- {command} --data-dir {data_dir}")
}

/// Of several secrets a receiver needs one.
fn receiver_command(secrets: &str) -> String {
    match secrets.split([',', ' ']).next().unwrap_or_default() {
        DEFAULT_WEBHOOK_SECRET => "cargo run -- receive".to_owned(),
        secret => format!("cargo run -- receive --webhook-secret {}", quoted(secret)),
    }
}

/// A word that a POSIX shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_survive_the_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(
            holder_command("credentials", Path::new(".local")),
            "cargo run -- credentials"
        );
        assert_eq!(
            holder_command("credentials", Path::new("my data")),
            "cargo run -- credentials --data-dir 'my data'"
        );
        assert_eq!(
            receiver_command(DEFAULT_WEBHOOK_SECRET),
            "cargo run -- receive"
        );
        assert_eq!(
            receiver_command("whsec_a whsec_b"),
            "cargo run -- receive --webhook-secret 'whsec_a'"
        );
    }
}
