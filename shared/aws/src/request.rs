//! The requests that [`Service::send`](crate::Service::send) takes: those that functions send.

use std::sync::LazyLock;

use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;

/// A request as a client of the SDK builds it.
pub trait Request {
    /// The SDK's answer.
    type Output: Send + Sync + std::fmt::Debug + 'static;
    /// The SDK's error.
    type Error: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static;

    /// How the SDK writes the request, and reads its answer.
    fn operation() -> &'static FrozenLayer;

    /// What is to be written.
    ///
    /// # Errors
    /// Something is missing.
    fn input(&self) -> Result<Input, BuildError>;
}

macro_rules! requests {
    ($($sdk:ident $module:ident: $builder:ident $operation:ident $output:ident $error:ident;)+) => { $(
        impl Request for $sdk::operation::$module::builders::$builder {
            type Output = $sdk::operation::$module::$output;
            type Error = $sdk::operation::$module::$error;

            fn operation() -> &'static FrozenLayer {
                static OPERATION: LazyLock<FrozenLayer> =
                    LazyLock::new(|| layer(&$sdk::operation::$module::$operation::new()));
                &OPERATION
            }

            fn input(&self) -> Result<Input, BuildError> {
                self.as_input().clone().build().map(Input::erase)
            }
        }
    )+ };
}

requests! {
    aws_sdk_dynamodb batch_get_item: BatchGetItemFluentBuilder BatchGetItem BatchGetItemOutput BatchGetItemError;
    aws_sdk_dynamodb batch_write_item: BatchWriteItemFluentBuilder BatchWriteItem BatchWriteItemOutput BatchWriteItemError;
    aws_sdk_dynamodb delete_item: DeleteItemFluentBuilder DeleteItem DeleteItemOutput DeleteItemError;
    aws_sdk_dynamodb get_item: GetItemFluentBuilder GetItem GetItemOutput GetItemError;
    aws_sdk_dynamodb put_item: PutItemFluentBuilder PutItem PutItemOutput PutItemError;
    aws_sdk_dynamodb query: QueryFluentBuilder Query QueryOutput QueryError;
    aws_sdk_dynamodb transact_write_items: TransactWriteItemsFluentBuilder TransactWriteItems TransactWriteItemsOutput TransactWriteItemsError;
    aws_sdk_dynamodb update_item: UpdateItemFluentBuilder UpdateItem UpdateItemOutput UpdateItemError;
    aws_sdk_eventbridge put_events: PutEventsFluentBuilder PutEvents PutEventsOutput PutEventsError;
    aws_sdk_kms get_public_key: GetPublicKeyFluentBuilder GetPublicKey GetPublicKeyOutput GetPublicKeyError;
    aws_sdk_kms sign: SignFluentBuilder Sign SignOutput SignError;
    aws_sdk_sqs change_message_visibility: ChangeMessageVisibilityFluentBuilder ChangeMessageVisibility ChangeMessageVisibilityOutput ChangeMessageVisibilityError;
    aws_sdk_sqs send_message: SendMessageFluentBuilder SendMessage SendMessageOutput SendMessageError;
    aws_sdk_sqs send_message_batch: SendMessageBatchFluentBuilder SendMessageBatch SendMessageBatchOutput SendMessageBatchError;
}

fn layer(operation: &dyn RuntimePlugin) -> FrozenLayer {
    // Every operation has one; without it, a request fails as one that cannot be written.
    let layer = operation.config();
    layer.unwrap_or_else(|| Layer::new("operation").freeze())
}
