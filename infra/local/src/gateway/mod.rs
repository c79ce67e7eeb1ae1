//! What stands where API Gateway would: routes, requests as events, answers as responses.

pub(crate) mod answer;
pub(crate) mod dispatch;
mod http_event;
pub(crate) mod route_table;
