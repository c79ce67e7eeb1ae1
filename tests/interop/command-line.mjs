// What the scripts share towards their caller: arguments in, one JSON object out.
import { parseArgs } from "node:util"

/**
 * Reads `OFFER_URI [--tx-code CODE] [--binding jwk|did]`, runs the wallet and prints what it says.
 * A wallet that fails prints `{"error": …}` and the exit code is 1.
 */
export async function runWallet(takeCredential) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "tx-code": { type: "string" }, binding: { type: "string", default: "jwk" } },
  })
  if (positionals.length !== 1 || !["jwk", "did"].includes(values.binding)) {
    console.error(`usage: node ${process.argv[1]} OFFER_URI [--tx-code CODE] [--binding jwk|did]`)
    process.exit(2)
  }
  await print(() =>
    takeCredential({ offerUri: positionals[0], txCode: values["tx-code"], binding: values.binding }),
  )
}

/** Prints what `work` resolves to as JSON; its failure as `{"error": …}` with exit code 1. */
export async function print(work) {
  try {
    console.log(JSON.stringify(await work()))
  } catch (error) {
    console.log(JSON.stringify({ error: explain(error) }))
    process.exitCode = 1
  }
}

/** The libraries put what the issuer answered in different places: collect all of them. */
function explain(error) {
  return [error?.message, error?.cause?.message, error?.responseText, error?.response?.error]
    .filter((part) => typeof part === "string" && part.length > 0)
    .join(": ")
}
