// A certified OpenID provider that issues opaque tokens, and JWTs for resources. Prints its URL. At each line that it is
// sent it takes a new signing key, publishes the old ones further on, and prints `rotated`; it ends with its input.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const key = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  alg: 'ES256',
  use: 'sig',
});
const client = (client_id, more) => ({
  client_id,
  client_secret: 'a secret: with +%& characters',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: 'ES256',
  ...more,
});

const keys = [key()];

const provider = (url) =>
  new Provider(url, {
    jwks: { keys },
    clients: [client('robot'), client('gateway')],
    scopes: ['read', 'write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: 'read write', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      },
    },
  }).callback();

const server = createServer((request, response) => answer(request, response));
let answer;
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  answer = provider(url);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', () => {
    keys.unshift(key());
    answer = provider(url);
    console.log('rotated');
  });
  lines.on('close', () => process.exit());
  console.log(url);
});
