//! Token Status List: entries in, signed list out.
