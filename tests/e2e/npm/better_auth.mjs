// Better Auth with its own sessions, in memory: sign-up, sign-in, cookies and bearer tokens. Prints its URL; it ends with
// its input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { bearer } from 'better-auth/plugins';

let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  answer = toNodeHandler(
    betterAuth({
      baseURL: url,
      secret: 'Jb1uUlZ9yIhyiW5SG5cLDCrTjKcTbvGQ6u8bnwmNvwU',
      database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
      emailAndPassword: { enabled: true },
      plugins: [bearer()],
      rateLimit: { enabled: false },
      telemetry: { enabled: false },
    }),
  );
  createInterface({ input: process.stdin }).on('close', () => process.exit());
  console.log(url);
});
