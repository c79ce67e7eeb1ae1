//! The bundled organisation wallet.
