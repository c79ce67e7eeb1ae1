//! The OpenAPI 3.1 document of the contract: `openapi.json`, which is written by hand. That it says what
//! the types and the code say, both ways, is what the tests of this module see to.

/// The public base URL that stands in the file.
const EXAMPLE_BASE_URL: &str = "https://issuer.example";

/// The OpenAPI 3.1 document of the public API at `public_base_url` (without a trailing slash), as JSON.
pub fn openapi(public_base_url: &str) -> String {
    include_str!("../openapi.json").replace(EXAMPLE_BASE_URL, public_base_url)
}

#[cfg(test)]
mod tests;
