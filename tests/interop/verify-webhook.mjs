// Verifies what was posted to a callback with the reference library of Standard Webhooks.
import { parseArgs } from "node:util"
import { Webhook } from "standardwebhooks"
import { print } from "./command-line.mjs"

const { positionals } = parseArgs({ allowPositionals: true })
if (positionals.length !== 3) {
  console.error(`usage: node ${process.argv[1]} SECRET HEADERS_AS_JSON BODY`)
  process.exit(2)
}
const [secret, headers, body] = positionals
await print(async () => ({ payload: new Webhook(secret).verify(body, JSON.parse(headers)) }))
