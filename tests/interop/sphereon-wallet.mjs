// A wallet made of @sphereon/oid4vci-client. It speaks draft 15: the singular `proof`, with
// `credential_configuration_id`. It never sends a notification.
import { OpenID4VCIClient } from "@sphereon/oid4vci-client"
import { runWallet } from "./command-line.mjs"
import { newHolderKey } from "./holder-key.mjs"

await runWallet(async ({ offerUri, txCode, binding }) => {
  const holder = await newHolderKey()
  const client = await OpenID4VCIClient.fromURI({ uri: offerUri })
  await client.acquireAccessToken(txCode ? { pin: txCode } : undefined)

  const [credentialConfigurationId] =
    client.credentialOffer.credential_offer.credential_configuration_ids
  const metadata = client.endpointMetadata.credentialIssuerMetadata
  const configuration = metadata.credential_configurations_supported[credentialConfigurationId]
  const response = await client.acquireCredentials({
    credentialTypes: configuration.vct,
    format: configuration.format,
    alg: "ES256",
    ...(binding === "did" ? { kid: `${holder.did}#0` } : { jwk: holder.publicJwk }),
    proofCallbacks: {
      signCallback: ({ header, payload }) => holder.sign(header, payload),
    },
  })
  return {
    credential: response.credentials?.[0]?.credential ?? response.credential,
    credential_configuration_id: credentialConfigurationId,
    draft: client.version(),
    holder_jwk: holder.publicJwk,
    notified: false,
  }
})
