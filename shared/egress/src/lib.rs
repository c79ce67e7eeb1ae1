//! The guarded HTTP client and what speaks through it.
