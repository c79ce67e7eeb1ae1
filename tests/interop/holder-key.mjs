// The holder's key, as the wallets below need it: a fresh P-256 key pair that signs compact JWS.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose"

/** Makes a key pair. Only its public half is ever printed. */
export async function newHolderKey() {
  const { publicKey, privateKey } = await generateKeyPair("ES256")
  const publicJwk = await exportJWK(publicKey)
  return {
    publicJwk,
    /** did:jwk, its method-specific identifier being the public JWK itself. */
    did: `did:jwk:${Buffer.from(JSON.stringify(publicJwk)).toString("base64url")}`,
    thumbprint: await calculateJwkThumbprint(publicJwk),
    sign: (header, payload) => new SignJWT(payload).setProtectedHeader(header).sign(privateKey),
  }
}
