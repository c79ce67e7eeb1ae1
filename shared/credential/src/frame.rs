//! Which claims are selectively disclosable, and how they are taken out of the payload.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::claim_path::{ClaimPath, PathSegment};
use crate::disclosure::{self, SALT_BYTES};
use crate::{NEVER_DISCLOSABLE, SD_JWT_NAMES};

/// Which claims of a kind of credential its holder may disclose one by one. A path that leads nowhere is passed over:
/// a claim may be optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisclosureFrame {
    root: Node,
}

/// Why a path cannot be in a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum FrameError {
    #[error("the claim {0} must not be selectively disclosable")]
    NeverDisclosable(ClaimPath),
    #[error("the path {0} has a reserved name")]
    ReservedName(ClaimPath),
}

/// One place in the claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    /// The value at this place is selectively disclosable as a whole.
    is_disclosable: bool,
    /// What holds for its members, if it is an object.
    members: BTreeMap<String, Node>,
    /// What holds for each of its elements, if it is an array.
    elements: Option<Box<Node>>,
}

impl DisclosureFrame {
    /// Makes a frame of the paths to the claims. A claim inside of another one is a disclosure within its disclosure
    /// (RFC 9901 §4.2.6).
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a ClaimPath>) -> Result<Self, FrameError> {
        let mut root = Node::default();
        for path in paths {
            let mut node = &mut root;
            for (depth, segment) in path.segments().iter().enumerate() {
                node = match segment {
                    PathSegment::Member(name) => {
                        if depth == 0 && NEVER_DISCLOSABLE.contains(&name.as_str()) {
                            return Err(FrameError::NeverDisclosable(path.clone()));
                        }
                        if SD_JWT_NAMES.contains(&name.as_str()) {
                            return Err(FrameError::ReservedName(path.clone()));
                        }
                        node.members.entry(name.clone()).or_default()
                    }
                    PathSegment::Elements => node.elements.get_or_insert_default(),
                };
            }
            node.is_disclosable = true;
        }
        Ok(Self { root })
    }

    /// The number of disclosures that the claims will have, to draw as many salts.
    pub(crate) fn count(&self, claims: &Map<String, Value>) -> usize {
        self.root.count_members(claims)
    }

    /// Replaces the disclosable values by their digests, and returns the disclosures in base64url. `salts` holds
    /// [`SALT_BYTES`] for each; too few are an error.
    pub(crate) fn conceal(
        &self,
        claims: &mut Map<String, Value>,
        salts: &[u8],
    ) -> Result<Vec<String>, ConcealError> {
        let (salts, _) = salts.as_chunks();
        let mut concealer = Concealer {
            salts: salts.iter(),
            disclosures: Vec::new(),
        };
        concealer.conceal_members(&self.root, claims)?;
        Ok(concealer.disclosures)
    }
}

/// Why claims could not be concealed; neither happens to a caller that counts first.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConcealError {
    #[error("there are fewer salts than disclosures")]
    Salts,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Node {
    fn count(&self, value: &Value) -> usize {
        usize::from(self.is_disclosable)
            + match (value, &self.elements) {
                (Value::Object(members), _) => self.count_members(members),
                (Value::Array(items), Some(node)) => {
                    items.iter().map(|item| node.count(item)).sum()
                }
                _ => 0,
            }
    }

    fn count_members(&self, members: &Map<String, Value>) -> usize {
        self.members
            .iter()
            .filter_map(|(name, node)| members.get(name).map(|value| node.count(value)))
            .sum()
    }
}

struct Concealer<'a> {
    salts: std::slice::Iter<'a, [u8; SALT_BYTES]>,
    disclosures: Vec<String>,
}

impl Concealer<'_> {
    /// Conceals what is inside of a value; the value itself is its container's business.
    fn conceal_inside(&mut self, node: &Node, value: &mut Value) -> Result<(), ConcealError> {
        match (value, &node.elements) {
            (Value::Object(members), _) => self.conceal_members(node, members),
            (Value::Array(items), Some(node)) => self.conceal_elements(node, items),
            _ => Ok(()),
        }
    }

    fn conceal_members(
        &mut self,
        node: &Node,
        members: &mut Map<String, Value>,
    ) -> Result<(), ConcealError> {
        let mut digests = Vec::new();
        for (name, node) in &node.members {
            let Some(value) = members.get_mut(name) else {
                continue;
            };
            self.conceal_inside(node, value)?;
            if node.is_disclosable {
                digests.push(self.disclose(Some(name), value)?);
                members.remove(name);
            }
        }
        if !digests.is_empty() {
            // The order of the digests must not tell the order of the claims (§4.2.4.1).
            digests.sort_unstable();
            members.insert("_sd".to_owned(), digests.into());
        }
        Ok(())
    }

    fn conceal_elements(&mut self, node: &Node, items: &mut [Value]) -> Result<(), ConcealError> {
        for item in items {
            self.conceal_inside(node, item)?;
            if node.is_disclosable {
                *item = json!({ "...": self.disclose(None, item)? });
            }
        }
        Ok(())
    }

    /// Makes a disclosure and returns its digest.
    fn disclose(&mut self, name: Option<&str>, value: &Value) -> Result<String, ConcealError> {
        let salt = self.salts.next().ok_or(ConcealError::Salts)?;
        let encoded = disclosure::encode(salt, name, value)?;
        let digest = disclosure::digest(&encoded);
        self.disclosures.push(encoded);
        Ok(digest)
    }
}
