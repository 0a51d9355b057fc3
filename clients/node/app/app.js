// A page that signs its user in with @azure/msal-browser and greets them by
// what Graph knows, with everything at its default. settings.json has
// {clientId, authority}.
const scopes = ['User.Read']
const says = document.getElementById('says')
const button = document.getElementById('sign-in')

async function start() {
  const auth = await (await fetch('/settings.json')).json()
  const app = await msal.createStandardPublicClientApplication({ auth: { ...auth, redirectUri: location.origin + '/' } })
  const answer = await app.handleRedirectPromise()
  if (!answer) {
    button.onclick = () => app.loginRedirect({ scopes }).catch(tell)
    button.hidden = false
    says.textContent = 'You are not signed in.'
    return
  }
  const { accessToken } = await app.acquireTokenSilent({ scopes, account: answer.account })
  const me = await fetch('https://graph.microsoft.com/v1.0/me', { headers: { Authorization: 'Bearer ' + accessToken } })
  says.textContent = `Hello ${(await me.json()).displayName}, you are signed in as ${answer.account.username}.`
}

function tell(error) {
  says.textContent = `You could not be signed in: ${error.errorCode ?? error.name}\n${error.errorMessage ?? error.message}`
}

start().catch(tell)
