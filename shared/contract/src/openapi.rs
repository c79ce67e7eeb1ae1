//! The OpenAPI 3.1 document of the contract, `openapi.json`, which is written by hand. The tests of this
//! module hold it and the types against each other.

/// The public base URL that stands in the file.
const EXAMPLE_BASE_URL: &str = "https://issuer.example";

/// The OpenAPI 3.1 document of the public API at `public_base_url` (without a trailing slash), as JSON.
pub fn openapi(public_base_url: &str) -> String {
    include_str!("../openapi.json").replace(EXAMPLE_BASE_URL, public_base_url)
}

#[cfg(test)]
mod tests;
