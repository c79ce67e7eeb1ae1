//! Credential formats: claims in, signed credential out.
//!
//! One format so far: SD-JWT VC (`dc+sd-jwt`), an [SD-JWT](https://www.rfc-editor.org/rfc/rfc9901)
//! (RFC 9901) with the claims of draft-ietf-oauth-sd-jwt-vc, of which HAIP 1.0 pins -13.
//!
//! - Issuing: an [`SdJwtVc`] is [prepared](SdJwtVc::prepare), signed by whatever holds the key, and
//!   [finished](PreparedSdJwtVc::finish). [`SdJwtVc::issue`] does the three.
//! - Receiving: an [`UnverifiedSdJwt`] is read, its key chosen by its header, and
//!   [verified](UnverifiedSdJwt::verify) to the claims that its disclosures reveal.

mod claim_path;
mod disclosure;
mod frame;
mod issue;
mod reserved;
mod validity;
mod verify;

pub use claim_path::{ClaimPath, ClaimPathError, PathSegment};
pub use disclosure::{Disclosure, DisclosureError};
pub use frame::{DisclosureFrame, FrameError};
pub use issue::{
    HolderBinding, IssueError, PreparedSdJwtVc, RandomnessError, SdJwtVc, system_randomness,
};
pub use reserved::{is_reserved_claim, reserved_names};
pub use validity::Validity;
pub use verify::{SdJwtError, UnverifiedSdJwt, VerifiedSdJwt};

/// The `typ` of an SD-JWT VC, and its format identifier in OpenID4VCI 1.0 (App. A.3).
pub const SD_JWT_VC: &str = "dc+sd-jwt";

/// Claims that an issuer must never make selectively disclosable (SD-JWT VC -13 §3.2.2.2, -19
/// §2.2.2.3).
const NEVER_DISCLOSABLE: [&str; 8] = [
    "iss",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "aka_vcts",
    "status",
];

/// Names with a meaning of their own in an SD-JWT payload (RFC 9901 §4.1): no claim may have one.
const SD_JWT_NAMES: [&str; 3] = ["_sd", "_sd_alg", "..."];
