// An OAuth 2.0 authorization server made of oidc-provider, a certified OpenID Provider. It gives JWT access tokens
// (RFC 9068) for client credentials, and ends with its standard input.
//
//   node authorization-server.mjs AUDIENCE SCOPES
//
// Prints {"issuer", "token_endpoint"} on one line when it serves. There is a client for each algorithm, with the
// algorithm's name as its id and "secret" as its secret. With `resource` another audience can be asked for.
import { createServer } from "node:http"
import { exportJWK, generateKeyPair } from "jose"
import Provider from "oidc-provider"

const [audience, scope] = process.argv.slice(2)
const algorithms = ["RS256", "PS256", "ES256", "EdDSA"]

const keys = await Promise.all(
  algorithms.map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    return { ...(await exportJWK(privateKey)), kid: `${alg}-key`, alg, use: "sig" }
  }),
)

const server = createServer()
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: algorithms.map((alg) => ({
    client_id: alg,
    client_secret: "secret",
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  })),
  scopes: scope.split(" "),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: (_context, resource, client) => ({
        audience: resource,
        scope,
        accessTokenFormat: "jwt",
        accessTokenTTL: 60,
        jwt: { sign: { alg: client.clientId } },
      }),
    },
  },
})
server.on("request", provider.callback())

console.log(JSON.stringify({ issuer, token_endpoint: `${issuer}/token` }))
process.stdin.resume().on("end", () => process.exit())
