//! What a resource is called locally: the values of `!Ref` and `!GetAtt`.

use super::error::{Place, TemplateError};

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

impl Kind {
    pub(super) fn of(resource_type: &str) -> Option<Self> {
        match resource_type {
            "AWS::DynamoDB::Table" => Some(Self::Table),
            "AWS::SQS::Queue" => Some(Self::Queue),
            "AWS::Serverless::Function" => Some(Self::Function),
            "AWS::Lambda::EventSourceMapping" => Some(Self::EventSource),
            "AWS::Scheduler::Schedule" => Some(Self::Schedule),
            "AWS::Events::EventBus" => Some(Self::EventBus),
            "AWS::ApiGatewayV2::Api" => Some(Self::Api),
            "AWS::ApiGatewayV2::Route" => Some(Self::Route),
            "AWS::ApiGatewayV2::Integration" => Some(Self::Integration),
            "AWS::SecretsManager::Secret" => Some(Self::Secret),
            "AWS::ApiGatewayV2::Stage"
            | "AWS::ApiGatewayV2::ApiMapping"
            | "AWS::ApiGatewayV2::DomainName"
            | "AWS::CloudFormation::Stack"
            | "AWS::CloudWatch::Alarm"
            | "AWS::CloudWatch::Dashboard"
            | "AWS::Events::Rule"
            | "AWS::IAM::ManagedPolicy"
            | "AWS::IAM::Policy"
            | "AWS::IAM::Role"
            | "AWS::KMS::Alias"
            | "AWS::KMS::Key"
            | "AWS::Lambda::Permission"
            | "AWS::Logs::LogGroup"
            | "AWS::Logs::ResourcePolicy"
            | "AWS::SNS::Topic"
            | "AWS::SQS::QueuePolicy" => Some(Self::LeftOut),
            _ => None,
        }
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
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) kind: Kind,
    pub(super) logical_id: &'a str,
    /// The physical name; the logical id, where the template sets none.
    pub(super) name: &'a str,
}

impl Named<'_> {
    /// `!Ref`.
    pub(super) fn reference(
        &self,
        endpoints: &Endpoints,
        place: &Place<'_>,
    ) -> Result<String, TemplateError> {
        match self.kind {
            Kind::Table
            | Kind::EventBus
            | Kind::Function
            | Kind::Api
            | Kind::Route
            | Kind::Integration => Ok(self.name.to_owned()),
            Kind::Queue => Ok(format!(
                "{}/{LOCAL_ACCOUNT}/{}",
                endpoints.queues, self.name
            )),
            Kind::Secret => Ok(arn("secretsmanager", "secret:", self.name)),
            Kind::EventSource | Kind::Schedule | Kind::LeftOut => Err(self.no_value("", place)),
        }
    }

    /// `!GetAtt`.
    pub(super) fn attribute(
        &self,
        attribute: &str,
        endpoints: &Endpoints,
        place: &Place<'_>,
    ) -> Result<String, TemplateError> {
        match (self.kind, attribute) {
            (Kind::Table, "Arn") => Ok(arn("dynamodb", "table/", self.name)),
            (Kind::Table, "StreamArn") => {
                Ok(arn("dynamodb", "table/", self.name) + "/stream/local")
            }
            (Kind::EventBus, "Arn") => Ok(arn("events", "event-bus/", self.name)),
            (Kind::EventBus, "Name") => Ok(self.name.to_owned()),
            (Kind::Queue, "Arn") => Ok(arn("sqs", "", self.name)),
            (Kind::Queue, "QueueName") => Ok(self.name.to_owned()),
            (Kind::Queue, "QueueUrl") => self.reference(endpoints, place),
            (Kind::Function, "Arn") => Ok(arn("lambda", "function:", self.name)),
            (Kind::Function, "Alias") => Ok(arn("lambda", "function:", self.name) + ":live"),
            (Kind::Api, "ApiEndpoint") => Ok(endpoints.api.clone()),
            (Kind::Api, "ApiId") => Ok(self.name.to_owned()),
            (Kind::Secret, "Id" | "Arn") => self.reference(endpoints, place),
            _ => Err(self.no_value(&format!(".{attribute}"), place)),
        }
    }

    fn no_value(&self, attribute: &str, place: &Place<'_>) -> TemplateError {
        place.error(format!(
            "{}{attribute} has no value in the local cloud; choose another by a condition",
            self.logical_id
        ))
    }
}

fn arn(service: &str, prefix: &str, name: &str) -> String {
    format!("arn:aws:{service}:{LOCAL_REGION}:{LOCAL_ACCOUNT}:{prefix}{name}")
}

/// The name at the end of an ARN that [`Named::attribute`] made: what follows `marker`, up to the
/// next `:` or `/`.
pub(super) fn name_in_arn<'a>(arn: &'a str, marker: &str) -> Option<&'a str> {
    let (_, rest) = arn.split_once(marker)?;
    rest.split([':', '/']).next()
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
