// A verifier made of @sd-jwt/sd-jwt-vc and @sd-jwt/jwt-status-list.
//
//   node verify.mjs CREDENTIAL [--trust-anchor CA.pem]
//
// Verifies the credential twice, with the certificate chain in its header and with the key that its
// issuer publishes, fetches and verifies the status list that it names, and prints all of it.
import { X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { digest, ES256 } from "@sd-jwt/crypto-nodejs"
import { getListFromStatusListJWT } from "@sd-jwt/jwt-status-list"
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc"
import { decodeJwt, decodeProtectedHeader, exportJWK } from "jose"
import { print } from "./command-line.mjs"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "trust-anchor": { type: "string" } },
})
if (positionals.length !== 1) {
  console.error("usage: node verify.mjs CREDENTIAL [--trust-anchor CA.pem]")
  process.exit(2)
}
const anchorPem = values["trust-anchor"] && (await readFile(values["trust-anchor"], "utf8"))
await print(() => verifyCredential(positionals[0]))

async function verifyCredential(credential) {
  const header = decodeProtectedHeader(credential.split("~")[0])
  const { iss } = decodeJwt(credential.split("~")[0])
  const status = {}
  const byCertificate = await verifyWith(await keyOfChain(header), credential, status)
  const byPublishedKey = await verifyWith(await publishedKey(iss, header), credential, {})
  if (JSON.stringify(byCertificate.payload) !== JSON.stringify(byPublishedKey.payload)) {
    throw new Error("the certificate and the published key do not verify the same claims")
  }
  return {
    claims: byCertificate.payload,
    header,
    status: byCertificate.payload.status ? status : null,
  }
}

/** Verifies signature, disclosures and times; leaves what the status list says in `status`. */
async function verifyWith(publicJwk, credential, status) {
  const verifier = new SDJwtVcInstance({
    hasher: digest,
    hashAlg: "sha-256",
    verifier: await ES256.getVerifier(publicJwk),
    statusVerifier: async (signingInput, signature) => {
      const [encodedHeader, encodedPayload] = signingInput.split(".")
      const header = parse(encodedHeader)
      const listKey = await keyOfChain(header)
      const verified = await (await ES256.getVerifier(listKey))(signingInput, signature)
      const { status_list, ...payload } = parse(encodedPayload)
      Object.assign(status, { header, payload, bits: status_list.bits })
      const list = getListFromStatusListJWT(`${signingInput}.${signature}`)
      status.entries = list.statusList.length
      return verified
    },
    // The library's own validator refuses all but 0; the test wants to see the number.
    statusValidator: async (value) => {
      status.value = value
    },
  })
  const verified = await verifier.verify(credential, { requiredClaimKeys: ["vct", "cnf"] })
  Object.assign(status, verified.payload.status?.status_list)
  return verified
}

/** The leaf's key, after each certificate was found to be signed by the next, and the last by the anchor. */
async function keyOfChain(header) {
  if (!header.x5c?.length) throw new Error("the header has no x5c")
  const chain = header.x5c.map((der) => new X509Certificate(Buffer.from(der, "base64")))
  const issuers = [...chain.slice(1), ...(anchorPem ? [new X509Certificate(anchorPem)] : [])]
  for (const [position, issuer] of issuers.entries()) {
    if (!chain[position]?.verify(issuer.publicKey)) {
      throw new Error(`certificate ${position} of x5c is not signed by the next one`)
    }
  }
  return exportJWK(chain[0].publicKey)
}

/** The key that the JWT VC Issuer Metadata has under the header's `kid`. */
async function publishedKey(issuer, header) {
  const response = await fetch(new URL("/.well-known/jwt-vc-issuer", issuer))
  const metadata = await response.json()
  if (metadata.issuer !== issuer) throw new Error(`${metadata.issuer} is not ${issuer}`)
  const jwks = metadata.jwks ?? (await (await fetch(metadata.jwks_uri)).json())
  const key = jwks.keys.find(({ kid }) => kid === header.kid)
  if (!key) throw new Error(`the issuer publishes no key ${header.kid}`)
  return key
}

function parse(encoded) {
  return JSON.parse(Buffer.from(encoded, "base64url").toString())
}
