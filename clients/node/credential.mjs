import { ClientSecretCredential } from '@azure/identity'

// Nothing is retried, so that what happened happened once.
export const retryOptions = { maxRetries: 0 }

// credentialOf is an application that signs in with a secret, or one that holds
// a token already, however it came by it.
export function credentialOf({ tenant, clientID, secret, token }) {
  return token
    ? { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3600_000 }) }
    : new ClientSecretCredential(tenant, clientID, secret, { retryOptions })
}
