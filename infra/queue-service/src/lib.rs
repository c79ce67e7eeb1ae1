//! An embedded queue service that speaks the SQS API.
