//! The issue contract: wire types, problem details and the OpenAPI document.
