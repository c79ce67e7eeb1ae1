use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::event_sources::EventSourceMapping;
use super::*;

fn endpoints() -> Endpoints {
    Endpoints {
        api: "http://127.0.0.1:3000".to_owned(),
        queues: "http://127.0.0.1:8002".to_owned(),
    }
}

fn read(template: &str) -> Result<Stack, TemplateError> {
    Stack::read(template, &BTreeMap::new(), &endpoints())
}

/// A template with one function whose environment is `V: expression`, and a little of everything
/// for the expression to refer to.
fn with_variable(expression: &str) -> String {
    format!(
        r#"
Parameters:
  Stage: {{Type: String, Default: dev}}
  Retention: {{Type: Number, Default: 14}}
  PublicUrl: {{Type: String, Default: ""}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  HasUrl: {{"Fn::Not": [{{"Fn::Equals": [{{Ref: PublicUrl}}, ""]}}]}}
  Both: !And [!Condition IsDev, !Condition HasUrl]
  Either: !Or [{{Condition: IsDev}}, !Condition HasUrl]
Resources:
  Things: {{Type: AWS::DynamoDB::Table, Properties: {{}}}}
  Jobs: {{Type: AWS::SQS::Queue}}
  NamedJobs: {{Type: AWS::SQS::Queue, Properties: {{QueueName: !Sub "${{Stage}}-jobs"}}}}
  ProdJobs: {{Type: AWS::SQS::Queue, Condition: IsProd}}
  Api: {{Type: AWS::ApiGatewayV2::Api}}
  Key: {{Type: AWS::KMS::Key}}
  Function:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: job}}}}
    Properties:
      Environment:
        Variables:
          V: {expression}
"#
    )
}

fn variable(expression: &str) -> Result<Option<String>, TemplateError> {
    let stack = read(&with_variable(expression))?;
    Ok(stack.functions[0].environment.get("V").cloned())
}

#[test]
fn intrinsic_functions_have_their_local_values() {
    let table = [
        ("plain", "plain"),
        ("10", "10"),
        ("true", "true"),
        ("!Ref Stage", "dev"),
        ("!Ref Retention", "14"),
        ("{Ref: Stage}", "dev"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref Things", "Things"),
        ("!Ref Jobs", "http://127.0.0.1:8002/000000000000/Jobs"),
        (
            "!Ref NamedJobs",
            "http://127.0.0.1:8002/000000000000/dev-jobs",
        ),
        (
            "!GetAtt Jobs.Arn",
            "arn:aws:sqs:us-east-1:000000000000:Jobs",
        ),
        ("!GetAtt NamedJobs.QueueName", "dev-jobs"),
        (
            r#"{"Fn::GetAtt": [Things, Arn]}"#,
            "arn:aws:dynamodb:us-east-1:000000000000:table/Things",
        ),
        ("!GetAtt Api.ApiEndpoint", "http://127.0.0.1:3000"),
        (
            "!Sub '${Stage}-${AWS::Region}-${Things}'",
            "dev-us-east-1-Things",
        ),
        ("!Sub '${Jobs.QueueName}.fifo'", "Jobs.fifo"),
        ("!Sub '$$ ${!Stage} $'", "$$ ${Stage} $"),
        ("!Sub ['${Base}/wallet', {Base: !Ref Stage}]", "dev/wallet"),
        (r#"{"Fn::Sub": "${Stage}"}"#, "dev"),
        ("!Join ['', [a, !Ref Stage, !Ref AWS::NoValue, 1]]", "adev1"),
        ("!If [IsProd, a, b]", "b"),
        ("!If [IsDev, !If [HasUrl, a, b], c]", "b"),
        ("!If [Both, a, b]", "b"),
        ("!If [Either, a, b]", "a"),
    ];
    for (expression, expected) in table {
        assert_eq!(
            variable(expression).unwrap().as_deref(),
            Some(expected),
            "{expression}"
        );
    }
}

#[test]
fn no_value_takes_the_variable_away() {
    assert_eq!(
        variable("!If [IsProd, a, !Ref AWS::NoValue]").unwrap(),
        None
    );
}

#[test]
fn what_is_not_known_is_an_error_that_names_its_place() {
    let here = "Resources.Function.Properties.Environment.Variables.V";
    let table = [
        (
            "!Select [0, [a]]",
            here,
            "the intrinsic function Select is not known to the local cloud",
        ),
        (
            r#"{"Fn::ImportValue": x}"#,
            here,
            "the intrinsic function ImportValue is not known to the local cloud",
        ),
        (
            "!Ref Nothing",
            here,
            "Nothing is neither a parameter nor a resource of this template",
        ),
        (
            "!Sub '${Nothing}'",
            here,
            "Nothing is neither a parameter nor a resource of this template",
        ),
        (
            "!Ref ProdJobs",
            here,
            "ProdJobs is left out of the local stack by its condition",
        ),
        (
            "!Ref Key",
            here,
            "Key has no value in the local cloud; choose another by a condition",
        ),
        (
            "!GetAtt Jobs.Colour",
            here,
            "Jobs.Colour has no value in the local cloud; choose another by a condition",
        ),
        ("!If [Never, a, b]", here, "there is no condition Never"),
        ("[a, b]", here, "must be a string"),
        ("!Sub '${Stage'", here, "must be !Sub with every ${ closed"),
    ];
    for (expression, path, reason) in table {
        let error = variable(expression).expect_err(expression);
        assert_eq!(
            (error.path.as_str(), error.reason.as_str()),
            (path, reason),
            "{expression}"
        );
    }
    let error = variable("!Join ['', [a, !Ref Nothing]]").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "template.yaml: {here}[1][1]: Nothing is neither a parameter nor a resource of this template"
        )
    );
}

#[test]
fn unknown_sections_of_the_stack_are_errors() {
    let table = [
        ("Resources: {X: {Condition: Never}}", "Resources.X.Type"),
        (
            "Resources: {X: {Type: AWS::SQS::Queue, Properties: {Colour: red}}}",
            "Resources.X.Properties",
        ),
        (
            "Resources: {X: {Type: AWS::SQS::Queue, Condition: Never}}",
            "Resources.X.Condition",
        ),
        (
            "Resources: {X: {Type: AWS::Serverless::Function}}",
            "Resources.X.Properties",
        ),
        (
            "Resources: {}\nParameters: {P: {Type: String}}",
            "Parameters.P",
        ),
        (
            "Resources: {}\nParameters: {P: {Type: List<Number>, Default: 1}}",
            "Parameters.P.Type",
        ),
        (
            "Resources: {}\nParameters: {P: {Type: String, Default: a, AllowedValues: [b]}}",
            "Parameters.P",
        ),
        (
            "Resources: {}\nConditions: {A: !Not [!Condition B], B: !Not [!Condition A]}",
            "Conditions.A",
        ),
        ("Resources: {}\nConditions: {A: !Ref B}", "Conditions.A"),
        ("Resources: [", "the file"),
        ("Outputs: {}", "Resources"),
    ];
    for (template, path) in table {
        assert_eq!(read(template).expect_err(template).path, path, "{template}");
    }
}

#[test]
fn a_resource_of_an_unknown_type_is_left_out() {
    let unknown = "X: {Type: AWS::Foo::Bar, Properties: {Colour: !Select [0, [red]]}}";
    let queue = "Jobs: {Type: AWS::SQS::Queue}";
    let stack = read(&format!("Resources: {{{unknown}, {queue}}}")).unwrap();
    assert_eq!(stack.queues.len(), 1);

    let referring = "Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref X}}";
    let error = read(&format!("Resources: {{{unknown}, {referring}}}")).unwrap_err();
    assert_eq!(
        error.reason,
        "X has no value in the local cloud; choose another by a condition"
    );
}

#[test]
fn a_value_for_an_undeclared_parameter_is_an_error() {
    let given = BTreeMap::from([("PublicUrl".to_owned(), "x".to_owned())]);
    let error = Stack::read("Resources: {}", &given, &endpoints()).unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.reason.as_str()),
        (
            "Parameters.PublicUrl",
            "the local cloud gives this parameter a value, but the template does not declare it"
        )
    );
}

#[test]
fn tables_queues_functions_and_routes_are_read() {
    let stack = read(
        r#"
Globals:
  Function:
    Timeout: 10
    Environment: {Variables: {SHARED: yes, OWN: global}}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      SSESpecification: {SSEEnabled: true, KMSMasterKeyId: !GetAtt Key.Arn}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  Key: {Type: AWS::KMS::Key}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 181
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadJobs.Arn, maxReceiveCount: 5}
  DeadJobs: {Type: AWS::SQS::Queue}
  Job:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: do-job}}
    Properties:
      Policies: [{Statement: [{Resource: !GetAtt Key.Arn}]}]
      MemorySize: 512
      Environment: {Variables: {OWN: job}}
  JobSource:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Job.Alias
      EventSourceArn: !GetAtt Jobs.Arn
      BatchSize: 5
      MaximumBatchingWindowInSeconds: 1
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {MaximumConcurrency: 2}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      PayloadFormatVersion: "2.0"
      IntegrationUri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Job.Arn}/invocations"
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /jobs/{id}
      Target: !Join [/, [integrations, !Ref Integration]]
  Api: {Type: AWS::ApiGatewayV2::Api}
"#,
    )
    .unwrap();

    assert_eq!(stack.tables[0].ttl_attribute.as_deref(), Some("expires_at"));
    assert_eq!(
        stack.tables[0].create,
        json!({
            "TableName": "Things",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        })
    );
    let jobs = &stack.queues[1];
    assert_eq!(jobs.dead_letter_queue.as_deref(), Some("DeadJobs"));
    assert_eq!(jobs.attributes["VisibilityTimeout"], "181");
    let policy: serde_json::Value =
        serde_json::from_str(&jobs.attributes["RedrivePolicy"]).unwrap();
    assert_eq!(policy["maxReceiveCount"], 5);
    assert_eq!(
        stack.functions,
        [Function {
            logical_id: "Job".into(),
            binary: "do-job".into(),
            environment: [("OWN", "job"), ("SHARED", "yes")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            timeout: Duration::from_secs(10),
            memory_mb: 512,
        }]
    );
    assert_eq!(
        stack.event_sources,
        [EventSource {
            queue: "Jobs".into(),
            mapping: EventSourceMapping {
                function: "Job".into(),
                batch_size: 5,
                batching_window: Duration::from_secs(1),
                reports_item_failures: true,
            },
            maximum_concurrency: 2,
        }]
    );
    assert_eq!(
        stack.routes,
        [Route {
            path: "/jobs/{id}".into(),
            method: "GET".into(),
            function: "Job".into()
        }]
    );
}

#[test]
fn a_greedy_path_is_written_as_matchit_does() {
    for (path, expected) in [
        ("/jobs", "/jobs"),
        ("/jobs/{id}", "/jobs/{id}"),
        ("/jobs/{proxy+}", "/jobs/{*proxy}"),
    ] {
        let route = Route {
            path: path.to_owned(),
            method: "ANY".to_owned(),
            function: "Job".to_owned(),
        };
        assert_eq!(route.matchit_path(), expected);
    }
}

#[test]
fn dynamic_references_are_replaced_by_the_secrets_of_this_template() {
    let secret = |name: &str| (name == "Master").then_some("s3cret");
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Master";
    for reference in [
        arn.to_owned(),
        format!("{arn}:SecretString"),
        format!("{arn}:SecretString::"),
    ] {
        let text = format!("a {{{{resolve:secretsmanager:{reference}}}}} b");
        assert_eq!(
            resolve_secrets(&text, secret).as_deref(),
            Ok("a s3cret b"),
            "{reference}"
        );
    }
    for unknown in [
        "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:000000000000:secret:Other}}",
        "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:000000000000:secret:Master:SecretString:key}}",
        "{{resolve:ssm:/master}}",
    ] {
        assert_eq!(resolve_secrets(unknown, secret), Err(unknown.to_owned()));
    }
}

/// The template itself: every resource in it is understood, and each route and event source leads to
/// a function.
#[test]
fn the_template_of_this_deployment_is_read() {
    let parameters = [("Release", "localcloud"), ("SigningKeyPem", "key")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let stack = Stack::read(TEMPLATE, &parameters, &endpoints()).unwrap();
    let start = stack
        .routes
        .iter()
        .find(|route| route.path == "/api/v2/credential/issue")
        .unwrap();
    assert_eq!(start.method, "POST");
    let function = stack.function(&start.function).unwrap();
    assert_eq!(function.binary, "start-issue");
    assert_eq!(
        function.environment["PUBLIC_BASE_URL"],
        "http://127.0.0.1:3000"
    );
    assert_eq!(function.environment["WALLET_BASE_URL"], "");
    assert_eq!(function.environment["ISSUANCE_TABLE"], "IssuanceTable");
    let takers: Vec<&str> = stack
        .event_sources
        .iter()
        .map(|source| {
            let function = stack.function(&source.mapping.function);
            function.unwrap().binary.as_str()
        })
        .collect();
    for binary in ["poll-status", "start-queued"] {
        assert!(takers.contains(&binary), "{takers:?}");
    }
    assert!(
        stack
            .tables
            .iter()
            .all(|table| table.ttl_attribute.is_some())
    );
}
