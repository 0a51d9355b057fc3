// Creates a peering as a program for Node.js does with Azure's own client,
// with everything at its default but retries. Standard input says with what:
// {credential, auxiliary: [credential...] or null, subscription, remote}. A credential
// is {tenant, clientID, secret} or {token}, one that is held already. Standard
// output gets {state} of the peering, or {name, status, code, message, event}
// of the error.
import { text } from 'node:stream/consumers'
import { NetworkManagementClient } from '@azure/arm-network'
import { auxiliaryAuthenticationHeaderPolicy } from '@azure/core-rest-pipeline'
import { credentialOf, retryOptions } from './credential.mjs'

const asked = JSON.parse(await text(process.stdin))
const client = new NetworkManagementClient(credentialOf(asked.credential), asked.subscription, { retryOptions })
client.pipeline.addPolicy(auxiliaryAuthenticationHeaderPolicy({
  credentials: (asked.auxiliary ?? []).map(credentialOf), scopes: 'https://management.azure.com/.default',
}))

let answer
try {
  const peering = await client.virtualNetworkPeerings.beginCreateOrUpdateAndWait('net', 'hub', 'spoke', {
    remoteVirtualNetwork: { id: asked.remote }, allowVirtualNetworkAccess: true,
  }, { updateIntervalInMs: 1 })
  answer = { state: peering.peeringState }
} catch (error) {
  answer = {
    name: error.name, status: error.statusCode ?? 0, code: error.code ?? '', message: error.message,
    event: error.response?.headers.get('tenantgate-event') ?? '',
  }
}
console.log(JSON.stringify(answer))
