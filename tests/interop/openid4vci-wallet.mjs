// A wallet made of @openid4vc/openid4vci, the library under Credo and the EUDI reference apps.
// It takes the credential of one Credential Offer and reports that it kept it.
import { createHash, randomBytes } from "node:crypto"
import { clientAuthenticationAnonymous, preAuthorizedCodeGrantIdentifier } from "@openid4vc/oauth2"
import { Openid4vciClient, setGlobalConfig } from "@openid4vc/openid4vci"
import { runWallet } from "./command-line.mjs"
import { newHolderKey } from "./holder-key.mjs"

// The issuer under test stands on http://127.0.0.1.
setGlobalConfig({ allowInsecureUrls: true })

await runWallet(async ({ offerUri, txCode, binding }) => {
  const holder = await newHolderKey()
  const client = new Openid4vciClient({
    callbacks: {
      hash: (data, algorithm) => createHash(algorithm.replace("-", "")).update(data).digest(),
      generateRandom: (length) => randomBytes(length),
      clientAuthentication: clientAuthenticationAnonymous(),
      signJwt: async (_signer, { header, payload }) => ({
        jwt: await holder.sign(header, payload),
        signerJwk: holder.publicJwk,
      }),
    },
  })

  const credentialOffer = await client.resolveCredentialOffer(offerUri)
  const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer)
  const { accessTokenResponse } = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({
    credentialOffer,
    issuerMetadata,
    txCode,
  })
  const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata })

  const [credentialConfigurationId] = credentialOffer.credential_configuration_ids
  const { jwt } = await client.createCredentialRequestJwtProof({
    issuerMetadata,
    credentialConfigurationId,
    nonce,
    signer:
      binding === "did"
        ? { method: "did", didUrl: `${holder.did}#0`, alg: "ES256" }
        : { method: "jwk", publicJwk: holder.publicJwk, alg: "ES256" },
  })
  const { credentialResponse } = await client.retrieveCredentials({
    issuerMetadata,
    credentialConfigurationId,
    accessToken: accessTokenResponse.access_token,
    proofs: { jwt: [jwt] },
  })

  const notificationId = credentialResponse.notification_id
  if (notificationId) {
    await client.sendNotification({
      issuerMetadata,
      accessToken: accessTokenResponse.access_token,
      notification: { notificationId, event: "credential_accepted" },
    })
  }
  return {
    credential: credentialResponse.credentials[0].credential,
    credential_configuration_id: credentialConfigurationId,
    draft: issuerMetadata.originalDraftVersion,
    holder_jwk: holder.publicJwk,
    notified: Boolean(notificationId),
    offer_grants: Object.keys(credentialOffer.grants),
    tx_code: credentialOffer.grants[preAuthorizedCodeGrantIdentifier].tx_code ?? null,
  }
})
