//! What a resource is called locally: the values of `!Ref` and `!GetAtt`.

/// The account that every local resource belongs to; DynamoDB Local, ElasticMQ and others use it too.
pub(crate) const LOCAL_ACCOUNT: &str = "000000000000";

/// The region that every local resource is in: the one that the emulators put into their ARNs.
pub(crate) const LOCAL_REGION: &str = "us-east-1";

/// What the local cloud stands in for, and what else a template may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Queue,
    Function,
    EventSource,
    Schedule,
    EventBus,
    Api,
    Route,
    Integration,
    Secret,
    /// Deployed, but without a counterpart on one machine: alarms, policies, log groups.
    LeftOut,
}

/// Services without a counterpart here.
const LEFT_OUT: [&str; 6] = ["CloudFormation", "CloudWatch", "IAM", "KMS", "Logs", "SNS"];

impl Kind {
    /// The kind of a resource of this type; `None` if the local cloud does not know the type.
    pub(super) fn of(resource_type: &str) -> Option<Self> {
        Some(match resource_type.strip_prefix("AWS::")? {
            "DynamoDB::Table" => Self::Table,
            "SQS::Queue" => Self::Queue,
            "Serverless::Function" => Self::Function,
            "Lambda::EventSourceMapping" => Self::EventSource,
            "Scheduler::Schedule" => Self::Schedule,
            "Events::EventBus" => Self::EventBus,
            "ApiGatewayV2::Api" => Self::Api,
            "ApiGatewayV2::Route" => Self::Route,
            "ApiGatewayV2::Integration" => Self::Integration,
            "SecretsManager::Secret" => Self::Secret,
            "ApiGatewayV2::Stage"
            | "ApiGatewayV2::ApiMapping"
            | "ApiGatewayV2::DomainName"
            | "Events::Rule"
            | "Lambda::Permission"
            | "SQS::QueuePolicy" => Self::LeftOut,
            other => {
                let (service, _) = other.split_once("::")?;
                LEFT_OUT.contains(&service).then_some(Self::LeftOut)?
            }
        })
    }
}

/// The values that a resource's neighbours see, beside those that follow from its name.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// Where the functions' routes are served, without a trailing slash.
    pub api: String,
    /// Where the queue service listens, without a trailing slash.
    pub queues: String,
}

/// A resource under its local name.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) kind: Kind,
    /// The physical name; the logical id, where the template sets none.
    pub(super) name: String,
}

impl Named {
    /// What `!Ref` is here.
    pub(super) fn reference(&self, endpoints: &Endpoints) -> Option<String> {
        match self.kind {
            Kind::Table
            | Kind::EventBus
            | Kind::Function
            | Kind::Api
            | Kind::Route
            | Kind::Integration => Some(self.name.clone()),
            Kind::Queue => Some(queue_url(&endpoints.queues, &self.name)),
            Kind::Secret => Some(arn("secretsmanager", "secret:", &self.name)),
            Kind::EventSource | Kind::Schedule | Kind::LeftOut => None,
        }
    }

    /// What `!GetAtt` is here.
    pub(super) fn attribute(&self, attribute: &str, endpoints: &Endpoints) -> Option<String> {
        let name = &self.name;
        match (self.kind, attribute) {
            (Kind::Table, "Arn") => Some(arn("dynamodb", "table/", name)),
            (Kind::Table, "StreamArn") => Some(stream_arn(name)),
            (Kind::EventBus, "Arn") => Some(arn("events", "event-bus/", name)),
            (Kind::Queue, "Arn") => Some(arn("sqs", "", name)),
            (Kind::Function, "Arn") => Some(arn("lambda", "function:", name)),
            (Kind::Function, "Alias") => Some(arn("lambda", "function:", name) + ":live"),
            (Kind::Api, "ApiEndpoint") => Some(endpoints.api.clone()),
            (Kind::EventBus, "Name") | (Kind::Queue, "QueueName") | (Kind::Api, "ApiId") => {
                Some(name.clone())
            }
            (Kind::Queue, "QueueUrl") | (Kind::Secret, "Id" | "Arn") => self.reference(endpoints),
            _ => None,
        }
    }
}

/// The URL of the queue called `name`, where the queue service is at `endpoint`.
pub(crate) fn queue_url(endpoint: &str, name: &str) -> String {
    format!("{endpoint}/{LOCAL_ACCOUNT}/{name}")
}

/// The ARN of a table's stream.
pub(crate) fn stream_arn(table: &str) -> String {
    arn("dynamodb", "table/", table) + "/stream/local"
}

/// The ARN of the resource `name` of a service, which writes `prefix` before its names.
pub(crate) fn arn(service: &str, prefix: &str, name: &str) -> String {
    format!("arn:aws:{service}:{LOCAL_REGION}:{LOCAL_ACCOUNT}:{prefix}{name}")
}

/// The name in an ARN that [`Named::attribute`] made: what follows `marker`, up to the next `:` or `/`.
pub(super) fn name_in_arn<'a>(arn: &'a str, marker: &str) -> Option<&'a str> {
    let (_, rest) = arn.split_once(marker)?;
    rest.split([':', '/']).next()
}

/// The name of the queue that a local queue ARN names.
pub(super) fn queue_in_arn(arn: &str) -> Option<&str> {
    name_in_arn(arn, &format!(":{LOCAL_ACCOUNT}:")).filter(|_| arn.contains(":sqs:"))
}

/// The value of a pseudo parameter, such as `AWS::Region`.
pub(super) fn pseudo_parameter(name: &str) -> Option<&'static str> {
    match name {
        "AWS::AccountId" => Some(LOCAL_ACCOUNT),
        "AWS::Partition" => Some("aws"),
        "AWS::Region" => Some(LOCAL_REGION),
        "AWS::StackName" => Some("local"),
        "AWS::URLSuffix" => Some("amazonaws.com"),
        _ => None,
    }
}
