// Asks Graph as Azure's own clients for Node.js do, with everything at its
// default but retries. Standard input says with what: {tenant, clientID, secret}
// signs in, {token} is a token that is held already. Standard output gets
// {status, reason, body}, or {error} where no token could be had.
import { text } from 'node:stream/consumers'
import {
  bearerTokenAuthenticationPolicy, createDefaultHttpClient, createPipelineFromOptions, createPipelineRequest,
} from '@azure/core-rest-pipeline'
import { credentialOf, retryOptions } from './credential.mjs'

const asked = JSON.parse(await text(process.stdin))

const credential = credentialOf(asked)
const pipeline = createPipelineFromOptions({ retryOptions })
pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: 'https://graph.microsoft.com/.default' }))

let answer
try {
  const response = await pipeline.sendRequest(createDefaultHttpClient(), createPipelineRequest({ url: asked.url }))
  answer = {
    status: response.status, reason: response.headers.get('tenantgate-reason') ?? '', body: response.bodyAsText ?? '',
  }
} catch (error) {
  answer = { error: String(error) }
}
console.log(JSON.stringify(answer))
