// A certified OpenID provider at which people sign in: PKCE, pushed requests, RFC 9207, rotation of refresh tokens and
// back-channel logout. Its first argument is the gateway's URL; a second is a callback of another client, which need not
// push its requests. Prints its own URL; ends with its input.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [gateway, ...others] = process.argv.slice(2);
const key = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  alg: 'ES256',
  use: 'sig',
};

const provider = (url) =>
  new Provider(url, {
    jwks: { keys: [key] },
    clients: [
      {
        client_id: 'gw',
        client_secret: 'a secret: with +%& characters',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [`${gateway}/_gateway/sign-in/callback/company`, ...others],
        post_logout_redirect_uris: [`${gateway}/_gateway/sign-out`],
        backchannel_logout_uri: `${gateway}/_gateway/sign-out/company`,
        backchannel_logout_session_required: true,
        id_token_signed_response_alg: 'ES256',
      },
    ],
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    ttl: { AccessToken: 2, IdToken: 60, Session: 600, Grant: 600, Interaction: 600, RefreshToken: 600 },
    cookies: { keys: ['a key of the tests'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id }),
    }),
    features: {
      devInteractions: { enabled: true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: others.length === 0 },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      userinfo: { enabled: false },
    },
    // Loopback is all that a test has.
    fetch: (address, options) => fetch(address, { ...options, dispatcher: undefined }),
  });

const server = createServer((request, response) => answer(request, response));
let answer;
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  answer = provider(url).callback();
  process.stdin.on('end', () => process.exit()).resume();
  console.log(url);
});
