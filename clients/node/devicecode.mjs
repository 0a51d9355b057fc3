// Signs in with a device code as a program for Node.js does, with everything at
// its default. Standard input says for which {tenant, clientID}. Standard output
// gets one line with the {address, code} for the person, then one with {tenant}
// of the account, or {name, message} of the error.
import { text } from 'node:stream/consumers'
import { DeviceCodeCredential } from '@azure/identity'

const { tenant: tenantId, clientID: clientId } = JSON.parse(await text(process.stdin))
const credential = new DeviceCodeCredential({
  tenantId, clientId,
  userPromptCallback: ({ verificationUri, userCode }) => console.log(JSON.stringify({ address: verificationUri, code: userCode })),
})

let answer
try {
  answer = { tenant: (await credential.authenticate('https://graph.microsoft.com/.default')).tenantId }
} catch (error) {
  answer = { name: error.name, message: error.message }
}
console.log(JSON.stringify(answer))
