// The OpenID provider of the tests: `node provider.mjs <port> <client id> <client secret> <redirect URIs, comma separated>`.
// Whoever types a login is that account; "unverified-..." has an address that was not checked, "silent-..." has none.

import { Provider } from 'oidc-provider';

const [port, clientId, clientSecret, redirects] = process.argv.slice(2);

function claimsOf(login) {
  const claims = { sub: login, name: login.split('@')[0].replace(/^./, (letter) => letter.toUpperCase()) };
  if (login.startsWith('silent-')) return claims;
  return { ...claims, email: login, email_verified: !login.startsWith('unverified-') };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: redirects.split(','),
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false, // claims in the ID token, as Google has them
  pkce: { required: () => true },
  scopes: ['openid', 'email', 'profile'],
  cookies: { keys: ['a key of the tests'] },
  findAccount: (_context, login) => ({ accountId: login, claims: async () => claimsOf(login) }),
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
