// Uses Graph as a program for Node.js does with Microsoft's own client, with
// everything at its default. Standard input says what: {credential} and one of
//   batch: [{id, method, url, headers, body}...]   several requests in one
//   upload: {name, size, piece}                    a file in pieces, as the client does it
//   hand: {url, size, piece}                       the same to a session that somebody else opened
//   invite: {…}                                    a guest
// Standard output gets {result}, or {name, status, code, message, event} of the
// error.
//
// fetch of Node.js reads HTTPS_PROXY where it is told to: from Node.js 24 on by
// NODE_USE_ENV_PROXY, here by undici, which fetch of Node.js is a copy of.
import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { BatchRequestContent, Client, FileUpload, LargeFileUploadTask, OneDriveLargeFileUploadTask } from '@microsoft/microsoft-graph-client'
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js'
import { EnvHttpProxyAgent, install, setGlobalDispatcher } from 'undici'
import { credentialOf } from './credential.mjs'

install()
setGlobalDispatcher(new EnvHttpProxyAgent())
const asked = JSON.parse(await text(process.stdin))
const client = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credentialOf(asked.credential), { scopes: ['https://graph.microsoft.com/.default'] }),
})

// content is a file of some size, the same each time.
const content = size => Uint8Array.from({ length: size }, (_, i) => i * 31 % 251)
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex').toUpperCase()
const uploaded = (bytes, done) => ({
  name: done.responseBody.name, whole: done.responseBody.file.hashes.sha256Hash === sha256(bytes),
})

const actions = {
  async batch(steps) {
    const requests = steps.map(({ id, method, url, headers, body }) => ({
      id, request: new Request('https://graph.microsoft.com' + url, { method, headers, body: body && JSON.stringify(body) }),
    }))
    return client.api('/$batch').post(await new BatchRequestContent(requests).getContent())
  },
  async upload({ name, size, piece }) {
    const bytes = content(size)
    const task = await OneDriveLargeFileUploadTask.create(client, bytes, { fileName: name, rangeSize: piece })
    return uploaded(bytes, await task.upload())
  },
  async hand({ url, size, piece }) {
    const bytes = content(size)
    const session = { url, expiry: new Date(Date.now() + 3600_000), isCancelled: false }
    const task = new LargeFileUploadTask(client, new FileUpload(bytes.buffer, 'x', size), session, { rangeSize: piece })
    return uploaded(bytes, await task.upload())
  },
  invite: invitation => client.api('/invitations').post(invitation),
}

let answer
try {
  const [name] = Object.keys(asked).filter(key => key in actions)
  answer = { result: await actions[name](asked[name]) }
} catch (error) {
  // The upload task throws the body of the answer to a piece as it is.
  const { code, message, event } = error.error ?? error
  answer = {
    name: error.name ?? '', status: error.statusCode ?? 0, code: code ?? '', message: message ?? '',
    event: event ?? error.headers?.get('tenantgate-event') ?? '',
  }
}
console.log(JSON.stringify(answer))
